"""Answers: the span of a context that answers a question, or none.

The graph gives two (B, T) logits for each token: that the answer starts there, and that it ends
there. A span's sum is that of its start and its end; the sum of the special token that each part
begins with speaks for "no answer". Sums of parts are compared as they are, and the least sum of
"none" counts, as in the script that was published with SQuAD 2.0. A truth is the tuple of
(text, start), one for each gold answer, () where there is none.
An answer is its text, "" for none.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgeft.errors import UsageError
from edgeft.inputs import Input, Question
from edgeft.tasks.builtin import GOLDEN_QUESTIONS, parity_questions
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.outputs import Array, Outputs, ragged, require_numbers
from edgeft.tasks.task import (
    PLAIN,
    Answers,
    Columns,
    Head,
    Labels,
    Rows,
    Task,
    Wish,
    nothing_further,
)
from edgeft.tasks.words import trimmed

if TYPE_CHECKING:
    from edgeft.data import Examples, OnBad, Source, Tell
    from edgeft.tasks.answer_metrics import AnswerScores

__all__ = ["TASK", "Answer"]

START, END = "start_logits", "end_logits"
KEPT = 20  # spans that are weighed against each other
SCORE_DIGITS, SHARE_DIGITS = 6, 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers a question: ``text`` stands in its context from ``start`` to before ``end``.

    Without an answer ``text`` is "", and both are 0. ``score`` is the probability among the best
    spans and "none". ``others`` are the next best where more than one was asked for.
    ``truncated``, ``unknown_share`` and ``windows`` are as in a ``Classification``.
    """

    text: str
    start: int
    end: int
    score: float
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 1
    others: tuple["Answer", ...] = ()


# --- from outputs to answers ---------------------------------------------------------


def _join(outputs: Outputs, encoded: Sequence[Encoded]) -> Outputs:
    """The logits of an input's parts one behind another, (T of all,): ``decode`` parts them."""
    joined: dict[str, list[Array]] = {}
    for name in (START, END):
        rows, begin = ragged(outputs, name), 0
        joined[name] = []
        for one in encoded:
            some = rows[begin : begin + len(one.parts)]
            joined[name].append(some[0] if len(some) == 1 else np.concatenate(some))
            begin += len(some)
    return joined


@dataclass(frozen=True, slots=True)
class _Spans:
    """The best spans of one context, the best first, none twice.

    spans: (start, end) in characters. sums: (K,) of logits. none: that of "no answer".
    """

    spans: list[tuple[int, int]]
    sums: Floats
    none: float

    @property
    def lead(self) -> float:
        """How far "none" lies before the best span; infinite where there is no span."""
        return self.none - float(self.sums[0]) if self.spans else np.inf

    def scores(self) -> tuple[Floats, float]:
        """(K,) probabilities of the spans, and that of "none"."""
        weights = np.exp(np.append(self.sums, self.none) - max(self.none, *self.sums, -np.inf))
        weights /= weights.sum()
        return weights[:-1], float(weights[-1])


def _spans(starts: Array, ends: Array, one: Encoded, text: str, head: Head) -> _Spans:
    """The best of all spans that lie in one part's own tokens and are short enough."""
    none, begin, most = np.inf, 0, max(1, head.max_answer_tokens)
    found: list[tuple[float, int, int]] = []  # sum, first and last character's place
    for part in one.parts:
        none = min(none, float(starts[begin]) + float(ends[begin]))
        own = slice(begin + part.own.start, begin + part.own.stop)
        begin += len(part.ids)
        assert part.offsets is not None, "the parts know no offsets"
        if not part.own:
            continue
        padded = np.append(ends[own].astype(np.float64), np.full(most - 1, -np.inf))
        # (L, most): the span from each token, one token longer in each column.
        sums = starts[own].astype(np.float64)[:, None] + sliding_window_view(padded, most)
        flat = sums.ravel()
        # Neighbouring windows share spans, and white space can make two one: so more than KEPT.
        kept = min(len(flat), 2 * max(KEPT, head.top_k))
        for at in np.argpartition(-flat, kept - 1)[:kept].tolist():
            first, length = divmod(at, most)
            if first + length < len(part.own):
                left, right = part.own.start + first, part.own.start + first + length
                span = (part.offsets[left][0], part.offsets[right][1])
                found.append((float(flat[at]), *span))
    best: dict[tuple[int, int], float] = {}
    for total, start, end in sorted(found, key=lambda one: (-one[0], one[1], one[2])):
        span = trimmed(text, start, end)
        if span[0] < span[1]:
            best.setdefault(span, total)
        if len(best) == max(KEPT, head.top_k):
            break
    return _Spans(list(best), np.array(list(best.values())), none)


