import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeft.checkpoint.open import open_checkpoint
from edgeft.errors import ModelError
from tests import tiny
from tests.export import architectures
from tests.originals import torch_logits


def edited(checkpoint: Path, to: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A copy with another config.json."""
    shutil.copytree(checkpoint, to)
    config = json.loads((to / "config.json").read_text(encoding="utf-8"))
    change(config)
    (to / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return to


def with_training(checkpoint: Path, to: Path, **content: object) -> Path:
    """A copy with a training.json."""
    shutil.copytree(checkpoint, to)
    (to / "training.json").write_text(json.dumps(content), encoding="utf-8")
    return to


def refused(folder: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        open_checkpoint(str(folder))
    return caught.value


def test_what_is_read(tiny_checkpoint: Path) -> None:
    checkpoint = open_checkpoint(str(tiny_checkpoint))
    assert checkpoint.labels == tiny.LABELS
    assert (checkpoint.max_length, checkpoint.normalize, checkpoint.name) == (64, (), "")
    assert len(checkpoint.weights_sha256) == 64
    assert not checkpoint.model.training


def test_roberta_loses_the_positions_below_its_first(tmp_path: Path) -> None:
    # 66 positions, of which 0 and 1 are never a token's own.
    checkpoint = open_checkpoint(str(architectures.roberta(tmp_path / "r")))
    assert checkpoint.max_length == 64
    logits = torch_logits(checkpoint, ["rain " * 100])  # (1, 3)
    assert np.isfinite(logits).all()


def test_training_json_says_how_texts_are_prepared(tiny_checkpoint: Path, tmp_path: Path) -> None:
    steps = ["whitespace", "markup"]
    folder = with_training(tiny_checkpoint, tmp_path / "t", max_length=24, normalize=steps)
    checkpoint = open_checkpoint(str(folder))
    assert (checkpoint.max_length, checkpoint.normalize) == (24, ("markup", "whitespace"))
    more = with_training(tiny_checkpoint, tmp_path / "m", max_length=9999)
    assert open_checkpoint(str(more)).max_length == 64


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"max_length": "long"}, r"training\.json cannot be read"),
        ({"max_length": math.inf}, "max_length is inf; it must be a whole number"),
        ({"max_length": -4}, "max_length is -4; it must be a whole number"),
        ({"max_length": 2}, "takes 2 tokens, 2 of which are special"),
        ({"labels": 5}, "labels is 5; it must be a list"),
        ({"data": "mine"}, "data is 'mine'; it must be an object"),
        ({"normalize": ["rot13"]}, "rot13"),
        ({"labels": ["yes", "no"]}, "records 2 labels"),
    ],
)
def test_a_training_json_without_sense(
    tiny_checkpoint: Path, tmp_path: Path, content: dict[str, object], words: str
) -> None:
    folder = with_training(tiny_checkpoint, tmp_path / "t", **content)
    with pytest.raises(ModelError, match=words):
        open_checkpoint(str(folder))


def test_what_is_no_model_folder(tmp_path: Path, tiny_bundle: Path) -> None:
    assert "has no config.json" in refused(tmp_path).message
    assert "is not a folder" in refused(tmp_path / "missing").message
    assert "is a bundle already" in refused(tiny_bundle).message
    with pytest.raises(ModelError, match="name of the model is empty"):
        open_checkpoint("")


def test_a_hub_id_without_a_network_is_one_clear_error() -> None:
    with pytest.raises(ModelError, match="'no-such/model' is no folder here"):
        open_checkpoint("no-such/model")


def test_an_encoder_without_a_head(tmp_path: Path) -> None:
    error = refused(tiny.encoder(tmp_path / "e"))
    assert "is no text classifier: its config names BertModel" in error.message
    assert "edgeft train DATA --model" in error.hint


def test_a_config_that_promises_a_head_that_the_weights_lack(tmp_path: Path) -> None:
    folder = edited(
        tiny.encoder(tmp_path / "e"),
        tmp_path / "c",
        lambda config: config.update(architectures=["BertForSequenceClassification"]),
    )
    error = refused(folder)
    assert "lack 'classifier.bias', which every text classifier has" in error.message
    assert "edgeft train DATA --model" in error.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"problem_type": "regression"}, "3 labels; a head for text-regression gives 1 for each"),
        (
            {
                "id2label": {"0": "only"},
                "label2id": {"only": 0},
                "problem_type": "single_label_classification",
            },
            "names 1 label; text classifiers",
        ),
        ({"id2label": {"0": "a", "1": "a", "2": "b"}}, "3 different labels"),
        ({"id2label": {"0": "a", "1": "b", "3": "c"}}, "3 different labels"),
        ({"vocab_size": 7}, "the model only 7"),
        ({"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}}, "not fit the 2 labels"),
        ({"model_type": "nosuch", "auto_map": {"AutoConfig": "evil.Config"}}, "never runs such"),
    ],
)
def test_models_that_cannot_be_exported(
    tiny_checkpoint: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    folder = edited(tiny_checkpoint, tmp_path / "c", lambda config: config.update(change))
    assert words in refused(folder).message


def test_pickled_weights_are_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "c")
    (tmp_path / "c" / "model.safetensors").rename(tmp_path / "c" / "pytorch_model.bin")
    assert "it has only pytorch_model.bin" in refused(tmp_path / "c").message


def test_damaged_weights_and_a_missing_tokenizer(tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "c")
    weights = tmp_path / "c" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "is damaged, incomplete" in refused(tmp_path / "c").message
    shutil.copytree(tiny_checkpoint, tmp_path / "t")
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        (tmp_path / "t" / name).unlink(missing_ok=name == "vocab.txt")  # not all versions write it
    found = refused(tmp_path / "t")
    assert found.message.endswith("no tokenizer.json, and no other tokenizer that can be read.")
    assert "Copy tokenizer.json" in found.hint


@pytest.mark.parametrize("label", ["half\ud800", "a" * 10_001])
def test_a_label_that_no_bundle_holds_is_told_first(
    tiny_checkpoint: Path, tmp_path: Path, label: str
) -> None:
    labels = {"0": "calm", "1": label, "2": "sad"}
    folder = edited(tiny_checkpoint, tmp_path / "c", lambda one: one.update(id2label=labels))
    found = refused(folder)
    assert "id2label in its config.json holds" in found.message
    assert len(found.message) < 1000


def test_answers_that_are_no_numbers(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = edited(
        tiny_checkpoint, tmp_path / "c", lambda one: one.update(layer_norm_eps=float("nan"))
    )
    assert "with what is no number (NaN or infinity)" in refused(folder).message
