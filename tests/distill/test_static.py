from pathlib import Path

import numpy as np
import pytest
import torch

from edgeft.checkpoint.open import open_checkpoint
from edgeft.distill.static import begin_static, principal, rarities, token_vectors
from tests import tiny


def test_vectors_lie_along_their_principal_components() -> None:
    rng = np.random.default_rng(0)
    spread = np.array([5.0, 3.0, 1.0, 0.1])
    turned, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    vectors = (rng.normal(size=(2000, 4)) * spread) @ turned + 7.0
    found = principal(vectors.astype(np.float32), 3)
    assert found.shape == (2000, 3)
    assert np.abs(found.mean(0)).max() < 1e-4
    assert np.mean(found**2) == pytest.approx(1.0, abs=1e-5)
    sizes = found.std(0)
    assert sizes[0] / sizes[1] == pytest.approx(5 / 3, rel=0.1)
    assert sizes[1] / sizes[2] == pytest.approx(3, rel=0.1)
    across = np.corrcoef(found.T) - np.eye(3)
    assert np.abs(across).max() < 1e-4
    assert principal(vectors.astype(np.float32), 9).shape == (2000, 4)


def test_common_tokens_count_less() -> None:
    found = rarities(1000)
    assert found.mean() == pytest.approx(1)
    assert (np.diff(found) > 0).all()
    assert found[0] == 0


def test_a_token_is_what_its_teacher_says_of_it_alone(tmp_path: Path) -> None:
    teacher = open_checkpoint(str(tiny.bert(tmp_path / "bert")))
    vectors = token_vectors(teacher)
    token = teacher.tokenizer.convert_tokens_to_ids("river")
    ids = teacher.tokenizer("river", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        states = teacher.model.base_model(input_ids=ids).last_hidden_state[0, 1]
    np.testing.assert_allclose(vectors[token], states.numpy(), atol=1e-5)
    model = begin_static(teacher, seed=3)
    again = begin_static(teacher, seed=3)
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    assert model.config.id2label == dict(enumerate(teacher.labels))
    weights = model.static.token_weights.weight.detach().exp().squeeze(1)
    assert weights[teacher.tokenizer.cls_token_id] < 0.01 < weights[token]