def _all_spans(
    outputs: Outputs, encoded: Sequence[Encoded], inputs: Sequence[Input], head: Head
) -> list[_Spans]:
    require_numbers(outputs)
    rows = zip(ragged(outputs, START), ragged(outputs, END), encoded, inputs, strict=True)
    return [_spans(starts, ends, one, _context(its), head) for starts, ends, one, its in rows]


def _context(one: Input) -> str:
    assert isinstance(one, Question), "answers are found in a context"
    return one.context


def _none_wins(spans: _Spans, head: Head) -> bool:
    return not spans.spans or (head.null_margin is not None and spans.lead > head.null_margin)


def _text(spans: _Spans, one: Input, *, none: bool) -> str:
    return "" if none else _context(one)[slice(*spans.spans[0])]


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: Labels,
    head: Head,
) -> Answers:
    """The likeliest is "none" where that has the highest sum; given only by the head's margin."""
    found = list(zip(_all_spans(outputs, encoded, inputs, head), inputs, strict=True))
    given = [_text(spans, one, none=_none_wins(spans, head)) for spans, one in found]
    likeliest = [_text(spans, one, none=spans.lead > 0) for spans, one in found]
    margin = np.ones(len(found))
    for at, (spans, _) in enumerate(found):
        if spans.spans:
            scores = np.sort(np.append(*spans.scores()))
            margin[at] = scores[-1] - scores[-2]
    return Answers(given, likeliest, margin)


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: Labels,
    head: Head,
) -> list[Answer]:
    rows = zip(_all_spans(outputs, encoded, inputs, head), encoded, inputs, strict=True)
    return [_told(spans, one, _context(its), head) for spans, one, its in rows]


def _told(spans: _Spans, one: Encoded, context: str, head: Head) -> Answer:
    scores, nothing = spans.scores()
    found = [
        Answer(context[start:end], start, end, score, one.truncated, one.unknown_share,
               len(one.parts))
        for (start, end), score in zip(spans.spans, scores.tolist(), strict=True)
    ][: max(1, head.top_k)]  # fmt: skip
    if _none_wins(spans, head):
        none = Answer("", 0, 0, nothing, one.truncated, one.unknown_share, len(one.parts))
        found = [none, *found][: max(1, head.top_k)]
    return replace(found[0], others=tuple(found[1:]))


def _show(prediction: Answer, full: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        **_shown(prediction),
        "truncated": prediction.truncated,
        "unknown_share": round(prediction.unknown_share, SHARE_DIGITS),
    }
    if prediction.windows > 1:
        shown["windows"] = prediction.windows
    if prediction.others:
        shown["others"] = [_shown(one) for one in prediction.others]
    return shown


def _shown(one: Answer) -> dict[str, Any]:
    score = round(one.score, SCORE_DIGITS)
    return {"text": one.text, "start": one.start, "end": one.end, "score": score}


# --- what answers are worth; a program that only predicts imports nothing for it ------


def _same(ones: Rows, others: Rows) -> Floats:
    from edgeft.tasks.answer_metrics import exact

    pairs = zip(ones, others, strict=True)
    return np.array([exact(one, other) for one, other in pairs], np.float64)


