"""Servers in processes of their own: started, asked whether they are ready, weighed and stopped."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Self

__all__ = ["PEERS", "Peer", "Server", "cpu_seconds", "edgeft", "peer", "resident_bytes"]

ROOT = Path(__file__).parents[2]
SIDES = Path(__file__).parent / "sides"
START_S = 180.0
STOP_S = 60.0
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "PYTHONWARNINGS": "ignore",
    "ORT_DISABLE_TELEMETRY": "1",
}


class Server:
    """A server on a port of its own, once it answers. ``shape``: how it is asked."""

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        *,
        shape: str,
        ready: str,
        port: int | None = None,
        log: IO[str] | None = None,
        folder: Path = ROOT,
        kept: object = None,
    ) -> None:
        """``ready``: the path whose status 200 says that it is. ``log`` gets its stderr.

        ``folder``: where it is started. ``kept``: what must be there as long as it is.
        """
        self._kept = kept
        self.shape, self._ready = shape, ready
        self.port = port or free_port()
        self._process = subprocess.Popen(
            command(self.port), cwd=folder, stdout=subprocess.DEVNULL,
            stderr=log or subprocess.DEVNULL, env={**os.environ, **QUIET},
        )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if (status := self._process.poll()) is not None:
                raise SystemExit(f"The server ended with status {status}: {self._process.args}")
            with suppress(OSError, HTTPException):
                connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", self._ready)
                if connection.getresponse().status == 200:
                    return
            time.sleep(0.1)
        raise SystemExit(f"The server was not ready within {START_S:g} s: {self._process.args}")

    @property
    def pid(self) -> int:
        """Of its first process."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Of CPU time that it and all its processes have taken."""
        return cpu_seconds(self.pid)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its status, once it has ended."""
        return self._process.wait(STOP_S)

    def stop(self) -> None:
        """End it and its processes."""
        others = descendants(self.pid)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for one in others:  # of a server that leaves its workers behind
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def edgeft(
    bundle: Path, threads: int, *options: str, port: int | None = None, log: IO[str] | None = None
) -> Server:
    """``edgeft serve`` of this Python, with its defaults unless ``options`` say more."""

    def command(port: int) -> list[str]:
        return [
            sys.executable, "-m", "edgeft", "serve", f"main={bundle}", "--port", str(port),
            "--device", "cpu", "--threads", str(threads), *options,
        ]  # fmt: skip

    return Server(command, shape="edgeft", ready="/v2/health/ready", port=port, log=log)


@dataclass(frozen=True)
class Peer:
    """Another server. environment: the folder of its Python, which `make serve-peers` sets up."""

    title: str
    environment: str
    shape: str
    ready: str
    command: Callable[[Path, Path, int, int], list[str]]


def _script(name: str) -> Callable[[Path, Path, int, int], list[str]]:
    """A script of ``sides``, told the model's folder, the port and the threads."""

    def command(python: Path, model: Path, port: int, threads: int) -> list[str]:
        script = SIDES / f"{name}.py"
        return [str(python), str(script), str(model), str(port), "--threads", str(threads)]

    return command


def _infinity(python: Path, model: Path, port: int, threads: int) -> list[str]:
    """Its own command, in the model's folder; it takes as many threads as onnxruntime does.

    Its warm-up asks a text that is too long for the graph, and it cuts none.
    """
    return [
        str(python.with_name("infinity_emb")), "v2", "--model-id", ".",
        "--served-model-name", "main", "--engine", "optimum", "--device", "cpu",
        "--no-bettertransformer", "--no-model-warmup", "--host", "127.0.0.1", "--port", str(port),
        "--log-level", "warning",
    ]  # fmt: skip


PEERS = {
    "fastapi": Peer(
        "FastAPI, optimum's pipeline", ".venv-fastapi", "plain", "/health",
        _script("fastapi_optimum"),
    ),
    "litserve": Peer(
        "LitServe, batches, onnxruntime", ".venv-litserve", "plain", "/health",
        _script("litserve_onnx"),
    ),
    "infinity": Peer("Infinity, optimum", ".venv-infinity", "infinity", "/health", _infinity),
}  # fmt: skip


def peer(name: str, model: Path, threads: int, *options: str) -> Server:
    """A peer, serving the fp32 graph of a bundle; of a cascade that of its full model.

    ``options`` are added to its command.
    """
    one = PEERS[name]
    python = ROOT / one.environment / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python} does not exist: run `make {one.environment}/installed` first.")
    if name != "infinity":
        return Server(
            lambda port: [*one.command(python, model.resolve(), port, threads), *options],
            shape=one.shape, ready=one.ready,
        )  # fmt: skip
    folder = flat(model)
    return Server(
        lambda port: one.command(python, model, port, threads), shape=one.shape, ready=one.ready,
        folder=Path(folder.name), kept=folder,
    )  # fmt: skip


def flat(model: Path) -> "tempfile.TemporaryDirectory[str]":
    """A folder with links to a bundle's files, its fp32 graph beside them: as Infinity finds it."""
    folder = tempfile.TemporaryDirectory(prefix="edgeft-flat-")
    for one in model.resolve().iterdir():
        if one.is_file():
            (Path(folder.name) / one.name).symlink_to(one)
    (Path(folder.name) / "model.onnx").symlink_to(model.resolve() / "onnx" / "model.onnx")
    return folder


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            for one in (task / "children").read_text().split():
                found += [int(one), *descendants(int(one))]
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, its threads and its living descendants, by /proc."""
    total = 0
    for one in (pid, *descendants(pid)):
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])  # utime and stime, in ticks
    return total / TICK


def resident_bytes(pid: int) -> int:
    """Memory that a process holds now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
