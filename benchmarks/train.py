"""Training against the ordinary recipe: `make bench-train DATA=sms_spam.csv`.

The ordinary recipe is what most scripts for text classification do with the
Trainer of transformers: pad every text to the maximum length, draw batches at
random, save and score each epoch, keep the best. Both sides start from the
same encoder, get the same rows to train, choose and report on, the same
maximum length, epochs, batch size and learning rate, and are measured in
processes of their own that take turns, from the read rows to the saved weights.
"""

import csv
import json
import random
import tempfile
from pathlib import Path

from tokenizers import Tokenizer

from benchmarks.compare import RESULTS
from benchmarks.training import Bars, keep, options, run_both
from edgeft.bench.operations import operations_of
from edgeft.data import Examples, stratified_split
from edgeft.tasks.classification import TASK
from edgeft.tasks.reading import read_examples
from edgeft.train.embedded import minilm_folder

MAX_LENGTH = 128  # tokens
HELD = 0.2  # of the rows that report, where there is no file for them
CHOOSING = 0.05  # of the rest, that rank the epochs
BARS = Bars("accuracy", most_time=0.4, most_points=0.2)


def main() -> None:
    """Train both sides with each seed, print the table, keep it."""
    parser = options(__doc__, epochs=4, seeds=3, out=RESULTS / "train.json")
    parser.add_argument("data", type=Path)
    parser.add_argument("--test", type=Path, help="else a fifth of the data reports")
    parser.add_argument("--label-column")
    parser.add_argument("--rows", type=int, help="train on so many rows, drawn at random")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as work:
        parts = _split(chosen.data, chosen.test, chosen.label_column, chosen.rows)
        for part, examples in parts.items():
            write_rows(Path(work) / f"{part}.csv", examples)
        runs = run_both("train_side", Path(work), chosen)
    keep(
        chosen, __doc__ or "", BARS, runs,
        rows={part: len(examples) for part, examples in parts.items()},
        max_length=MAX_LENGTH,
        operations=_operations(parts["train"], chosen.model or minilm_folder(), chosen.epochs),
    )  # fmt: skip


def _split(
    data: Path, test: Path | None, label_column: str | None, most: int | None
) -> dict[str, Examples]:
    """Rows that train, choose and report; no text is in two of them."""
    examples = _unique(read_examples(data, TASK, {"label": label_column}))
    if test is None:
        rest, held = stratified_split(examples.named(), HELD, seed=0)
        report, examples = examples.subset(held), examples.subset(rest)
    else:
        report = _unique(read_examples(test, TASK, {"label": label_column}))
        known = set(report.texts)
        examples = examples.subset(
            at for at, text in enumerate(examples.texts) if text not in known
        )
    kept, choosing = stratified_split(examples.named(), CHOOSING, seed=0)
    if most is not None:
        kept = sorted(random.Random(0).sample(list(kept), min(most, len(kept))))
    return {
        "train": examples.subset(kept),
        "choose": examples.subset(choosing),
        "report": report,
    }


def _unique(examples: Examples) -> Examples:
    first = {text: at for at, text in reversed(list(enumerate(examples.texts)))}
    return examples.subset(sorted(first.values()))


def write_rows(path: Path, examples: Examples) -> None:
    """Write a CSV file of the columns text and label."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["text", "label"])
        writer.writerows(zip(examples.texts, examples.named(), strict=True))


def _operations(examples: Examples, model: Path, epochs: int) -> float | None:
    """What training takes at least, without padding: a step back costs twice the one forth.

    After Kaplan et al. 2020, section 2.1. None for an architecture that is not known.
    """
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    counted = operations_of(config, len(set(examples.truths)))
    if counted is None:
        return None
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_LENGTH)
    lengths = [len(one) for one in tokenizer.encode_batch_fast(examples.texts)]
    return 3 * epochs * counted.of_all(lengths)


if __name__ == "__main__":
    main()
