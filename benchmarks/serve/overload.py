"""Twice as many requests as can be answered: what is still answered, and how soon the rest is told.

    python -m benchmarks.serve.overload build/bench-model --data FILE

In each round clients first ask as fast as they are answered (64 and 192 of them): the better of
the two is the best goodput. Then requests come by chance at twice that rate for `--seconds`,
whatever is answered; what is answered in a second counts from `--warm` seconds on.
"""

from typing import Any

from benchmarks.serve.kit import bundle_of, claim, generator, loaded, options, save
from benchmarks.serve.servers import edgeft

TIMES = 2.0
GOODPUT = 0.9
REFUSED_MS = 50.0
CLIENTS = (64, 192)
WARM = 256


def main() -> None:
    """Measure, print the table, keep it."""
    parser = options(__doc__)
    parser.add_argument("--variant", default="fp32")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--warm", type=float, default=2.0)
    parser.set_defaults(rounds=3, requests=1500)
    chosen = parser.parse_args()
    bundle = bundle_of(chosen.folder)
    rounds: list[dict[str, Any]] = []
    with (
        generator(bundle, chosen, chosen.variant) as load,
        edgeft(bundle, chosen.threads, "--variant", chosen.variant) as server,
    ):
        loaded(load, server, chosen, seed=0, requests=WARM)
        for at in range(chosen.rounds):
            calm = [loaded(load, server, chosen, seed=at + 1, clients=one) for one in CLIENTS]
            best = max(one["per_s"] for one in calm)
            rate = TIMES * best
            crowd = load.ask(
                server, "open", seed=at + 1, rate=rate, requests=round(rate * chosen.seconds),
                clients=CLIENTS[-1], warm_s=chosen.warm,
            )  # fmt: skip
            rounds.append({"best_per_s": best, "calm": calm, "crowd": crowd})
            good, refused = crowd["goodput_per_s"], crowd["refused_p99_ms"]
            print(f"best {best:.1f}/s; at {rate:.1f}/s {good:.1f}/s are answered", flush=True)
            print(f"  {crowd['statuses']}, 429: p99 {refused} ms", flush=True)
    crowds = [one["crowd"] for one in rounds]

    def told(name: str) -> list[float]:
        return [crowd[name] or 0.0 for crowd in crowds]

    others = [
        sum(count for status, count in crowd["statuses"].items() if status not in ("200", "429"))
        for crowd in crowds
    ]
    claims = [
        claim("goodput at twice the best rate, share of the best",
              [one["crowd"]["goodput_per_s"] / one["best_per_s"] for one in rounds],
              at_least=GOODPUT),
        claim("429s: p99, ms", told("refused_p99_ms"), at_most=REFUSED_MS),
        claim("429s: p50, ms", told("refused_p50_ms")),
        claim("429s: the slowest, ms", told("refused_most_ms")),
        claim("best goodput, requests/s", [one["best_per_s"] for one in rounds]),
        claim("answers: p99, ms", told("p99_ms")),
        claim("sent late by, p99, ms", told("late_p99_ms")),
        claim("neither 200 nor 429", others, at_most=0),
        claim("answers lost, doubled or wrong",
              [one["lost"] + one["doubled"] + one["wrong"] for one in crowds], at_most=0),
    ]  # fmt: skip
    save("serve-overload", claims, chosen, __doc__, rounds=rounds)


if __name__ == "__main__":
    main()
