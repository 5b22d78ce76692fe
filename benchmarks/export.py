"""What each variant of a trained checkpoint keeps and costs: `make bench-export CHECKPOINT=… …`.

Exports a checkpoint with every variant and as a single file, and its trimmed
copy, judged on labelled rows that training did not see; what the trimmed copy's
variants lose is counted from the untrimmed original.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.compare import RESULTS
from edgeft.bench.machine import describe_machine
from edgeft.errors import GateError
from edgeft.export.result import ExportResult
from edgeft.export.run import ExportConfig, export
from edgeft.trim.run import TrimConfig, trim

COLUMNS = ("model", "variant", "MB", "accuracy", "macro F1", "points lost (95%)", "McNemar p",
           "same label", "ECE", "Brier", "time", "in float")  # fmt: skip


def main() -> None:
    """Export, print the table, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--name", required=True, help="of the results")
    parser.add_argument("--data", type=Path, required=True, help="labelled rows that choose")
    parser.add_argument("--test", type=Path, help="labelled rows that report; else half of --data")
    parser.add_argument("--trim-data", type=Path, help="texts whose tokens a trimmed copy keeps")
    parser.add_argument("--target", default="avx2")
    parser.add_argument("--max-drop", type=float, default=0.5)
    parser.add_argument("-o", "--out", type=Path, help="file to keep; by default in results/")
    chosen = parser.parse_args()
    checkpoint = str(chosen.checkpoint)
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as work:
        config = ExportConfig(
            checkpoint=checkpoint, out=Path(work) / "whole", data=chosen.data, test=chosen.test,
            target=chosen.target, max_drop=chosen.max_drop, variants=("all",), single_file="fp32",
        )  # fmt: skip
        result = export(config)
        document: dict[str, Any] = {
            "machine": describe_machine().to_dict(),
            "method": __doc__,
            "torch": result.torch.headline() if result.torch else None,
            "rows": _rows("whole", result),
            "single_file": result.manifest.provenance["single_file"],
        }
        if chosen.trim_data:
            small = trim(
                TrimConfig(checkpoint, Path(work) / "small", chosen.trim_data, chosen.test,
                           max_drop=100.0)
            )  # fmt: skip
            document["trim"] = small.to_dict() | {"checkpoint": ""}
            trimmed = replace(config, checkpoint=str(small.out), out=Path(work) / "trimmed",
                              variants=("all",), original=checkpoint)  # fmt: skip
            try:
                document["rows"] += _rows("trimmed", export(trimmed))
            except GateError as error:
                why = str(error).splitlines()[0]
                document["rows"].append({"model": "trimmed", "variant": "fp32", "refused": why})
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for row in document["rows"]:
        print(f"| {' | '.join(_cells(row))} |")
    path = chosen.out or RESULTS / f"export-{chosen.name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _rows(model: str, result: ExportResult) -> list[dict[str, Any]]:
    rows = []
    for name, one in result.to_dict()["variants"].items():
        told = ("bytes", "times_of_fp32", "scores", "drop", "calibration", "parity", "batch")
        rows.append({
            "model": model, "variant": name, **{key: one[key] for key in told},
            "left_in_float": one.get("left_in_float", []),
        })  # fmt: skip
    dropped = result.manifest.provenance["dropped"].items()
    return [*rows, *({"model": model, "variant": name, "refused": why} for name, why in dropped)]


def _cells(row: dict[str, Any]) -> list[str]:
    if "refused" in row:
        return [row["model"], row["variant"], f"left out: {row['refused']}",
                *[""] * (len(COLUMNS) - 3)]  # fmt: skip
    scores, lost, ends = row["scores"], row["drop"], row["calibration"]
    time = row["times_of_fp32"]
    return [
        row["model"], row["variant"], f"{row['bytes'] / 1e6:.1f}", f"{scores['accuracy']:.4f}",
        f"{scores['macro_f1']:.4f}",
        f"{lost['points']:.2f} ({lost['low']:.2f} to {lost['high']:.2f})",
        f"{lost['mcnemar_p']:.2g}", f"{row['parity']['agreement']:.4f}",
        *(f"{ends['before'][key]:.3f} → {ends['after'][key]:.3f}" for key in ("ece", "brier")),
        f"{time:.2f}" if time else "-", str(len(row["left_in_float"])),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
