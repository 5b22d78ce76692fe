"""Logits of starts and ends to answers, and what these are worth."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import edgeft
from edgeft.errors import RunError, UsageError
from edgeft.inputs import Question
from edgeft.proof.paired import paired_drop
from edgeft.tasks import task_named
from edgeft.tasks.answer_metrics import best_margin, f1_of, official_form
from edgeft.tasks.answer_spans import best_spans
from edgeft.tasks.answers import TASK, Answer
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.head import PLAIN, Head, Wish
from tests.encoded import in_pieces

NOTHING = ("", 0, 0)
CONTEXT = "Ada met Bo in Rome, not in Paris."  # Ada met Bo in Rome , not in Paris .
ASKED = Question("Where?", CONTEXT)
WORDS = in_pieces(CONTEXT, piece=99)


def logits(encoded: Encoded, **places: float) -> dict[str, list[np.ndarray]]:
    """0 everywhere but at the named tokens: s5=3 starts there (place 5 of part 0), s1_5 of part 1.

    Special tokens beside the first are loud, as no answer may come of them.
    """
    outputs: dict[str, list[np.ndarray]] = {"start_logits": [], "end_logits": []}
    for name, rows in outputs.items():
        for number, part in enumerate(encoded.parts):
            row = np.zeros(len(part.ids), np.float32)
            row[-1] = 90.0
            for place, value in places.items():
                at = place[1:].split("_")
                if place[0] == name[0] and int(at[0]) * (len(at) > 1) == number:
                    row[int(at[-1])] = value
            rows.append(row)
    return outputs


def answered(encoded: Encoded = WORDS, head: Head = PLAIN, **places: float) -> Answer:
    joined = TASK.join(logits(encoded, **places), [encoded])
    (found,) = TASK.decode(joined, [encoded], [ASKED], (), head)
    assert CONTEXT[found.start : found.end] == found.text
    (given,) = TASK.answer(joined, [encoded], [ASKED], (), head).given
    assert given == (found.text, found.start, found.end)
    assert TASK.sure(joined, [encoded], [ASKED], (), head).tolist() == [found.score]
    return found


def test_the_task_is_found_by_its_name() -> None:
    assert task_named("question-answering") is TASK
    assert TASK.ort_class == "ORTModelForQuestionAnswering"
    assert edgeft.Answer is Answer
    assert TASK.by_token


def test_the_best_valid_span_is_the_answer() -> None:
    found = answered(s5=4, e5=4)
    assert (found.text, found.start, found.end) == ("Rome", 14, 18)
    # Of the 20 best spans 9 more have its start or its end, 10 neither; and there is "none".
    assert found.score == pytest.approx(np.exp(8) / (np.exp(8) + 9 * np.exp(4) + 11))
    # The best start and the best end make no span, as the end lies before.
    assert answered(s5=4, e3=4.5, s3=1).text == "Bo"
    # What is too long is none either.
    assert answered(s1=4, e9=4).text == "Ada met Bo in Rome, not in Paris"
    assert answered(head=Head(max_answer_tokens=3), s1=4, e9=4, e2=1).text == "Ada met"


def test_a_score_is_the_same_however_many_answers_are_told() -> None:
    told = [answered(head=Head(top_k=most), s5=4, e5=4, e7=1) for most in (1, 2, 20, 21, 40)]
    assert [len(one.others) for one in told] == [0, 1, 19, 20, 39]
    for one in told:
        assert [some.score for some in (one, *one.others)] == pytest.approx(
            [some.score for some in (told[-1], *told[-1].others)][: 1 + len(one.others)]
        )
    first = (told[-1], *told[-1].others)[:20]
    none = sum(one.score for one in first)
    assert none < 1
    assert 1 - none == pytest.approx(first[0].score * np.exp(-8))  # "none", whose sum is 0


def test_the_longest_answer_that_is_asked_for_sets_no_memory() -> None:
    tokens = 3_000
    text = "a " * tokens
    one = in_pieces(text)
    rows = {name: np.zeros(tokens + 2, np.float32) for name in ("start_logits", "end_logits")}
    rows["start_logits"][100] = rows["end_logits"][2_900] = 9.0
    outputs = TASK.join({name: [row] for name, row in rows.items()}, [one])
    for most in (1 << 20, 2_801, 2_800):
        tracemalloc.start()
        head = Head(max_answer_tokens=most)
        (found,) = TASK.decode(outputs, [one], [Question("?", text)], (), head)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert ((found.start, found.end) == (198, 5_799)) == (most > 2_800)
        assert peak < 64e6  # all sums at once are 72 MB, those of 2^20 lengths 25 GB


def test_a_span_never_leaves_its_part_and_windows_compare_sums() -> None:
    windows = in_pieces(CONTEXT, piece=99, most=4, overlap=1)
    assert [len(part.own) for part in windows.parts] == [4, 4, 4]
    found = answered(windows, s4=5, e1_3=3, s1_2=3, e1_2=4)
    assert (found.text, found.windows) == ("Rome", 3)
    # The token that two windows share is one span, with its higher sum.
    twice = answered(windows, head=Head(top_k=3), s4=3, e4=3, s1_1=4, e1_1=4, s2=3, e2=2)
    assert [one.text for one in (twice, *twice.others)].count("in") == 1
    assert twice.text == "in"


def test_no_answer_is_given_by_its_margin_and_likeliest_by_its_sum() -> None:
    places = {"s0": 3.0, "e0": 3.0, "s5": 2.0, "e5": 3.0}
    assert answered(**places).text == "Rome"  # always one
    assert answered(head=Head(null_margin=1.5), **places).text == "Rome"
    none = answered(head=Head(null_margin=0.5, top_k=2), **places)
    assert (none.text, none.start, none.end) == ("", 0, 0)
    assert [one.text for one in none.others] == ["Rome"]
    assert none.score > none.others[0].score
    joined = TASK.join(logits(WORDS, **places), [WORDS])
    answers = TASK.answer(joined, [WORDS], [ASKED], (), Head(null_margin=9.0))
    assert (list(answers.given), list(answers.likeliest)) == ([("Rome", 14, 18)], [NOTHING])
    # With no margin there is always an answer, and "none" is neither likeliest nor next to it.
    always = TASK.answer(joined, [WORDS], [ASKED], (), PLAIN)
    assert list(always.given) == [("Rome", 14, 18)]
    assert always.likeliest is always.given
    (spans,) = best_spans(joined, [WORDS], [ASKED], PLAIN)
    none, best = np.exp(6), np.exp(5)
    weight = np.exp(spans.sums).sum() + none
    assert answers.margin[0] == pytest.approx((none - best) / weight)
    assert always.margin[0] == pytest.approx((best - np.exp(3)) / weight)
    # The least sum counts: one part in which the answer is speaks for all.
    windows = in_pieces(CONTEXT, piece=99, most=4, overlap=1)
    sure = {"s0": 9.0, "e0": 9.0, "s1_0": -5.0, "e1_0": -5.0, "s2_0": 9.0, "e2_0": 9.0}
    assert answered(windows, Head(null_margin=0.0), **sure, s1_2=2, e1_2=2).text == "Rome"


def test_a_context_without_tokens_has_no_answer() -> None:
    empty, asked = in_pieces(""), Question("Where?", "")
    joined = TASK.join(logits(empty), [empty])
    assert TASK.decode(joined, [empty], [asked], (), PLAIN) == [Answer("", 0, 0, 1.0)]
    answers = TASK.answer(joined, [empty], [asked], (), PLAIN)
    assert (list(answers.given), answers.margin.tolist()) == ([NOTHING], [1.0])
    assert answers.likeliest is answers.given


def test_before_any_rows_none_is_an_answer_where_a_row_has_none() -> None:
    rome = (("Rome", 14),)
    assert TASK.unfitted([rome, rome]) == PLAIN
    for nothing in ((), (("the", 4),)):  # an article alone is no answer
        assert TASK.unfitted([rome, nothing]) == Head(null_margin=0.0)


def test_what_is_no_number_is_no_answer() -> None:
    rows = logits(WORDS, s3=np.nan)
    with pytest.raises(RunError, match="no numbers"):
        TASK.decode(TASK.join(rows, [WORDS]), [WORDS], [ASKED], (), PLAIN)


def test_shown_as_json() -> None:
    found = answered(head=Head(top_k=2), s5=9, e5=9)
    shown = json.loads(json.dumps(TASK.show(found, True)))
    assert {name: shown[name] for name in ("text", "start", "end")} == {
        "text": "Rome", "start": 14, "end": 18,
    }  # fmt: skip
    assert len(shown["others"]) == 1
    assert "windows" not in shown
    assert TASK.show(replace(found, windows=2), False)["windows"] == 2


def test_normalized_as_squad_does() -> None:
    assert official_form("The  Cat, an “A”\tof a U.S.A.!") == "cat “ ” of usa"
    assert official_form("THEATRE") == "theatre"


@pytest.mark.parametrize(
    ("golds", "answer", "exact", "f1"),
    [
        (["the Cat"], "cat!", 1.0, 1.0),
        (["Denver", "Denver Broncos"], "Denver Broncos", 1.0, 1.0),
        (["Denver Broncos"], "the Broncos of Denver Denver", 0.0, 2 / 3),
        (["Denver"], "", 0.0, 0.0),
        ([], "", 1.0, 1.0),
        ([], "Denver", 0.0, 0.0),
        (["the"], "", 1.0, 1.0),  # a gold answer of nothing but an article is none
        (["a b c d"], "b c", 0.0, 0.8),
    ],
)
def test_scores_by_the_official_rules(
    golds: list[str], answer: str, exact: float, f1: float
) -> None:
    truth = tuple((text, 0) for text in golds)
    given = (answer, 7, 7 + len(answer))  # where it stands does not count
    scores = TASK.score([truth], [given], ())
    assert (scores.figure("exact_match"), scores.figure("f1")) == pytest.approx((exact, f1))
    assert TASK.same([given], [truth]) == [exact]


def test_two_answers_agree_where_they_are_one_span() -> None:
    rome, again, no = ("Rome", 14, 18), ("Rome", 40, 44), NOTHING
    assert TASK.same([rome, rome, rome, no], [rome, again, no, no]).tolist() == [1, 0, 0, 1]
    assert TASK.same([rome, ("the Rome", 10, 18)], [("Rome", 14, 18)] * 2).tolist() == [1, 0]
    assert "same span" in TASK.alike_is
    # Both are right all the same, and nothing is lost between them.
    truths = [(("Rome", 14),)] * 3
    drop = paired_drop(TASK, truths, [again] * 3, [rome] * 3, ())
    assert (drop.newly_wrong, drop.worst.points) == (0, 0.0)


TRUTHS = [(("Rome", 14),), (("Ada", 0), ("Ada Byron", 0)), (), ()]
GIVEN = [("in Rome", 11, 18), ("Ada", 0, 3), NOTHING, ("Rome", 14, 18)]


def test_all_scores() -> None:
    scores = TASK.score(TRUTHS, GIVEN, ())
    assert scores.headline() == {"exact_match": 0.5, "f1": round((2 / 3 + 2) / 4, 6), "rows": 4}
    told = json.loads(json.dumps(scores.to_dict()))
    assert told["with_answer"] == {"rows": 2, "exact_match": 0.5, "f1": round(5 / 6, 6)}
    assert told["without_answer"] == {"rows": 2, "exact_match": 0.5, "f1": 0.5}
    assert (scores.support, scores.outcome(PLAIN)) == ({}, {})
    assert scores.outcome(Head(null_margin=0.0))["answered"] == 0.75
    ((_, _, rows),) = scores.tables("test")
    assert rows[0][0] == "with an answer"
    assert set(scores.summary()) == {"exact match", "F1"}
    with pytest.raises(ValueError, match="same length"):
        TASK.score([], [], ())


def test_figures_are_means_under_weights_and_the_worst_row_costs_all() -> None:
    weights = np.array([[1, 2], [1, 0], [1, 1], [1, 1]], np.float64)
    figures = TASK.figures(TRUTHS, GIVEN, (), weights)
    assert figures["exact_match"] == pytest.approx([0.5, 0.25])
    assert figures["f1"] == pytest.approx([2 / 3, (4 / 3 + 1) / 4])
    for truths in (TRUTHS, TRUTHS[2:]):
        worst = TASK.worst(truths, [], [], (), 3.7)
        assert worst is not None
        truth, answer, reference = worst
        assert TASK.score([truth], [reference], ()).figure("f1") == 1.0
        assert TASK.score([truth], [answer], ()).figure("f1") == 0.0


def test_the_margin_of_none_is_where_f1_is_greatest() -> None:
    # The lead of "none" in four rows; the second and the fourth have no answer.
    rows = [logits(WORDS, s0=lead, s5=3, e5=3) for lead in (1.0, 5.0, 7.0, 9.0)]
    joined = {name: [one[name][0] for one in rows] for name in rows[0]}
    truths = [(("Rome", 14),), (), (("Rome", 14),), ()]
    inputs, encoded = [ASKED] * 4, [WORDS] * 4
    head = TASK.fit(joined, encoded, inputs, truths, (), Wish(), "fp32")
    # Answered up to a lead of -5, or up to 1: three rows are right either way; the first is taken.
    assert head.null_margin == pytest.approx(-3.0)
    scores = TASK.score(truths, TASK.answer(joined, encoded, inputs, (), head).given, ())
    assert scores.figure("f1") == 0.75
    always = TASK.fit(joined, encoded, inputs, [truths[0]] * 4, (), Wish(), "fp32")
    assert always == PLAIN
    with pytest.raises(UsageError, match="no thresholds"):
        TASK.check(Wish(right=0.9), ())
    assert TASK.further(joined, truths, (), PLAIN) == {}


@pytest.mark.parametrize(
    ("leads", "answered", "expected"),
    [
        ([0.0, 1.0], [1, 0], 0.5),
        ([0.0, 1.0], [0, 0], -1.0),
        ([0.0, 1.0], [1, 1], 2.0),
        ([3.0, 3.0, 5.0], [1, 0, 0], 2.0),  # equal leads cannot be parted
    ],
)
def test_margins_between_and_beyond_the_rows(
    leads: list[float], answered: list[float], expected: float
) -> None:
    given = np.array(answered, np.float64)
    assert best_margin(leads, given, 1 - given) == pytest.approx(expected)


def test_f1_takes_the_nearest_gold() -> None:
    assert f1_of((("x y", 0), ("b c", 0)), ("b", 0, 1)) == pytest.approx(2 / 3)


def test_strata_leave_no_row_alone() -> None:
    assert TASK.strata(TRUTHS, ()) == ["answer", "answer", "none", "none"]
    assert TASK.strata(TRUTHS[:3], ()) == ["answer"] * 3


def test_built_in_questions() -> None:
    assert all(isinstance(one, Question) for one in (*TASK.golden, *TASK.parity(32)))
    assert max(len(one.context.split()) for one in TASK.parity(32)) > 32


def test_when_nothing_is_answered_is_told() -> None:
    margin = Head(null_margin=1.5)
    assert (TASK.rules(PLAIN), TASK.limits([margin, margin])) == ([], [])
    assert TASK.rules(margin) == ["nothing where that leads by more than 1.5000"]
    assert "always answers" in TASK.limits([PLAIN, PLAIN])[0]
    assert TASK.cautions([margin], 7) == TASK.cautions([PLAIN], 0) == []
    assert TASK.cautions([PLAIN], 7)[0].startswith("It was trained on 7 questions without")
