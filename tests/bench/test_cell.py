import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgeft.bench.cell import Cell, Run, agreement, run_once, summarize
from edgeft.errors import DeviceError

ROOT = Path(__file__).parents[2]
TEXTS = ["the cat fell", "good bread and bad water", "market report", "red green blue"] * 3


def run(p50_ms: float, **other: object) -> Run:
    figures = {
        "device": "cpu", "threads": 2, "load_ms": 10.0, "first_ms": 20.0, "warmup_calls": 10,
        "steady": True, "singles_ms": [p50_ms] * 3, "texts_per_s": 100.0,
        "peak_rss_bytes": 1000, "labels": ["a"],
    }  # fmt: skip
    return Run(**{**figures, **other})  # type: ignore[arg-type]


def test_a_process_measures_a_variant_and_gives_the_models_labels(tiny_bundle: Path) -> None:
    import edgeft

    measured = run_once(tiny_bundle, Cell("cpu", "fp32", 1), TEXTS[0], TEXTS[:5], TEXTS)
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1) as model:
        assert measured.labels == [one.label for one in model.predict(TEXTS)]
    assert (measured.device, measured.threads) == ("cpu", 1)
    assert len(measured.singles_ms) == 5
    assert min(measured.singles_ms) > 0
    # The first prediction comes after the load, which comes after the start.
    assert measured.first_ms > measured.load_ms > 0
    assert measured.warmup_calls >= 10
    assert measured.texts_per_s > 0
    assert measured.peak_rss_bytes is None or measured.peak_rss_bytes > 10 << 20


def test_texts_cross_to_the_process_unharmed(tiny_bundle: Path) -> None:
    texts = ["line\nbreak", "中文 🎉 \u2028", "", "lone \ud800 surrogate", "x" * 200_000]
    assert len(run_once(tiny_bundle, Cell("cpu", "fp32"), texts[0], texts, texts).labels) == 5


def test_a_relative_bundle_is_found_from_where_the_caller_stands(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_bundle.parent)
    cell = Cell("cpu", "fp32")
    assert run_once(Path(tiny_bundle.name), cell, "cat", ["cat"], ["cat"]).labels


def test_an_error_of_the_process_reaches_the_caller_with_its_hint(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(tiny_bundle, tmp_path / "broken")
    with (broken / "onnx" / "model.onnx").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(DeviceError, match=r"model\.onnx has \d+ bytes") as caught:
        run_once(broken, Cell("cpu", "fp32"), "cat", ["cat"], ["cat"])
    assert caught.value.hint


def test_what_libraries_print_is_not_taken_for_an_answer(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python runs sitecustomize at its start; this one writes to stdout as onnxruntime is imported.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "class Loud:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            os.write(1, b'a library says hello\\n')\n"
        "sys.meta_path.insert(0, Loud())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert run_once(tiny_bundle, Cell("cpu", "fp32"), "cat", ["cat"], ["cat"]).labels


def test_the_process_finds_the_edgeft_that_asks(tiny_bundle: Path, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path; from edgeft.bench.cell import Cell, run_once\n"
        f"run_once(Path({str(tiny_bundle)!r}), Cell('cpu', 'fp32'), 'a', ['a'], ['a'])"
    )
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=bare, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.kill(os.getpid(), 9)", "ended by SIGKILL, perhaps because memory ran out"),
        ("import os; print('no such library'); os._exit(3)", "status 3: no such library"),
    ],
)
def test_a_process_that_dies_is_told_from_one_that_answers(
    code: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python runs sitecustomize at its start, so this is a true death before the first answer.
    code = code.replace("print(", "import sys; print(").replace(
        "')", "', file=sys.stderr, flush=True)"
    )
    (tmp_path / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path)]))
    with pytest.raises(DeviceError, match=message):
        run_once(tmp_path, Cell("cpu", "fp32"), "cat", ["cat"], ["cat"])


def test_runs_are_put_together_by_medians_and_percentiles_of_all() -> None:
    runs = [
        run(1.0, load_ms=10.0, texts_per_s=90.0, peak_rss_bytes=5),
        run(2.0, load_ms=99.0, texts_per_s=100.0, peak_rss_bytes=7, steady=False),
        run(9.0, load_ms=11.0, texts_per_s=500.0, peak_rss_bytes=6),
    ]
    result = summarize(runs)
    assert (result.latency.p50_ms, result.latency.p99_ms, result.latency.samples) == (2.0, 9.0, 9)
    assert (result.load_ms, result.texts_per_s, result.peak_rss_bytes) == (11.0, 100.0, 6)
    assert result.round_p50_ms == (1.0, 2.0, 9.0)
    assert result.warmup_calls == 30
    assert not result.steady


def test_memory_may_be_unknown() -> None:
    assert summarize([run(1.0, peak_rss_bytes=None)]).peak_rss_bytes is None


def test_agreement_is_a_share_of_all_texts() -> None:
    assert agreement(["a", "b", "c", "c"], ["a", "b", "c", "a"]) == 0.75
    with pytest.raises(ValueError, match=r"shorter|longer"):
        agreement(["a"], ["a", "b"])
