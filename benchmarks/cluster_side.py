"""One side of ``benchmarks.cluster``, in a process of its own: prints what it took as JSON."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import edgeft


def on_ray(bundle: str, source: str, out: str, variant: str, workers: int) -> float:
    """Seconds from the first part begun to the last one written."""
    from edgeft.cluster import predict_parquet

    done = predict_parquet(bundle, source, out, workers=workers, threads=1, variant=variant)
    return done.seconds


def alone(bundle: str, source: str, out: str, variant: str, threads: int) -> float:
    """Seconds from the model loaded to the last answer; labels are kept, no Parquet is written."""
    from pyarrow.parquet import ParquetFile

    with (
        edgeft.load(bundle, variant=variant, threads=threads) as model,
        ParquetFile(source) as file,
    ):

        def texts() -> Iterator[str]:
            for batch in file.iter_batches(columns=["text"]):
                yield from batch.column("text").to_pylist()

        begin = time.perf_counter()
        labels = [one.label for one in model.stream(texts())]
        seconds = time.perf_counter() - begin
    Path(out).write_text(json.dumps(labels), encoding="utf-8")
    return seconds


if __name__ == "__main__":
    side, bundle, source, out, variant, count = sys.argv[1:]
    run = on_ray if side == "ray" else alone
    print(json.dumps({"seconds": run(bundle, source, out, variant, int(count))}))
