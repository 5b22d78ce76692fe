"""Logits to predictions and answers."""

import copy
import json
import pickle
import tracemalloc
from dataclasses import asdict, replace

import numpy as np
import pytest

from edgeft.bundle import Head
from edgeft.errors import FormatError, RunError
from edgeft.tasks import TASKS, task_named
from edgeft.tasks.classification import TASK, Classification
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.head import PLAIN
from edgeft.tasks.outputs import softmax
from edgeft.tasks.task import Answers
from tests.encoded import encoded


def decoded(
    logits: np.ndarray,
    labels: tuple[str, ...],
    head: Head = PLAIN,
    text: Encoded = encoded([1]),  # noqa: B008 (nothing changes it)
) -> list[Classification]:
    return TASK.decode({"logits": logits}, [text], ["text"], labels, head)


def test_softmax_of_known_logits_and_of_extreme_ones() -> None:
    logits = np.array([[0.0, np.log(3.0)], [1e4, -1e4], [-1e4, -1e4]], np.float32)
    expected = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]
    np.testing.assert_allclose(softmax(logits), expected, atol=1e-6)


def test_a_text_is_as_sure_as_its_score_to_the_bit() -> None:
    labels = ("a", "b", "c")
    logits = np.random.default_rng(0).normal(0, 5, (200, 3)).astype(np.float32)
    some = [encoded([1])] * len(logits)
    for head in (PLAIN, Head(temperature=1.7)):
        found = TASK.decode({"logits": logits}, some, ["a"] * len(logits), labels, head)
        sure = TASK.sure({"logits": logits}, some, ["a"] * len(logits), labels, head)
        assert sure.tolist() == [one.score for one in found]
    logits[3, 1] = np.nan
    with pytest.raises(RunError, match="no numbers"):
        TASK.sure({"logits": logits}, some, ["a"] * len(logits), labels, PLAIN)


def test_a_prediction_carries_what_is_known_of_its_text() -> None:
    logits = np.array([[2.0, 0.0, 1.0]], np.float32)
    (one,) = decoded(logits, ("a", "b", "c"), text=encoded([1, 2], 0.5, truncated=True))
    assert (one.label, one.truncated, one.unknown_share) == ("a", True, 0.5)
    assert one.score == pytest.approx(one.scores["a"])
    assert sum(one.scores.values()) == pytest.approx(1.0, abs=1e-6)


def test_scores_are_a_dict_that_nobody_can_change() -> None:
    labels = ("a", "b", "c")
    logits = np.array([[2.0, 0.0, 1.0], [0.0, 1.0, 2.0]], np.float32)
    one, other = TASK.decode({"logits": logits}, [encoded([1])] * 2, ["", ""], labels, PLAIN)
    wanted = dict(zip(labels, softmax(logits)[0].tolist(), strict=True))
    assert one.scores == wanted
    assert wanted == one.scores != other.scores
    assert list(one.scores.items()) == list(wanted.items())
    assert (len(one.scores), "b" in one.scores, "d" in one.scores) == (3, True, False)
    with pytest.raises(KeyError):
        one.scores["d"]
    with pytest.raises(TypeError):
        one.scores["a"] = 1.0  # type: ignore[index]
    assert repr(one.scores) == repr(wanted)
    assert repr(one) == repr(replace(one, scores=wanted))
    for same in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
        assert same == one == replace(one, scores=wanted)
    assert json.loads(json.dumps(asdict(one)))["scores"] == wanted
    assert json.loads(json.dumps(TASK.show(one, True)))["scores"].keys() == wanted.keys()


def test_a_prediction_that_is_kept_holds_none_of_its_neighbours() -> None:
    labels = tuple(map(str, range(1000)))
    logits = np.zeros((1000, len(labels)), np.float32)
    some = [encoded([1])] * 1000
    tracemalloc.start()
    kept = TASK.decode({"logits": logits}, some, [""] * 1000, labels, PLAIN)[0]
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept.score == pytest.approx(0.001)
    assert held < 1 << 18  # of the 4 MB that the scores of all take


def test_a_temperature_changes_scores_and_no_label() -> None:
    logits = np.array([[2.0, 0.0]], np.float32)
    (one,) = decoded(logits, ("a", "b"), Head(temperature=2.0))
    assert (one.label, one.abstained) == ("a", False)
    assert one.score == pytest.approx(np.e / (np.e + 1))


@pytest.mark.parametrize(
    ("decision", "label"),
    [
        (Head(label="b", threshold=0.2), "b"),  # though a is likelier
        (Head(label="b", threshold=0.3), "a"),
        (Head(label="a", threshold=0.7), "b"),  # though a is likeliest
        (Head(label="a", threshold=0.5), "a"),
    ],
)
def test_a_label_with_a_threshold_of_its_own(decision: Head, label: str) -> None:
    logits = np.log(np.array([[0.6, 0.25, 0.15]], np.float32))
    (one,) = decoded(logits, ("a", "b", "c"), decision)
    assert one.label == label
    assert one.score == one.scores[label]


