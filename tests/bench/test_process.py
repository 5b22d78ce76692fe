import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edgeft.bench.cell import Cell
from edgeft.bench.process import Job, ceiling_of, run_once
from edgeft.bench.scenarios import Load
from edgeft.errors import DeviceError
from edgeft.tasks import task_named
from tests import lookup, tiny

ROOT = Path(__file__).parents[2]
TEXTS = ["the cat fell", "good bread and bad water", "market report", "red green blue"] * 3


def job(texts: list[str], **other: object) -> Job:
    return Job(first=texts[0], singles=texts, inputs=texts, answers=True, **other)  # type: ignore[arg-type]


def test_a_process_measures_a_variant_and_gives_the_models_labels(tiny_bundle: Path) -> None:
    import edgeft

    wanted = Job(TEXTS[0], TEXTS[:5], TEXTS, answers=True, load=Load((400.0,), None, 0.1))
    measured = run_once(tiny_bundle, Cell("cpu", "fp32", 1), wanted)
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1) as model:
        labels = [model.labels[one] for one in measured.answers]
        assert labels == [one.label for one in model.predict(TEXTS)]
        lengths = [len(one.ids) for one in model.runner.encode(TEXTS)]
    assert (measured.device, measured.threads) == ("cpu", 1)
    # The first prediction comes after the load, which comes after the start.
    assert measured.first_ms > measured.load_ms > 0
    assert measured.warmup_calls >= 10
    assert measured.peak_rss_bytes is None or measured.peak_rss_bytes > 10 << 20
    singles, offline = measured.singles, measured.offline
    assert singles is not None
    assert len(singles.times_ms) == 5
    assert min(singles.times_ms) > 0
    assert singles.tokens == lengths[:5]
    assert 0 < singles.tokenize_s + singles.run_s < sum(singles.times_ms) / 1e3
    assert offline is not None
    assert (offline.texts, offline.passes > 1) == (12, True)  # so few are repeated for a second
    assert offline.seconds >= 1.0
    assert offline.tokens == sum(map(sum, offline.batches)) == sum(lengths[:4])  # each text once
    parts = (offline.tokenize_s, offline.run_s, offline.decode_s)
    assert min(parts) > 0
    assert sum(parts) < offline.seconds
    assert offline.wait_s < 0.5 * offline.seconds  # so few texts leave little to wait for
    assert offline.padded_tokens >= offline.tokens
    (trial,) = measured.trials
    assert (trial.rate_texts_per_s, trial.arrivals) == (400.0, 299)


def test_a_text_in_windows_is_one_text_whatever_it_takes(tmp_path: Path) -> None:
    import edgeft

    tagger = lookup.bundle(
        tmp_path / "tagger", "token-classification", tiny.TAGS, {"logits": lookup.TAGS}
    )
    texts = ["the cat fell", " ".join(tiny.WORDS * 5), "good bread"]
    cell = Cell("cpu", "fp32", 1, batch_tokens=48)
    measured = run_once(tagger, cell, Job(texts[0], texts, texts, answers=True, adopted=True))
    assert measured.singles is not None
    with edgeft.load(tagger, device="cpu", variant="fp32", verify="off") as model:
        parts = [one.parts for one in model.runner.encode(texts)]
        answers = [[(one.start, one.end) for one in found] for found in model.predict(texts)]
    assert measured.singles.tokens == [sum(len(one.ids) for one in some) for some in parts]
    # A run holds the parts of one text alone, and each part's length by itself.
    lengths = [[len(one.ids) for one in some] for some in parts]
    assert sorted(at for batch in measured.singles.batches for at in batch) == sorted(
        at for some in lengths for at in some
    )
    assert len(lengths[1]) > 1
    found = [[(start, end) for start, end, _ in some] for some in measured.answers]
    assert found == answers
    assert task_named("token-classification").same(measured.answers, measured.answers).all()


def test_what_was_not_asked_for_is_left_out(tiny_bundle: Path) -> None:
    measured = run_once(tiny_bundle, Cell("cpu", "fp32"), Job("cat", [], TEXTS, offline=False))
    assert (measured.singles, measured.offline, measured.trials) == (None, None, [])
    assert measured.first_ms > 0


def test_the_highest_rate_is_searched_below_the_throughput(tiny_bundle: Path) -> None:
    wanted = Job("cat", [], TEXTS, load=Load((), 1000.0, 0.05))
    measured = run_once(tiny_bundle, Cell("cpu", "fp32", 1), wanted)
    assert measured.offline is not None
    assert measured.highest is not None
    assert 0 < measured.highest.rate_texts_per_s < measured.offline.texts_per_s
    assert measured.highest.meets(1000.0)


def test_waiting_for_the_tokenizer_is_measured_where_it_happens(tiny_bundle: Path) -> None:
    import edgeft
    from edgeft.bench.trace import Trace

    trace = Trace()
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1, observer=trace) as model:
        inner = model.runner.encoder.encode

        def slow(*given: Any) -> object:
            time.sleep(0.3)
            return inner(*given)

        model.runner.encoder.encode = slow  # type: ignore[method-assign, assignment]
        trace.clear()
        texts = [f"cat {at}" for at in range(2100)]  # three groups
        found = model.predict(texts)
        assert len(found) == 2100
        assert sum(map(len, trace.batches)) == 2100
        # The first group is tokenized by the caller itself, the others meanwhile.
        assert 0.3 <= trace.tokenize_s < 0.9
        assert 0.1 < trace.wait_s < 0.9
        assert trace.decode_s > 0


