"""Answers: the span of a context that answers a question, or none.

The graph gives two (B, T) logits for each token: that the answer starts there, and that it ends
there; which spans are best, ``tasks.answer_spans`` finds. A truth is the tuple of (text, start),
one for each gold answer, () where there is none. An answer is (text, start, end), ("", 0, 0) for
none: it is right by its text, and another's by where it stands.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import UsageError
from edgeft.inputs import Input, Question, group_of
from edgeft.tasks.answer_spans import END, START, BestSpans, best_spans, context_of, parts_in_a_row
from edgeft.tasks.builtin import GOLDEN_QUESTIONS, parity_questions
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import PLAIN, Head, Wish
from edgeft.tasks.outputs import Outputs, tempered
from edgeft.tasks.task import Answers, Columns, LabelNames, Noun, Rows, Task, Usage
from edgeft.tasks.usual import (
    form_tells,
    nothing_further,
    of_logits,
    of_one_form,
    reading_told,
    unranked,
)

if TYPE_CHECKING:
    from edgeft.data import Examples, OnBad, Source, Tell
    from edgeft.tasks.answer_metrics import AnswerScores

__all__ = ["TASK", "Answer"]

NOTHING = ("", 0, 0)
SCORE_DIGITS = 6
ROLES = ("question", "context", "answers")  # of columns

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers a question: ``text`` stands in its context from ``start`` to before ``end``.

    Without an answer ``text`` is "", and both are 0. ``score`` is the probability among the best
    spans and "none". ``others`` are the next best where more than one was asked for.
    ``truncated``, ``unknown_share``, ``windows`` and ``stage`` are as in a ``Classification``.
    """

    text: str
    start: int
    end: int
    score: float
    truncated: bool = False
    unknown_share: float = 0.0
    windows: int = 1
    others: tuple["Answer", ...] = ()
    stage: str = ""


# --- from outputs to answers ---------------------------------------------------------


def _none_wins(spans: BestSpans, head: Head) -> bool:
    return not spans.spans or (head.null_margin is not None and spans.lead > head.null_margin)


def _first(spans: BestSpans, one: Input, *, none: bool) -> tuple[str, int, int]:
    if none:
        return NOTHING
    start, end = spans.spans[0]
    return context_of(one)[start:end], start, end


