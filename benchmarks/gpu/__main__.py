"""Measure edgeft on a GPU machine that is lent for minutes: `python -m benchmarks.gpu`.

  prepare   make the parts that are to be carried there (`make gpu-parts`)
  keep      check the parts that were carried, and keep them for the calls that follow
  run       join them and measure, the most wanted first; each step is written at once
  results   what came back, as tables of benchmarks/README.md (`make gpu-results`)

Until the parts are joined this reads nothing but Python's own library.
"""

import sys
from collections.abc import Callable, Sequence

Command = Callable[[Sequence[str]], None]


def main(arguments: Sequence[str]) -> None:
    """Run one of the four."""
    name = arguments[0] if arguments else ""
    if name not in ("prepare", "keep", "run", "results"):
        sys.exit(f"{__doc__}\nName one of prepare, keep, run and results.")
    command: Command
    if name == "prepare":
        from benchmarks.gpu.prepare import main as command
    elif name == "results":
        from benchmarks.gpu.results import main as command
    elif name == "keep":
        from benchmarks.gpu.machine import keep as command
    else:
        from benchmarks.gpu.machine import run as command
    command(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
