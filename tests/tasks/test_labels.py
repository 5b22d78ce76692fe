"""Any number of labels: logits to predictions and answers."""

import copy
import json
import pickle
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from edgeft.data import Examples
from edgeft.errors import DataError, RunError, UsageError
from edgeft.tasks.head import NO_WISH, PLAIN, Head, Wish
from edgeft.tasks.labels import TASK, Labels
from edgeft.tasks.outputs import sigmoid
from edgeft.tasks.reading import read_examples
from tests.encoded import encoded

NAMES = ("joy", "爱", "😀")


def odds(*scores: float) -> list[float]:
    return [float(np.log(one / (1 - one))) for one in scores]


def outputs(*rows: list[float]) -> dict[str, np.ndarray]:
    return {"logits": np.array(rows, np.float32)}


def decoded(logits: dict[str, np.ndarray], head: Head = PLAIN) -> list[Labels]:
    texts = [encoded([1])] * len(logits["logits"])
    return TASK.decode(logits, texts, ["text"] * len(texts), NAMES, head)


def test_sigmoids_of_known_logits_and_of_extreme_ones() -> None:
    logits = np.array([0.0, np.log(3.0), 1e4, -1e4, -np.log(3.0)], np.float32)
    np.testing.assert_allclose(sigmoid(logits), [0.5, 0.75, 1.0, 0.0, 0.25], atol=1e-7)
    assert sigmoid(logits).dtype == np.float32


def test_every_label_is_given_by_itself_the_surest_first() -> None:
    both, none, all_three = decoded(
        outputs(odds(0.6, 0.2, 0.9), odds(0.1, 0.2, 0.3), odds(0.9, 0.7, 0.8))
    )
    assert both.labels == ("😀", "joy")
    assert both.scores["爱"] == pytest.approx(0.2)
    assert none.labels == ()
    assert all_three.labels == ("joy", "😀", "爱")
    assert json.dumps(TASK.show(none, False)) == json.dumps(
        {"labels": [], "scores": {}, "truncated": False, "unknown_share": 0.0}
    )
    assert TASK.show(both, False)["scores"] == {"😀": 0.9, "joy": 0.6}
    assert list(TASK.show(both, True)["scores"]) == list(NAMES)
    for one in (copy.deepcopy(both), pickle.loads(pickle.dumps(both))):
        assert one == both
    assert asdict(both)["scores"] == dict(both.scores)


def test_thresholds_decide_and_temperature_changes_scores() -> None:
    logits = outputs(odds(0.3, 0.3, 0.6))
    (one,) = decoded(logits, Head(thresholds=(0.25, 0.35, 0.7)))
    assert one.labels == ("joy",)
    (cool,) = decoded(logits, Head(temperature=2.0))
    assert cool.scores["joy"] == pytest.approx(1 / (1 + (7 / 3) ** 0.5))
    answers = TASK.answer(logits, [encoded([1])], ["t"], NAMES, Head(thresholds=(0.25, 0.35, 0.7)))
    assert answers.given is answers.likeliest
    assert list(answers.given) == [(0,)]
    assert answers.parts is not None
    assert answers.parts.tolist() == [0, -1, -1]
    np.testing.assert_allclose(answers.margin, [0.05 / 0.75, 0.05 / 0.35, 0.1 / 0.7], rtol=1e-4)
    certain = TASK.answer(logits, [encoded([1])], ["t"], NAMES, Head(thresholds=(0.0, 1.0, 0.5)))
    assert list(certain.given) == [(0, 2)]


def test_answers_that_are_no_numbers_are_none() -> None:
    with pytest.raises(RunError, match="no numbers"):
        decoded(outputs([0.0, float("nan"), 0.0]))


def test_no_texts_get_no_answers() -> None:
    none = {"logits": np.zeros((0, 3), np.float32)}
    assert TASK.decode(none, [], [], NAMES, PLAIN) == []
    assert list(TASK.answer(none, [], [], NAMES, PLAIN).given) == []