def _answer(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Answers:
    """With a margin, "none" may be given, and is the likeliest where it has the highest sum.

    Without one there is always an answer, and "none" is not weighed.
    """
    found = list(zip(best_spans(outputs, encoded, inputs, head), inputs, strict=True))
    given = [_first(spans, one, none=_none_wins(spans, head)) for spans, one in found]
    always = head.null_margin is None
    margin = np.array([spans.margin(none=not always) for spans, _ in found], np.float64)
    if always:
        return Answers(given, given, margin)
    likeliest = [_first(spans, one, none=spans.lead > 0) for spans, one in found]
    return Answers(given, likeliest, margin)


def _decode(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> list[Answer]:
    rows = zip(best_spans(outputs, encoded, inputs, head), encoded, inputs, strict=True)
    return [_told(spans, one, context_of(its), head) for spans, one, its in rows]


def _told(spans: BestSpans, one: Encoded, context: str, head: Head) -> Answer:
    scores, nothing = spans.scores()
    found = [
        Answer(context[start:end], start, end, score, one.truncated, one.unknown_share,
               one.windows, stage=one.stage)
        for (start, end), score in zip(spans.spans, scores.tolist(), strict=True)
    ][: max(1, head.top_k)]  # fmt: skip
    if _none_wins(spans, head):
        none = Answer(
            *NOTHING, nothing, one.truncated, one.unknown_share, one.windows, stage=one.stage
        )
        found = [none, *found][: max(1, head.top_k)]
    return replace(found[0], others=tuple(found[1:]))


def _sure(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    labels: LabelNames,
    head: Head,
) -> Floats:
    """The score of each answer that is given."""
    found = best_spans(tempered(outputs, head.temperature), encoded, inputs, head)
    return np.array([_score_of_first(spans, head) for spans in found], np.float64)


def _score_of_first(spans: BestSpans, head: Head) -> float:
    scores, nothing = spans.scores()
    return nothing if _none_wins(spans, head) else float(scores[0])


def _show(prediction: Answer, full: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        **_shown(prediction),
        **reading_told(prediction),
    }
    if prediction.others:
        shown["others"] = [_shown(one) for one in prediction.others]
    return shown


def _shown(one: Answer) -> dict[str, Any]:
    score = round(one.score, SCORE_DIGITS)
    return {"text": one.text, "start": one.start, "end": one.end, "score": score}


def _always(heads: Sequence[Head]) -> bool:
    return all(head.null_margin is None for head in heads)


def _limits(heads: Sequence[Head]) -> list[str]:
    if not _always(heads):
        return []
    return ["It always answers with a piece of the context, even where no answer stands there."]


def _rules(head: Head) -> list[str]:
    if head.null_margin is None:
        return []
    return [f"nothing where that leads by more than {head.null_margin:.4f}"]


def _cautions(heads: Sequence[Head], bare: int) -> list[str]:
    """That it learned when to give no answer, which it will not do as no rows set the margin."""
    if not bare or not _always(heads):
        return []
    return [
        f"It was trained on {bare:,} questions without an answer, but as it was exported without "
        "any nothing says from when on to give none: it always answers. To set that, export again "
        "with --data FILE, of whose questions some have no answer."
    ]


# --- what answers are worth; a program that only predicts imports nothing for it ------


def _same(ones: Rows, others: Rows) -> Floats:
    """Two answers agree where they are one span: the same words may stand in several places."""
    from edgeft.tasks.answer_metrics import exact

    return np.array(
        [
            one[1:] == other[1:] if _is_answer(other) else exact(other, one)
            for one, other in zip(ones, others, strict=True)
        ],
        np.float64,
    )


def _is_answer(one: Any) -> bool:
    """Whether it is an answer and no truth."""
    return len(one) > 0 and isinstance(one[0], str)


def _score(truths: Rows, answers: Rows, labels: LabelNames) -> "AnswerScores":
    from edgeft.tasks.answer_metrics import score_answers

    return score_answers(truths, answers)


def _figures(truths: Rows, answers: Rows, labels: LabelNames, weights: Floats) -> dict[str, Floats]:
    from edgeft.tasks.answer_metrics import row_scores

    matches, overlaps = row_scores(truths, answers)  # (M,)
    whole = weights.sum(axis=0)  # (D,)
    return {"exact_match": matches @ weights / whole, "f1": overlaps @ weights / whole}


def _worst(
    truths: Rows, answers: Rows, references: Rows, labels: LabelNames, weight: float
) -> tuple[Any, Any, Any] | None:
    """Every row weighs the same: the first, which only the reference has right."""
    from edgeft.tasks.answer_metrics import golds

    truth = next(iter(truths))
    right = golds(truth)[0]
    wrong = "" if right else "x"
    return truth, (wrong, 0, len(wrong)), (right, 0, len(right))


def _check(wish: Wish, labels: LabelNames) -> None:
    if wish:
        raise UsageError(
            "An answer finder has no thresholds that are set for a precision, a recall or a share "
            "of right answers.",
            hint="Leave these options out; from when on it gives no answer is set by the rows that "
            "have none.",
        )


def _unfitted(truths: Rows) -> Head:
    """Always an answer, unless a row has none."""
    from edgeft.tasks.answer_metrics import golds

    none = any(golds(truth) == [""] for truth in truths)
    return replace(PLAIN, null_margin=0.0) if none else PLAIN


def _fit(
    outputs: Outputs,
    encoded: Sequence[Encoded],
    inputs: Sequence[Input],
    truths: Rows,
    labels: LabelNames,
    wish: Wish,
    name: str,
) -> Head:
    """The margin of "none" that gives most F1; always an answer where each row has one."""
    from edgeft.tasks.answer_metrics import best_margin, row_scores

    head = _unfitted(truths)
    if head.null_margin is None:
        return head
    found = best_spans(outputs, encoded, inputs, PLAIN)
    always = [
        _first(spans, one, none=not spans.spans) for spans, one in zip(found, inputs, strict=True)
    ]
    answered = row_scores(truths, always)[1]
    unanswered = row_scores(truths, [NOTHING] * len(always))[1]
    some = [at for at, spans in enumerate(found) if spans.spans]
    if not some:
        return head
    leads = [found[at].lead for at in some]
    return replace(head, null_margin=best_margin(leads, answered[some], unanswered[some]))


# --- the data, which the runtime never reads -----------------------------------------


def _detect(source: "Source", columns: Columns) -> bool:
    from edgeft.data.answers import holds_answers

    return holds_answers(source) or any(columns.get(role) is not None for role in ROLES)


def _read(
    source: "Source", columns: Columns, tell: "Tell", on_bad: "OnBad"
) -> "Examples | Sequence[Input]":
    from edgeft.data.answers import answers_or_questions

    return answers_or_questions(source, columns, tell, on_bad)


def _truth_key(one: Question, truth: Any) -> Hashable:
    """The words of the gold answers, wherever they stand."""
    return frozenset(" ".join(text.split()) for text, _ in truth)


def _strata(truths: Rows, labels: LabelNames) -> list[str]:
    """Whether there is an answer. A single row of one kind counts to the other."""
    keys = ["answer" if truth else "none" for truth in truths]
    counts = Counter(keys)
    if len(counts) == 2 and min(counts.values()) == 1:
        return [max(counts, key=counts.__getitem__)] * len(keys)
    return keys


TASK = Task(
    name="question-answering",
    auto_class="AutoModelForQuestionAnswering",
    problem="",
    export_task="question-answering",
    noun="answer finder",
    outputs={START: ("inputs", "tokens"), END: ("inputs", "tokens")},
    unit=of_logits,
    takes=(Question,),
    asks=Noun("question", "questions"),
    marks=Noun("answer", "answers"),
    counted=Noun("answer", "answers"),
    shares=Noun("context", "contexts"),
    group=group_of,
    sided=False,
    forms=(),
    suits=of_one_form,
    judged=Noun("question", "questions"),
    single=False,
    settings=frozenset({"null_margin", "max_answer_tokens", "top_k"}),
    metrics={"exact_match": "exact match", "f1": "F1"},
    by_label="",
    provided="",
    alike="same answer",
    alike_is="the share of questions to which both give the same span of the context, or none",
    schemes={},
    data="questions about contexts, and the answers in these (SQuAD's JSON, too)",
    example='{"question": "Where?", "context": "Ada lives in Rome.", "answers": ["Rome"]}',
    usage=Usage('model.predict(edgeft.Question("…", "…")).text', '"…", "…"', '"only_second"'),
    limits=_limits,
    rules=_rules,
    cautions=_cautions,
    formats={},
    roles=ROLES,
    detect=_detect,
    aloud=form_tells,
    read=_read,
    labels=lambda examples: (),
    shown=lambda truths, labels: [() for _ in truths],
    truth_key=_truth_key,
    strata=_strata,
    join=parts_in_a_row,
    answer=_answer,
    decode=_decode,
    sure=_sure,
    relevance=unranked,
    doubts=True,
    same=_same,
    score=_score,
    figures=_figures,
    worst=_worst,
    further=nothing_further,
    unfitted=_unfitted,
    suited=lambda outputs, truths, labels: _unfitted(truths),
    fit=_fit,
    check=_check,
    show=_show,
    golden=GOLDEN_QUESTIONS,
    parity=parity_questions,
)
