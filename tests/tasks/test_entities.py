"""Named entities as a task: its values, and how it answers."""

import json
from dataclasses import replace

import numpy as np
import pytest

import edgeft
from edgeft.data import Examples
from edgeft.errors import UsageError
from edgeft.tasks import task_named
from edgeft.tasks.entities import TASK, Entities
from edgeft.tasks.head import PLAIN, Head, Wish
from edgeft.tasks.tags import bio
from edgeft.tasks.words import cut_spans
from tests.encoded import in_pieces
from tests.tagged import LABELS, decoded, logits_of, told


def test_the_task_is_found_by_its_name_and_its_values_have_public_names() -> None:
    assert task_named("token-classification") is TASK
    assert (TASK.by_token, TASK.on_long) == (True, "window")
    assert TASK.ort_class == "ORTModelForTokenClassification"
    assert edgeft.Entities is Entities


def test_entities_are_a_sequence_of_what_stands_in_the_text() -> None:
    text = "Ada Lovelace met Babbage in London."
    tags = ["B-PER", "I-PER", "O", "B-PER", "O", "B-LOC", "O"]
    found = decoded(text, logits_of(tags))
    assert told(found) == [("PER", "Ada Lovelace"), ("PER", "Babbage"), ("LOC", "London")]
    assert len(found) == 3
    assert found[0] is found.entities[0]
    assert found[1:] == found.entities[1:]
    assert [one.score for one in found] == pytest.approx([0.9] * 3)


def test_a_text_is_as_sure_as_its_least_sure_word() -> None:
    texts = ["a b", "c", "", "d e f"]
    rows = [
        np.concatenate([logits_of(["B-PER"], sure=0.6), logits_of(["O"], sure=0.9)]),
        logits_of(["O"], sure=0.7),
        logits_of([]),
        logits_of(["O", "B-LOC", "I-LOC"], sure=0.8),
    ]
    encoded = [in_pieces(text) for text in texts]
    sure = TASK.sure({"logits": rows}, encoded, texts, LABELS, PLAIN)
    assert sure.tolist() == pytest.approx([0.6, 0.7, 1.0, 0.8])
    assert sure.dtype == np.float64
    warmer = TASK.sure({"logits": rows}, encoded, texts, LABELS, Head(temperature=2.0))
    assert (warmer <= sure).all()
    assert warmer[1] == pytest.approx(0.7**0.5 / (0.7**0.5 + 4 * 0.075**0.5))


def test_scores_below_the_least_are_not_given_but_stay_the_likeliest() -> None:
    rows = np.concatenate([logits_of(["B-PER"], sure=0.6), logits_of(["B-LOC"], sure=0.9)])
    head = Head(min_score=0.7)
    assert told(decoded("a b", rows, head=head)) == [("LOC", "b")]
    one = in_pieces("a b")
    answers = TASK.answer({"logits": [rows]}, [one], ["a b"], LABELS, head)
    assert list(answers.likeliest) == [((0, 1, 3), (2, 3, 1))]
    assert list(answers.given) == [((2, 3, 1),)]
    plain = TASK.answer({"logits": [rows]}, [one], ["a b"], LABELS, PLAIN)
    assert plain.given is plain.likeliest
    assert plain.parts is not None
    assert (plain.parts.tolist(), plain.margin) == ([3, 1], pytest.approx([0.5, 0.875]))


def test_shown_as_json() -> None:
    found = decoded("in Rome", logits_of(["O", "B-LOC"]))
    shown = TASK.show(found, True)
    assert json.loads(json.dumps(shown)) == {
        "entities": [{"label": "LOC", "text": "Rome", "start": 3, "end": 7, "score": 0.9}],
        "truncated": False,
        "unknown_share": 0.0,
    }
    assert TASK.show(replace(found, windows=2), False)["windows"] == 2


def test_how_far_answers_agree() -> None:
    same = TASK.same([(), ((0, 1, 1),), ((0, 1, 1), (2, 3, 1))], [(), (), ((0, 1, 1),)])
    assert same == pytest.approx([1.0, 0.0, 2 / 3])


def test_no_threshold_can_be_wished_for() -> None:
    with pytest.raises(UsageError, match="no thresholds"):
        TASK.check(Wish(right=0.9), LABELS)
    TASK.check(Wish(), LABELS)
    rows = {"logits": [logits_of(["O"])]}
    assert TASK.fit(rows, [], [], [()], LABELS, Wish(), "int8") == PLAIN
    assert TASK.further(rows, [()], LABELS, PLAIN) == {}


def test_strata_are_of_the_rarest_type_and_leave_none_alone_without_need() -> None:
    loc, per = (0, 1, 1), (2, 3, 3)
    assert TASK.strata([(loc,), (loc, per), (), (), (per,), (loc,)], LABELS) == [
        "LOC", "PER", "none", "none", "PER", "LOC",
    ]  # fmt: skip
    # The one text without entities goes where most are; so does one whose type others have.
    assert TASK.strata([(loc,), (loc,), ()], LABELS) == ["LOC"] * 3
    assert TASK.strata([(per,), (per, loc), (per, loc)], LABELS) == ["LOC"] * 3
    assert TASK.strata([(loc,), (loc,), (per,)], LABELS) == ["LOC", "LOC", "PER"]


def test_labels_are_the_tags_of_the_types_that_rows_show() -> None:
    truths = [((0, 1, 5),), ((0, 1, 1),)]
    examples = Examples("a", ["x", "y"], truths, [1, 2], bio(["A", "B", "C"]), {})
    assert TASK.labels(examples) == ("O", "B-A", "I-A", "B-C", "I-C")


def test_spans_that_cut_a_word_are_counted() -> None:
    text = "Ada Lovelace met"
    one = in_pieces(text)
    assert cut_spans(one, text, [(0, 12, 3)]) == 0
    assert cut_spans(one, text, [(0, 13, 3)]) == 0  # the space behind it is no part of it
    assert cut_spans(one, text, [(0, 6, 3), (13, 15, 1)]) == 2