def test_a_text_is_as_sure_as_its_least_sure_label() -> None:
    logits, texts = outputs(odds(0.9, 0.2, 0.6), odds(0.9, 0.05, 0.99)), [encoded([1])] * 2
    sure = TASK.sure(logits, texts, ["a", "b"], NAMES, PLAIN)
    np.testing.assert_allclose(sure, [0.6, 0.9], rtol=1e-5)
    low = TASK.sure(logits, texts, ["a", "b"], NAMES, Head(thresholds=(0.5, 0.1, 0.5)))
    np.testing.assert_allclose(low, [0.2, 0.9], rtol=1e-5)  # given, though unlikely to hold


def test_sets_are_alike_by_what_they_share() -> None:
    same = TASK.same([(0, 1), (), (0,), ()], [(1, 2), (), (1,), (0,)])
    np.testing.assert_allclose(same, [1 / 3, 1, 0, 0])


def test_the_rarest_label_of_a_row_is_its_stratum() -> None:
    truths = [(0, 1), (0,), (0,), (), (1,), ()]
    assert TASK.strata(truths, NAMES) == ["爱", "joy", "joy", "none", "爱", "none"]
    assert TASK.shown([(0, 2), ()], NAMES) == [("joy", "😀"), ()]


def test_what_is_wished_of_one_label_is_refused_by_name() -> None:
    TASK.check(NO_WISH, NAMES)
    for wish in (Wish("joy", precision=0.9), Wish("joy", recall=0.9), Wish(right=0.9)):
        with pytest.raises(UsageError, match="each label's is set for its best F1"):
            TASK.check(wish, NAMES)


def test_the_card_says_how_labels_are_given() -> None:
    fitted = Head(thresholds=(0.25, 0.5, 0.75))
    assert TASK.rules(PLAIN) == ()
    assert TASK.rules(fitted) == ("each label from a score of its own on (0.2500 to 0.7500)",)
    assert "from a score of 0.5 on" in TASK.limits([PLAIN])[0]
    assert "set for each variant by itself" in TASK.limits([PLAIN, fitted])[0]
    assert TASK.cautions([PLAIN], 0) == ()
    (caution,) = TASK.cautions([fitted], 0)
    assert caution.startswith("1 label is in no row that chooses, and is given from a score of 0.5")


def test_a_head_is_fitted_to_rows() -> None:
    logits = outputs(*([odds(0.4, 0.2, 0.1)] * 40), *([odds(0.2, 0.1, 0.1)] * 60))
    truths = [(0,)] * 40 + [()] * 60
    texts = [encoded([1])] * 100
    head = TASK.fit(logits, texts, ["t"] * 100, truths, NAMES, NO_WISH, "fp32")
    assert head.temperature < 1  # it was less sure than right
    assert list(TASK.answer(logits, texts, ["t"] * 100, NAMES, head).given) == truths
    assert head.thresholds[1:] == (0.5, 0.5)
    suited = TASK.suited(logits, truths, NAMES)
    assert suited.temperature == 1.0
    assert list(TASK.answer(logits, texts, ["t"] * 100, NAMES, suited).given) == truths
    further = TASK.further(logits, truths, NAMES, head)
    assert further["lrap"] == 1.0
    assert TASK.further(logits, truths, NAMES, PLAIN)["ece"] > further["ece"]


def test_a_column_of_texts_is_not_taken_for_labels(tmp_path: Path) -> None:
    def read(names: int) -> Examples:
        path = tmp_path / f"{names}.jsonl"
        rows = [{"text": f"text {at}", "labels": [f"l{at % names}", f"m{at // 2}"]}
                for at in range(5_000)]  # fmt: skip
        path.write_text("".join(f"{json.dumps(one)}\n" for one in rows))
        return read_examples(path, TASK)

    assert len(TASK.labels(read(7))) == 2507  # each has rows enough
    with pytest.raises(DataError, match=r"5000\.jsonl has 7,500 labels in 5,000 rows") as found:
        TASK.labels(read(5_000))
    assert "--label-column" in found.value.hint
