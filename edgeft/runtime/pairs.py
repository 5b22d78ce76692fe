"""Two texts in one part: a frame of special tokens around both, the second in windows if need be.

The first text is a question, or the first of a pair. It stands in every window; what moves on is
the second, of which alone spans and words are told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from edgeft.errors import BundleError
from edgeft.inputs import Input, Pair, Question, columns_of
from edgeft.runtime.native import native_call
from edgeft.tasks.encoded import Encoded, Part, Span, in_both_orders

__all__ = [
    "BOTH",
    "Frame",
    "Tokens",
    "encode_both",
    "frame_of",
    "frame_within",
    "longest_first",
    "put_together",
]

BOTH = (Pair, Question)
TRIED = ("a", ".", "the")  # texts of which one has a token in any vocabulary
LEAST_ROOM = 2  # tokens that two texts need beside their frame


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's own tokens, and where the caller asked for them the span and the word of each.

    ``unknown`` of them the vocabulary lacks. ``unread`` characters at its end were not looked at.
    """

    ids: list[int]
    offsets: list[Span] | None = None
    words: list[int] | None = None
    unknown: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """Ids before, between and behind two texts, and the type of each, the texts' in between."""

    ids: tuple[list[int], list[int], list[int]]
    types: tuple[list[int], int, list[int], int, list[int]]

    @property
    def size(self) -> int:
        """Its special tokens."""
        return sum(map(len, self.ids))


def frame_of(tokenizer: Tokenizer) -> Frame | None:
    """How a tokenizer frames two texts; None where it puts the second first, or has no tokens."""
    for text in TRIED:
        encoding = tokenizer.encode(text, text)
        sides, ids, types = encoding.sequence_ids, encoding.ids, encoding.type_ids
        if 0 not in sides or 1 not in sides:
            continue
        first, second = sides.index(0), sides.index(1)
        end = len(sides) - sides[::-1].index(0)
        last = len(sides) - sides[::-1].index(1)
        if second < end:
            return None
        return Frame(
            (ids[:first], ids[end:second], ids[last:]),
            (types[:first], types[first], types[end:second], types[second], types[last:]),
        )
    return None


def frame_within(tokenizer: Tokenizer, most: int) -> Frame:
    """The frame of two texts that together take ``most`` tokens. Raises BundleError."""
    with native_call():
        frame = frame_of(tokenizer)
    if frame is None or most - frame.size < LEAST_ROOM:
        raise BundleError(
            f"The tokenizer cannot put two texts into {most} tokens.",
            hint="Take another model for pairs of texts, or for questions.",
        )
    return frame


def encode_both(
    inputs: Sequence[Input],
    frame: Frame,
    tokens_of: Callable[[Sequence[str]], list[Tokens]],
    most: int,
    overlap: int | None,
    known: dict[str, Tokens],
    *,
    symmetric: bool = False,
) -> list[Encoded]:
    """Encode pairs and questions in parts of ``most`` tokens, each of their texts once.

    Where ``symmetric`` is wished, a pair is there in both orders, each with half of the weight.

    The second text stands for the input, the first beside it. ``known`` are texts whose tokens are
    there already; afterwards it holds the second text of the last input and no other.
    """
    columns = [columns_of(one) for one in inputs]
    texts = [one for one in dict.fromkeys(one for both in columns for one in both)
             if one not in known]  # fmt: skip
    tokens = known | dict(zip(texts, tokens_of(texts), strict=True))
    known.clear()
    known[columns[-1][1]] = tokens[columns[-1][1]]

    def together(one: Input, first: str, second: str) -> Encoded:
        return put_together(
            frame,
            tokens[first],
            tokens[second],
            most - frame.size,
            overlap=overlap,
            most_first=most // 2 if overlap is not None or isinstance(one, Question) else None,
        )

    return [
        in_both_orders(together(one, first, second), together(one, second, first))
        if symmetric and isinstance(one, Pair)
        else together(one, first, second)
        for one, (first, second) in zip(inputs, columns, strict=True)
    ]


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """How many tokens two texts of so many keep where the longer one is cut first.

    As tokenizers' strategy of that name does, and so transformers'.
    """
    if first + second <= room:
        return first, second
    short = min(first, second)
    long = max(short, room - short)
    if short + long > room:
        short, long = room // 2, room // 2 + room % 2
    return (short, long) if first <= second else (long, short)


def put_together(
    frame: Frame,
    first: Tokens,
    second: Tokens,
    room: int,
    *,
    overlap: int | None,
    most_first: int | None,
) -> Encoded:
    """Two texts as one input of parts that hold ``room`` tokens of both at most.

    The first keeps ``most_first`` tokens at most, and the second what is left; with ``overlap``
    all of the second is read, in windows that share so many tokens (less where the first leaves
    little room). Without ``most_first`` the longer one is cut first, and there are no windows.
    ``cut`` and ``truncated`` tell of what is in no part.
    """
    kept, most = len(first.ids), len(second.ids)
    if most_first is None:
        kept, most = longest_first(kept, most, room)
    else:
        kept = min(kept, most_first, room - 1)
        most = min(most, room - kept)
    begins: Sequence[int] = (0,)
    read = most
    if overlap is not None and most_first is not None and most < len(second.ids):
        overlap = min(overlap, most // 2)
        begins, read = range(0, len(second.ids) - overlap, most - overlap), len(second.ids)
    before, between, behind = frame.ids
    head = [*before, *first.ids[:kept], *between]
    head_types = [*frame.types[0], *[frame.types[1]] * kept, *frame.types[2]]
    parts = []
    for begin in begins:
        own = slice(begin, begin + most)
        ids = second.ids[own]
        types = [*head_types, *[frame.types[3]] * len(ids), *frame.types[4]]
        part = Part(
            [*head, *ids, *behind],
            range(len(head), len(head) + len(ids)),
            len(ids) - ((overlap or 0) if begin else 0),
            types if any(types) else None,
        )
        if second.offsets is not None and second.words is not None:
            part.tell_places(second.offsets, second.words, own)
        parts.append(part)
    cuts = len(first.ids) - kept, len(second.ids) - read
    cut = sum(cuts)
    unread = first.unread + second.unread
    share = (first.unknown + second.unknown) / max(1, len(first.ids) + len(second.ids))
    return Encoded(tuple(parts), cut > 0 or unread > 0, share, cut, unread, cuts=cuts)
