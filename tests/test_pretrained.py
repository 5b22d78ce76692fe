import hashlib
import logging
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import transformers
from tokenizers import Tokenizer
from transformers.utils import logging as library

from edgeft.errors import ModelError
from edgeft.pretrained import (
    find_weights,
    loading,
    local_folder,
    position_limit,
    quiet,
    weights_sha256,
    write_tokenizer,
)
from tests import tiny


def test_a_folder_or_else_a_hub_id(tiny_checkpoint: Path, tmp_path: Path) -> None:
    assert local_folder(str(tiny_checkpoint), hint="") == tiny_checkpoint
    assert local_folder("owner/model", hint="") is None
    for name, words in [(str(tmp_path), r"no config\.json"), ("a/b/c", "is not a folder")]:
        with pytest.raises(ModelError, match=words) as caught:
            local_folder(name, hint="Do this.")
        assert caught.value.hint == "Do this."


def test_weights_in_several_files_have_one_sha256(tmp_path: Path) -> None:
    (tmp_path / "model-2.safetensors").write_bytes(b"two")
    (tmp_path / "model-1.safetensors").write_bytes(b"one")
    (tmp_path / "adapter.safetensors").write_bytes(b"other")
    weights = find_weights("m", tmp_path, prefix="model", auto_class="AutoModel")
    one, two = (hashlib.sha256(content).hexdigest() for content in (b"one", b"two"))
    assert weights_sha256(weights[:1]) == one
    assert weights_sha256(weights) == hashlib.sha256((one + two).encode()).hexdigest()


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({"model_type": "bert", "max_position_embeddings": 64}, 64),
        ({"model_type": "roberta", "max_position_embeddings": 66, "pad_token_id": 1}, 64),
        ({"model_type": "xlnet", "max_position_embeddings": -1}, 7),
        ({"model_type": "t5"}, 7),
    ],
)
def test_position_limit(config: dict[str, object], limit: int) -> None:
    assert position_limit(SimpleNamespace(**config), unlimited=7) == limit


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
