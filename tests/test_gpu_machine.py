"""A measurement on a GPU machine, rehearsed on the CPU: parts, steps that are cut off, tables."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import kit, machine, parts, results, steps

ROOT = Path(__file__).parent.parent
# A step in the place of the real ones: it writes a figure and a half, and would never end.
ENDLESS = """
import subprocess, sys, time
name, kit, figures, device = sys.argv[1:]
if name == "devices":
    sys.exit("no device")
with open(figures, "a") as stream:
    stream.write('{"figure": 1}\\n{"figu')
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(kit + "/child", "w").write(str(child.pid))
print("begun", flush=True)
time.sleep(600)
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the parts of a kit whose steps never end."""
    folder = tmp_path / "folder" / "project" / "benchmarks" / "gpu"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").touch()
    (folder / "steps.py").write_text(ENDLESS)
    (folder.parents[2] / "noise").write_bytes(os.urandom(20_000))
    parts.cut(tmp_path / "folder", tmp_path / "carried", most_bytes=8_000)
    return tmp_path / "place"


def call(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "benchmarks.gpu", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_parts_are_carried_one_by_one(place: Path, tmp_path: Path) -> None:
    carried, call_folder = tmp_path / "carried", tmp_path / "call"
    call_folder.mkdir()
    (call_folder / parts.LIST).write_bytes((carried / parts.LIST).read_bytes())
    (call_folder / "part-1").write_bytes((carried / "part-1").read_bytes())
    done = call("keep", call_folder, "--place", place)
    assert done.returncode == 0, done.stderr
    assert "Kept part-1. part-2 is missing. part-3 is missing." in done.stdout
    done = call("run", "--place", place, "-o", tmp_path / "out")
    assert (done.returncode, "part-2 is missing" in done.stderr) == (1, True)
    assert "Carry what is named once more" in done.stderr
    (call_folder / "part-2").write_bytes(b"\0" * 8_000)
    done = call("keep", call_folder, "--place", place)
    assert (done.returncode, "part-2 is damaged" in done.stderr) == (1, True)
    assert not (place / "part-2").exists()
    done = call("keep", carried, "--place", place)
    assert "All parts are here." in done.stdout


def test_a_step_that_is_cut_off_keeps_what_it_measured(place: Path, tmp_path: Path) -> None:
    assert call("keep", tmp_path / "carried", "--place", place).returncode == 0
    out = tmp_path / "out"
    done = call(
        "run", "--place", place, "-o", out, "--budget-s", 15, "--device", "cpu",
        "--project", place / machine.KIT / "project",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {step.name: json.loads((out / f"{step.name}.json").read_text())
             for step in machine.STEPS}  # fmt: skip
    assert found["devices"]["outcome"] == "failed with status 1"
    assert "no device" in found["devices"]["output"]
    assert found["latency"]["outcome"] == "cut off"
    assert found["latency"]["figures"] == [{"figure": 1}]
    assert "begun" in found["latency"]["output"]
    assert {found[name]["outcome"] for name in ("training", "bench")} == {"no time was left"}
    assert sorted(path.name for path in out.iterdir()) == sorted(
        f"{step.name}.json" for step in machine.STEPS
    )
    child = Path(f"/proc/{(place / machine.KIT / 'child').read_text()}/stat")
    assert not child.exists() or child.read_text().split()[2] == "Z"  # it ended with its step


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit of tiny models that take texts of every length that is measured."""
    from benchmarks.gpu import models
    from tests import tiny

    folder = tmp_path_factory.mktemp("place") / "kit"
    checkpoint = tiny.bert(folder.with_name("checkpoint"), positions=max(steps.LENGTHS))
    for name in kit.MODELS:
        (folder / "models").mkdir(parents=True, exist_ok=True)
        (folder / "models" / name).symlink_to(checkpoint)
        models.bundle(checkpoint, folder / "bundles" / name, None)
    labels = json.loads((checkpoint / "config.json").read_text())["id2label"].values()
    (folder / "data").mkdir()
    rows = [f"a {label} cat sat as number {at},{label}" for at in range(30) for label in labels]
    for name in ("texts.csv", f"texts{kit.TEST}"):
        (folder / "data" / name).write_text("\n".join(["text,label", *rows]) + "\n")
        rows = [row.replace("sat", "ran") for row in rows]
    (folder / kit.UNSEEN).write_bytes((folder / "data" / f"texts{kit.TEST}").read_bytes())
    return folder


