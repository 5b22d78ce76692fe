"""Vectors from the command line to a file that numpy reads."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import edgeft
from edgeft.cli import main
from edgeft.errors import OutputError
from edgeft.export.run import ExportConfig, export
from edgeft.runtime.vector_files import write_vectors
from tests import tiny
from tests.conftest import Make

TEXTS = ["the cat fell", "今天的天气很好", "Great service 👍", "", "the river " * 40]


def run(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], input=stdin)


@pytest.fixture(scope="session")
def bundle(made_once: Make) -> Path:
    checkpoint = made_once("sentences-checkpoint", tiny.sentences)
    return made_once("sentences-bundle", lambda out: export(ExportConfig(str(checkpoint), out)).out)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join([*TEXTS, ""]), encoding="utf-8")
    return path


def test_vectors_are_written_in_order_and_know_their_bundle(
    bundle: Path, texts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "v.npz"
    done = run("predict", bundle, texts, "--variant", "fp32", "-o", out)
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    assert "holds 5 vectors of 32 numbers, float32" in " ".join(done.output.split())
    assert "Cut to 24 tokens: 1 text." in done.stderr
    found = edgeft.Vectors.read(out)
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        wanted = edgeft.vectors_of(model, TEXTS)
        np.testing.assert_array_equal(found.array, wanted.array)
        assert (found.digest, found.form, found.dimensions) == (wanted.digest, "float32", 32)
        found.similarity(wanted)
        wanted.save(tmp_path / "saved.npz")
        assert (tmp_path / "saved.npz").read_bytes() == out.read_bytes()
        with np.load(out) as names:
            assert sorted(names) == ["array", "digest", "dimensions", "form"]
        many = run("predict", bundle, "-", "--variant", "fp32", "-o", tmp_path / "m.npy",
                   stdin=("the cat fell\n" * 3000).encode())  # fmt: skip
        assert many.exit_code == 0, many.output
        assert "Cut to" not in many.stderr
        rows = np.load(tmp_path / "m.npy")
        assert (rows.shape, rows.dtype) == ((3000, 32), np.float32)
        np.testing.assert_allclose(rows, np.repeat(wanted.array[:1], 3000, axis=0), atol=1e-6)


def test_the_help_tells_which_file_keeps_the_digest() -> None:
    told = " ".join(run("predict", "--help").output.split())
    assert "a .npz keeps the bundle's digest, a .npy does not" in told
    assert "edgeft.Vectors.read" in told


def test_how_many_pairs_were_cut_is_told(bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    rows = ["the cat,the dog,1", f"{'the river ' * 40},the dog,2", f"cat,{'今天 ' * 60},3"]
    path.write_text("\n".join(["sentence1,sentence2,score", *rows]), encoding="utf-8")
    wanted = "Cut to 24 tokens: 1 pair in the first text, 1 in the second."
    done = run("predict", bundle, path, "--variant", "fp32")
    assert wanted in " ".join(done.stderr.split())
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["cut" in one for one in shown] == [one["truncated"] for one in shown]
    assert [one.get("cut") for one in shown] == [None, [80 + 2 - 24, 0], [0, 120 + 2 - 24]]
    for more in ((), ("--json",)):
        done = run("eval", bundle, path, *more)
        assert done.exit_code == 0, done.output
        assert " ".join(done.stderr.split()).count(wanted) == 1


@pytest.mark.parametrize("form", ["int8", "binary"])
def test_vectors_are_kept_as_asked(form: str, bundle: Path, texts: Path, tmp_path: Path) -> None:
    done = run("predict", bundle, texts, "--variant", "fp32", "-o", tmp_path / "v.npz",
               "--vectors", form, "--dimensions", 9, "--prompt", "query")  # fmt: skip
    assert done.exit_code == 0, done.output
    found = edgeft.Vectors.read(tmp_path / "v.npz")
    assert (found.form, found.dimensions) == (form, 9)
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        wanted = model.embed(TEXTS, 9, prompt="query", form=form)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.array, wanted)
    assert found.array.dtype == wanted.dtype


def test_what_is_not_written(bundle: Path, tiny_bundle: Path, texts: Path, tmp_path: Path) -> None:
    def told(*arguments: object) -> str:
        done = run("predict", *arguments)
        assert done.exit_code != 0, done.output
        return " ".join(done.output.split())

    out = tmp_path / "v.npz"
    assert ".npz or .npy" in told(bundle, texts, "-o", tmp_path / "v.json")
    assert "which this text classifier does not give" in told(tiny_bundle, texts, "-o", out)
    assert "Add -o VECTORS.npz" in told(bundle, texts, "--dimensions", 8)
    assert "Choose from 1 to 32" in told(bundle, texts, "-o", out, "--dimensions", 33)
    assert "no prompt 'passage'" in told(bundle, texts, "-o", out, "--prompt", "passage")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("query,passage\na,b\nc,d\n", encoding="utf-8")
    assert "single texts are wanted" in told(bundle, pairs, "-o", out)
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": "a"}\n{"text": 1', encoding="utf-8")
    told(bundle, broken, "-o", out)
    assert not out.exists()
    out.write_bytes(b"mine")
    assert "--force" in told(bundle, texts, "-o", out)
    assert out.read_bytes() == b"mine"
    again = run("predict", bundle, pairs, "--text-column", "passage", "-o", out, "--force")
    assert again.exit_code == 0, again.output
    assert len(edgeft.Vectors.read(out)) == 2
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "broken.jsonl",
        "pairs.csv",
        "texts.txt",
        "v.npz",
    ]


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    like = np.zeros((0, 3), np.int8)
    count = write_vectors(tmp_path / "none.npz", like, [], {"digest": np.array("d")})
    assert count == 0
    with np.load(tmp_path / "none.npz") as found:
        assert (found["array"].shape, str(found["digest"])) == ((0, 3), "d")

    def failing():  # type: ignore[no-untyped-def]
        yield np.ones((2, 3), np.int8)
        raise OSError(28, "No space left on device")

    for name in ("v.npz", "v.npy"):
        with pytest.raises(OutputError):
            write_vectors(tmp_path / name, like, failing(), {})
    assert [one.name for one in tmp_path.iterdir()] == ["none.npz"]
