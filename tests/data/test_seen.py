import itertools
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edgeft.cli import main
from edgeft.data.seen import SEEN_FILE, copy_seen, read_seen, seen_document
from edgeft.errors import ModelError
from tests.train.conftest import rows, write_csv


def write(folder: Path, rows: list[str], base: Path | None = None) -> Path:
    folder.mkdir()
    (folder / SEEN_FILE).write_text(json.dumps(seen_document(rows, base=base)))
    return folder


def test_rows_are_counted_whatever_their_case_and_space(tmp_path: Path) -> None:
    folder = write(tmp_path / "run", ["The sun", "rain\tfell", "", "ein Maß", "\ud800"])
    seen = read_seen(folder)
    assert seen is not None
    assert seen.count(["the  SUN ", "rain fell", " ", "EIN MASS", "\ud800", "the sun"]) == 6
    assert seen.count(["the suns", "thesun", "rain"]) == 0
    assert read_seen(tmp_path) is None


def test_columns_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / SEEN_FILE).write_text(json.dumps(seen_document([("a b", "c")])))
    seen = read_seen(folder)
    assert seen is not None
    assert (seen.count([("A b", "c")]), seen.count([("a", "b c")]), seen.count(["a b c"])) == (
        1, 0, 0,
    )  # fmt: skip


def test_no_text_and_no_telling_hash_is_kept(tmp_path: Path) -> None:
    one, other = (write(tmp_path / name, ["a secret row", "another"]) for name in "ab")
    texts = [(folder / SEEN_FILE).read_text() for folder in (one, other)]
    assert "secret" not in texts[0]
    salts, hashes = zip(
        *((run["salt"], run["hashes"]) for text in texts for run in json.loads(text)["runs"]),
        strict=True,
    )
    assert len(set(salts)) == len(set(hashes)) == 2


def test_what_the_base_was_trained_on_counts_too(tmp_path: Path) -> None:
    first = write(tmp_path / "first", ["old row"])
    second = write(tmp_path / "second", ["new row"], base=first)
    seen = read_seen(second)
    assert seen is not None
    assert seen.count(["old row", "new row", "old row", "third row"]) == 3
    (tmp_path / "trimmed").mkdir()
    copy_seen(second, tmp_path / "trimmed")
    copy_seen(tmp_path, tmp_path / "trimmed")  # there is none to copy
    assert read_seen(tmp_path / "trimmed") == seen


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"runs": 1}', '{"runs": [1]}', '{"runs": [{"salt": "zz", "hashes": ""}]}',
     '{"runs": [{"salt": "00", "hashes": "AAAA"}]}', '{"runs": [{"salt": "00", "hashes": "?"}]}',
     '{"runs": [{"salt": 1, "hashes": 2}]}',
     '{"runs": [{"salt": "' + "00" * 65 + '", "hashes": ""}]}',
     "[" * 100_000],
    ids=itertools.count(),
)  # fmt: skip
def test_a_damaged_file_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / SEEN_FILE).write_text(content)
    with pytest.raises(ModelError, match=r"rows\.json cannot be read"):
        read_seen(tmp_path)


@pytest.mark.parametrize("command", ["verify", "eval"])
def test_verify_and_eval_tell_it_of_a_named_checkpoint(
    tiny_checkpoint: Path, tiny_bundle: Path, tmp_path: Path, command: str
) -> None:
    def run(checkpoint: Path) -> Result:
        data = [str(path)] if command == "eval" else ["--data", str(path), "--max-drop", "100"]
        arguments = [command, str(tiny_bundle), *data, "--checkpoint", str(checkpoint)]
        return CliRunner().invoke(main, [*arguments, "--device", "cpu"])

    path = write_csv(tmp_path / "d.csv", rows(30))
    checkpoint = tmp_path / "ck"
    shutil.copytree(tiny_checkpoint, checkpoint)
    assert "keeps no trace of the rows" in run(checkpoint).output
    for learned, told in (
        ([text for text, _ in rows(30)][:2], "of 30 rows of d.csv were trained on"),
        (["another"], "None of the 30 rows of d.csv was trained on"),
    ):
        (checkpoint / SEEN_FILE).write_text(json.dumps(seen_document(learned)))
        done = run(checkpoint)
        assert done.exit_code == 0, done.output
        assert told in done.stderr
    content = bytearray((checkpoint / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (checkpoint / "model.safetensors").write_bytes(content)
    done = run(checkpoint)
    assert done.exit_code == 2
    assert "was not exported from" in done.output
