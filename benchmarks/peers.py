"""The runtime against the pipelines of transformers and optimum: `make bench-peers DATA=FILE`."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.compare import (
    RESULTS,
    Row,
    Side,
    alternate,
    first_prediction_s,
    latency,
    options,
    row,
    save,
    scratch,
    write_texts,
)

BATCHES = (1, 8, 16, 32, 64, 128)
USUAL = 32
SEARCH_TEXTS = 400  # on which each peer's best batch size is looked for
# What was to be reached: throughput at 32, at the best batch size, p50, start, memory.
BARS = {"transformers": (4.0, 2.0, 0.45), "optimum": (2.4, 1.15, 0.90)}


def against(
    peer: str, folder: Path, texts: tuple[str, Path], search: Path, threads: int, rounds: int
) -> Iterator[Row]:
    """All rows of one peer."""
    name, path = texts
    usual, own, p50 = BARS[peer]
    with Side(peer, folder, search, threads) as side:
        side.seconds(USUAL)
        best = min(BATCHES, key=side.seconds)
    with Side("edgeft", folder, path, threads) as ours, Side(peer, folder, path, threads) as side:
        ours.seconds()
        pairs = alternate(ours.seconds, lambda: side.seconds(USUAL), rounds)
        yield row(f"throughput, {name}, {peer} pipeline at batch 32", pairs, unit="s",
                  at_least=usual)  # fmt: skip
        peaks = [(float(ours.ask("peak")["peak_rss_bytes"]) / 1e6,
                  float(side.ask("peak")["peak_rss_bytes"]) / 1e6)]  # fmt: skip
        yield row(f"peak memory, {name}, {peer} pipeline", peaks, unit="MB", at_most=0.40)
        if best != USUAL:
            pairs = alternate(ours.seconds, lambda: side.seconds(best), rounds)
        yield row(f"throughput, {name}, {peer} pipeline at its best batch, {best}", pairs,
                  unit="s", at_least=own)  # fmt: skip
        yield latency(ours, side, f"{name}, {peer} pipeline", rounds, at_most=p50)
        with Side("edgeft", folder, path, threads, "fp32-spin") as busy:
            yield latency(busy, side, f"{name}, spin=True, {peer} pipeline", rounds, at_most=p50)
    pairs = alternate(
        lambda: first_prediction_s("edgeft", folder, search, threads, "fp32"),
        lambda: first_prediction_s(peer, folder, search, threads, "fp32"),
        rounds,
    )
    yield row(f"process start to first prediction, {peer} pipeline", pairs, unit="s",
              at_most=0.18)  # fmt: skip


def main() -> None:
    """Measure, print the table, keep it."""
    chosen = options(__doc__).parse_args()
    rows: list[Row] = []
    with scratch() as folder:
        data = (chosen.data or [None])[0]
        texts = write_texts(Path(folder), data, chosen.limit)
        _, search = write_texts(Path(folder), data, SEARCH_TEXTS)
        for peer in BARS:
            rows += against(peer, chosen.folder, texts, search, chosen.threads, chosen.rounds)
    save(chosen.out or RESULTS / "peers.json", rows, __doc__ or "")


if __name__ == "__main__":
    main()
