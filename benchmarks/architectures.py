"""Every architecture in its usual size, with random weights, exported: `make bench-architectures`.

Shows what the export of each comes to: parity with torch, fused attention,
bytes, seconds. Weights are drawn, so accuracy means nothing here.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

from benchmarks.compare import RESULTS
from edgeft.bench.machine import describe_machine
from edgeft.errors import EdgeftError
from edgeft.export.quantize import quantize_dynamic
from edgeft.export.run import ExportConfig, export
from tests.export import architectures

# Where the library's default is not the size that people use on small machines.
BASE = {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}
SIZES: dict[str, dict[str, int]] = {
    "albert": {**BASE, "num_hidden_layers": 12},
    "deberta": {**BASE, "num_hidden_layers": 6},
    "xlm_roberta": {**BASE, "num_hidden_layers": 12, "max_position_embeddings": 514},
    "roberta": {**BASE, "num_hidden_layers": 12, "max_position_embeddings": 514},
}
IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")
MAX_LENGTH = 128


def main() -> None:
    """Export each, print the table, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="repeatable; else all")
    parser.add_argument("--tiny", action="store_true", help="two layers, to try this script")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "architectures.json")
    chosen = parser.parse_args()
    rows: list[dict[str, Any]] = []
    print("| architecture | layers | fused | logit difference | variants, MB | seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    for build in architectures.ALL:
        if chosen.only and build.__name__ not in chosen.only:
            continue
        row = _row(build, tiny=chosen.tiny)
        rows.append(row)
        sizes = [f"{name} {size / 1e6:.1f}" for name, size in row["bytes"].items()]
        notes = [f"no {name}: {why}" for name, why in row["dropped"].items()]
        print(f"| {row['architecture']} | {row['layers']} | {row['fused_attention']} | "
              f"{row['max_abs_logit_diff']:.1e} | {'; '.join([*sizes, *notes, *row['notes']])} | "
              f"{row['seconds']:.0f} |", flush=True)  # fmt: skip
        document = {"machine": describe_machine().to_dict(), "method": __doc__, "rows": rows}
        chosen.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _row(build: Callable[[Path], Path], *, tiny: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as work:
        checkpoint = build(Path(work) / "tiny")
        if not tiny:
            _grow(checkpoint, SIZES.get(build.__name__, {}))
        begin = time.perf_counter()
        bundle = Path(work) / "bundle"
        try:
            result = export(ExportConfig(str(checkpoint), bundle, variants=("portable",)))
        except EdgeftError as error:
            raise SystemExit(f"{build.__name__}: {error}") from None
        seconds = round(time.perf_counter() - begin, 1)
        sizes = {name: result.bytes_of(name) for name in result.reports}
        # Random weights would only go down the ladder, so int8 is made without its gate.
        int8 = Path(work) / "int8.onnx"
        quantize_dynamic(bundle / "onnx" / "model.onnx", int8, reduce_range=True)
        sizes["int8"] = int8.stat().st_size
        fp32 = result.manifest.model.variants["fp32"].measured
        return {
            "architecture": build.__name__,
            "layers": result.layers,
            "fused_attention": fp32["fused_attention"],
            "max_abs_logit_diff": fp32["parity"]["max_abs_logit_diff"],
            "label_agreement": fp32["parity"]["agreement"],
            "bytes": sizes,
            "dropped": dict(result.manifest.provenance["dropped"]),
            "notes": list(result.manifest.provenance["notes"]),
            "seconds": seconds,
        }


def _grow(checkpoint: Path, sizes: dict[str, int]) -> None:
    """Replace the weights by random ones of the architecture's usual size."""
    old = transformers.AutoConfig.from_pretrained(checkpoint)
    ids = {name: value for name in IDS if (value := getattr(old, name, None)) is not None}
    config = type(old)(**ids, **sizes, id2label=old.id2label, label2id=old.label2id)
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():  # initial heads are so small that all texts get the same answer
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and name.startswith(("classifier", "score")):
                parameter.mul_(50.0)
    model.save_pretrained(checkpoint)
    path = checkpoint / "training.json"
    path.write_text(json.dumps({"max_length": MAX_LENGTH}), encoding="utf-8")


if __name__ == "__main__":
    main()
