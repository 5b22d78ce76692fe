"""The benchmark scripts run; what they say of speed is not a test's business."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.compare import ROOT, interval, row

TEXTS = [f"{word} fell in the night of day {at}" for at in range(30) for word in ("rain", "sun")]


def test_ratios_and_their_intervals_by_hand() -> None:
    assert interval([1.0] * 5) == (None, None)  # too few for 95%
    assert interval(list(range(1, 10))) == (2, 8)
    one = row("x", [(1.0, 2.0), (1.0, 4.0), (2.0, 6.0)], unit="s", at_least=2.5)
    assert (one.ratio, one.met, one.ours, one.theirs) == (3.0, True, 1.0, 4.0)
    assert not row("x", [(3.0, 4.0)], unit="s", at_most=0.7).met
    assert row("x", [(1.0, 0.98)], unit="s", at_least=1.0).met  # 0.97 counts as 1


@pytest.mark.slow
@pytest.mark.parametrize("script", ["runtime", "peers"])
def test_the_scripts_run_on_a_tiny_model(
    script: str, tiny_bundle: Path, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    needed = [".venv-base"] if script == "runtime" else [".venv-transformers", ".venv-optimum"]
    if not all((ROOT / name).is_dir() for name in needed):
        pytest.skip("set up by: make base peers")
    (tmp_path / "bundle").symlink_to(tiny_bundle)
    (tmp_path / "checkpoint").symlink_to(tiny_checkpoint)
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    out = tmp_path / "out.json"
    command = [sys.executable, "-m", f"benchmarks.{script}", tmp_path, "--rounds", "1",
               "--data", tmp_path / "texts.txt", "-o", out]  # fmt: skip
    command += ["--skip-growth"] if script == "runtime" else []
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == (7 if script == "runtime" else 12)
    assert all(one["ratio"] > 0 for one in rows)
