"""The targets of answer finders, and their loss."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from edgeft.inputs import Question
from edgeft.train.objectives import objective_named
from edgeft.train.objectives.answers import OBJECTIVE
from tests.encoded import in_pieces

CONTEXT = "Ada met Bo in Rome."
ASKED = Question("Where?", CONTEXT)


def places(truth: tuple, **how: int) -> list[tuple[int, int]]:
    one = in_pieces(CONTEXT, **how)  # Ada | met | Bo | in | Rom | e | .
    (rows,) = OBJECTIVE.targets([ASKED], [one], [truth], ())
    assert [row[0] for row in rows] == list(one.parts)[: len(rows)]
    assert all(target[2] == len(part.ids) for part, target in rows)
    return [target[:2] for _, target in rows]


def test_an_answer_is_its_first_and_last_token() -> None:
    assert places((("Rome", 14),)) == [(5, 6)]
    assert places((("met Bo", 4), ("Rome", 14))) == [(2, 3)]  # the first gold
    assert places(()) == [(0, 0)]
    assert places((("om", 15),)) == [(5, 5)]  # a piece cannot be cut
    assert objective_named("question-answering") is OBJECTIVE


def test_a_part_without_the_whole_answer_says_none() -> None:
    assert places((("Rome", 14),), most=5, overlap=2) == [(0, 0), (2, 3)]
    assert places((("Bo in Rome", 8),), most=3, overlap=0) == [(0, 0)] * 3


def test_the_loss_is_a_sum_over_parts_that_padding_leaves_alone() -> None:
    chance = np.random.default_rng(0)
    targets = [(1, 2, 4), (0, 0, 6)]
    logits = {
        name: [chance.normal(size=tokens).astype(np.float32) for *_, tokens in targets]
        for name in ("start_logits", "end_logits")
    }
    part = in_pieces("").parts[0]

    def loss(width: int, smoothing: float) -> float:
        padded = {}
        for name, rows in logits.items():
            padded[name] = torch.full((2, width), 7.0)
            for at, row in enumerate(rows):
                padded[name][at, : len(row)] = torch.tensor(row)
        batch = OBJECTIVE.pad(targets, width)
        return float(OBJECTIVE.loss(SimpleNamespace(**padded), batch, None, smoothing))

    mean = OBJECTIVE.numpy_loss(logits, [(part, target) for target in targets])
    assert loss(6, 0.0) / OBJECTIVE.count(targets) == pytest.approx(mean, rel=1e-5)
    assert loss(9, 0.0) == pytest.approx(loss(6, 0.0), rel=1e-6)
    assert loss(9, 0.1) == pytest.approx(loss(6, 0.1), rel=1e-6)
    # As torch smooths, of a row without padding.
    one = torch.tensor(logits["start_logits"][1])[None], torch.tensor(logits["end_logits"][1])[None]
    expected = sum(
        torch.nn.functional.cross_entropy(row, torch.tensor([0]), label_smoothing=0.1)
        for row in one
    )
    outputs = SimpleNamespace(start_logits=one[0], end_logits=one[1])
    found = OBJECTIVE.loss(outputs, OBJECTIVE.pad(targets[1:], 6), None, 0.1)
    assert float(found) == pytest.approx(float(expected) / 2, rel=1e-6)


def test_figures_of_what_cannot_be_learned_as_it_is() -> None:
    one = in_pieces(CONTEXT, most=3, overlap=0)  # Ada met Bo | in Rom e | .
    truths = [(("Ada", 0),), (("Bo in", 8),), (("om", 15),), (), (("Rome", 14), ("Ada", 0))]
    rows = [one, one, one, one, replace(one, cut=2)]
    found = OBJECTIVE.figures([ASKED] * 5, rows, truths, ())
    values = {figure.name: figure.value for figure in found}
    assert values == {"answers_outside": 1, "answers_inexact": 1, "questions_cut": 1}
    warnings = [figure.warning for figure in found if figure.warning]
    assert [warning.split(":")[0] for warning in warnings] == [
        "1 answer is in no window whole and counts as none",
        "1 of 5 questions takes more than half of the tokens",
    ]
    assert not any(figure.warning for figure in OBJECTIVE.figures([ASKED], [one], [()], ()))


def test_a_head_of_two() -> None:
    assert OBJECTIVE.config(()) == {"num_labels": 2}
    assert OBJECTIVE.weights([], ()).tolist() == [1.0]
