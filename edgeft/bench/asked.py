"""What models are asked: the user's texts or questions, or built-in ones, as they are or made."""

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeft.bench.statistics import percentiles
from edgeft.bench.texts import builtin_inputs, even_places, made_of_length, tokens_read
from edgeft.data import Tell, distinct, sample_evenly, unheard
from edgeft.errors import DataError
from edgeft.inputs import Input, columns_of
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.classification import TASK as CLASSIFICATION
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.reading import read_inputs
from edgeft.tasks.task import Columns, Task

__all__ = ["Asked", "TextFacts", "of_length", "read_all"]

SAMPLED_TEXTS = 1 << 14  # of a large file, evenly, before any is tokenized
TOKENS_IN_ALL = 1 << 16  # of all inputs together, unless the user says how many
MOST_TEXTS = 4096


@dataclass(frozen=True)
class TextFacts:
    """The texts, or questions with their contexts, that were asked; ``kind`` says which.

    Tokens are those that the model reads: special ones, the question and its context, and all
    windows of what is read in several, which ``windowed`` of them are. ``truncated`` are read to
    the model's limit alone. ``count`` of the ``found`` were taken, evenly, and none twice, since
    the runtime computes equal ones once; ``sha256`` is that of those.
    """

    source: str
    kind: str
    found: int
    count: int
    tokens_p50: int
    tokens_p90: int
    tokens_max: int
    truncated: int
    windowed: int
    sha256: str


@dataclass(frozen=True)
class Asked:
    """Inputs, and the tokens that the model reads of each."""

    inputs: list[Input]
    lengths: list[int]
    facts: TextFacts

    @property
    def typical(self) -> Input:
        """An input of middle length."""
        order = sorted(range(len(self.inputs)), key=self.lengths.__getitem__)
        return self.inputs[order[len(order) // 2]]

    def singles(self, wanted: int) -> list[Input]:
        """So many inputs from the front, again from there where there are fewer."""
        return [self.inputs[at % len(self.inputs)] for at in range(wanted)]


def read_all(
    data: Path | None,
    columns: Columns | None,
    most: int | None,
    encoder: TextEncoder,
    lengths: Mapping[str, int] | None = None,
    tell: Tell = unheard,
    *,
    task: Task = CLASSIFICATION,
) -> Asked:
    """The file's inputs, at most ``most`` of them, or built-in ones; shuffled, always alike.

    So whatever is cut off at the end is a fair sample of the whole. Built-in inputs
    are as long as ``lengths`` says: tokens of p50, p90, p95, p99 and max. Of a large
    file no more is held than the sample takes. ``encoder`` reads long ones as the task
    does. Raises DataError.
    """
    found: Iterable[Input]
    if data is None:
        told = "like the training's" if lengths else "of usual lengths"
        found = builtin_inputs(encoder, lengths, kind=task.takes[0])
        source = f"built-in, {told}"
    else:
        found, source = read_inputs(data, task, columns or {}, tell), data.name
    counted = _Counted(found)
    sample, _ = sample_evenly(distinct(counted), SAMPLED_TEXTS)
    if not sample:
        raise DataError(f"{data} has no texts.", hint="It needs at least one.")
    encoded = encoder.encode(sample)
    if most is None:
        tokens = sum(map(tokens_read, encoded))
        most = max(1, min(MOST_TEXTS, TOKENS_IN_ALL * len(sample) // tokens))
    taken = even_places(len(sample), min(most, len(sample)))
    random.Random(0).shuffle(taken)
    return _asked(
        [sample[at] for at in taken],
        [encoded[at] for at in taken],
        source,
        task.asks.many,
        counted.count,
    )


class _Counted:
    """Inputs that are counted as they are taken."""

    def __init__(self, inputs: Iterable[Input]) -> None:
        self.inputs = inputs
        self.count = 0

    def __iter__(self) -> Iterator[Input]:
        for one in self.inputs:
            self.count += 1
            yield one


def of_length(whole: Asked, length: int, encoder: TextEncoder) -> Asked:
    """Different inputs of ``length`` tokens, special ones included, made of others' words.

    There are as many as make TOKENS_IN_ALL tokens, at most those of ``whole``. Raises UsageError
    where no question with its context can have so few.
    """
    count = max(1, min(len(whole.inputs), TOKENS_IN_ALL // length))
    made = made_of_length(whole.inputs, length, count, encoder)
    source = f"{whole.facts.source}, joined and cut"
    return _asked(made, encoder.encode(made), source, whole.facts.kind, whole.facts.found)


def _asked(
    inputs: list[Input], encoded: Sequence[Encoded], source: str, kind: str, found: int
) -> Asked:
    lengths = [tokens_read(one) for one in encoded]
    p50, p90, longest = map(int, percentiles(lengths, (50, 90, 100)))
    texts = "\0".join(text for one in inputs for text in columns_of(one))
    facts = TextFacts(
        source=source,
        kind=kind,
        found=found,
        count=len(inputs),
        tokens_p50=p50,
        tokens_p90=p90,
        tokens_max=longest,
        truncated=sum(one.truncated for one in encoded),
        windowed=sum(len(one.parts) > 1 for one in encoded),
        sha256=hashlib.sha256(texts.encode("utf-8", "surrogatepass")).hexdigest(),
    )
    return Asked(inputs, lengths, facts)