def test_batches_are_as_large_as_the_cell_says(tiny_bundle: Path) -> None:
    texts = [f"cat {word}" for word in ["red", "green", "blue", "bread", "water", "good", "bad"]]
    alone = run_once(tiny_bundle, Cell("cpu", "fp32", batch_tokens=1), job(texts)).offline
    whole = run_once(tiny_bundle, Cell("cpu", "fp32", batch_tokens=512), job(texts)).offline
    assert alone is not None
    assert whole is not None
    assert [len(batch) for batch in alone.batches] == [1] * 7
    assert [len(batch) for batch in whole.batches] == [7]


def test_a_process_that_dies_after_its_first_answer_is_a_failed_cell(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "class Deadly:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'edgeft.bench.energy':\n"  # which is imported for the second answer
        "            os.kill(os.getpid(), 9)\n"
        "sys.meta_path.insert(0, Deadly())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(DeviceError, match="ended by SIGKILL"):
        run_once(tiny_bundle, Cell("cpu", "fp32"), job(["cat"]))


def test_a_process_that_hangs_is_ended(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "pid"
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(note)!r}).write_text(str(os.getpid()))\n"
        "time.sleep(3600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    # More than a pipe holds, so that whoever asks cannot get rid of the question either.
    cell, long = Cell("cpu", "fp32"), "x" * 1_000_000
    with pytest.raises(DeviceError, match="did nothing for 2 s and was ended") as caught:
        run_once(tiny_bundle, cell, job([long]), timeout_s=2)
    assert "--timeout" in caught.value.hint
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_a_process_that_is_at_work_is_waited_for(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, time\n"
        "for _ in range(5):\n"
        "    os.write(1, b'{}\\n')\n"
        "    time.sleep(1)\n"
        "os._exit(7)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(DeviceError, match="ended with status 7"):
        run_once(tiny_bundle, Cell("cpu", "fp32"), job(["cat"]), timeout_s=4)


def test_a_process_tells_that_it_is_at_work(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeft.bench import worker

    monkeypatch.setattr(worker, "BEAT_S", 0.0)
    lines = [
        {"bundle": str(tiny_bundle), "device": "cpu", "variant": "fp32", "threads": 1,
         "batch_tokens": None, "first": "cat", "verify": "full"},
        {"singles": ["cat"] * 5, "offline": False, "inputs": ["cat"], "answers": False,
         "most_s": 60, "patient": False, "load": None},
    ]  # fmt: skip
    answers = io.StringIO()
    worker._answer(io.StringIO("".join(json.dumps(one) + "\n" for one in lines)), answers)
    told = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert len([one for one in told if one]) == 2
    assert told.count({}) >= 5


def test_half_an_answer_is_none(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nos.write(1, b'{\"load_ms\": 1')\nos._exit(0)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(DeviceError, match="ended with status 0"):
        run_once(tiny_bundle, Cell("cpu", "fp32"), job(["cat"]))


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("print('Good morning', flush=True)", "printed what is no answer: 'Good morning'"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGRTMIN + 1)", "ended by signal "),
    ],
)
def test_odd_beginnings_and_ends_are_told(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, message: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(start)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(DeviceError, match=message):
        run_once(tiny_bundle, Cell("cpu", "fp32"), job(["cat"]))


def test_an_interrupt_leaves_no_process_behind(tiny_bundle: Path) -> None:
    code = (
        "import signal; from pathlib import Path; from edgeft.bench.cell import Cell\n"
        "from edgeft.bench.process import Job, run_once\n"
        # A job in the background is started with this signal ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "texts = [f'cat {at}' for at in range(200000)]\n"
        "print('begin', flush=True)\n"
        f"run_once(Path({str(tiny_bundle)!r}), Cell('cpu', 'fp32'), Job('a', texts, texts))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"begin\n"
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
    )
    assert children.stdout == ""
    assert process.returncode != 0


def test_a_ceiling_is_measured_in_a_process_of_its_own() -> None:
    assert ceiling_of("cpu", 1, "fp32", 100_000).operations_per_s > 0
    with pytest.raises(DeviceError):
        ceiling_of("tensorrt", 1, "fp32", 100_000)


def test_texts_cross_to_the_process_unharmed(tiny_bundle: Path) -> None:
    texts = ["line\nbreak", "中文 🎉 \u2028", "", "lone \ud800 surrogate", "x" * 200_000]
    assert len(run_once(tiny_bundle, Cell("cpu", "fp32"), job(texts)).answers) == 5


def test_a_relative_bundle_is_found_from_where_the_caller_stands(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_bundle.parent)
    cell = Cell("cpu", "fp32")
    assert run_once(Path(tiny_bundle.name), cell, job(["cat"])).answers


def test_an_error_of_the_process_reaches_the_caller_with_its_hint(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(tiny_bundle, tmp_path / "broken")
    with (broken / "onnx" / "model.onnx").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(DeviceError, match=r"model\.onnx has \d+ bytes") as caught:
        run_once(broken, Cell("cpu", "fp32"), job(["cat"]))
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
    assert run_once(tiny_bundle, Cell("cpu", "fp32"), job(["cat"])).answers


def test_the_process_finds_the_edgeft_that_asks(tiny_bundle: Path, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path; from edgeft.bench.cell import Cell\n"
        "from edgeft.bench.process import Job, run_once\n"
        f"run_once(Path({str(tiny_bundle)!r}), Cell('cpu', 'fp32'), Job('a', ['a'], ['a']))"
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
        run_once(tmp_path, Cell("cpu", "fp32"), job(["cat"]))
