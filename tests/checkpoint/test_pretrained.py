import logging
import shutil
import warnings
from pathlib import Path

import pytest
import transformers
from tokenizers import Tokenizer
from transformers.utils import logging as library

from edgeft.checkpoint.pretrained import (
    check_checkpoint,
    loading,
    local_folder,
    quiet,
    write_tokenizer,
)
from edgeft.errors import ModelError
from tests import tiny


def test_a_folder_or_else_a_hub_id(tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert local_folder(str(tiny_checkpoint), hint="") == tiny_checkpoint
    assert local_folder("owner/model", hint="") is None
    for name, words in [
        (str(tmp_path), r"no config\.json"),
        ("a/b/c", "is not a folder"),
        ("", "is empty"),
        ("~no-such-user/m", "is no path"),
        ("a" * 300, "cannot be opened: File name too long"),
    ]:
        with pytest.raises(ModelError, match=words) as caught:
            local_folder(name, hint="Do this.")
        assert caught.value.hint == "Do this."


def test_an_unfinished_run_is_no_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "my news.partial").mkdir(parents=True)
    for name in ("runs/my news", str(tmp_path / "runs" / "my news")):
        with pytest.raises(ModelError, match="its run is unfinished") as caught:
            local_folder(name, hint="")
        assert str(caught.value.hint).endswith("my news' --resume")
    for name in ("runs/other", "a" * 250):
        assert local_folder(name, hint="") is None


def test_a_pointer_in_place_of_a_file(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for number, file in enumerate(("config.json", "tokenizer.json", "model.safetensors")):
        folder = tmp_path / str(number)
        shutil.copytree(tiny_checkpoint, folder)
        (folder / file).write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 438007537\n"
        )
        with pytest.raises(ModelError, match=f"{file} is a Git LFS pointer") as caught:
            check_checkpoint("m", folder, hint="")
        assert caught.value.hint == f"Get the files: git -C {folder} lfs pull"


def test_an_adapter_names_its_base(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/base"}')
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"PEFT adapter.*\(owner/base\)") as caught:
        check_checkpoint("m", tmp_path, hint="")
    assert "merge_and_unload" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", r"config\.json is no JSON document"),
        ("[]", r"config\.json is no JSON object"),
        ("{}", "names no model_type"),
        ("[" * 100_000, r"config\.json is no JSON document"),
    ],
)
def test_a_config_without_sense(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match=words):
        check_checkpoint("m", tmp_path, hint="")


@pytest.mark.parametrize(
    ("text", "words"),
    [("needs trust_remote_code", "never runs such code"), ("odd\nmore", "as a thing: odd\nwhole")],
)
def test_what_a_folder_provokes_becomes_one_error(text: str, words: str) -> None:
    with (
        pytest.raises(ModelError) as caught,
        loading("m", kind="thing", hint="whole", code_hint="other"),
    ):
        raise RuntimeError(text)
    assert caught.match(words)


def test_a_tokenizer_is_written_without_padding_and_truncation(tmp_path: Path) -> None:
    tokenizer = tiny.wordpiece(tmp_path / "source")  # pads to 48 and cuts at 16
    write_tokenizer(tokenizer, tmp_path / "out", max_length=32)
    written = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert (written.padding, written.truncation) == (None, None)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert again.model_max_length == 32


@pytest.mark.parametrize("transformers_only", [False, True])
def test_quiet_holds_back_and_then_restores(
    transformers_only: bool,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def state() -> tuple[object, ...]:
        root = logging.getLogger()
        bars = library.is_progress_bar_enabled()
        return library.get_verbosity(), bars, root.manager.disable, root.handlers[:]

    before = state()
    with warnings.catch_warnings(record=True) as heard, quiet(transformers_only=transformers_only):
        assert library.get_verbosity() == logging.ERROR
        assert not library.is_progress_bar_enabled()
        print("printed")
        logging.getLogger("someone").warning("logged")
        warnings.warn("warned", stacklevel=1)
    shown = (capsys.readouterr().out, caplog.messages, [str(one.message) for one in heard])
    assert shown == (("printed\n", ["logged"], ["warned"]) if transformers_only else ("", [], []))
    assert state() == before