def test_every_step_gives_figures_that_become_tables(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "LENGTHS", (8, 16))
    monkeypatch.setattr(steps, "BATCHES", (1, 4))
    monkeypatch.setattr(steps, "SECONDS", 0.001)
    for step in (steps.devices, steps.latency, steps.graphs):
        figures = tmp_path / f"{step.__name__}.part"
        step(folder, steps.Report(figures), "cpu")
        write(tmp_path, step.__name__, machine._figures(figures))
    write(tmp_path, "training", [{"peak": {"operations_per_s": 1e12}}, TRAINED])
    write(tmp_path, "bench", [{"status": 0, "says": "", "document": {"schema": "of bench"}}])
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- gpu -->\n<!-- /gpu -->\nafter\n")
    results.main([str(tmp_path), "--results", str(tmp_path), "--readme", str(readme)])
    told = readme.read_text()
    assert told.startswith("before\n")
    assert told.endswith("after\n")
    assert "| minilm: p50 of single texts, fp16 of torch fp32 sdpa |" in told
    # A CPU has none: what is beside them is measured, and no ratio is made up.
    assert "| minilm: p50 of single texts, CUDA graphs of plain | not measured" in told
    assert "\n| fp16 beside graphs | " in told
    assert "| training on texts, time of the Trainer's | 0.50 | at most 0.6 | yes |" in told
    assert "| texts | 48 | 3 | 10.0 s | 20.0 s | 0.9000 | 0.8000 | 4.0% |" in told
    assert "Quicker than the CPU's best from a batch of:" in told
    assert "Accuracy on the rows that training did not see: fp32 on cpu 0." in told
    assert "A GPU that was taken away: an error." in told
    assert "distilbert: ms of a single text" in told
    assert json.loads((tmp_path / "bench-gpu.json").read_text()) == {"schema": "of bench"}
    kept = json.loads((tmp_path / "gpu.json").read_text())
    assert [one["step"] for one in kept] == ["devices", "latency", "graphs", "training", "bench"]
    assert [one["error"] for one in kept[1]["figures"] if "error" in one] == []
    (placed,) = [one for one in kept[0]["figures"] if one.get("variant") == "fp16"
                 and one.get("model") == "minilm"]  # fmt: skip
    assert placed["provider"] == "CPUExecutionProvider"
    assert placed["nodes"]


