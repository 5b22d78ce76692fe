"""How outputs become answers, and what users wish of these. Standard library only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["NO_WISH", "PLAIN", "POOLINGS", "Head", "Wish"]

POOLINGS = ("mean", "cls", "last")  # of the vectors of tokens: to one of a text


@dataclass(frozen=True)
class Head:
    """How outputs become answers; each task reads the fields that are its own.

    temperature: scores are the softmax of logits / ``temperature``. label: unless "", it is given
    where its score reaches ``threshold`` and nowhere else. abstain_below: an answer whose score is
    below it is withheld. aggregation: which tokens of a word speak for it. min_score: entities
    below it are not given. null_margin: no answer is given where "none" leads by more; None where
    there is always one. max_answer_tokens: of an answer. top_k: how many answers are told.
    thresholds: from which score on each label is given, in their order; () where they have none.
    low, high: the range of the true numbers of the rows that chose; it changes no answer.
    pooling: how the vectors of tokens became that of a text, "mean", "cls" or "last". unit_length:
    vectors have length 1. dimensions: numbers in a vector. prompts: name → what stands before a
    text that is embedded. prompt: the name of the one that does unless told otherwise.
    pair_prompts: the names of those before the first and the second text of a pair, "" for none;
    () where there are no prompts.
    """

    temperature: float = 1.0
    label: str = ""
    threshold: float = 0.0
    abstain_below: float = 0.0
    aggregation: str = "first"
    min_score: float = 0.0
    null_margin: float | None = None
    max_answer_tokens: int = 30
    top_k: int = 1
    thresholds: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    pooling: str = ""
    unit_length: bool = False
    dimensions: int = 0
    prompts: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""
    pair_prompts: tuple[str, ...] = ()


PLAIN = Head()


@dataclass(frozen=True)
class Wish:
    """What the user wants of the answers; each task refuses what it has no threshold for."""

    label: str = ""
    precision: float | None = None
    recall: float | None = None
    right: float | None = None

    def __bool__(self) -> bool:
        return bool(self.label) or self.right is not None


NO_WISH = Wish()
