"""Where answers may stand: from the logits of tokens to the best spans of a context. numpy only.

A span's sum is that of its start and its end; the sum of the special token that each part begins
with speaks for "no answer". Sums of parts are compared as they are, and the least sum of "none"
counts, as in the script that was published with SQuAD 2.0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgeft.inputs import Input, Question
from edgeft.tasks.encoded import Encoded, Span
from edgeft.tasks.head import Head
from edgeft.tasks.outputs import Array, Outputs, ragged, require_numbers
from edgeft.tasks.words import trimmed

__all__ = ["END", "START", "BestSpans", "best_spans", "context_of", "parts_in_a_row"]

START, END = "start_logits", "end_logits"
WEIGHED = 20  # spans, against each other and "none": those that have a part in all scores
CELLS = 1 << 20  # sums in memory at a time

Floats = NDArray[np.float64]


def parts_in_a_row(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    """The logits of an input's parts one behind another, (T of all,): ``best_spans`` parts them."""
    found: dict[str, list[Array]] = {}
    for name in (START, END):
        rows, begin = ragged(outputs, name), 0
        found[name] = []
        for one in encoded:
            some = rows[begin : begin + len(one.parts)]
            found[name].append(some[0] if len(some) == 1 else np.concatenate(some))
            begin += len(some)
    return found


@dataclass(frozen=True, slots=True)
class BestSpans:
    """The best spans of one context, the best first, none twice.

    spans: (start, end) in characters. sums: (K,) of logits. none: that of "no answer".
    """

    spans: list[Span]
    sums: Floats
    none: float

    @property
    def lead(self) -> float:
        """How far "none" lies before the best span; infinite where there is no span."""
        return self.none - float(self.sums[0]) if self.spans else np.inf

    def scores(self) -> tuple[Floats, float]:
        """(K,) probabilities of the spans, and that of "none".

        They are among the first WEIGHED spans and "none", however many more were asked for.
        """
        sums = np.append(self.none, self.sums)
        weights = np.exp(sums - sums.max())
        weights /= weights[: 1 + WEIGHED].sum()
        return weights[1:], float(weights[0])

    def margin(self, *, none: bool) -> float:
        """How far the score of the likeliest lies before the next, 0 to 1.

        "none" is one of them only where it may be given. A single one has no other to fear.
        """
        scores, nothing = self.scores()
        ones = np.sort(np.append(scores, nothing) if none else scores)
        return float(ones[-1] - ones[-2]) if len(ones) > 1 else 1.0


def best_spans(
    outputs: Outputs, encoded: Sequence[Encoded], inputs: Sequence[Input], head: Head
) -> list[BestSpans]:
    """Of each question, from joined outputs. Raises RunError where a logit is no number."""
    require_numbers(outputs)
    rows = zip(ragged(outputs, START), ragged(outputs, END), encoded, inputs, strict=True)
    return [_best(starts, ends, one, context_of(its), head) for starts, ends, one, its in rows]


def context_of(one: Input) -> str:
    """The text in which the answer may stand."""
    assert isinstance(one, Question), "answers are found in a context"
    return one.context


def _best(starts: Array, ends: Array, one: Encoded, text: str, head: Head) -> BestSpans:
    """The best of all spans that lie in one part's own tokens and are short enough."""
    none, begin, wanted = np.inf, 0, max(WEIGHED, head.top_k)
    found: list[tuple[float, int, int]] = []  # sum, first and last character's place
    for part in one.parts:
        none = min(none, float(starts[begin]) + float(ends[begin]))
        own = slice(begin + part.own.start, begin + part.own.stop)
        begin += len(part.ids)
        assert part.offsets is not None, "the parts know no offsets"
        # Neighbouring windows share spans, and white space can make two one: so more than wanted.
        some = _highest(starts[own], ends[own], head.max_answer_tokens, 2 * wanted)
        for total, first, last in some:
            left, right = part.own.start + first, part.own.start + last
            found.append((total, part.offsets[left][0], part.offsets[right][1]))
    best: dict[Span, float] = {}
    for total, start, end in sorted(found, key=lambda one: (-one[0], one[1], one[2])):
        span = trimmed(text, start, end)
        if span[0] < span[1]:
            best.setdefault(span, total)
        if len(best) == wanted:
            break
    return BestSpans(list(best), np.array(list(best.values())), none)


def _highest(
    starts: Array, ends: Array, longest: int, count: int
) -> Iterator[tuple[float, int, int]]:
    """The highest sums, ``count`` of them or more, each with its first and its last of L tokens."""
    size = len(starts)
    most = min(max(1, longest), size)
    if not size:
        return
    padded = np.append(ends.astype(np.float64), np.full(most - 1, -np.inf))
    lengths = sliding_window_view(padded, most)  # (L, most)
    step = max(1, CELLS // most)  # rows at a time
    for begin in range(0, size, step):
        rows = slice(begin, begin + step)
        # (step, most): the span from each token, one token longer in each column.
        flat = (starts[rows].astype(np.float64)[:, None] + lengths[rows]).ravel()
        kept = min(len(flat), count)
        for at in np.argpartition(-flat, kept - 1)[:kept].tolist():
            first, further = divmod(at, most)
            if begin + first + further < size:
                yield float(flat[at]), begin + first, begin + first + further
