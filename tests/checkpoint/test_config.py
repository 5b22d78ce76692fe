"""config.json as people and versions of transformers write it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import transformers

from edgeft.checkpoint.config import read_config
from edgeft.checkpoint.model import position_limit, skeleton
from edgeft.checkpoint.open import open_checkpoint
from edgeft.errors import ModelError
from edgeft.tasks.classification import TASK
from tests.checkpoint.folders import with_json

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
    "vocab_size": 100,
    "pad_token_id": 1,
}


@pytest.mark.parametrize(
    ("kind", "more", "limit"),
    [
        ("Roberta", {}, 64),
        ("IBert", {}, 64),
        ("RobertaPreLayerNorm", {}, 64),
        ("Longformer", {"attention_window": 8}, 64),
        ("Xmod", {"languages": ["en_XX"], "default_language": "en_XX"}, 64),
        ("Luke", {}, 64),
        ("Esm", {"position_embedding_type": "absolute"}, 64),
        ("XLMRobertaXL", {}, 64),
        ("MPNet", {}, 64),
        ("Bert", {}, 66),
        ("GPT2", {}, 66),
    ],
)
def test_the_positions_that_tokens_can_have(kind: str, more: dict[str, Any], limit: int) -> None:
    config = getattr(transformers, f"{kind}Config")(**{**SMALL, **more})
    assert position_limit(skeleton(config, TASK), unlimited=7) == limit


def test_positions_without_end() -> None:
    for config in (SimpleNamespace(max_position_embeddings=-1), SimpleNamespace()):
        assert position_limit(SimpleNamespace(config=config), unlimited=7) == 7


def described(folder: Path, config: transformers.PretrainedConfig, **more: Any) -> Any:
    config.save_pretrained(folder)
    return read_config("m", with_json(folder, folder, "config.json", **more))


@pytest.mark.skipif(
    int(transformers.__version__.split(".")[0]) >= 5, reason="they are as it reads them itself"
)
def test_rotary_positions_as_transformers_5_writes_them(tmp_path: Path) -> None:
    small = {**SMALL, "pad_token_id": 0}
    theta = {"rope_type": "default", "rope_theta": 5e5}
    qwen = described(tmp_path / "q", transformers.Qwen2Config(**small), rope_parameters=theta)
    assert (qwen.rope_theta, qwen.rope_scaling) == (5e5, None)
    assert not hasattr(qwen, "rope_parameters")
    scaled = {**theta, "rope_type": "linear", "factor": 2.0}
    llama = described(tmp_path / "l", transformers.LlamaConfig(**small), rope_parameters=scaled)
    assert (llama.rope_theta, llama.rope_scaling) == (5e5, {"rope_type": "linear", "factor": 2.0})
    share = {**theta, "partial_rotary_factor": 0.25}
    phi = described(tmp_path / "p", transformers.PhiConfig(**small), rope_parameters=share)
    assert (phi.rope_theta, phi.partial_rotary_factor) == (5e5, 0.25)
    layers = {"full_attention": theta, "sliding_attention": {**theta, "rope_theta": 7.0}}
    modern = transformers.ModernBertConfig(**small)
    modern = described(tmp_path / "m", modern, rope_parameters=layers)
    assert (modern.global_rope_theta, modern.local_rope_theta) == (5e5, 7.0)
    with pytest.raises(ModelError, match="states rope_parameters as transformers 5 does"):
        described(tmp_path / "b", transformers.BertConfig(**small), rope_parameters=theta)


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ({"id2label": None, "label2id": None}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ({"id2label": None, "label2id": None, "num_labels": 3}, ("LABEL_0", "LABEL_1", "LABEL_2")),
        ({"id2label": None, "label2id": {"b": 1, "a": 0, "c": 2}}, ("a", "b", "c")),
    ],
)
def test_labels_that_the_config_names_in_another_way_or_not(
    tiny_checkpoint: Path, tmp_path: Path, content: dict[str, Any], labels: tuple[str, ...]
) -> None:
    folder = with_json(tiny_checkpoint, tmp_path / "m", "config.json", **content)
    checkpoint = open_checkpoint(str(folder))
    assert checkpoint.labels == labels
    assert bool(checkpoint.notes) == (not any(content.values()))


@pytest.mark.parametrize(
    "content",
    [
        {"id2label": ["a", "b", "c"]},
        {"id2label": {"calm": "a", "glad": "b", "sad": "c"}},
        {"id2label": None, "label2id": {"a": 1, "b": 2, "c": 3}},
    ],
)
def test_labels_without_sense(
    tiny_checkpoint: Path, tmp_path: Path, content: dict[str, Any]
) -> None:
    folder = with_json(tiny_checkpoint, tmp_path / "m", "config.json", **content)
    with pytest.raises(ModelError, match=r"in its config\.json does not lead from"):
        open_checkpoint(str(folder))


def test_what_a_config_asks_for_beside_the_logits(tiny_checkpoint: Path, tmp_path: Path) -> None:
    asked = {"return_dict": False, "output_attentions": True, "output_hidden_states": True}
    folder = with_json(tiny_checkpoint, tmp_path / "m", "config.json", **asked)
    config = open_checkpoint(str(folder)).config
    assert (config.return_dict, config.output_attentions) == (True, False)
