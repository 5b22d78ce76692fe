"""The targets of taggers, and their loss."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from edgeft.tasks.tags import bio, io
from edgeft.train.objectives import objective_named
from edgeft.train.objectives.classes import IGNORED
from edgeft.train.objectives.entities import OBJECTIVE
from edgeft.train.recipe import default_label_smoothing
from tests.encoded import in_pieces

LABELS = bio(["LOC", "PER"])
TEXT = "Ada Lovelace met Babbage"
SPANS = ((0, 12, 3), (17, 24, 3))


def test_labels_stand_on_the_first_piece_of_each_word() -> None:
    one = in_pieces(TEXT)  # Ada | Lov ela ce | met | Bab bag e
    ((row,),) = OBJECTIVE.targets([TEXT], [one], [SPANS], LABELS)
    no = IGNORED
    assert row == (one.parts[0], [no, 3, 4, no, no, 0, 3, no, no, no])
    assert objective_named("token-classification") is OBJECTIVE
    plain = tuple((start, end, 2) for start, end, _ in SPANS)
    ((row,),) = OBJECTIVE.targets([TEXT], [one], [plain], io(["LOC", "PER"]))
    assert row[1] == [no, 2, 2, no, no, 0, 2, no, no, no]


def test_every_window_is_a_row_and_a_word_that_began_before_it_is_not_asked() -> None:
    one = in_pieces(TEXT, most=3, overlap=1)
    (rows,) = OBJECTIVE.targets([TEXT], [one], [SPANS], LABELS)
    no = IGNORED
    # Ada Lov ela | ela ce met | met Bab bag | bag e: of the last nothing can be learned.
    assert [target for _, target in rows] == [
        [no, 3, 4, no, no], [no, no, no, 0, no], [no, 0, 3, no, no],
    ]  # fmt: skip
    assert [part for part, _ in rows] == list(one.parts[:3])


def test_a_word_that_an_entity_cuts_is_its_own_and_an_empty_text_teaches_nothing() -> None:
    one = in_pieces("pre-Lovelace", piece=99)
    texts, encoded = ["pre-Lovelace", ""], [one, in_pieces("")]
    (row,), none = OBJECTIVE.targets(texts, encoded, [((6, 12, 3),), ()], LABELS)
    assert row[1] == [IGNORED, 0, 0, 3, IGNORED]
    assert none == []


def test_batches_and_weights_count_words() -> None:
    targets = [[IGNORED, 1, IGNORED], [IGNORED, 0, 0, 0, IGNORED]]
    padded = OBJECTIVE.pad(targets, 6)["labels"]
    assert padded.tolist() == [
        [IGNORED, 1, IGNORED, IGNORED, IGNORED, IGNORED],
        [IGNORED, 0, 0, 0, IGNORED, IGNORED],
    ]
    assert OBJECTIVE.count(targets) == 4
    rows = [(in_pieces("").parts[0], target) for target in targets]
    assert OBJECTIVE.weights(rows, ("O", "X")) == pytest.approx([4 / 6, 2.0])


def test_a_label_that_nothing_shows_is_not_taught() -> None:
    """Entities of one word show no I-, and from ten labels on targets are smoothed."""
    labels = bio(["A", "B", "C", "D", "E"])
    words = [0] * 300 + [1, 3, 5, 7] * 10 + [9]  # E once
    rows = [(in_pieces("").parts[0], [IGNORED, *words])]
    weights = OBJECTIVE.weights(rows, labels)
    assert [labels[at] for at, weight in enumerate(weights) if not weight] == [
        "I-A", "I-B", "I-C", "I-D", "I-E",
    ]  # fmt: skip
    assert weights[0] == pytest.approx(341 / (6 * 300))
    assert weights[9] == 32.0 < 341 / 6  # as much as a batch's rows
    smoothing = default_label_smoothing(len(labels))
    assert smoothing > 0
    logits = torch.zeros((2, len(labels)), requires_grad=True)
    batch = OBJECTIVE.pad([[0], [1]], 1)
    minimizer = torch.optim.LBFGS([logits], max_iter=100)

    def loss() -> torch.Tensor:
        minimizer.zero_grad()
        total = OBJECTIVE.loss(
            SimpleNamespace(logits=logits[:, None]), batch, torch.from_numpy(weights), smoothing
        )
        total.backward()
        return total

    minimizer.step(loss)
    taught = logits.softmax(dim=1)  # what is best to say of "O", and of "B-A"
    even = smoothing / len(labels)
    for row, label in ((0, 0), (1, 1)):
        wanted = torch.full((len(labels),), even)
        wanted[label] += 1 - smoothing
        assert torch.allclose(taught[row], wanted, atol=1e-3)


def test_the_loss_is_a_sum_over_words_and_its_mean_that_of_numpy() -> None:
    chance = np.random.default_rng(0)
    targets = [[IGNORED, 1, 2, IGNORED], [IGNORED, 0, IGNORED]]
    logits = [chance.normal(size=(len(one), 3)).astype(np.float32) for one in targets]
    rows = [(in_pieces("").parts[0], target) for target in targets]
    padded = np.full((2, 4, 3), 9.0, np.float32)  # behind the end stands anything
    for at, one in enumerate(logits):
        padded[at, : len(one)] = one
    outputs = SimpleNamespace(logits=torch.tensor(padded))
    batch = OBJECTIVE.pad(targets, 4)
    total = float(OBJECTIVE.loss(outputs, batch, None, 0.0))
    assert total / OBJECTIVE.count(targets) == pytest.approx(
        OBJECTIVE.numpy_loss({"logits": logits}, rows), rel=1e-5
    )
    double = float(OBJECTIVE.loss(outputs, batch, torch.tensor([2.0, 2.0, 2.0]), 0.0))
    assert double == pytest.approx(2 * total, rel=1e-6)


def test_figures_in_words() -> None:
    texts = [TEXT, "", "Ada Ada pre-Ada"]
    spans = [SPANS, (), ((0, 3, 3), (4, 7, 3), (12, 14, 1))]  # the last is "Ad"
    rows = [in_pieces(text) for text in texts]
    figures = OBJECTIVE.figures(texts, rows, spans, LABELS)
    assert {one.name: one.value for one in figures} == {
        "words": {"p50": 4, "p99": 5, "max": 5},
        "entity_words": {"p50": 1, "p99": 2, "max": 2},
        "entities_cut": 1,
    }
    assert figures[-1].warning.startswith("1 of 5 entities begins or ends within a word")
    plain = [tuple((start, end, (at + 1) // 2) for start, end, at in some) for some in spans]
    joined = OBJECTIVE.figures(texts, rows, plain, io(["LOC", "PER"]))[-1]
    assert (joined.name, joined.value) == ("entities_joined", 1)
    assert "leave out --labels" in joined.warning
    none = OBJECTIVE.figures([""], [in_pieces("")], [()], LABELS)
    assert [one.warning for one in none] == ["", "", ""]
    assert none[1].value == {"p50": 0, "p99": 0, "max": 0}


def test_what_the_config_says() -> None:
    config = OBJECTIVE.config(("O", "X"))
    assert config == {
        "num_labels": 2, "id2label": {0: "O", 1: "X"}, "label2id": {"O": 0, "X": 1},
    }  # fmt: skip
