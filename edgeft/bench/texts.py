"""The texts that are predicted: the user's, or built-in ones, as they are or of one length."""

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from edgeft.bench.statistics import percentiles
from edgeft.data import Tell, distinct, sample_evenly, unheard
from edgeft.errors import DataError
from edgeft.inputs import columns_of
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.classification import TASK as CLASSIFICATION
from edgeft.tasks.reading import read_inputs
from edgeft.tasks.task import Task

__all__ = [
    "TextFacts",
    "Texts",
    "builtin_texts",
    "evenly",
    "read_all",
    "sentences",
    "texts_of_length",
]

# Parts of plain sentences about nothing in particular; the lengths matter, not the content.
WHO = (
    "The morning train", "Our neighbour", "A committee of seven", "The old radio", "My parcel",
    "The second invoice", "An engineer from the north", "The battery", "Everybody in the room",
    "The new bridge", "A very small crowd", "The film", "Nobody on the platform",
    "Her first account",
)  # fmt: skip
DID = (
    "left two minutes early", "was repaired with a spare wire", "rose a little in spring",
    "had the wrong address on it", "won the last game of the season", "lasted for a whole day",
    "was replaced only last month", "waited three weeks for an answer",
    "is hard to read in sunlight",
    "will be closed until the survey is done", "stayed where it was", "needs a new password",
)  # fmt: skip
THEN = (
    "and nobody wanted it to end.", "before the rain came from the west.", "but it was half full.",
    "so please send it again.", "with a great deal of patience.", "until the harvest was in.",
    "which surprised the whole town.", "although the wind was strong.", "without any warning.",
    "and the telephone rang once.",
)  # fmt: skip
# Where the manifest does not tell how long the texts are: most are short, a few fill a page.
USUAL_LENGTHS = {"p50": 18, "p90": 80, "p95": 150, "p99": 270, "max": 280}
SHORTEST = 0.4  # of the middle length, which no statistics tell
BUILTIN_TEXTS = 480
ATTEMPTS = 50  # to make a short text that no other is like
SAMPLED_TEXTS = 1 << 14  # of a large file, evenly, before any is tokenized
MOST_TOKENS = 1 << 16  # of all texts together, unless the user says how many texts
MOST_TEXTS = 4096
LONGEST_WORD, PART = 24, 4  # characters
FILLER = "a"  # a word of one token in any vocabulary


@dataclass(frozen=True)
class TextFacts:
    """The texts that were predicted; tokens include special ones and stop at the model's limit.

    ``count`` of the ``found`` texts were taken, evenly, and none twice, since the
    runtime computes equal texts once; ``sha256`` is that of those.
    """

    source: str
    found: int
    count: int
    tokens_p50: int
    tokens_p90: int
    tokens_max: int
    truncated: int
    sha256: str


