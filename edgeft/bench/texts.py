"""Texts and questions made of words: built-in ones, and some of one length."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from edgeft.errors import UsageError
from edgeft.inputs import Input, Pair, Question, columns_of
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.encoded import Encoded

__all__ = ["builtin_inputs", "even_places", "made_of_length", "sentences", "tokens_read"]

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
# Questions are asked about paragraphs, such as SQuAD's, which are cut nowhere.
USUAL_QUESTIONS = {"p50": 160, "p90": 260, "p95": 310, "p99": 420, "max": 600}
SHORTEST = 0.4  # of the middle length, which no statistics tell
BUILTIN_TEXTS = 480
ATTEMPTS = 50  # to make a short text that no other is like
LONGEST_WORD, PART = 24, 4  # characters
FILLER = "a"  # a word of one token in any vocabulary


def tokens_read(encoded: Encoded) -> int:
    """The tokens that a model reads of an input: special ones, and those of all its windows."""
    return sum(len(part.ids) for part in encoded.parts)


def made_of_length(
    inputs: Sequence[Input], length: int, count: int, encoder: TextEncoder
) -> list[Input]:
    """At most ``count`` different inputs of ``length`` tokens, special ones included.

    The words of all texts (of questions: of their contexts; of pairs: of their second texts), one
    text after the other, are cut at evenly spread places. A question gets such a context, the first
    text of a pair such a second, and is cut to half of the length itself. Raises UsageError where
    the length leaves it no room.
    """
    texts = [columns_of(one)[-1] for one in inputs]
    words = [part for text in texts for word in text.split() for part in _parts(word)]
    words = words or [FILLER]
    made: dict[Input, None] = {}
    for at, begin in enumerate(even_places(len(words), count)):
        one = inputs[at % len(inputs)]
        made[_made(_from(words, begin, length), length, one, encoder)] = None
    for one in made:
        if (tokens := _uncut(encoder.encode_one(one))) != length and not isinstance(one, str):
            what = "question with its context" if isinstance(one, Question) else "pair of texts"
            raise UsageError(
                f"No {what} has {length} tokens; the least has {tokens}.",
                hint="Use a larger --length.",
            )
    return list(made)


def builtin_inputs(
    encoder: TextEncoder, lengths: Mapping[str, int] | None = None, *, kind: type = str
) -> list[Input]:
    """Plain English texts, no two alike, whose tokens are spread as ``lengths`` says.

    Of the kind Question each text is the context of one, and both count; a Pair has half of its
    tokens in either text. The same tokenizer and lengths give the same inputs.
    """
    lengths = lengths or (USUAL_QUESTIONS if kind is Question else USUAL_LENGTHS)
    source = sentences()
    words: list[str] = []
    made: dict[Input, None] = {}
    for at in range(BUILTIN_TEXTS):
        wanted = round(_quantile(lengths, (at + 0.5) / BUILTIN_TEXTS))
        for _ in range(ATTEMPTS):
            while len(words) < wanted:
                words += next(source).split()
            like: Input = ""
            if kind is Question:
                like = Question(f"What {DID[at % len(DID)]}?", "")
            elif kind is Pair:
                like = Pair(" ".join(words[wanted // 2 : wanted]), "")
            one = _made(words[:wanted], wanted, like, encoder)
            words = words[max(1, wanted // 2) :]  # so that the next one begins in other words
            if one not in made:
                made[one] = None
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


def even_places(count: int, wanted: int) -> list[int]:
    """``wanted`` positions spread evenly over ``count``; where wanted > count they repeat."""
    if wanted <= count:
        return [at * count // wanted for at in range(wanted)]
    return [at % count for at in range(wanted)]


def _made(words: Sequence[str], length: int, like: Input, encoder: TextEncoder) -> Input:
    """A text of so many tokens, or of two the first with such a second that they have so many.

    ``like`` gives the kind, and of two texts the first.
    """
    if isinstance(like, str):
        return " ".join(_fitting(words, length, lambda text: text, encoder))
    kind = type(like)
    bare = _uncut(encoder.encode_one(kind("", "")))
    most = bare + min(length // 2, length - bare)
    first = " ".join(
        _fitting(
            columns_of(like)[0].split(), most, lambda text: kind(text, ""), encoder, fill=False
        )
    )
    second = _fitting(words, length, lambda text: kind(first, text), encoder)
    return kind(first, " ".join(second))


def _fitting(
    words: Sequence[str],
    length: int,
    make: Callable[[str], Input],
    encoder: TextEncoder,
    *,
    fill: bool = True,
) -> list[str]:
    """As many of the words as fit into ``length`` tokens; filled up to it where so told."""

    def tokens(parts: Sequence[str]) -> int:
        return _uncut(encoder.encode_one(make(" ".join(parts))))

    low, high = 0, len(words)  # the first so many fit; so many may not
    while low < high:
        middle = (low + high + 1) // 2
        if tokens(words[:middle]) <= length:
            low = middle
        else:
            high = middle - 1
    kept = [*words[:low]]
    for _ in range(length if fill else 0):
        if tokens([*kept, FILLER]) > length:
            break
        kept.append(FILLER)
    return kept


def _uncut(encoded: Encoded) -> int:
    """An input's tokens, special ones included, as though it were read whole and at once."""
    first = encoded.parts[0]
    own = sum(part.fresh for part in encoded.parts)
    return len(first.ids) - len(first.own) + own + encoded.cut