def _score(truths: Rows, answers: Rows, labels: Labels) -> "AnswerScores":
    from edgeft.tasks.answer_metrics import score_answers

    return score_answers(truths, answers)


def _figures(truths: Rows, answers: Rows, labels: Labels, weights: Floats) -> dict[str, Floats]:
    from edgeft.tasks.answer_metrics import row_scores

    matches, overlaps = row_scores(truths, answers)  # (M,)
    whole = weights.sum(axis=0)  # (D,)
    return {"exact_match": matches @ weights / whole, "f1": overlaps @ weights / whole}


def _worst(
    truths: Rows, answers: Rows, references: Rows, labels: Labels, weight: float
) -> tuple[Any, Any, Any] | None:
    """Every row weighs the same: the first, which only the reference has right."""
    from edgeft.tasks.answer_metrics import golds

    truth = next(iter(truths))
    gold = golds(truth)[0]
    return truth, "" if gold else "x", gold


def _check(wish: Wish, labels: Labels) -> None:
    if wish:
        raise UsageError(
            "An answer finder has no thresholds that are set for a precision, a recall or a share "
            "of right answers.",
            hint="Leave these options out; from when on it gives no answer is set by the rows that "
            "have none.",
        )


def _fit(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    truths: Rows,
    labels: Labels,
    wish: Wish,
    name: str,
) -> Head:
    """The margin of "none" that gives most F1; always an answer where each row has one."""
    from edgeft.tasks.answer_metrics import best_margin, golds, row_scores

    if all(golds(truth) != [""] for truth in truths):
        return PLAIN
    found = _all_spans(outputs, encoded, inputs, PLAIN)
    texts = [
        _text(spans, one, none=not spans.spans) for spans, one in zip(found, inputs, strict=True)
    ]
    answered = row_scores(truths, texts)[1]
    unanswered = row_scores(truths, [""] * len(texts))[1]
    some = [at for at, spans in enumerate(found) if spans.spans]
    if not some:
        return replace(PLAIN, null_margin=0.0)
    leads = [found[at].lead for at in some]
    return replace(PLAIN, null_margin=best_margin(leads, answered[some], unanswered[some]))


# --- the data, which the runtime never reads -----------------------------------------


def _read(
    source: "Source", columns: Columns, tell: "Tell", on_bad: "OnBad"
) -> "Examples | Sequence[Input]":
    from edgeft.data.answers import answers_or_questions

    return answers_or_questions(source, columns, tell, on_bad)


def _strata(truths: Rows, labels: Labels) -> list[str]:
    """Whether there is an answer. A single row of one kind counts to the other."""
    keys = ["answer" if truth else "none" for truth in truths]
    counts = Counter(keys)
    if len(counts) == 2 and min(counts.values()) == 1:
        return [max(counts, key=counts.__getitem__)] * len(keys)
    return keys


TASK = Task(
    name="question-answering",
    auto_class="AutoModelForQuestionAnswering",
    export_task="question-answering",
    noun="answer finder",
    outputs={START: ("inputs", "tokens"), END: ("inputs", "tokens")},
    takes=(Question,),
    settings=frozenset({"null_margin", "max_answer_tokens", "top_k"}),
    metrics={"exact_match": "exact match", "f1": "F1"},
    alike="same answer",
    alike_is="the share of questions whose answers are an exact match, by the rules of SQuAD",
    read=_read,
    labels=lambda examples: (),
    strata=_strata,
    join=_join,
    answer=_answer,
    decode=_decode,
    sure=lambda prediction: float(prediction.score),
    same=_same,
    score=_score,
    figures=_figures,
    worst=_worst,
    further=nothing_further,
    fit=_fit,
    check=_check,
    show=_show,
    golden=GOLDEN_QUESTIONS,
    parity=parity_questions,
)
