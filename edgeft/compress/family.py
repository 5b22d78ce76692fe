"""Which smaller and quicker models are tried of a checkpoint. Pure functions of its facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["WHOLE", "Candidate", "FamilyFacts", "Family", "Member", "FamilySource", "family_of"]

By = Literal["itself", "trim", "layers", "static", "shorter"]

FP32 = "fp32"
USUAL = (FP32, "int8")
LEAST = (*USUAL, "int4")  # of models that are there to be small: slower than int8, and smaller
VECTORS = "int8-vectors"
OF_STATIC = (FP32, VECTORS)
LENGTHS = (32, 64, 128, 256)  # tokens
LONGER = 0.05  # of the texts are, where a shorter maximum length may gain anything


@dataclass(frozen=True)
class FamilyFacts:
    """What decides about the family.

    by_token: answers are of tokens, so that a student that averages them cannot give any.
    vectors: answers are vectors, which no static student learns.
    static: the checkpoint averages tokens itself. lengths: tokens of texts like those to come.
    cascades: what a cascade loses can be promised, as answers are right or wrong, more or less
    surely.
    """

    by_token: bool
    static: bool
    cascades: bool
    layers: int
    max_length: int
    lengths: Sequence[int]
    vectors: bool = False

    def longer(self, tokens: int) -> float:
        """The share of the texts that have more tokens."""
        return sum(one > tokens for one in self.lengths) / max(1, len(self.lengths))


@dataclass(frozen=True)
class FamilySource:
    """A model of the family, and what makes it ``of`` another ("" for the checkpoint itself).

    amount: how many layers it keeps, or how many tokens of a text it reads; 0 where neither is
    less.
    """

    name: str
    by: By
    variants: tuple[str, ...] = USUAL
    of: str = ""
    amount: int = 0


@dataclass(frozen=True)
class Member:
    """A variant of a source."""

    source: str
    variant: str

    def __str__(self) -> str:
        return f"{self.source} {self.variant}"


@dataclass(frozen=True)
class Candidate:
    """What may be chosen: one member, or a cascade of several, the last of which is asked last."""

    members: tuple[Member, ...]

    @property
    def name(self) -> str:
        """As tables tell it: "static int8-vectors, then whole fp32"."""
        return ", then ".join(map(str, self.members))

    @property
    def folder(self) -> str:
        """The same as the name of a folder."""
        return "+".join(f"{one.source}-{one.variant}" for one in self.members).replace(" ", "-")

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources that it is made of."""
        return tuple(one.source for one in self.members)


@dataclass(frozen=True)
class Family:
    """Sources, each after that which it is made of, and candidates, the whole's fp32 first.

    lacking: what is not tried of a checkpoint for such a task, and why; "" where all is.
    """

    sources: tuple[FamilySource, ...]
    candidates: tuple[Candidate, ...]
    lacking: str = ""


WHOLE = FamilySource("whole", "itself")


def family_of(facts: FamilyFacts) -> Family:
    """The candidates that make sense for a checkpoint.

    Where answers are of tokens there are no static students, and so no cascades, and every token
    counts. Of vectors there are no static students either.
    """
    whole = FamilySource("whole", "itself", OF_STATIC if facts.static else USUAL)
    sources = [whole]
    half = facts.layers // 2
    if not facts.by_token:
        sources.append(FamilySource("trimmed", "trim", OF_STATIC if facts.static else LEAST))
    if half:
        sources.append(FamilySource("half", "layers", amount=half))
    if half and not facts.by_token:
        sources.append(FamilySource("half trimmed", "trim", LEAST, of="half"))
    shorter = [
        FamilySource(f"first {length}", "shorter", whole.variants, amount=length)
        for length in LENGTHS
        if not facts.by_token and length < facts.max_length and facts.longer(length) >= LONGER
    ]
    sources += shorter
    candidates = [Candidate((Member(one.name, name),)) for one in sources for name in one.variants]
    if not facts.by_token and not facts.static and not facts.vectors:
        students = [
            FamilySource("static", "static", OF_STATIC),
            FamilySource("static trimmed", "trim", OF_STATIC, of="static"),
        ]
        sources += students
        candidates += [
            Candidate((Member(one.name, name),)) for one in students for name in OF_STATIC
        ]
        last = [Member("whole", FP32), Member("whole", "int8")]
        last += [Member("half", FP32)] * bool(half)
        last += [Member(one.name, FP32) for one in shorter]
        if facts.cascades:
            student, full = Member("static", VECTORS), last[0]
            candidates += [Candidate((student, one)) for one in last]
            if half:
                between = Member("half", FP32)
                candidates += [Candidate((between, full)), Candidate((student, between, full))]
    return Family(tuple(sources), tuple(candidates), _lacking(facts))


def _lacking(facts: FamilyFacts) -> str:
    """What no checkpoint for the task has in its family."""
    if facts.vectors:
        return (
            "No static students are tried, as a student of vectors keeps some of the layers, and "
            "no cascades, as a vector has no probability that tells when to ask further."
        )
    if facts.by_token:
        return (
            "No static students are tried, as they average the tokens of which answers tell here; "
            "so there are no cascades, and neither is a vocabulary trimmed nor a text cut shorter."
        )
    if not facts.cascades and not facts.static:
        return "No cascades are tried: no single probability tells when to ask further."
    return ""
