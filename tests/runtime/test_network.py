"""Loading and predicting open no network connection: the kernel kills the first that tries."""

import subprocess
import sys
from pathlib import Path

import pytest

# seccomp (Linux, man 2 seccomp): a filter that ends the process at socket(2) or connect(2).
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
PREDICT = """
import asyncio, edgeft
for variant in ("fp32", "int8"):
    with edgeft.load(sys.argv[1], variant=variant) as model:
        model.predict("the cat")
        model.predict(["the cat", "sun"] * 600)
        async def ask(): return await asyncio.gather(*map(model.apredict, ["a", "b"]))
        asyncio.run(ask())
print("predicted")
"""
CONNECT = "import socket; socket.create_connection(('127.0.0.1', 9), timeout=1)"


def _guarded(code: str, bundle: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", GUARD + code, str(bundle)], capture_output=True, text=True
    )


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
def test_no_connection_is_opened(tiny_bundle: Path) -> None:
    done = _guarded(PREDICT, tiny_bundle)
    if "no seccomp" in done.stdout:
        pytest.skip("this kernel has no seccomp filters")
    assert (done.stdout, done.returncode) == ("predicted\n", 0), done.stderr
    assert _guarded(CONNECT, tiny_bundle).returncode == -31  # SIGSYS: the guard does guard
