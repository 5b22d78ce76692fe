"""What each variant of a trained checkpoint keeps and costs: `make bench-export CHECKPOINT=… …`.

Exports a checkpoint with every variant, and its trimmed copy, judged on labelled
rows that training did not see; the trimmed copy's variants are also compared
with the untrimmed original.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import edgeft
from benchmarks.compare import RESULTS
from edgeft.bench.machine import describe_machine
from edgeft.data import read_examples
from edgeft.errors import GateError
from edgeft.export.checkpoint import open_checkpoint
from edgeft.export.reference import torch_logits
from edgeft.export.result import ExportResult
from edgeft.export.run import ExportConfig, export
from edgeft.export.variants import KINDS
from edgeft.paired import Drop
from edgeft.runtime.check import drop
from edgeft.trim.run import TrimConfig, trim

COLUMNS = ("model", "variant", "MB", "accuracy", "macro F1", "points lost (95%)", "McNemar p",
           "same label", "ECE before, after", "time of fp32's", "left in float")  # fmt: skip


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
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as work:
        config = ExportConfig(
            checkpoint=str(chosen.checkpoint), out=Path(work) / "bundle", data=chosen.data,
            test=chosen.test, target=chosen.target, max_drop=chosen.max_drop,
        )  # fmt: skip
        for result, notes in _every_variant(config):
            rows += _rows("whole", result, notes)
        if chosen.trim_data:
            rows += _trimmed(chosen.checkpoint, chosen.trim_data, config, Path(work))
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for row in rows:
        print(f"| {' | '.join(_cells(row))} |")
    document = {"machine": describe_machine().to_dict(), "method": __doc__, "rows": rows}
    path = chosen.out or RESULTS / f"export-{chosen.name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _every_variant(config: ExportConfig) -> "list[tuple[ExportResult | str, str]]":
    """Each variant exported by itself, so that one that fails its gate stops no other."""
    from dataclasses import replace

    results: list[tuple[ExportResult | str, str]] = []
    for name in KINDS:
        out = config.out.with_name(f"{config.out.name}-{name}")
        try:
            results.append((export(replace(config, out=out, variants=(name,))), name))
        except GateError as error:
            results.append((str(error).splitlines()[0], name))
    return results


def _rows(model: str, result: "ExportResult | str", name: str) -> list[dict[str, Any]]:
    if isinstance(result, str):
        return [{"model": model, "variant": name, "refused": result}]
    if name not in result.reports:
        return [
            {"model": model, "variant": name,
             "refused": result.manifest.provenance["dropped"].get(name, "")}
        ]  # fmt: skip
    report = result.reports[name]
    scores, lost, before, after = report.scores, report.drop, report.before, report.after
    assert None not in (scores, lost, before, after)
    return [
        {
            "model": model,
            "variant": name,
            "bytes": result.bytes_of(name),
            "accuracy": scores.accuracy,
            "macro_f1": scores.macro_f1,
            "drop": lost.to_dict(),
            "verdict": report.verdict,
            "label_agreement": report.parity.label_agreement,
            "ece": [before.ece, after.ece],
            "brier": [before.brier, after.brier],
            "times_of_fp32": result.times.get(name),
            "left_in_float": result.manifest.model.variants[name].measured.get("left_in_float", []),
        }
    ]


def _trimmed(
    checkpoint: Path, data: Path, config: ExportConfig, work: Path
) -> list[dict[str, Any]]:
    """The trimmed copy as fp32 and int8, also against the untrimmed original."""
    from dataclasses import replace

    small = trim(
        TrimConfig(str(checkpoint), work / "small", data, test=config.test, max_drop=100.0)
    )
    result = export(
        replace(config, checkpoint=str(small.out), out=work / "small-bundle",
                variants=("fp32", "int8"))
    )  # fmt: skip
    rows = [row for name in result.reports for row in _rows("trimmed", result, name)]
    assert config.test is not None
    examples = read_examples(config.test)
    original = torch_logits(open_checkpoint(str(checkpoint)), examples.texts)
    for row in rows:
        with edgeft.load(result.out, device="cpu", variant=row["variant"]) as model:
            lost = drop(model.logits(examples.texts), original, examples, model.labels)
        row["against_untrimmed"] = lost.to_dict()
        row["tokens"] = [small.tokens_before, small.tokens_after]
    return rows


def _cells(row: dict[str, Any]) -> list[str]:
    if "refused" in row:
        return [row["model"], row["variant"], row["refused"], *[""] * (len(COLUMNS) - 3)]
    lost = Drop(**row.get("against_untrimmed", row["drop"]))
    time = row["times_of_fp32"]
    return [
        row["model"], row["variant"], f"{row['bytes'] / 1e6:.1f}", f"{row['accuracy']:.4f}",
        f"{row['macro_f1']:.4f}", f"{lost.points:.2f} ({lost.low:.2f} to {lost.high:.2f})",
        f"{lost.mcnemar_p:.2g}", f"{row['label_agreement']:.4f}",
        f"{row['ece'][0]:.3f}, {row['ece'][1]:.3f}", f"{time:.2f}" if time else "-",
        str(len(row["left_in_float"])),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
