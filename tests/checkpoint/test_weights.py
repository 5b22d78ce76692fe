"""Weights as people have them: nothing of a model but its head becomes random."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file

from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.weights import find_weights
from edgeft.errors import ModelError
from edgeft.train.models import build_model, open_base
from edgeft.train.objectives.classification import OBJECTIVE
from tests import tiny
from tests.checkpoint.folders import rewritten, with_json
from tests.originals import torch_logits


def trained(folder: Path) -> Any:
    return build_model(open_base(str(folder)), OBJECTIVE, ("no", "yes"), seed=0)


def shards(encoder: Path, folder: Path) -> Path:
    """The encoder's weights in two files and an index."""
    names: dict[str, str] = {}

    def halve(tensors: dict[str, Any]) -> dict[str, Any]:
        for number, kept in enumerate((True, False)):
            part = {key: one for key, one in tensors.items() if ("layer.0" in key) == kept}
            file = f"model-0000{number + 1}-of-00002.safetensors"
            save_file(part, folder / file, metadata={"format": "pt"})
            names.update(dict.fromkeys(part, file))
        return tensors

    rewritten(encoder, folder, halve)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    return folder


@pytest.mark.parametrize(
    "wrapper", ["_orig_mod.", "module.", "model.", "0.auto_model.", "module._orig_mod."]
)
def test_a_wrapper_is_left_out_of_the_names(
    encoder: Path, tmp_path: Path, wrapper: str, tiny_checkpoint: Path
) -> None:
    def wrap(tensors: dict[str, Any]) -> dict[str, Any]:
        return {wrapper + key: one for key, one in tensors.items()}

    folder = rewritten(encoder, tmp_path / "base", wrap)
    assert f"begin with {wrapper!r}" in open_base(str(folder)).notes[0]
    expected, found = (trained(one).state_dict() for one in (encoder, folder))
    assert all(one.equal(found[key]) for key, one in expected.items())
    wrapped = open_checkpoint(str(rewritten(tiny_checkpoint, tmp_path / "whole", wrap)))
    plain = open_checkpoint(str(tiny_checkpoint))
    held = wrapped.model.state_dict()
    assert all(one.equal(held[key]) for key, one in plain.model.state_dict().items())
    # To the bit on no CPU whose sums depend on where in memory the file puts a tensor.
    np.testing.assert_allclose(
        torch_logits(wrapped, ["the sun"]), torch_logits(plain, ["the sun"]), atol=1e-6
    )
    assert f"begin with {wrapper!r}" in wrapped.notes[0]


def renamed(start: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda tensors: {start + key: one for key, one in tensors.items()}


def two_towers(tensors: dict[str, Any]) -> dict[str, Any]:
    return {f"{side}.{key}": one.clone() for side in "ab" for key, one in tensors.items()}


def without_a_layer(tensors: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in tensors.items() if "layer.1" not in key}


def with_a_layer_more(tensors: dict[str, Any]) -> dict[str, Any]:
    more = {key.replace("layer.1", "layer.2"): one.clone() for key, one in tensors.items()}
    return {**tensors, **more}


def of_another_vocabulary(tensors: dict[str, Any]) -> dict[str, Any]:
    key = "embeddings.word_embeddings.weight"
    return {**tensors, key: tensors[key][:50].clone()}


def never_merged(tensors: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("query.", "query.base_layer."): one for key, one in tensors.items()}


def spoiled(value: float) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(tensors: dict[str, Any]) -> dict[str, Any]:
        tensors["encoder.layer.0.output.dense.weight"][3, 5] = value
        return tensors

    return change


def coded(tensors: dict[str, Any]) -> dict[str, Any]:
    key = "encoder.layer.0.output.dense.weight"
    return {**tensors, key: tensors[key].to(torch.int8)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_a_layer, r"lack 16 tensors \('bert\.encoder\.layer\.1\."),
        (with_a_layer_more, "more layers than its config.json names"),
        (of_another_vocabulary, r"the shape \(50, 32\) in its weights and \(\d+, 32\)"),
        (renamed("roberta."), "named as those of 'roberta'"),
        (two_towers, "several models, whose names begin with 'a.' and 'b.'"),
        (lambda tensors: {key[3:]: one for key, one in tensors.items()}, "would be random"),
        (lambda tensors: {}, "hold names such as 'nothing'"),
        (never_merged, r"adapter \(LoRA\) that was never merged"),
        (spoiled(float("nan")), r"no numbers \(NaN or infinity\), in 'bert\.encoder\.layer\.0"),
        (spoiled(float("inf")), "no numbers"),
        (coded, "its weights are quantized: 'encoder.layer.0.output.dense.weight'"),
    ],
)
def test_weights_that_would_leave_the_model_random(
    encoder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]], words: str
) -> None:
    folder = rewritten(encoder, tmp_path / "m", change)
    with pytest.raises(ModelError, match=words):
        trained(folder)


