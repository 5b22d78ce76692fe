"""Whether the tokenizer inside a single file reads texts as the folder's does.

    python -m benchmarks.single_file BUNDLE FILE… -o results/single-file.json

Compares the token ids of every text of every file, and of texts that were chosen
to be difficult, which it prints where the two differ.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.compare import RESULTS
from edgeft.bench.machine import describe_machine
from edgeft.bundle import read_manifest
from edgeft.data import read_texts
from edgeft.export.single_file import compare_ids, spelling_differences
from edgeft.export.text_graph import text_graph
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.builtin import SPELLING_TEXTS

OPSET, IR_VERSION = 18, 8


def main() -> None:
    """Compare, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--text-column")
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "single-file.json")
    chosen = parser.parse_args()
    record = read_manifest(chosen.bundle).model
    tokenizer = (chosen.bundle / record.tokenizer).read_bytes()
    encoder = TextEncoder(tokenizer, record.max_length, empty=record.pad_id)
    prefix, suffix, unknown = encoder.frame()
    graph = text_graph(
        json.loads(tokenizer), prefix=prefix, suffix=suffix, unknown=unknown,
        pad_id=record.pad_id, max_length=record.max_length, opset=OPSET, ir_version=IR_VERSION,
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    for path in chosen.files:
        texts = list(read_texts(path, text_column=chosen.text_column))
        pairs = compare_ids(graph, encoder, texts)
        other = sum(one != its for one, its in pairs)
        rows.append({"file": f"{path.parent.name}/{path.name}", "texts": len(texts),
                     "read_otherwise": other})  # fmt: skip
        print(f"{path}: {len(texts):,} texts, {other} read otherwise")
    difficult = spelling_differences(graph, encoder)
    print(f"Of {len(SPELLING_TEXTS)} difficult texts {len(difficult)} are read otherwise:")
    for text, one, its in difficult:
        print(f"| `{text!r}` | {one} | {its} |")
    document = {"machine": describe_machine().to_dict(), "method": __doc__, "rows": rows,
                "difficult": difficult}  # fmt: skip
    chosen.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
