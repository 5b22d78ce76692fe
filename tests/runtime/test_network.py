"""Loading and predicting open no network connection: the kernel kills the first that tries.

onnxruntime's own telemetry waits some 10 s before it looks up its host, and stays
away where a CI runs; so the processes here live for 40 s, and outside any CI.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILDS = {"this": Path(sys.executable), "base": ROOT / ".venv-base" / "bin" / "python"}
KILLED = -31  # SIGSYS

# seccomp (Linux, man 2 seccomp): a filter that ends the process at socket(2) or connect(2),
# without which there is neither a lookup of a name nor any connection.
GUARD = """
import ctypes, platform, struct, sys
CALLS = {"x86_64": (0xC000003E, 41, 42), "aarch64": (0xC00000B7, 198, 203)}[platform.machine()]
def rule(code, jt, jf, k): return struct.pack("HBBI", code, jt, jf, k)
LOAD, EQUAL, RETURN, KILL, ALLOW = 0x20, 0x15, 0x06, 0x80000000, 0x7FFF0000
program = b"".join([
    rule(LOAD, 0, 0, 4), rule(EQUAL, 1, 0, CALLS[0]), rule(RETURN, 0, 0, KILL),
    rule(LOAD, 0, 0, 0), rule(EQUAL, 1, 0, CALLS[1]), rule(EQUAL, 0, 1, CALLS[2]),
    rule(RETURN, 0, 0, KILL), rule(RETURN, 0, 0, ALLOW),
])
buffer = ctypes.create_string_buffer(program)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
loaded = Program(len(program) // 8, ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0
if libc.prctl(22, 2, ctypes.byref(loaded), 0, 0):
    print("no seccomp"); sys.exit(0)
"""
LIVE = "import time; time.sleep(40); print('lived')"
PREDICT = """
import asyncio, edgeft
models = [edgeft.load(sys.argv[1], variant=variant) for variant in ("fp32", "int8")]
for model in models:
    model.predict("the cat")
    model.predict(["the cat", "sun"] * 600)
    async def ask(): return await asyncio.gather(*map(model.apredict, ["a", "b"]))
    asyncio.run(ask())
"""
ALONE = "import onnxruntime\n"  # as somebody imports it who switches nothing off
CONNECT = "import socket; socket.create_connection(('127.0.0.1', 9), timeout=1)"


@dataclass
class Guarded:
    """A process under the guard, and the only folder that it may take for a home."""

    process: "subprocess.Popen[str]"
    home: Path

    def end(self) -> tuple[str, int]:
        """What it printed and how it ended."""
        out, err = self.process.communicate(timeout=600)
        if "no seccomp" in out:
            pytest.skip("this kernel has no seccomp filters")
        if self.process.returncode not in (0, KILLED):
            raise AssertionError(err)
        return out.strip(), self.process.returncode

    def files(self) -> list[str]:
        """What it left in its home."""
        return [str(one.relative_to(self.home)) for one in self.home.rglob("*") if one.is_file()]


@contextmanager
def guarded(python: Path, code: str, home: Path, *arguments: object) -> Iterator[Guarded]:
    home.mkdir()
    leave = ("CI", "EDGEFT_CACHE", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")
    environment = {name: value for name, value in os.environ.items() if name not in leave}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    command = [str(python), "-c", GUARD + code, *map(str, arguments)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=ROOT, env=environment | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield Guarded(process, home)
    finally:
        process.kill()
        process.wait()


def _phones_home(python: Path) -> bool:
    """Whether this build of onnxruntime has telemetry at all."""
    find = "import onnxruntime, pathlib; print(pathlib.Path(onnxruntime.__file__).parent)"
    done = subprocess.run([python, "-c", find], capture_output=True, text=True, check=True)
    libraries = Path(done.stdout.strip(), "capi").glob("onnxruntime_pybind11_state*")
    return any(b"ORT_DISABLE_TELEMETRY" in one.read_bytes() for one in libraries)


def _check(builds: dict[str, Path], bundle: Path, folder: Path) -> None:
    """All at once, since they only sleep: each build with edgeft, and as it is by itself."""
    with ExitStack() as stack:
        start = stack.enter_context
        lives = [
            start(guarded(python, PREDICT + LIVE, folder / name, bundle))
            for name, python in builds.items()
        ]
        controls = [
            start(guarded(python, ALONE + LIVE, folder / f"{name}-alone"))
            for name, python in builds.items()
            if _phones_home(python)
        ]
        for control in controls:  # so the guard sees the telemetry, where there is any
            assert control.end() == ("", KILLED)
            assert any("deviceid" in one for one in control.files())
        for one in lives:
            assert one.end() == ("lived", 0)
            assert one.files() == []


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_nothing_is_opened_and_nothing_kept_in_forty_seconds(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    _check({n: python for n, python in BUILDS.items() if python.exists()}, tiny_bundle, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_the_guard_does_guard(tmp_path: Path) -> None:
    with guarded(BUILDS["this"], CONNECT, tmp_path / "home") as process:
        assert process.end() == ("", KILLED)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
@pytest.mark.parametrize("build", ["onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"])
def test_no_newest_build_of_any_kind_opens_anything(
    build: str, tiny_bundle: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    packages = ["click", "numpy", "rich", "tokenizers", build]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    _check({"new": python}, tiny_bundle, tmp_path)