def test_an_unsure_answer_is_withheld_and_told() -> None:
    logits = np.log(np.array([[0.6, 0.4]], np.float32))
    (one,) = decoded(logits, ("a", "b"), Head(abstain_below=0.7))
    assert (one.label, one.abstained) == ("unknown", True)
    assert one.score == pytest.approx(0.6)
    (one,) = decoded(logits, ("a", "b"), Head(abstain_below=0.5))
    assert (one.label, one.abstained) == ("a", False)


def answered(logits: np.ndarray, labels: tuple[str, ...], head: Head = PLAIN) -> Answers:
    texts = [encoded([1])] * len(logits)
    return TASK.answer({"logits": logits}, texts, ["text"] * len(logits), labels, head)


def test_answers_are_the_ids_of_the_predictions_labels() -> None:
    logits = np.log(np.array([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]], np.float32))
    plain = answered(logits, ("a", "b"), Head(temperature=2.0))
    assert list(plain.likeliest) == [0, 1, 0]
    assert plain.given is plain.likeliest  # no threshold was set
    np.testing.assert_allclose(plain.margin, [0.2, 0.4, 0.8], atol=1e-6)
    head = Head(label="b", threshold=0.35, abstain_below=0.5)
    found = answered(logits, ("a", "b"), head)
    assert list(found.likeliest) == [0, 1, 0]
    assert list(found.given) == [-1, 1, 0]  # "b" reaches its threshold, and is too unsure
    texts = [encoded([1])] * 3
    labels = [one.label for one in TASK.decode({"logits": logits}, texts, "xyz", ("a", "b"), head)]
    assert labels == ["unknown", "b", "a"]


def test_values_that_are_no_numbers_are_no_answer() -> None:
    logits = np.array([[0, 1], [np.nan, 1], [0, np.inf]], np.float32)
    for act in (TASK.decode, TASK.answer):
        with pytest.raises(RunError, match="no numbers for 2 of 3 texts"):
            act({"logits": logits}, [encoded([1])] * 3, "xyz", ("a", "b"), PLAIN)


def test_logits_of_one_part_each_stay_the_array_they_are() -> None:
    outputs = {"logits": np.zeros((3, 2), np.float32)}
    assert TASK.join(outputs, [encoded([1])] * 3) is outputs


def test_parts_are_weighted_by_what_is_new_in_them() -> None:
    parts = (Part([1, 2, 3], range(3), 3), Part([3, 4], range(2), 1))
    rows = np.array([[9, 9], [0, 4], [4, 0]], np.float32)
    joined = TASK.join({"logits": rows}, [encoded([1]), Encoded(parts)])["logits"]
    np.testing.assert_allclose(joined, [[9, 9], [1, 3]])


def test_what_is_shown() -> None:
    one = Classification("a", 0.12345678, {"a": 0.12345678, "b": 0.87654322})
    plain = {"label": "a", "score": 0.123457, "truncated": False, "unknown_share": 0.0}
    assert TASK.show(one, False) == plain
    assert TASK.show(one, True) == {**plain, "scores": {"a": 0.123457, "b": 0.876543}}
    split = Classification("unknown", 0.5, {}, abstained=True, windows=3)
    assert TASK.show(split, False).items() > {"abstained": True, "windows": 3}.items()


def test_figures_are_the_scores_where_all_rows_weigh_the_same() -> None:
    chance = np.random.default_rng(2)
    truth = chance.integers(0, 4, 300)
    answers = np.where(chance.random(300) < 0.7, truth, chance.integers(-1, 4, 300))
    labels = ("a", "b", "c", "d", "never")
    scores = TASK.score(truth, answers, labels)
    found = TASK.figures(truth, answers, labels, np.full((300, 2), 0.5))
    assert found.keys() == TASK.metrics.keys()
    for name, figures in found.items():
        assert figures == pytest.approx([scores.figure(name)] * 2)


def test_what_follows_from_a_tasks_fields() -> None:
    assert TASK.ort_class == "ORTModelForSequenceClassification"
    assert (TASK.by_token, TASK.on_long) == (False, "truncate")


def test_tasks_are_found_by_name() -> None:
    assert all(task_named(name).name == name for name in TASKS)
    with pytest.raises(FormatError, match="knows no task 'stance'; it knows text-classification"):
        task_named("stance")


def test_thresholds_in_words() -> None:
    assert TASK.rules(PLAIN) == []
    assert TASK.rules(Head(label="spam", threshold=0.5, abstain_below=0.25)) == [
        "spam from a score of 0.5000 on",
        '"unknown" below a score of 0.2500',
    ]
