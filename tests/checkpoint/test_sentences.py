"""The folders of sentence-transformers: what is read of them, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeft.checkpoint.open import open_checkpoint
from edgeft.checkpoint.sentences import read_sentences, write_sentences
from edgeft.errors import ModelError, UsageError
from tests import tiny


def changed(folder: Path, path: str, change: Callable[[Any], Any]) -> Path:
    """The folder with one of its JSON files changed."""
    file = folder / path
    file.write_text(json.dumps(change(json.loads(file.read_text()))), encoding="utf-8")
    return folder


def module(kind: str) -> Callable[[Any], Any]:
    entry = {"idx": 2, "name": "2", "path": "2_X", "type": f"sentence_transformers.models.{kind}"}
    return lambda modules: [*modules[:2], entry]


def test_a_folder_is_read_as_it_is(tmp_path: Path) -> None:
    folder = tiny.sentences(tmp_path / "c")
    checkpoint = open_checkpoint(str(folder))
    assert checkpoint.task.name == "feature-extraction"
    assert checkpoint.max_length == 24
    assert checkpoint.labels == ()
    head = checkpoint.head
    assert (head.pooling, head.unit_length, head.dimensions) == ("mean", True, 32)
    assert (head.prompts, head.prompt) == ({"query": "find the "}, "")


@pytest.mark.parametrize(
    ("mode", "pooling"), [("mean_tokens", "mean"), ("cls_token", "cls"), ("lasttoken", "last")]
)
@pytest.mark.parametrize("unit_length", [True, False])
def test_what_is_written_is_read_again(
    mode: str, pooling: str, unit_length: bool, tmp_path: Path
) -> None:
    found = read_sentences(
        "x", tiny.sentences(tmp_path / "c", pooling=mode, unit_length=unit_length)
    )
    assert (found.pooling, found.unit_length) == (pooling, unit_length)
    (tmp_path / "again").mkdir()
    write_sentences(found, tmp_path / "again", dimensions=32, max_length=24)
    assert read_sentences("x", tmp_path / "again") == found


def test_the_form_of_newer_versions_is_known(tmp_path: Path) -> None:
    folder = tiny.sentences(tmp_path / "c")
    newer = {"embedding_dimension": 32, "pooling_mode": "lasttoken", "include_prompt": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(newer))
    base = "sentence_transformers.sentence_transformer.modules"
    changed(
        folder,
        "modules.json",
        lambda some: [{**one, "type": f"{base}.x.{one['type'].split('.')[-1]}"} for one in some],
    )
    (folder / "sentence_bert_config.json").unlink()
    (folder / "config_sentence_transformers.json").unlink()
    found = read_sentences("x", folder)
    assert (found.pooling, found.unit_length, found.max_length) == ("last", True, None)
    assert open_checkpoint(str(folder)).max_length == tiny.POSITIONS


def test_small_letters_are_read_as_such(tmp_path: Path) -> None:
    folder = tiny.sentences(tmp_path / "c")
    changed(folder, "sentence_bert_config.json", lambda one: {**one, "do_lower_case": True})
    tokenizer = open_checkpoint(str(folder)).tokenizer
    assert tokenizer("The CAT")["input_ids"] == tokenizer("the cat")["input_ids"]


@pytest.mark.parametrize(
    ("path", "change", "told"),
    [
        ("modules.json", module("Dense"), "names a module 'Dense'"),
        ("modules.json", module("Pooling"), "names Transformer, Pooling, Pooling"),
        ("modules.json", lambda _: {}, "is no JSON list"),
        ("modules.json", lambda _: [], "names nothing"),
        ("modules.json", lambda some: [*some[:1], 7], "entry 1 of its modules.json names no type"),
        (
            "modules.json",
            lambda some: [{**some[0], "path": "../x"}, *some[1:]],
            "entry 0 of its modules.json leaves the folder",
        ),
        (
            "modules.json",
            lambda some: [{**some[0], "path": "0_Transformer"}, *some[1:]],
            "lies in the folder '0_Transformer'",
        ),
        (
            "1_Pooling/config.json",
            lambda one: {**one, "pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True},
            "its pooling is 'max_tokens'",
        ),
        (
            "1_Pooling/config.json",
            lambda one: {**one, "pooling_mode_max_tokens": True},
            "its pooling is 'mean_tokens and max_tokens'",
        ),
        ("1_Pooling/config.json", lambda one: {**one, "include_prompt": False}, "prompt's tokens"),
        (
            "sentence_bert_config.json",
            lambda one: {**one, "max_seq_length": "many"},
            "max_seq_length is 'many'",
        ),
        (
            "config_sentence_transformers.json",
            lambda one: {"prompts": ["query"]},
            "prompts is",
        ),
    ],
)
def test_what_is_not_known_is_refused(
    path: str, change: Callable[[Any], Any], told: str, tmp_path: Path
) -> None:
    folder = changed(tiny.sentences(tmp_path / "c"), path, change)
    with pytest.raises(ModelError, match=told) as caught:
        open_checkpoint(str(folder))
    assert caught.value.hint


@pytest.mark.parametrize("content", ["{", "[" * 100_000, ""])
def test_damaged_files_are_told(content: str, tmp_path: Path) -> None:
    folder = tiny.sentences(tmp_path / "c")
    (folder / "modules.json").write_text(content)
    with pytest.raises(ModelError, match=r"its modules.json is no JSON document"):
        open_checkpoint(str(folder))
    again = tiny.sentences(tmp_path / "d")
    (again / "1_Pooling" / "config.json").unlink()
    with pytest.raises(ModelError, match=r"1_Pooling/config.json cannot be read"):
        open_checkpoint(str(again))


def test_a_plain_encoder_wants_its_pooling(tmp_path: Path) -> None:
    folder = str(tiny.encoder(tmp_path / "c"))
    with pytest.raises(UsageError, match=r"has no modules\.json") as caught:
        open_checkpoint(folder, "feature-extraction")
    assert "--pooling mean" in caught.value.hint
    with pytest.raises(UsageError, match="no pooling 'max'"):
        open_checkpoint(folder, "feature-extraction", pooling="max")
    head = open_checkpoint(folder, "feature-extraction", pooling="cls").head
    assert (head.pooling, head.unit_length) == ("cls", False)


def test_pooling_is_not_named_against_the_folder(tmp_path: Path) -> None:
    folder = str(tiny.sentences(tmp_path / "c"))
    with pytest.raises(UsageError, match=r"--pooling cls was named, and .* with mean"):
        open_checkpoint(folder, pooling="cls")
    assert open_checkpoint(folder, pooling="mean").head.pooling == "mean"
    classifier = str(tiny.bert(tmp_path / "d"))
    with pytest.raises(UsageError, match="is taken for a text classifier"):
        open_checkpoint(classifier, pooling="mean")
