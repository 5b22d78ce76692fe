"""Classifiers of decoders: no padding, whatever config and tokenizer call it, changes an answer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import edgeft
from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.padding import fit_config
from edgeft.errors import ModelError
from edgeft.train.models import build_model, open_base
from edgeft.train.objectives.classification import OBJECTIVE
from tests import tiny
from tests.encoded import logits_for
from tests.export import architectures
from tests.exporting import ExportConfig, export
from tests.originals import torch_logits

TEXTS = ["the cat won", "good", "the river rose and shares fell all day!", "a quiet night, then"]


def answers(model: Any, tokenizer: Any) -> np.ndarray:
    """Each text's logits, alone and by transformers itself."""
    rows = []
    with torch.inference_mode():
        for text in TEXTS:
            given = tokenizer(text, return_tensors="pt")
            taken = {name: given[name] for name in ("input_ids", "attention_mask")}
            rows.append(model(**taken).logits.numpy()[0])
    return np.stack(rows)


@pytest.mark.parametrize(
    ("kind", "pad"),
    [
        *((kind, pad) for kind in architectures.DECODERS for pad in (None, 1)),
        ("llama", -1),
        ("llama", 0),
    ],
)
def test_a_text_is_answered_in_a_batch_as_it_is_alone(
    tmp_path: Path, kind: str, pad: int | None
) -> None:
    folder = architectures.decoder(tmp_path / "d", kind, pad)
    original = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    checkpoint = open_checkpoint(str(folder))
    found = torch_logits(checkpoint, TEXTS)
    assert np.abs(found - answers(original, tokenizer)).max() < 1e-4
    assert np.abs(found - np.concatenate([torch_logits(checkpoint, [t]) for t in TEXTS])).max() < (
        1e-4
    )


@pytest.mark.parametrize("kind", ["llama", "opt"])
def test_the_bundle_of_a_decoder(tmp_path: Path, kind: str) -> None:
    folder = architectures.decoder(tmp_path / "d", kind, 1)
    out = tmp_path / "b"
    result = export(ExportConfig(checkpoint=str(folder), out=out, variants=("fp32",)))
    fp32 = result.manifest.model.variants["fp32"]
    assert fp32.batch_invariant
    assert fp32.measured["batch"]["flips"] == 0
    assert result.manifest.model.pad_id == 1
    with edgeft.load(out, device="cpu") as model:
        alone = np.concatenate([logits_for(model, [text]) for text in TEXTS])
        assert np.abs(logits_for(model, TEXTS) - alone).max() < 1e-4


def test_a_decoder_is_trained_with_its_tokenizers_padding(tmp_path: Path) -> None:
    folder = architectures.decoder(tmp_path / "d", "llama", 1)
    base = open_base(str(folder))
    model = build_model(base, OBJECTIVE, ("no", "yes"), seed=0)
    assert model.config.pad_token_id == base.tokenizer.pad_token_id == 0
    assert model.training is False


def test_an_encoder_keeps_the_padding_that_it_counts_positions_by(tmp_path: Path) -> None:
    base = open_base(str(architectures.roberta(tmp_path / "r")))
    base.tokenizer.pad_token = "<mask>"
    model = build_model(base, OBJECTIVE, ("no", "yes"), seed=0)
    fit_config(model, base.tokenizer, base.task)
    assert model.config.pad_token_id == 1


def test_types_that_a_decoder_takes_for_tokens(tmp_path: Path) -> None:
    folder = architectures.gpt2(tmp_path / "g")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer,
        eos_token="<|endoftext|>",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    ).save_pretrained(folder)
    with pytest.raises(ModelError, match="gives token_type_ids, which the model takes for tokens"):
        open_checkpoint(str(folder))
    base = open_base(str(folder))
    build_model(base, OBJECTIVE, tiny.LABELS, seed=0)
    base.tokenizer.save_pretrained(folder)
    again = transformers.AutoTokenizer.from_pretrained(folder)
    assert again.model_input_names == ["input_ids", "attention_mask"]
