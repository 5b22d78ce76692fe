import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.static import (
    FACTORS,
    LEAST_WEIGHT,
    PRIME,
    StaticForSequenceClassification,
    new_static,
)
from edgeft.errors import ModelError
from tests import tiny
from tests.checkpoint.folders import rewritten, with_json
from tests.originals import torch_logits

LABELS = ("no", "yes")


def made(*, bigrams: int = 0, inner: int = 0, seed: int = 0) -> StaticForSequenceClassification:
    vectors = np.random.default_rng(7).normal(size=(9, 4))
    return new_static(
        vectors, [0, 1, 2, 1, 1, 1, 1, 1, 1], {"id2label": dict(enumerate(LABELS))},
        bigrams=bigrams, inner=inner, seed=seed,
    )  # fmt: skip


def logits(model: StaticForSequenceClassification, *rows: list[int]) -> np.ndarray:
    """Rows of ids, with padding of the id 0 behind the shorter ones."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    with torch.inference_mode():
        return model(ids, mask).logits.numpy()


def test_a_text_is_the_weighted_mean_of_its_vectors() -> None:
    model = made()
    table = model.static.embeddings.weight.detach().numpy()
    mean = (LEAST_WEIGHT * table[0] + 2 * table[2] + table[5]) / (LEAST_WEIGHT + 3)
    head = model.classifier
    expected = head.weight.detach().numpy() @ mean + head.bias.detach().numpy()
    np.testing.assert_allclose(logits(model, [0, 2, 5])[0], expected, atol=1e-6)
    # Without pairs the order says nothing.
    np.testing.assert_allclose(logits(model, [5, 0, 2]), logits(model, [0, 2, 5]), atol=1e-6)


def test_pairs_of_neighbours_are_hashed_and_tell_the_order() -> None:
    model = made(bigrams=50)
    first = logits(model, [3, 2, 5])
    np.testing.assert_allclose(first, logits(model, [5, 2, 3]), atol=1e-6)  # pairs are 0 at first
    with torch.no_grad():
        model.static.bigrams.weight.normal_(generator=torch.Generator().manual_seed(1))
    buckets = [(a * FACTORS[0] + b * FACTORS[1]) % PRIME % 50 for a, b in ((3, 2), (2, 5))]
    pairs = model.static.bigrams.weight[buckets].mean(dim=0)
    moved = (model.classifier.weight @ pairs).detach().numpy()
    np.testing.assert_allclose((logits(model, [3, 2, 5]) - first)[0], moved, atol=1e-6)
    assert np.abs(logits(model, [5, 2, 3]) - logits(model, [3, 2, 5])).max() > 0.1


@pytest.mark.parametrize(("bigrams", "inner"), [(0, 0), (50, 0), (50, 6)])
def test_padding_and_neighbours_say_nothing(bigrams: int, inner: int) -> None:
    model = made(bigrams=bigrams, inner=inner)
    rows = [[3], [1, 2, 3, 4, 5, 6, 7, 8], [0], [4, 4]]
    alone = np.concatenate([logits(model, row) for row in rows])
    np.testing.assert_allclose(logits(model, *rows), alone, atol=1e-6)
    assert np.isfinite(alone).all()


def test_the_perceptron_is_drawn_from_the_seed_alone() -> None:
    before = torch.get_rng_state()
    one, same, other = (made(inner=6, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.classifier.weight, same.classifier.weight)
    assert torch.equal(one.inner.weight, same.inner.weight)
    assert not torch.equal(one.classifier.weight, other.classifier.weight)


def test_it_is_a_checkpoint_like_any_other(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(str(tiny.static(tmp_path / "c")))
    assert type(checkpoint.model) is StaticForSequenceClassification
    assert checkpoint.labels == tiny.LABELS
    assert (checkpoint.max_length, checkpoint.notes) == (64, ())
    texts = ["", "the cat", "rain fell " * 60]
    alone = np.concatenate([torch_logits(checkpoint, [text]) for text in texts])
    np.testing.assert_allclose(torch_logits(checkpoint, texts), alone, atol=1e-5)
    # Two of its own parts, not where others keep theirs.
    content = json.loads((tmp_path / "c" / "config.json").read_text(encoding="utf-8"))
    assert content["architectures"] == ["StaticForSequenceClassification"]
    assert "auto_map" not in content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bigrams": 100}, "static.bigrams.weight.*has the shape.*by its config.json"),
        ({"hidden_size": 31}, "has the shape"),
        ({"vocab_size": 100}, "its tokenizer has 1.. tokens, the model only 100"),
        ({"inner": 0}, "lack 'classifier.weight'|does not fit"),
        ({"inner": "wide"}, "cannot be loaded"),
        ({"bigrams": -1}, "cannot be loaded"),
    ],
)
def test_a_config_of_another_model_is_one_clear_message(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    folder = with_json(tiny.static(tmp_path / "c"), tmp_path / "d", "config.json", **change)
    with pytest.raises(ModelError, match=said):
        open_checkpoint(str(folder))


@pytest.mark.parametrize("lost", ["static.token_weights.weight", "static.codes", "inner.weight"])
def test_weights_that_lack_a_part_are_refused(tmp_path: Path, lost: str) -> None:
    def without(tensors: dict[str, object]) -> dict[str, object]:
        return {name: one for name, one in tensors.items() if name != lost}

    folder = rewritten(tiny.static(tmp_path / "c"), tmp_path / "d", without)
    with pytest.raises(ModelError, match=f"lack '{lost}'"):
        open_checkpoint(str(folder))


def test_the_tokens_of_use_learn_alone() -> None:
    model = made(bigrams=50)
    before = model.static.embeddings.weight.detach().clone()
    rows = ([3, 2, 5], [5, 8])
    expected = logits(model, *rows)
    with model.only({0, 2, 3, 5, 8}):
        assert model.static.embeddings.weight.shape == (5, 4)
        np.testing.assert_array_equal(logits(model, *rows), expected)
        with torch.no_grad():
            model.static.embeddings.weight.add_(1)
        moved = logits(model, *rows)
    np.testing.assert_array_equal(logits(model, *rows), moved)
    changed = (model.static.embeddings.weight != before).any(dim=1)
    assert changed.nonzero().ravel().tolist() == [0, 2, 3, 5, 8]
    assert set(model.state_dict()) == set(made(bigrams=50).state_dict())
