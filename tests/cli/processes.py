"""The command in a process of its own, with streams as shells leave them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def edgeft(
    *arguments: object,
    before: Callable[[], None] = lambda: None,
    variables: dict[str, str] | None = None,
    **streams: Any,
) -> "subprocess.CompletedProcess[str]":
    """Run it to its end; ``before`` runs in the process before it is the command."""

    def prepare() -> None:
        # Tests that run in the background of a shell inherit that interrupts are ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        before()

    path = (variables or {}).get("PYTHONPATH", "")
    environment = {**os.environ, **(variables or {}), "PYTHONPATH": f"{path}{os.pathsep}{ROOT}"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.run(
        [sys.executable, "-m", "edgeft", *map(str, arguments)],
        env=environment, preexec_fn=prepare, text=True, timeout=300, check=False, **streams,
    )  # fmt: skip
