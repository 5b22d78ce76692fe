"""One query with many texts: `python -m benchmarks.ranking BUNDLE DATA`.

``Model.rank`` against a loop over pairs with tokenizers and onnxruntime alone, of the same graph,
threads and spinning, in the order of the texts and so many pairs a batch, padded to its longest.
The two take turns; a ratio is that of one round, and the row tells the median, the least and the
most. That the two give the same scores is checked.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import edgeft
from benchmarks.bare import bare_session, bare_tokenizer
from benchmarks.compare import RESULTS
from edgeft.bench.machine import describe_machine
from edgeft.bundle import ModelRecord, read_manifest
from edgeft.data import distinct
from edgeft.inputs import columns_of
from edgeft.tasks import task_named
from edgeft.tasks.outputs import softmax
from edgeft.tasks.reading import read_inputs

LEAST = 1.3  # times as fast, which was to be reached
SAME = 1e-3  # scores


class Loop:
    """Pairs in batches, as they come."""

    def __init__(self, bundle: Path, record: ModelRecord, variant: str, threads: int) -> None:
        self.tokenizer = bare_tokenizer(bundle, record)
        self.tokenizer.enable_padding(pad_id=record.pad_id)
        self.session = bare_session(bundle, record, variant, threads)
        self.names = [one.name for one in self.session.get_inputs()]

    def scores(self, query: str, texts: list[str], batch: int) -> np.ndarray:
        """The (N,) probabilities of the second label."""
        found = []
        for begin in range(0, len(texts), batch):
            pairs = [(query, text) for text in texts[begin : begin + batch]]
            encoded = self.tokenizer.encode_batch(pairs)
            columns = {
                "input_ids": [one.ids for one in encoded],
                "attention_mask": [one.attention_mask for one in encoded],
                "token_type_ids": [one.type_ids for one in encoded],
            }
            feed = {name: np.array(columns[name], np.int64) for name in self.names}
            found.append(self.session.run(None, feed)[0])
        return softmax(np.concatenate(found))[:, 1]


def main() -> None:
    """Run both in turn, print the table, keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("data", type=Path, help="texts, or pairs, whose second texts are ranked")
    parser.add_argument("--query", help="else the first text of the first pair")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--batch", type=int, action="append", help="pairs; repeatable  [16, 32]")
    parser.add_argument("--variant", default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-o", "--out", type=Path, default=RESULTS / "ranking.json")
    chosen = parser.parse_args()
    record = read_manifest(chosen.bundle).model
    inputs = list(read_inputs(chosen.data, task_named(record.task)))
    texts = list(distinct(columns_of(one)[-1] for one in inputs))[: chosen.texts]
    query = chosen.query or columns_of(inputs[0])[0]
    loop = Loop(chosen.bundle, record, chosen.variant, chosen.threads)
    rows: list[dict[str, Any]] = []
    with edgeft.load(
        chosen.bundle, variant=chosen.variant, device="cpu", threads=chosen.threads, spin=False
    ) as model:
        for batch in chosen.batch or [16, 32]:
            seconds: dict[str, list[float]] = {"edgeft": [], "loop": []}
            for number in range(chosen.rounds + 1):
                begin = time.perf_counter()
                ranked = model.rank(query, texts, top=None)
                middle = time.perf_counter()
                scores = loop.scores(query, texts, batch)
                end = time.perf_counter()
                if number:  # the first warms both
                    seconds["edgeft"].append(middle - begin)
                    seconds["loop"].append(end - middle)
            apart = max(abs(scores[one.index] - one.score) for one in ranked)
            ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
            rows.append(
                {
                    "batch": batch, "texts": len(texts), "variant": chosen.variant,
                    "threads": chosen.threads, "ratio": median(ratios), "ratio_low": min(ratios),
                    "ratio_high": max(ratios), "scores_apart": float(apart),
                    **{f"{name}_s": median(some) for name, some in seconds.items()},
                }
            )  # fmt: skip
    print("| pairs a batch | texts | rank | loop | times as fast |\n" + "| --- " * 5 + "|")
    for row in rows:
        print(f"| {row['batch']} | {row['texts']:,} | {row['edgeft_s']:.3f} s | "
              f"{row['loop_s']:.3f} s | {row['ratio']:.2f} ({row['ratio_low']:.2f} to "
              f"{row['ratio_high']:.2f}) |")  # fmt: skip
    met = all(row["ratio"] >= LEAST for row in rows)
    print(f"At least {LEAST} times as fast: {'met' if met else 'missed'}.")
    if chosen.variant == "fp32" and any(row["scores_apart"] > SAME for row in rows):
        raise SystemExit("The two do not give the same scores.")
    document = {"method": __doc__, "machine": describe_machine().to_dict(), "rows": rows}
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
