"""The runtime against a bare loop, and against itself: `make bench-runtime DATA="FILE…"`."""

from pathlib import Path

from benchmarks.compare import (
    RESULTS,
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

PARTS = ("bare", "sharing", "neighbours", "small")
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
FEW = 1000  # texts where variants are told apart
GROWTH_TEXTS = 20_000


def throughput(ours: Side, bare: Side, name: str, rounds: int) -> Row:
    """All texts, against the bare loop at its best batch size."""
    ours.seconds()  # warm-up, and the loop's own comes with the search
    best = min(BATCHES, key=bare.seconds)
    pairs = alternate(ours.seconds, lambda: bare.seconds(best), rounds)
    what = f"throughput, {name}, bare loop, sorted, batch {best}"
    return row(what, pairs, unit="s", at_least=1.0)


def sharing(ours: Side, name: str, rounds: int) -> list[Row]:
    """Many callers against one, on the same process."""

    def many(do: str, count: int) -> float:
        return float(ours.ask(do, count=count)["seconds"])

    tasks = alternate(lambda: many("tasks", 64), ours.seconds, rounds)
    threads = alternate(lambda: many("many", 16), lambda: many("many", 1), rounds)
    return [
        row(f"64 tasks of apredict, {name}, predict of the list", tasks, unit="s", at_least=0.92),
        row(f"16 threads of predict, {name}, one thread", threads, unit="s", at_least=0.95),
    ]


def neighbours(folder: Path, texts: Path, name: str, threads: int, rounds: int) -> Row:
    """What it costs to keep neighbours out of int8's answers, and how many labels they flip."""
    with (
        Side("edgeft", folder, texts, threads, "int8-alone") as alone,
        Side("edgeft", folder, texts, threads, "int8") as together,
    ):
        one = alone.ask("all", labels=True)["labels"]
        other = together.ask("all", labels=True)["labels"]
        flips = sum(a != b for a, b in zip(one, other, strict=True))
        pairs = alternate(alone.seconds, together.seconds, rounds)
    note = f"{flips} of {len(one)} labels differ"
    what = f"int8 rows alone, {name}, int8 in batches ({note})"
    return row(what, pairs, unit="s", at_least=0.0, note=note)


def small(ours: Side, growth: bool) -> list[Row]:
    """What an idle model burns, and what many lengths leave behind."""
    idle = [(float(ours.ask("idle")["cpu_seconds"]), 0.05) for _ in range(3)]
    rows = [row("CPU seconds in the 5 s after a call, of 0.05", idle, unit="s", at_most=1.0)]
    if growth:
        found = ours.ask("growth", count=GROWTH_TEXTS, tokens=256)
        grown = (found["after"] - found["before"]) / 1e6
        what = f"memory after {GROWTH_TEXTS:,} texts of random length, of 150 MB"
        rows.append(row(what, [(grown, 150.0)], unit="MB", at_most=1.0))
    return rows


def main() -> None:
    """Measure, print the table, keep it."""
    parser = options(__doc__)
    parser.add_argument("--trained", type=Path, help="a trained model for the labels of int8")
    parser.add_argument("--skip-growth", action="store_true", help="leave the memory test out")
    parser.add_argument("--only", choices=PARTS, action="append", help="repeatable; else all")
    chosen = parser.parse_args()
    parts = chosen.only or PARTS
    rows: list[Row] = []
    with scratch() as folder:
        files = [write_texts(Path(folder), one, chosen.limit) for one in chosen.data or [None]]
        for name, texts in files if "bare" in parts else ():
            with (
                Side("edgeft", chosen.folder, texts, chosen.threads) as ours,
                Side("bare", chosen.folder, texts, chosen.threads, "fp32-spin") as bare,
            ):
                rows.append(throughput(ours, bare, name, chosen.rounds))
                what = f"{name}, bare loop"
                rows.append(latency(ours, bare, what, chosen.rounds, at_most=1.05))
        if "sharing" in parts:
            name, texts = files[0]
            with Side("edgeft", chosen.folder, texts, chosen.threads) as ours:
                rows += sharing(ours, name, chosen.rounds)
        few, texts = write_texts(Path(folder), (chosen.data or [None])[0], FEW)
        if "neighbours" in parts:
            trained = chosen.trained or chosen.folder
            rows.append(neighbours(trained, texts, few, chosen.threads, chosen.rounds))
        if "small" in parts:
            with Side("edgeft", chosen.folder, texts, chosen.threads) as ours:
                rows += small(ours, not chosen.skip_growth)
    save(chosen.out or RESULTS / "runtime.json", rows, __doc__ or "")


if __name__ == "__main__":
    main()
