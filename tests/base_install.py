"""Run the base install's commands on bundles: `python tests/base_install.py BUNDLE…`.

Meant for an environment that has only the base install and onnxruntime; it
fails where torch or another training package can be imported at all.
"""

import json
import math
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FORBIDDEN = ("torch", "transformers", "optimum", "onnx", "datasets", "pandas")
ROWS = 40
METRICS = {
    "text-classification": "macro_f1",
    "token-classification": "entity_f1",
    "question-answering": "exact_match",
    "text-regression": "spearman",
    "multi-label-classification": "macro_f1",
    "feature-extraction": "spearman",
}


def main(bundles: list[Path]) -> None:
    """Doctor, and of each bundle predict, eval, verify, bench, inspect; raise on a failure."""
    present = [name for name in FORBIDDEN if find_spec(name)]
    assert not present, f"not a base install: {present}"
    tasks = []
    with tempfile.TemporaryDirectory() as folder:
        for bundle in bundles:
            model = json.loads((bundle / "edgeft.json").read_text(encoding="utf-8"))["models"]
            tasks.append(model["main"]["task"])
            pairs = model["main"].get("takes") == "pairs"
            data = _data(tasks[-1], model["main"]["labels"], Path(folder), pairs=pairs)
            _predicts(tasks[-1], bundle, pairs=pairs)
            _scores(METRICS[tasks[-1]], bundle, data)
            assert "sha256" in _edgeft("inspect", bundle)
        assert "CPU" in _edgeft("doctor")
        refused = subprocess.run(
            [sys.executable, "-m", "edgeft", "train", str(data), "-o", str(Path(folder, "never"))],
            capture_output=True, text=True,
        )  # fmt: skip
    assert refused.returncode == 1
    assert "pip install 'edgeft[train]'" in refused.stderr, refused.stderr
    print(
        "The base install predicts, evaluates, verifies, benches, inspects and diagnoses "
        f"({', '.join(tasks)})."
    )


def _data(task: str, labels: list[str], folder: Path, *, pairs: bool = False) -> Path:
    """Labelled rows of a task, in a file whose name and form are usual for it."""
    if task == "token-classification":
        kind = next(label for label in labels if label.startswith("B-"))
        text = "".join(f"the O\nteam {kind}\nwon O\n{i} O\n\n" for i in range(ROWS))
        path = folder / "data.conll"
    elif task == "question-answering":
        row = {"question": "who won?", "answers": {"text": ["team"], "answer_start": [4]}}
        lines = [json.dumps({**row, "context": f"the team won game {i}"}) for i in range(ROWS)]
        text, path = "".join(f"{line}\n" for line in lines), folder / "data.jsonl"
    elif task == "multi-label-classification":
        lines = [json.dumps({"text": f"Shares fell after report {i}", "labels": labels[: i % 3]})
                 for i in range(ROWS)]  # fmt: skip
        text, path = "".join(f"{line}\n" for line in lines), folder / "many.jsonl"
    elif task == "feature-extraction":
        rows = [
            f"Shares fell after report {i},Report {i % 7} on shares,{i % 5}" for i in range(ROWS)
        ]
        text, path = "\n".join(["sentence1,sentence2,score", *rows, ""]), folder / "data.csv"
    else:
        other, header = ("it was bad,", "premise,hypothesis") if pairs else ("", "text")
        said = [labels[0] if labels else i / 8 for i in range(ROWS)]  # a name, or a number
        rows = [f"Shares fell after report {i},{other}{one}" for i, one in enumerate(said)]
        text, path = "\n".join([f"{header},label", *rows, ""]), folder / "data.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _predicts(task: str, bundle: Path, *, pairs: bool = False) -> None:
    texts = ["Shares fell", "", "上海 😀 won the game"]
    if task == "question-answering":
        lines = [json.dumps({"question": "who won?", "context": text}) for text in texts]
    else:
        lines = [json.dumps([text, "it was bad"]) for text in texts] if pairs else texts
    printed = _edgeft("predict", bundle, "-", stdin="".join(f"{line}\n" for line in lines))
    found = [json.loads(line) for line in printed.splitlines()]
    assert len(found) == len(texts), printed
    for text, one in zip(texts, found, strict=True):
        if task == "text-regression":
            assert math.isfinite(one["value"]), one
            continue
        if task == "text-classification":
            spans: list[dict[str, Any]] = []
            assert 0 < one["score"] <= 1, one
        elif task == "multi-label-classification":
            spans = []
            assert list(one["scores"]) == one["labels"], one
            assert all(0.5 <= score <= 1 for score in one["scores"].values()), one
        elif task == "feature-extraction":
            spans = []
            assert sum(number**2 for number in one["vector"]) > 0.99, one
        else:
            spans = one["entities"] if task == "token-classification" else [one]
        for span in spans:
            assert text[span["start"] : span["end"]] == span["text"], one
            assert 0 < span["score"] <= 1, one


def _scores(metric: str, bundle: Path, data: Path) -> None:
    scores = json.loads(_edgeft("eval", bundle, data, "--json"))["variants"]
    assert {"fp32", "int8"} <= set(scores)
    assert all(one["rows"] == ROWS and -1 <= one[metric] <= 1 for one in scores.values()), scores
    checks = json.loads(
        _edgeft("verify", bundle, "--data", data, "--max-drop", "100", "--json")
    )  # tiny models are random, and lose what they like
    assert all(one["golden"]["passed"] and metric in one["scores"] for one in checks.values())
    cells = json.loads(
        _edgeft("bench", bundle, "--data", data, "--variant", "int8", "--samples", "20",
                "--rounds", "1", "--slo-ms", "10000", "--seconds", "0.2", "--json")
    )["cells"]  # fmt: skip
    assert all(cell["p50_ms"] > 0 for cell in cells), cells
    assert all(cell["highest_rate"]["median"] > 0 for cell in cells), cells


def _edgeft(*arguments: object, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "edgeft", *map(str, arguments)],
        input=stdin, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, f"edgeft {arguments[0]}: {done.stdout}{done.stderr}"
    return done.stdout


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
