"""The texts that are predicted: the user's, or built-in ones, as they are or of one length."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeft.bench.statistics import percentiles
from edgeft.data import read_texts
from edgeft.errors import DataError
from edgeft.runtime.tokenize import TextEncoder

__all__ = ["TextFacts", "Texts", "builtin_texts", "evenly", "read_all", "texts_of_length"]

# Plain sentences about nothing in particular; the lengths matter, not the content.
SENTENCES = (
    "The morning train left two minutes early and the platform was still half full.",
    "Prices rose a little in spring, then stayed where they were until the harvest.",
    "Please send the second invoice again; the first one had the wrong address on it.",
    "She repaired the old radio with a spare wire and a great deal of patience.",
    "Our team won the last game of the season in front of a very small crowd.",
    "The battery lasts for a day, but the screen is hard to read in sunlight.",
    "Rain is expected in the west, with strong winds along the coast after dark.",
    "I have waited three weeks for my parcel and nobody answers the telephone.",
    "The committee will vote on the new bridge when the survey has been published.",
    "It is a slow film, and yet nobody in the room wanted it to end.",
    "Engineers found the fault in a valve that had been replaced only last month.",
    "How do I change the name on my account without opening a new one?",
)
# (sentences in a text, texts out of 16): most texts are short, a few fill a page.
MIX = ((1, 8), (2, 4), (5, 3), (16, 1))
MOST_TOKENS = 1 << 16  # of all texts together, unless the user says how many texts
MOST_TEXTS = 4096
FILLER = "a"  # a word of one token in any vocabulary


@dataclass(frozen=True)
class TextFacts:
    """The texts that were predicted; tokens include special ones and stop at the model's limit.

    ``count`` of the ``found`` texts were taken, evenly; ``sha256`` is that of those.
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
        """So many texts, spread evenly."""
        return [self.texts[at] for at in evenly(len(self.texts), wanted)]


def read_all(
    data: Path | None, text_column: str | None, most: int | None, encoder: TextEncoder
) -> Texts:
    """The file's texts, at most ``most`` of them, or built-in ones. Raises DataError."""
    if data is None:
        found, source = builtin_texts(), "built-in"
    else:
        found, source = list(read_texts(data, text_column=text_column)), data.name
    if not found:
        raise DataError(f"{data} has no texts.", hint="It needs at least one.")
    encoded = encoder.encode(found)
    lengths = [len(one.ids) for one in encoded]
    if most is None:
        most = max(1, min(MOST_TEXTS, MOST_TOKENS * len(found) // sum(lengths)))
    taken = evenly(len(found), min(most, len(found)))
    return _texts(
        [found[at] for at in taken],
        [lengths[at] for at in taken],
        source,
        len(found),
        sum(encoded[at].truncated for at in taken),
    )


def texts_of_length(whole: Texts, length: int, encoder: TextEncoder) -> Texts:
    """Texts of ``length`` tokens, special ones included, made by joining and cutting others.

    Each begins at another text; there are as many as make MOST_TOKENS tokens, at
    most those of ``whole``.
    """
    count = max(1, min(len(whole.texts), MOST_TOKENS // length))
    made = []
    for begin in evenly(len(whole.texts), count):
        words: list[str] = []
        while len(words) < length:  # a word has one token or more
            words += whole.texts[begin].split() or [FILLER]
            begin = (begin + 1) % len(whole.texts)
        made.append(_cut(words[:length], length, encoder))
    lengths = [len(one.ids) for one in encoder.encode(made)]
    return _texts(made, lengths, whole.facts.source, whole.facts.found, 0)


def builtin_texts(count: int = 240) -> list[str]:
    """``count`` texts of 1, 2, 5 and 16 sentences, mixed 8 : 4 : 3 : 1; always the same."""
    chance = random.Random(0)
    lengths = [sentences for sentences, share in MIX for _ in range(share)]
    texts = []
    for _ in range(0, count, len(lengths)):
        chance.shuffle(lengths)
        texts += [" ".join(chance.choice(SENTENCES) for _ in range(n)) for n in lengths]
    return texts[:count]


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
    while tokens([*kept, FILLER]) <= length:
        kept.append(FILLER)
    return " ".join(kept)


def _texts(texts: list[str], lengths: list[int], source: str, found: int, truncated: int) -> Texts:
    p50, p90, longest = map(int, percentiles(lengths, (50, 90, 100)))
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    facts = TextFacts(source, found, len(texts), p50, p90, longest, truncated, digest)
    return Texts(texts, lengths, facts)
