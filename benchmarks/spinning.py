"""The default against threads that always sleep and loops that always spin: `python -m …`.

Quiet, and beside a neighbour that keeps one core busy; single texts and all in one call;
CPU seconds; fp32 and int8. `--peers` adds the pipelines of optimum and transformers.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.compare import (
    RESULTS,
    SINGLES,
    Row,
    Side,
    alternate,
    latency,
    options,
    row,
    save,
    scratch,
    write_texts,
)

BATCHES = (4, 8, 16, 32, 64)
NO_WORSE = 1.03  # of a share that should be 1


@contextmanager
def neighbour() -> Iterator[None]:
    """A process that wants one core all the time."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def cpu_seconds(side: Side, do: str) -> Callable[[], float]:
    """CPU seconds of one alternation's single texts, or of all in one call."""
    places = [at * 7 for at in range(SINGLES)]
    return lambda: float(side.ask(do, places=places, labels=False)["cpu_seconds"])


def quiet(variant: str, side: Callable[[str, str], Side], rounds: int, peers: bool) -> list[Row]:
    """The default with the machine to itself, against what sleeps and what spins."""
    rows = []
    with side("edgeft", variant) as ours:
        with side("edgeft", f"{variant}-sleep") as asleep:
            what = f"{variant}, quiet, threads that sleep"
            rows.append(latency(ours, asleep, what, rounds, at_most=NO_WORSE))
            for do in ("singles", "all"):
                pairs = alternate(cpu_seconds(ours, do), cpu_seconds(asleep, do), rounds)
                what = f"CPU seconds, {do}, {variant}, threads that sleep"
                rows.append(row(what, pairs, unit="s", at_most=1.15))
        with side("bare", f"{variant}-spin") as bare:
            best = min(BATCHES, key=bare.seconds)
            pairs = alternate(ours.seconds, lambda: bare.seconds(best), rounds)
            what = f"throughput, {variant}, quiet, bare loop that spins, batch {best}"
            rows.append(row(what, pairs, unit="s", at_least=1.0))
            rows.append(latency(ours, bare, f"{variant}, bare loop", rounds, at_most=1.05))
        idle = [(float(ours.ask("idle")["cpu_seconds"]), 0.05) for _ in range(3)]
        what = f"CPU seconds in the 5 s after a call, {variant}, of 0.05"
        rows.append(row(what, idle, unit="s", at_most=1.0))
        for kind, most in (("optimum", 0.90), ("transformers", 0.50)) if peers else ():
            with side(kind, "fp32") as other:
                rows.append(latency(ours, other, f"{variant}, {kind}", rounds, at_most=most))
    return rows


def busy(variant: str, side: Callable[[str, str], Side], rounds: int) -> list[Row]:
    """The default beside a neighbour, against threads that sleep, and against the spinning loop."""
    with ExitStack() as stack:
        stack.enter_context(neighbour())
        ours = stack.enter_context(side("edgeft", variant))
        asleep = stack.enter_context(side("edgeft", f"{variant}-sleep"))
        what = f"{variant}, beside a neighbour, threads that sleep"
        rows = [latency(ours, asleep, what, rounds, at_most=NO_WORSE)]
        pairs = alternate(ours.seconds, asleep.seconds, rounds)
        what = f"throughput, {variant}, beside a neighbour, threads that sleep"
        rows.append(row(what, pairs, unit="s", at_least=1.0))
        bare = stack.enter_context(side("bare", f"{variant}-spin"))
        pairs = alternate(ours.seconds, lambda: bare.seconds(32), rounds)
        what = f"throughput, {variant}, beside a neighbour, bare loop that spins, batch 32"
        rows.append(row(what, pairs, unit="s", at_least=1.0))
    return rows


def main() -> None:
    """Measure, print the table, keep it."""
    parser = options(__doc__)
    parser.add_argument("--peers", action="store_true", help="also optimum and transformers")
    parser.add_argument("--variant", action="append", help="repeatable; fp32 and int8 by default")
    chosen = parser.parse_args()
    rows: list[Row] = []
    with scratch() as folder:
        _, texts = write_texts(Path(folder), (chosen.data or [None])[0], chosen.limit)

        def side(kind: str, variant: str) -> Side:
            return Side(kind, chosen.folder, texts, chosen.threads, variant)

        for variant in chosen.variant or ("fp32", "int8"):
            rows += quiet(variant, side, chosen.rounds, chosen.peers and variant == "fp32")
            rows += busy(variant, side, chosen.rounds)
    save(chosen.out or RESULTS / "spinning.json", rows, __doc__ or "")


if __name__ == "__main__":
    main()
