"""Signals end the command in one line, whatever it is importing at the time."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.processes import edgeft

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="of POSIX systems")

# Runs at the start of Python: the process is sent a signal when it imports a module.
MOMENT = """
import os, sys
class Moment:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r} and {earlier!r} in sys.modules:
            sys.meta_path.remove(self)
            for at in range({times}):
                os.kill(os.{process}(), {number})
                {then}
sys.meta_path.insert(0, Moment())
"""


# A signal is heard once an import is over, and by then predict may have said what runs.
NOTES = re.compile(r"Running \w+ on cpu|$")


def told(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if not NOTES.match(line)]


def lay(
    folder: Path,
    number: int,
    module: str,
    *,
    earlier: str = "edgeft.signals",
    process: str = "getpid",
    times: int = 1,
    then: str = "pass",
) -> None:
    text = MOMENT.format(
        module=module, earlier=earlier, process=process, number=int(number), times=times, then=then
    )
    (folder / "sitecustomize.py").write_text(text)


def signalled(
    folder: Path, number: int, module: str, *arguments: object, times: int = 1, then: str = "pass"
) -> "subprocess.CompletedProcess[str]":
    lay(folder, number, module, times=times, then=then)
    return edgeft(*arguments, variables={"PYTHONPATH": str(folder)}, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "module",
    ["edgeft.cli", "click", "edgeft.cli.streams", "edgeft.cli.predict", "numpy", "onnxruntime",
     "tokenizers", "edgeft.runtime.model"],
)  # fmt: skip
def test_an_interrupt_while_something_is_imported(
    tiny_bundle: Path, tmp_path: Path, module: str
) -> None:
    done = signalled(tmp_path, signal.SIGINT, module, "predict", tiny_bundle, "-")
    assert (done.returncode, done.stdout) == (130, "")
    assert told(done.stderr) == ["Interrupted."]


@pytest.mark.parametrize("module", ["numpy._core.multiarray", "numpy.linalg", "onnxruntime.capi"])
def test_an_interrupt_of_a_native_import_is_not_taken_for_a_broken_library(
    tmp_path: Path, module: str
) -> None:
    done = signalled(tmp_path, signal.SIGINT, module, "doctor")
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_an_interrupt_that_a_library_keeps_for_itself_is_told_once(tmp_path: Path) -> None:
    # Heard when the command is over, and by then it waits for another chance to be raised.
    done = signalled(
        tmp_path, signal.SIGINT, "numpy.linalg", "doctor",
        then=(
            "import click, time; explain = click.echo;"
            "click.echo = lambda *told, **how: (time.sleep(0.5), explain(*told, **how))"
        ),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_an_import_that_takes_long_is_left_at_the_second_interrupt(tmp_path: Path) -> None:
    begin = time.monotonic()
    done = signalled(
        tmp_path, signal.SIGINT, "edgeft.bench.doctor", "doctor", times=2,
        then="import time; [time.sleep(0.01) for _ in range(10 + 12000 * at)]",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Interrupted.\n")
    assert time.monotonic() - begin < 100  # of two minutes


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGTERM, "Terminated."), (signal.SIGHUP, "The terminal went away.")],
)
def test_other_signals_that_end(tiny_bundle: Path, tmp_path: Path, number: int, words: str) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:  # as under nohup; children inherit it
        pytest.skip("ignored where the tests run")
    done = signalled(tmp_path, number, "numpy", "predict", tiny_bundle, "-")
    assert (done.returncode, told(done.stderr)) == (128 + number, [words])


def test_what_was_ignored_stays_so(tmp_path: Path) -> None:
    lay(tmp_path, signal.SIGHUP, "edgeft.bench.doctor")
    done = edgeft(
        "doctor", variables={"PYTHONPATH": str(tmp_path)},
        before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    assert done.returncode == 0


def test_a_bench_that_is_terminated_leaves_nothing(tiny_bundle: Path, tmp_path: Path) -> None:
    from edgeft.bench.subject import MANIFEST

    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "model.onnx").write_bytes((tiny_bundle / "onnx" / "model.onnx").read_bytes())
    for path in tiny_bundle.glob("*.json"):
        if path.name != MANIFEST:
            (folder / path.name).write_bytes(path.read_bytes())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # Sent by the worker while it is being asked, to who asks it.
    lay(tmp_path, signal.SIGTERM, "edgeft.bench.scenarios", earlier="edgeft.bench.energy",
        process="getppid")  # fmt: skip
    done = edgeft(
        "bench", folder, "--device", "cpu", "--samples", 2, "--rounds", 1, "--texts", 2,
        variables={"PYTHONPATH": str(tmp_path), "TMPDIR": str(scratch)},
    )  # fmt: skip
    assert done.returncode == 143, done.stderr
    assert done.stderr.splitlines()[-1] == "Terminated."
    assert list(scratch.glob("edgeft-*")) == []