def test_other_tasks_are_asked_on_every_device(
    tagger_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.gpu import prepare
    from tests import tiny

    sentences = "\n\n".join(f"Ada B-PER\nmet O\nBo{at} B-PER" for at in range(40)) + "\n"
    (tmp_path / "tagged.conll").write_text(sentences)
    asked = [{"id": str(at), "question": f"Who met Bo {at}?",
              "answers": [{"text": "Ada", "answer_start": 0}]} for at in range(4)]  # fmt: skip
    paragraph = {"context": "Ada met Bo and went home.", "qas": asked}
    document = {"data": [{"title": "a", "paragraphs": [paragraph]}]}
    (tmp_path / "asked.json").write_text(json.dumps(document))
    others = tmp_path / "kit" / kit.OTHERS
    prepare.also(others, tagger_checkpoint, tmp_path / "tagged.conll")
    prepare.also(others, tiny.answerer(tmp_path / "finder"), tmp_path / "asked.json")
    monkeypatch.setattr("benchmarks.questions.WORDS", 6)
    figures = tmp_path / "figures"
    steps.tasks(tmp_path / "kit", steps.Report(figures), "cpu")
    found = [one for one in machine._figures(figures) if isinstance(one, dict)]
    assert not [one for one in found if "error" in one]
    assert [(one["other"], one["variant"]) for one in found] == [
        (name, variant)
        for name in ("finder", tagger_checkpoint.name)
        for variant in ("fp16", "fp32", "fp32", "transformers' pipeline")
    ]
    write(tmp_path, "tasks", found)
    told = results.page(results.Figures(results.read(tmp_path)))
    assert f"| {tagger_checkpoint.name} | cpu | fp16 | entity_f1 0." in told
    assert "| finder | cpu | fp32 | exact_match 0." in told
    assert "100 questions over one context of 3,000 words, fp16 on cpu:" in told


def test_steps_that_did_not_run_keep_what_was_measured_before() -> None:
    before = [{"step": "latency", "figures": [1]}, {"step": "devices", "figures": [2]}]
    now = [{"step": "latency", "figures": [3]}]
    assert [one["figures"] for one in results.merged(before, now)] == [[2], [3]]


def test_a_side_that_fails_leaves_the_others_their_turns(tmp_path: Path) -> None:
    calls = 0

    def fails_later(texts: Sequence[str]) -> None:
        nonlocal calls
        calls += 1
        if calls > steps.WARM + 1:
            raise RuntimeError("CUDA error: an illegal memory access")

    figures = tmp_path / "figures"
    sides: dict[str, steps.Side] = {"fp16": fails_later, "fp32": lambda texts: None}
    steps._measure(steps.Report(figures), "minilm", 16, 1, sides, ["the cat"])
    failed, measured = machine._figures(figures)
    assert isinstance(failed, dict)
    assert isinstance(measured, dict)
    assert (failed["side"], failed["error"]) == ("fp16", "CUDA error: an illegal memory access")
    assert (measured["side"], measured["runs"] > steps.ROUNDS) == ("fp32", True)


def test_other_parts_are_joined_anew(place: Path, tmp_path: Path) -> None:
    carried = tmp_path / "carried"
    assert call("keep", carried, "--place", place).returncode == 0
    parts.join(place, place / machine.KIT)
    assert call("keep", carried, "--place", place).returncode == 0
    assert (place / machine.KIT).is_dir()  # the same parts
    (tmp_path / "folder" / "noise").write_bytes(os.urandom(20_000))
    parts.cut(tmp_path / "folder", carried, most_bytes=8_000)
    assert call("keep", carried, "--place", place).returncode == 0
    assert not (place / machine.KIT).exists()


TRAINED = {
    "data": "texts", "rows": {"train": 48}, "epochs": 3, "edgeft_s": 10.0, "ordinary_s": 20.0,
    "time_ratio": 0.5, "edgeft_accuracy": 0.9, "ordinary_accuracy": 0.8, "operations": 4e11,
}  # fmt: skip


def write(folder: Path, step: str, figures: Sequence[Any]) -> None:
    record = {"step": step, "device": "cpu", "outcome": "done", "seconds": 1.0, "figures": figures}
    (folder / f"{step}.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("content", "message"), [(None, "holds no step's results"), ("{", "cannot be read")]
)
def test_results_that_are_none(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "latency.json").write_text(content)
    done = call("results", tmp_path)
    assert (done.returncode, message in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_engines_are_compared_by_medians_over_lengths() -> None:
    def figure(side: str, length: int, batch: int, ms: float) -> dict[str, Any]:
        return {"model": "minilm", "side": side, "length": length, "batch": batch, "p50_ms": ms}

    figures = results.Figures([{"step": "latency", "figures": [
        figure("fp16", 16, 1, 1.0), figure("fp16", 16, 8, 2.0),
        figure("fp16", 64, 1, 3.0), figure("fp16", 64, 8, 4.0),
        figure("torch fp16 sdpa", 16, 1, 2.0), figure("torch fp16 sdpa", 16, 8, 8.0),
        figure("torch fp16 sdpa", 64, 1, 3.0), figure("torch fp16 sdpa", 64, 8, 24.0),
        figure("cpu fp32", 16, 1, 0.5), figure("cpu fp32", 16, 8, 9.0),
        figure("cpu fp32", 64, 1, 2.0), figure("cpu fp32", 64, 8, 3.0),
        figure("fp16 beside graphs", 16, 1, 4.0), figure("fp16 graphs", 16, 1, 3.0),
    ]}])  # fmt: skip
    found = {bar.what: bar.ratio for bar in results.bars(figures)}
    assert found["minilm: p50 of single texts, fp16 of torch fp16 sdpa"] == (0.5 + 1.0) / 2
    # At 16 tokens 4000/s against 1000/s, at 64 tokens 2000/s against 333.3/s.
    assert found["minilm: texts/s at the best batch, fp16 of torch fp16 sdpa"] == pytest.approx(5.0)
    assert found["minilm: p50 of single texts, CUDA graphs of plain"] == 3.0 / 4.0
    assert found["distilbert: p50 of single texts, CUDA graphs of plain"] is None
    assert "from a batch of: 8 at 16 tokens, none at 64 tokens." in results.latencies(
        figures, "minilm"
    )


@pytest.mark.slow
@pytest.mark.parametrize("step", ["training", "bench", "compiled", "tensorrt"])
def test_the_long_steps_give_figures(folder: Path, tmp_path: Path, step: str) -> None:
    figures = tmp_path / "figures"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu.steps", step, folder, figures, "cpu"],
        cwd=ROOT, check=True,
    )  # fmt: skip
    found = machine._figures(figures)
    assert found
    assert step == "tensorrt" or not any("error" in one for one in found)
