"""Ray Data, two workers of one core each, against one process with two threads.

    python -m benchmarks.cluster build/bench-model --data FILE

Both read one Parquet file of so many rows: the texts of ``--data`` over and over, in one group of
rows. `edgeft predict --engine ray` writes parts with the rows and their answers; the process
streams the file through ``Model.stream`` and writes nothing but labels, which the parts are held
against.
"Work alone" is from the first part begun to the last one written, and from the model loaded to the
last answer; "whole run" is that of the two processes, with Ray's start and end in it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from benchmarks.compare import RESULTS, ROOT, write_texts
from benchmarks.serve.kit import bundle_of, claim
from edgeft.bench.machine import describe_machine

BAR = 0.9


def write_rows(path: Path, texts: list[str], rows: int) -> None:
    """A Parquet file of ids and texts, as pyarrow writes one unless told."""
    repeated = [texts[at % len(texts)] for at in range(rows)]
    pyarrow.parquet.write_table(pyarrow.table({"id": range(rows), "text": repeated}), path)


def run_side(
    side: str, bundle: Path, source: Path, out: Path, chosen: argparse.Namespace
) -> dict[str, float]:
    """Seconds of the work alone, and of the whole run."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cluster_side", side, str(bundle), str(source), str(out),
         chosen.variant, str(chosen.workers)],
        stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    whole = time.perf_counter() - begin
    return {**json.loads(done.stdout.splitlines()[-1]), "whole": whole}


def faults(out: Path, labels: list[str]) -> dict[str, int]:
    """Rows lost and doubled, and those with another label."""
    parts = sorted(out.glob("part-*.parquet"))
    columns = ["id", "predicted_label"]
    found = pyarrow.concat_tables(
        pyarrow.parquet.read_table(one, columns=columns) for one in parts
    ).to_pylist()
    seen = Counter(row["id"] for row in found)
    return {
        "lost": len(labels) - len(seen),
        "doubled": sum(count - 1 for count in seen.values()),
        "another label": sum(row["predicted_label"] != labels[row["id"]] for row in found),
    }


def main() -> None:
    """Measure, print the table, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="what benchmarks.model made, or a bundle")
    parser.add_argument("--data", type=Path, help="file of texts; built-in ones by default")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="and threads of the other side")
    parser.add_argument("--variant", default="fp32", help="auto settles it, also of a cascade")
    parser.add_argument("-o", "--out", type=Path, help="file to keep; by default in results/")
    chosen = parser.parse_args()
    bundle = bundle_of(chosen.folder)
    rounds: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="edgeft-cluster-") as name:
        place = Path(name)
        told, path = write_texts(place, chosen.data, None)
        source = place / "rows.parquet"
        write_rows(source, json.loads(path.read_text(encoding="utf-8")), chosen.rows)
        for at in range(chosen.rounds):
            outs = {"ray": place / f"parts-{at}", "alone": place / f"labels-{at}.json"}
            order = ("ray", "alone") if at % 2 else ("alone", "ray")
            found: dict[str, Any] = {
                side: run_side(side, bundle, source, outs[side], chosen) for side in order
            }
            found["faults"] = faults(outs["ray"], json.loads(outs["alone"].read_text("utf-8")))
            rounds.append(found)
            print(json.dumps(found), flush=True)

    def ratios(figure: str) -> list[float]:
        return [one["alone"][figure] / one["ray"][figure] for one in rounds]

    def rates(side: str, figure: str) -> list[float]:
        return [chosen.rows / one[side][figure] for one in rounds]

    claims = [
        claim("work alone: texts/s, share of one process's", ratios("seconds"), at_least=BAR),
        claim("whole run: texts/s, share of one process's", ratios("whole"), at_least=BAR),
        claim("Ray, work alone: texts/s", rates("ray", "seconds")),
        claim("Ray, whole run: texts/s", rates("ray", "whole")),
        claim("one process, work alone: texts/s", rates("alone", "seconds")),
        claim("one process, whole run: texts/s", rates("alone", "whole")),
        claim("rows lost or doubled",
              [one["faults"]["lost"] + one["faults"]["doubled"] for one in rounds], at_most=0),
        claim("rows with another label", [one["faults"]["another label"] for one in rounds]),
    ]  # fmt: skip
    print("| what | median | least to most | bar | met |")
    print("| --- | --- | --- | --- | --- |")
    for one in claims:
        met = ("yes" if one.met else "no") if one.bar else ""
        print(f"| {one.what} | {one.value:.4g} | {one.least:.4g} to {one.most:.4g} | {one.bar} "
              f"| {met} |")  # fmt: skip
    document = {
        "machine": describe_machine().to_dict(),
        "method": __doc__,
        "texts": told,
        "rows": chosen.rows,
        "workers": chosen.workers,
        "variant": chosen.variant,
        "claims": [asdict(one) for one in claims],
        "rounds": rounds,
    }
    out = chosen.out or RESULTS / "cluster.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
