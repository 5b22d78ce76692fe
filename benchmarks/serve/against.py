"""Requests a second against another server: single texts, closed loop, the same cores for all.

    python -m benchmarks.serve.against build/bench-model --peer fastapi --data FILE
    python -m benchmarks.serve.against CASCADE --peer fastapi --data FILE -o …/serve-cascade.json

Both servers are up all the time and take turns; who begins changes with each round. The peer runs
the fp32 graph of the same bundle, of a cascade that of its full model; edgeft runs what `--variant`
says. Every answer is held against `load(...).predict` of edgeft's side, label and score; of the
peer the labels are compared, and how many differ is told: of a cascade that is no fault.
"""

from typing import Any

from benchmarks.serve.kit import bundle_of, claim, generator, loaded, options, save
from benchmarks.serve.servers import PEERS, edgeft, peer
from edgeft.bundle import read_manifest

BARS = {"fastapi": 1.5, "litserve": 1.2, "infinity": 1.2}
CASCADE_BAR = 6.0
WARM = 256  # requests before anything is measured


def main() -> None:
    """Measure, print the table, keep it."""
    parser = options(__doc__)
    parser.add_argument("--peer", choices=PEERS, default="fastapi")
    parser.add_argument("--variant", default="fp32", help="of a cascade it is 'auto'")
    parser.add_argument("--batch", type=int, default=16, help="of LitServe, at most")
    chosen = parser.parse_args()
    more = ("--batch", str(chosen.batch)) if chosen.peer == "litserve" else ()
    bundle = bundle_of(chosen.folder)
    cascade = bool(read_manifest(bundle).stages)
    variant = "auto" if cascade else chosen.variant
    sides: list[tuple[dict[str, Any], dict[str, Any]]] = []
    with (
        generator(bundle, chosen, variant) as load,
        edgeft(bundle, chosen.threads, "--variant", variant) as ours,
        peer(chosen.peer, bundle, chosen.threads, *more) as other,
    ):
        for server in (ours, other):
            loaded(load, server, chosen, seed=0, requests=WARM)
        for at in range(chosen.rounds):
            turns = (ours, other) if at % 2 == 0 else (other, ours)
            found = {one: loaded(load, one, chosen, seed=at + 1) for one in turns}
            sides.append((found[ours], found[other]))
            print(_line(*sides[-1]), flush=True)
    title = PEERS[chosen.peer].title
    bar = CASCADE_BAR if cascade else BARS[chosen.peer]
    what = "cascade" if cascade else variant
    claims = [
        claim(f"requests/s, {what}, times those of {title}",
              [our["per_s"] / their["per_s"] for our, their in sides], at_least=bar),
        claim(f"p99, share of that of {title}",
              [our["p99_ms"] / their["p99_ms"] for our, their in sides], at_most=1.0),
        claim("edgeft: requests/s", [our["per_s"] for our, _ in sides]),
        claim("the other: requests/s", [their["per_s"] for _, their in sides]),
        claim("edgeft: p99, ms", [our["p99_ms"] for our, _ in sides]),
        claim("the other: p99, ms", [their["p99_ms"] for _, their in sides]),
        claim("edgeft: CPU ms a request",
              [our["server_cpu_s"] * 1e3 / our["requests"] for our, _ in sides]),
        claim("the other: CPU ms a request",
              [their["server_cpu_s"] * 1e3 / their["requests"] for _, their in sides]),
        claim("generator: CPU ms a request",
              [our["generator_cpu_s"] * 1e3 / our["requests"] for our, _ in sides]),
        claim("edgeft: answers lost, doubled or wrong",
              [our["lost"] + our["doubled"] + our["wrong"] for our, _ in sides],
              at_most=None if cascade else 0),
        claim("the other: answers lost, doubled, or with another label",
              [their["lost"] + their["doubled"] + their["wrong"] for _, their in sides]),
    ]  # fmt: skip
    name = "serve-cascade" if cascade else f"serve-{chosen.peer}"
    save(name, claims, chosen, __doc__, peer=title, options=more, rounds=sides)


def _line(our: dict[str, Any], their: dict[str, Any]) -> str:
    return (
        f"{our['per_s']:.1f}/s, p99 {our['p99_ms']:.1f} ms | "
        f"{their['per_s']:.1f}/s, p99 {their['p99_ms']:.1f} ms | "
        f"{our['per_s'] / their['per_s']:.3f}"
    )


if __name__ == "__main__":
    main()
