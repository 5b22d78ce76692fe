"""HTTP's own cost: the server's throughput against `apredict` of as many tasks in one process.

    python -m benchmarks.serve.own_cost build/bench-model --data FILE

The other side runs the same Python and bundle, without a server and without anybody who asks over
a connection: tasks of one event loop that each ask for one text after the other. The generator's
own CPU time, which the server's side alone has to bear on the same cores, is told.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from benchmarks.compare import ROOT
from benchmarks.serve.kit import bundle_of, claim, generator, loaded, options, save
from benchmarks.serve.servers import edgeft

BAR = 0.8
WARM = 256


class InProcess:
    """A process that asks its own model."""

    def __init__(self, bundle: Path, asked: Path, variant: str, threads: int) -> None:
        script = Path(__file__).parent / "sides" / "apredict_tasks.py"
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(bundle), str(asked), variant, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        self._read()

    def ask(self, tasks: int, requests: int, seed: int) -> dict[str, Any]:
        """So many tasks ask so many texts in all."""
        assert self._process.stdin is not None
        job = {"tasks": tasks, "requests": requests, "seed": seed}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"The process ended with status {self._process.wait()}.")
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Measure, print the table, keep it."""
    parser = options(__doc__)
    parser.add_argument("--variant", default="fp32")
    chosen = parser.parse_args()
    bundle = bundle_of(chosen.folder)
    sides: list[tuple[dict[str, Any], dict[str, Any]]] = []
    with (
        generator(bundle, chosen, chosen.variant) as load,
        InProcess(bundle, load.asked, chosen.variant, chosen.threads) as other,
        edgeft(bundle, chosen.threads, "--variant", chosen.variant) as ours,
    ):
        loaded(load, ours, chosen, seed=0, requests=WARM)
        other.ask(chosen.clients, WARM, 0)
        for at in range(chosen.rounds):
            seed = at + 1
            if at % 2:
                their = other.ask(chosen.clients, chosen.requests, seed)
                our = loaded(load, ours, chosen, seed=seed)
            else:
                our = loaded(load, ours, chosen, seed=seed)
                their = other.ask(chosen.clients, chosen.requests, seed)
            sides.append((our, their))
            print(f"{our['per_s']:.1f}/s | {their['per_s']:.1f}/s | "
                  f"{our['per_s'] / their['per_s']:.3f}", flush=True)  # fmt: skip

    def each(figure: str, *, their: bool = False) -> list[float]:
        return [pair[their][figure] * 1e3 / pair[their]["requests"] for pair in sides]

    claims = [
        claim("requests/s, share of apredict's in process",
              [our["per_s"] / their["per_s"] for our, their in sides], at_least=BAR),
        claim("server: requests/s", [our["per_s"] for our, _ in sides]),
        claim("in process: texts/s", [their["per_s"] for _, their in sides]),
        claim("server: CPU ms a request", each("server_cpu_s")),
        claim("in process: CPU ms a text", each("cpu_s", their=True)),
        claim("generator: CPU ms a request", each("generator_cpu_s")),
        claim("answers lost, doubled or wrong",
              [our["lost"] + our["doubled"] + our["wrong"] for our, _ in sides], at_most=0),
    ]  # fmt: skip
    save("serve-own-cost", claims, chosen, __doc__, rounds=sides)


if __name__ == "__main__":
    main()
