"""A checkpoint that was trained beside transformers 5, exported beside the version before."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny
from tests.train.conftest import rows, write_csv

ROOT = Path(__file__).parents[1]
NEWEST = ROOT / ".venv-newest" / "bin" / "python"


def test_what_runs_there_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (named,) = re.findall("^NEWEST_TESTS = (.+)$", makefile, re.MULTILINE)
    assert not [one for one in named.split() if not (ROOT / one).exists()]


@pytest.mark.slow
def test_what_is_trained_beside_transformers_5_is_exported_here(tmp_path: Path) -> None:
    if not NEWEST.exists():
        pytest.skip("set up by: make test-newest")
    encoder = tiny.encoder(tmp_path / "encoder")
    data = write_csv(tmp_path / "train.csv", rows(150))
    test = write_csv(tmp_path / "test.csv", rows(60, seed=1))
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    _edgeft(NEWEST, "train", data, "--test", test, "--model", encoder, "-o", run, "--epochs", 2,
            "--learning-rate", 0.01, "--device", "cpu")  # fmt: skip
    record = json.loads((run / "training.json").read_text(encoding="utf-8"))
    assert record["packages"]["transformers"].startswith("5.")
    here = Path(sys.executable)
    _edgeft(here, "export", run, "-o", bundle)  # checks every answer with torch
    scores = json.loads(_edgeft(here, "eval", bundle, test, "--json"))["variants"]["fp32"]
    assert scores["accuracy"] == pytest.approx(record["test"]["accuracy"], abs=1e-6)


def _edgeft(python: Path, *arguments: object) -> str:
    done = subprocess.run(
        [python, "-m", "edgeft", *map(str, arguments)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