def test_export_does_not_lead_to_random_weights(tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = rewritten(tiny_checkpoint, tmp_path / "m", without_a_layer)
    with pytest.raises(ModelError, match="would be random") as caught:
        open_checkpoint(str(folder))
    assert "edgeft train" not in caught.value.hint


def test_a_pooler_and_a_head_may_be_missing(encoder: Path, tmp_path: Path) -> None:
    folder = rewritten(
        encoder,
        tmp_path / "m",
        lambda tensors: {key: one for key, one in tensors.items() if "pooler" not in key},
    )
    assert trained(folder).config.id2label == {0: "no", 1: "yes"}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_whole(encoder: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    folder = rewritten(
        encoder, tmp_path / "m", lambda tensors: {k: one.to(dtype) for k, one in tensors.items()}
    )
    assert {one.dtype for one in trained(folder).parameters()} == {torch.float32}


def test_weights_in_several_files(encoder: Path, tmp_path: Path) -> None:
    folder = shards(encoder, tmp_path / "m")
    (folder / "adapter.safetensors").write_bytes(b"what no index names")
    weights = find_weights("m", folder, auto_class="AutoModel")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in weights.files]
    assert weights.sha256 == hashlib.sha256("".join(digests).encode()).hexdigest()
    expected, found = (trained(one).state_dict() for one in (encoder, folder))
    assert all(one.equal(found[key]) for key, one in expected.items())


def test_an_index_that_names_what_is_not_there(encoder: Path, tmp_path: Path) -> None:
    folder = shards(encoder, tmp_path / "m")
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(
        ModelError, match=r"names 'model-00002-of-00002\.safetensors', which is not"
    ):
        open_base(str(folder))
    index = folder / "model.safetensors.index.json"
    for content, words in [
        ({"weight_map": {"a": "../m/model-00001-of-00002.safetensors"}}, "not in the folder"),
        ({"weight_map": {}}, "names no file"),
        ({"weight_map": {"a": 1}}, "cannot be read"),
        ({}, "cannot be read"),
    ]:
        index.write_text(json.dumps(content))
        with pytest.raises(ModelError, match=words):
            open_base(str(folder))
    index.unlink()
    with pytest.raises(ModelError, match="found: model-00001-of-00002"):
        open_base(str(folder))


def test_quantized_by_its_config(encoder: Path, tmp_path: Path) -> None:
    config = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    folder = with_json(encoder, tmp_path / "m", "config.json", quantization_config=config)
    with pytest.raises(ModelError, match=r"quantized \(bitsandbytes\)"):
        open_base(str(folder))


def test_what_is_no_safetensors_file(encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(encoder, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").write_bytes(b"<html>" * 100)
    with pytest.raises(ModelError, match=r"\(600 bytes\) is damaged, incomplete or no safetensors"):
        open_base(str(tmp_path / "m"))


def without_pooler(tensors: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in tensors.items() if "pooler" not in key}


def test_a_pooler_that_answers_depend_on_is_part_of_the_head(
    tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder = rewritten(tiny_checkpoint, tmp_path / "m", without_pooler)
    with pytest.raises(
        ModelError, match=r"lack 'bert.pooler.dense.bias', which every text classifier"
    ):
        open_checkpoint(str(folder))
    assert trained(folder).config.id2label == {0: "no", 1: "yes"}  # which learns it anew


def test_a_pooler_that_no_answer_depends_on_may_be_missing(tmp_path: Path) -> None:
    config = tiny._bert_config(len(tiny.wordpiece(tmp_path / "b"))).to_dict()
    kept = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")
    config = transformers.BigBirdConfig(
        **{name: config[name] for name in kept}, intermediate_size=64, max_position_embeddings=64,
        attention_type="original_full",
    )  # fmt: skip
    model = transformers.BigBirdForSequenceClassification(config)
    model.save_pretrained(tmp_path / "b")
    folder = rewritten(tmp_path / "b", tmp_path / "m", without_pooler)
    whole, cut = (open_checkpoint(str(one)) for one in (tmp_path / "b", folder))
    assert (torch_logits(whole, ["the sun"]) == torch_logits(cut, ["the sun"])).all()


def test_one_file_that_an_index_names(encoder: Path, tmp_path: Path) -> None:
    folder = rewritten(encoder, tmp_path / "m", lambda tensors: tensors)
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    names = {"embeddings.word_embeddings.weight": "model-00001-of-00001.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    expected, found = (trained(one).state_dict() for one in (encoder, folder))
    assert all(one.equal(found[key]) for key, one in expected.items())


def test_a_config_without_layers_leaves_none_out(encoder: Path, tmp_path: Path) -> None:
    folder = with_json(encoder, tmp_path / "m", "config.json", num_hidden_layers=0)
    with pytest.raises(ModelError, match=r"more layers than its config.json names: 32 tensors"):
        trained(folder)
