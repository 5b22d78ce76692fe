"""What entities are worth: as seqeval counts them."""

import json

import numpy as np
import pytest

from edgeft.tasks.entities import TASK
from edgeft.tasks.head import PLAIN, Head
from tests.encoded import in_pieces
from tests.tagged import LABELS, logits_of

TRUTHS = [((0, 1, 1), (4, 6, 3)), ((0, 2, 1),), (), ((3, 5, 3),)]
ANSWERS = [((0, 1, 1), (4, 6, 1)), ((0, 1, 1),), ((7, 9, 3),), ()]


def test_scores_by_span_and_label() -> None:
    scores = TASK.score(TRUTHS, ANSWERS, LABELS)
    assert scores.rows == 4
    assert scores.support == {"LOC": 2, "PER": 2}
    assert scores.headline() == {
        "entity_f1": 0.25,
        "entity_precision": 0.25,
        "entity_recall": 0.25,
        "rows": 4,
    }
    told = json.loads(json.dumps(scores.to_dict()))
    assert told["per_label"]["LOC"] == {
        "precision": 0.333333, "recall": 0.5, "f1": 0.4, "support": 2, "found": 3,
    }  # fmt: skip
    assert told["mistakes"] == {"other label": 1, "other span": 1, "missed": 1, "not there": 1}
    by_label, mistakes = scores.tables("test")
    assert by_label[2][0] == ["LOC", "0.3333", "0.5000", "0.4000", 2]
    assert mistakes[2][0] == ["other label", 1]
    assert scores.outcome(PLAIN) == {}
    assert scores.outcome(Head(min_score=0.5))["entity_f1"] == 0.25
    nothing = TASK.score([()], [()], LABELS)
    assert nothing.figure("entity_f1") == 0.0
    with pytest.raises(ValueError, match="same length"):
        TASK.score([], [], LABELS)


def test_figures_are_the_scores_of_rows_repeated_by_weight() -> None:
    weights = np.array([[1, 3], [1, 0], [1, 2], [1, 1]], np.float64)  # (M, D)
    figures = TASK.figures(TRUTHS, ANSWERS, LABELS, weights)["entity_f1"]

    def repeated(rows: list, times: np.ndarray) -> list:
        return [row for row, n in zip(rows, times, strict=True) for _ in range(int(n))]

    expected = [
        TASK.score(repeated(TRUTHS, one), repeated(ANSWERS, one), LABELS).figure("entity_f1")
        for one in weights.T
    ]
    assert figures == pytest.approx(expected)
    assert TASK.figures([()], [()], LABELS, np.ones((1, 1)))["entity_f1"] == [0.0]


# What seqeval 1.2.2 gives in its strict mode for IOB2: (F1, precision, recall).
SEQEVAL = [
    (["B-PER I-PER O B-LOC"], ["B-PER I-PER O B-LOC"], (1.0, 1.0, 1.0)),
    (["B-PER I-PER O B-LOC"], ["B-PER O O B-LOC"], (0.5, 0.5, 0.5)),
    (["B-PER I-PER O B-LOC", "O O"], ["B-PER B-PER O O", "B-LOC O"], (0.0, 0.0, 0.0)),
    (["B-PER B-PER I-PER", "B-LOC O"], ["B-PER B-PER O", "B-LOC O"], (2 / 3, 2 / 3, 2 / 3)),
    (["B-PER O B-LOC I-LOC"], ["O O B-LOC I-LOC"], (2 / 3, 1.0, 0.5)),
]


@pytest.mark.parametrize(("true", "predicted", "expected"), SEQEVAL)
def test_scores_are_those_of_seqeval(true: list, predicted: list, expected: tuple) -> None:
    def spans(line: str) -> tuple:
        tags = line.split()
        text = " ".join("w" for _ in tags)
        one = in_pieces(text)
        return next(
            iter(TASK.answer({"logits": [logits_of(tags)]}, [one], [text], LABELS, PLAIN).given)
        )

    scores = TASK.score([*map(spans, true)], [*map(spans, predicted)], LABELS)
    figures = (
        scores.headline()["entity_f1"],
        *(scores.headline()[n] for n in ("entity_precision", "entity_recall")),
    )
    assert figures == pytest.approx(expected, abs=1e-6)


def test_the_worst_row_is_a_seen_one_and_costs_more_than_any_other() -> None:
    worst = TASK.worst(TRUTHS, ANSWERS, ANSWERS, LABELS, 3.7)
    assert worst is not None
    truth, answer, reference = worst
    assert truth == reference == TRUTHS[0]
    assert not set(answer) & set(truth)
    assert len(answer) == len(truth)
    assert TASK.worst([()], [()], [()], LABELS, 3.7) is None


def test_the_worst_row_is_of_typical_size_not_the_longest_list_of_names() -> None:
    def row(size: int) -> tuple[tuple[int, int, int], ...]:
        return tuple((at, at + 1, 1) for at in range(size))

    truths = [*[row(1)] * 60, *[row(3)] * 20, row(40)]  # an entity stands among 11.5 on average
    worst = [TASK.worst(some, [], [], LABELS, 3.7) for some in ([*truths, row(12)], truths[:80])]
    assert [one and one[0] for one in worst] == [row(12), row(3)]
