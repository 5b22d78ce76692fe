"""edgeft as it stands against another checkout of it: `python -m benchmarks.revisions FOLDER OLD`.

FOLDER is what benchmarks.model made with the older of the two, so that both can read it. Every
round in fresh processes, which take turns; who begins changes from round to round. The bars are
those of a change that was not to cost anything.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.compare import (
    RESULTS,
    ROOT,
    Row,
    Side,
    alternate,
    options,
    p50_ms,
    peak_mb,
    row,
    save,
    scratch,
    write_texts,
)

LEAST_SHARE = 0.97  # of the other's speed
MOST_SHARE = 1.05  # of the other's start and memory
Pairs = dict[str, list[tuple[float, float]]]


def measured(
    folder: Path, other: Path, texts: Path, variant: str, threads: int, rounds: int
) -> Pairs:
    """(ours, theirs) of each figure, a pair a round."""
    pairs: Pairs = {"throughput": [], "p50": [], "start": [], "memory": []}
    for number in range(rounds):
        sides: dict[Path, Side] = {}
        with ExitStack() as stack:
            for source in (ROOT, other) if number % 2 == 0 else (other, ROOT):
                side = Side("edgeft", folder, texts, threads, variant, source)
                sides[source] = stack.enter_context(side)
            ours, theirs = sides[ROOT], sides[other]
            pairs["start"].append((ours.start_s, theirs.start_s))
            ours.seconds(), theirs.seconds()  # which warms them up
            pairs["throughput"] += alternate(ours.seconds, theirs.seconds, 1, first=number)
            pairs["p50"] += alternate(
                lambda: p50_ms(ours), lambda: p50_ms(theirs), 1, first=number  # noqa: B023
            )  # fmt: skip
            pairs["memory"].append((peak_mb(ours), peak_mb(theirs)))
    return pairs


def rows_of(variant: str, pairs: Pairs) -> Sequence[Row]:
    """A line for each figure: our share of the other's time, start and memory."""
    units = {"p50": "ms", "memory": "MB"}
    slowest = 1 / LEAST_SHARE
    return [
        row(
            f"{variant}, {name}", some, unit=units.get(name, "s"),
            at_most=round(slowest, 3) if name in ("throughput", "p50") else MOST_SHARE,
        )
        for name, some in pairs.items()
    ]  # fmt: skip


def main() -> None:
    """Measure, print the table, keep it."""
    parser = options(__doc__)
    parser.add_argument("other", type=Path, help="the other checkout")
    parser.add_argument("--variant", action="append", help="repeatable; else fp32 and int8")
    chosen = parser.parse_args()
    rows: list[Row] = []
    with scratch() as folder:
        _, texts = write_texts(Path(folder), (chosen.data or [None])[0], chosen.limit)
        for variant in chosen.variant or ("fp32", "int8"):
            found = measured(chosen.folder, chosen.other.resolve(), texts, variant,
                             chosen.threads, chosen.rounds)  # fmt: skip
            rows += rows_of(variant, found)
    save(chosen.out or RESULTS / "revisions.json", rows, __doc__ or "")


if __name__ == "__main__":
    main()
