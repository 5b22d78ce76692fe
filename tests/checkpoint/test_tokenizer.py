"""Tokenizers as people and versions of transformers write them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import transformers

from edgeft.errors import ModelError
from edgeft.train.models import build_model, open_base
from edgeft.train.objectives.classification import OBJECTIVE
from tests.checkpoint.folders import with_json
from tests.exporting import open_checkpoint

SETTINGS = "tokenizer_config.json"


def test_a_tokenizer_as_transformers_5_writes_it(encoder: Path, tmp_path: Path) -> None:
    folder = with_json(
        encoder,
        tmp_path / "m",
        SETTINGS,
        tokenizer_class="TokenizersBackend",
        backend="tokenizers",
        is_local=True,
        extra_special_tokens=["[MASK]"],
        added_tokens_decoder=None,
    )
    for file in ("vocab.txt", "special_tokens_map.json"):
        (folder / file).unlink(missing_ok=True)  # version 5 writes none
    base = open_base(str(folder))
    expected = open_base(str(encoder))
    texts = ["the sun won [MASK] good"]
    assert base.encoder().encode(texts) == expected.encoder().encode(texts)
    assert "[MASK]" in base.tokenizer.all_special_tokens
    assert base.length_limit == 64


@pytest.mark.parametrize("room", ["train", "export"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "tokenizer.json is damaged"),
        ('{"model": {"type": "New"}}', "is damaged or of a newer"),
    ],
)
def test_a_damaged_tokenizer(
    tiny_checkpoint: Path, tmp_path: Path, room: str, content: str, words: str
) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "m")
    (tmp_path / "m" / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match=words):
        (open_base if room == "train" else open_checkpoint)(str(tmp_path / "m"))


@pytest.mark.skipif(
    int(transformers.__version__.split(".")[0]) >= 5, reason="it makes BERT's tokenizer anew"
)
def test_a_tokenizer_that_stumbles_over_what_it_does_not_know(
    encoder: Path, tmp_path: Path
) -> None:
    shutil.copytree(encoder, tmp_path / "m")
    path = tmp_path / "m" / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["unk_token"] = "[NOT THERE]"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match="cannot read every text"):
        open_base(str(tmp_path / "m"))


@pytest.mark.parametrize("length", [0, -5, "long", float("nan")])
def test_a_limit_without_sense(encoder: Path, tmp_path: Path, length: Any) -> None:
    folder = with_json(encoder, tmp_path / "m", SETTINGS, model_max_length=length)
    with pytest.raises(ModelError, match=r"tokens \(model_max_length"):
        open_base(str(folder))


@pytest.mark.parametrize(("length", "limit"), [(1e30, 64), (float("inf"), 64), (None, 64), (9, 9)])
def test_limits(encoder: Path, tmp_path: Path, length: Any, limit: int) -> None:
    folder = with_json(encoder, tmp_path / "m", SETTINGS, model_max_length=length)
    assert open_base(str(folder)).length_limit == limit


def test_a_limit_that_leaves_no_text(encoder: Path, tmp_path: Path) -> None:
    folder = with_json(encoder, tmp_path / "m", SETTINGS, model_max_length=2)
    with pytest.raises(ModelError, match="takes 2 tokens, 2 of which are special ones"):
        open_base(str(folder))


def test_tokens_that_were_added_to_the_tokenizer_alone(
    encoder: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    for source, name in ((encoder, "base"), (tiny_checkpoint, "whole")):
        shutil.copytree(source, tmp_path / name)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source)
        tokenizer.add_tokens(["[E1]", "[E2]"], special_tokens=True)
        tokenizer.save_pretrained(tmp_path / name)
    base = open_base(str(tmp_path / "base"))
    assert "2 tokens that were added without" in base.notes[0]
    model = build_model(base, OBJECTIVE, ("no", "yes"), seed=0)
    highest = max(base.encoder().encode_one("sun [E2]").ids)
    assert model.get_input_embeddings().weight.shape[0] == model.config.vocab_size == highest + 1
    with pytest.raises(ModelError, match=r"no place for \('\[E1\]' …\)"):
        open_checkpoint(str(tmp_path / "whole"))


def test_texts_that_are_cut_at_their_beginning(
    encoder: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    base = open_base(str(with_json(encoder, tmp_path / "base", SETTINGS, truncation_side="left")))
    assert "cuts at their end" in base.notes[0]
    assert base.tokenizer.truncation_side == "right"
    whole = with_json(tiny_checkpoint, tmp_path / "whole", SETTINGS, truncation_side="left")
    with pytest.raises(ModelError, match="truncation_side 'left'"):
        open_checkpoint(str(whole))
