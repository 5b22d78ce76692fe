"""Run the base install's commands on a bundle: `python tests/base_install.py BUNDLE`.

Meant for an environment that has only the base install and onnxruntime; it
fails where torch or another training package can be imported at all.
"""

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

FORBIDDEN = ("torch", "transformers", "optimum", "onnx", "datasets", "pandas")


def main(bundle: Path) -> None:
    """Predict, evaluate, verify, bench, inspect and doctor; raise on the first failure."""
    present = [name for name in FORBIDDEN if find_spec(name)]
    assert not present, f"not a base install: {present}"
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data.csv")
        manifest = json.loads((bundle / "edgeft.json").read_text(encoding="utf-8"))
        label = manifest["models"]["main"]["labels"][0]
        rows = [f"Shares fell after report {i},{label}" for i in range(40)]
        data.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")

        lines = _edgeft("predict", bundle, "-", stdin="Shares fell\n\n上海 😀\n").splitlines()
        assert len(lines) == 3, lines
        assert all(0 < json.loads(line)["score"] <= 1 for line in lines)
        scores = json.loads(_edgeft("eval", bundle, data, "--json"))["variants"]
        assert {"fp32", "int8"} <= set(scores)
        assert all(one["rows"] == 40 and "macro_f1" in one for one in scores.values())
        checks = json.loads(_edgeft("verify", bundle, "--data", data, "--json"))
        assert all(one["golden"]["passed"] for one in checks.values()), checks
        cells = json.loads(
            _edgeft("bench", bundle, "--data", data, "--samples", "20", "--rounds", "1",
                    "--slo-ms", "10000", "--seconds", "0.2", "--json")
        )["cells"]  # fmt: skip
        assert all(cell["p50_ms"] > 0 for cell in cells), cells
        assert all(cell["highest_rate"]["median"] > 0 for cell in cells), cells
        assert "sha256" in _edgeft("inspect", bundle)
        assert "CPU" in _edgeft("doctor")
    refused = subprocess.run(
        [sys.executable, "-m", "edgeft", "train", str(data), "-o", str(bundle) + "-never"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "pip install 'edgeft[train]'" in refused.stderr, refused.stderr
    print("The base install predicts, evaluates, verifies, benches, inspects and diagnoses.")


def _edgeft(*arguments: object, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "edgeft", *map(str, arguments)],
        input=stdin, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, f"edgeft {arguments[0]}: {done.stdout}{done.stderr}"
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
