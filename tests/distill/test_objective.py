"""What a student learns of rows with labels, and of rows without."""

import numpy as np
import pytest
import torch

from edgeft.distill.objective import distilled
from edgeft.distill.pupil import Said
from edgeft.tasks.encoded import Encoded, Part
from edgeft.train.objectives import classification, entities
from edgeft.train.objectives.classes import soft_loss

LABELS = ("calm", "glad", "sad")
TEXTS = ["labelled", "bare"]
SOFT = {"labelled": np.array([0.1, 2.0, -1.0], np.float32), "bare": np.array([1, 0, 3], np.float32)}


def encoded(tokens: int = 3) -> Encoded:
    return Encoded((Part(list(range(tokens)), range(1, tokens - 1), tokens - 2),))


@pytest.mark.parametrize("weights", [None, torch.tensor([2.0, 0.5, 1.0])], ids=["even", "weighted"])
def test_the_label_in_the_place_of_none_teaches_nothing(weights: torch.Tensor | None) -> None:
    logits = torch.tensor([[0.2, 0.1, -0.3], [0.5, -1.0, 0.7]], requires_grad=True)

    def learned(truth: int, hard: float) -> tuple[float, np.ndarray]:
        objective = distilled(
            classification.OBJECTIVE, hard=hard, temperature=2.0, soft=SOFT, bare={"bare"}
        )
        rows = objective.targets(TEXTS, [encoded(), encoded()], [1, truth], LABELS)
        assert (
            np.count_nonzero(objective.weights([one for some in rows for one in some], LABELS)) == 1
        )
        batch = objective.pad([target for some in rows for _, target in some], 3)
        loss = objective.loss(Said(logits=logits), batch, weights, 0.0)
        (slope,) = torch.autograd.grad(loss, logits)
        return float(loss.detach()), slope.numpy()

    one, slope = learned(0, 0.25)
    other, same = learned(2, 0.25)
    assert one == other
    assert np.array_equal(slope, same)
    taught = torch.from_numpy(np.stack([SOFT[text] for text in TEXTS]))
    soft = soft_loss(logits, taught, 2.0).sum()
    own = torch.nn.functional.cross_entropy(logits[:1], torch.tensor([1]), reduction="sum")
    counts = 1.0 if weights is None else float(weights[1])
    assert one == pytest.approx(float((0.75 * soft + 0.25 * counts * own).detach()), rel=1e-6)
    assert np.abs(learned(0, 1.0)[1][1]).max() == 0  # nothing but labels, and it has none


def test_of_a_tagged_text_without_labels_no_word_is_learned() -> None:
    objective = distilled(entities.OBJECTIVE, hard=0.5, temperature=2.0, soft=None, bare={"bare"})
    given = [([-100, 1, 0, -100], None, True), ([-100, 0, 0, -100], None, False)]
    assert objective.pad(given, 4)["labels"].tolist() == [[-100, 1, 0, -100], [-100] * 4]