@dataclass(frozen=True)
class Texts:
    """Texts and their tokens; ``typical`` is one of middle length."""

    texts: list[str]
    lengths: list[int]
    facts: TextFacts

    @property
    def typical(self) -> str:
        """A text of middle length."""
        order = sorted(range(len(self.texts)), key=self.lengths.__getitem__)
        return self.texts[order[len(order) // 2]]

    def singles(self, wanted: int) -> list[str]:
        """So many texts from the front, again from there where there are fewer."""
        return [self.texts[at % len(self.texts)] for at in range(wanted)]


def read_all(
    data: Path | None,
    text_column: str | None,
    most: int | None,
    encoder: TextEncoder,
    lengths: Mapping[str, int] | None = None,
    tell: Tell = unheard,
    *,
    task: Task = CLASSIFICATION,
) -> Texts:
    """The file's texts, at most ``most`` of them, or built-in ones; shuffled, always alike.

    So whatever is cut off at the end is a fair sample of the whole. Built-in texts
    are as long as ``lengths`` says: tokens of p50, p90, p95, p99 and max. Of a large
    file no more is held than the sample takes. Raises DataError.
    """
    texts: Iterable[str]
    if data is None:
        told = "like the training's" if lengths else "of usual lengths"
        texts, source = builtin_texts(encoder, lengths or USUAL_LENGTHS), f"built-in, {told}"
    else:
        found = read_inputs(data, task, {"text": text_column}, tell)
        texts, source = (columns_of(one)[-1] for one in found), data.name
    counted = _Counted(texts)
    sample, _ = sample_evenly(distinct(counted), SAMPLED_TEXTS)
    if not sample:
        raise DataError(f"{data} has no texts.", hint="It needs at least one.")
    encoded = encoder.encode(sample)
    tokens = [len(one.ids) for one in encoded]
    if most is None:
        most = max(1, min(MOST_TEXTS, MOST_TOKENS * len(sample) // sum(tokens)))
    taken = evenly(len(sample), min(most, len(sample)))
    random.Random(0).shuffle(taken)
    return _texts(
        [sample[at] for at in taken],
        [tokens[at] for at in taken],
        source,
        counted.count,
        sum(encoded[at].truncated for at in taken),
    )


class _Counted:
    """Texts that are counted as they are taken."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = texts
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        for text in self.texts:
            self.count += 1
            yield text


def texts_of_length(whole: Texts, length: int, encoder: TextEncoder) -> Texts:
    """Different texts of ``length`` tokens, special ones included, made of others' words.

    The words of all texts, one text after the other, are cut at evenly spread
    places. There are as many as make MOST_TOKENS tokens, at most those of ``whole``.
    """
    words = [part for text in whole.texts for word in text.split() for part in _parts(word)]
    words = words or [FILLER]
    count = max(1, min(len(whole.texts), MOST_TOKENS // length))
    made = dict.fromkeys(_cut(_from(words, begin, length), length, encoder)
                   for begin in evenly(len(words), count))  # fmt: skip
    tokens = [len(one.ids) for one in encoder.encode(list(made))]
    source = f"{whole.facts.source}, joined and cut"
    return _texts(list(made), tokens, source, whole.facts.found, 0)


def builtin_texts(encoder: TextEncoder, lengths: Mapping[str, int]) -> list[str]:
    """Plain English texts, no two alike, whose tokens are spread as ``lengths`` says.

    The same tokenizer and lengths give the same texts.
    """
    source = sentences()
    words: list[str] = []
    made: dict[str, None] = {}
    for at in range(BUILTIN_TEXTS):
        wanted = round(_quantile(lengths, (at + 0.5) / BUILTIN_TEXTS))
        for _ in range(ATTEMPTS):
            while len(words) < wanted:
                words += next(source).split()
            text = _cut(words[:wanted], wanted, encoder)
            words = words[max(1, wanted // 2) :]  # so that the next one begins in other words
            if text not in made:
                made[text] = None
                break
    return list(made)


def sentences() -> Iterator[str]:
    """Plain English sentences without end, by chance, but the same each time."""
    chance = random.Random(0)
    while True:
        yield " ".join(chance.choice(part) for part in (WHO, DID, THEN))


def _quantile(lengths: Mapping[str, int], share: float) -> float:
    """The length at a share of the texts, on straight lines between those that are known."""
    known = [(0.0, max(3.0, SHORTEST * lengths["p50"]))]
    known += [(at, float(lengths[name])) for name, at in
              (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))]  # fmt: skip
    for (low, before), (high, after) in pairwise(known):
        if share <= high:
            return before + (after - before) * (share - low) / (high - low)
    return known[-1][1]


def _parts(word: str) -> list[str]:
    """A word, or the parts of one that is so long that it is no word, as in Chinese."""
    if len(word) <= LONGEST_WORD:
        return [word]
    return [word[at : at + PART] for at in range(0, len(word), PART)]


def _from(words: Sequence[str], begin: int, count: int) -> list[str]:
    """So many words from a place on, again from the first where they end."""
    return [words[(begin + at) % len(words)] for at in range(count)]


def evenly(count: int, wanted: int) -> list[int]:
    """``wanted`` positions spread evenly over ``count``; where wanted > count they repeat."""
    if wanted <= count:
        return [at * count // wanted for at in range(wanted)]
    return [at % count for at in range(wanted)]


def _cut(words: Sequence[str], length: int, encoder: TextEncoder) -> str:
    """As many of the words as fit into ``length`` tokens, filled up to it."""

    def tokens(parts: Sequence[str]) -> int:
        one = encoder.encode_one(" ".join(parts))
        return len(one.ids) + one.cut

    low, high = 0, len(words)  # the first so many fit; so many may not
    while low < high:
        middle = (low + high + 1) // 2
        if tokens(words[:middle]) <= length:
            low = middle
        else:
            high = middle - 1
    kept = [*words[:low]]
    for _ in range(length):
        if tokens([*kept, FILLER]) > length:
            break
        kept.append(FILLER)
    return " ".join(kept)


def _texts(texts: list[str], lengths: list[int], source: str, found: int, truncated: int) -> Texts:
    p50, p90, longest = map(int, percentiles(lengths, (50, 90, 100)))
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    facts = TextFacts(source, found, len(texts), p50, p90, longest, truncated, digest)
    return Texts(texts, lengths, facts)
