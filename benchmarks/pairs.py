"""Training a judge of pairs against the ordinary recipe: `python -m benchmarks.pairs train.tsv …`.

The ordinary recipe is that of most scripts for pairs of texts with the Trainer of transformers:
both texts in one row of tokens, padded to the maximum length, every epoch saved and scored, the
best kept. Both sides start from the same encoder, get the same rows to train, choose and report on,
the same epochs, batch size, length and learning rate, and are measured in processes of their own
that take turns, from the read rows to the saved weights. Accuracy, and F1 of the last label, are
computed alike.

    python -m benchmarks.pairs msr_paraphrase_train.txt --test msr_paraphrase_test.txt \\
        --first '#1 String' --second '#2 String' --label Quality --name mrpc
"""

import csv
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.compare import RESULTS
from benchmarks.training import Bars, keep, options, run_both
from edgeft.data import Examples
from edgeft.inputs import columns_of
from edgeft.tasks.classification import TASK
from edgeft.tasks.reading import read_examples

MAX_LENGTH = 128  # tokens
CHOOSING = 20  # every so many-th row of train ranks the epochs
BARS = Bars("accuracy", most_time=0.6, most_points=0.0)


def pairs_of(path: Path, columns: dict[str, str | None], work: Path) -> Examples:
    """The labelled pairs of a file; one that is called .txt is separated by tabs."""
    if path.suffix.lower() == ".txt":
        path = Path(shutil.copyfile(path, work / f"{path.stem}.tsv"))
    return read_examples(path, TASK, columns)


def write(path: Path, examples: Examples, rows: Iterable[int]) -> int:
    """Write some of the rows as a CSV file; how many they are."""
    some = examples.subset(rows)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["first", "second", "label"])
        for one, label in zip(some.inputs, some.named(), strict=True):
            writer.writerow([*columns_of(one), label])
    return len(some)


def main() -> None:
    """Train both sides with each seed, print the table, keep it."""
    parser = options(__doc__, epochs=5, seeds=1, out=RESULTS / "pairs.json")
    parser.add_argument("data", type=Path, help="labelled pairs")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--first", help="column of the first text; else found")
    parser.add_argument("--second", help="column of the second text")
    parser.add_argument("--label", help="column of the label")
    parser.add_argument("--rows", type=int, help="train on the first so many rows")
    chosen = parser.parse_args()
    columns = {"text": chosen.first, "other": chosen.second, "label": chosen.label}
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as folder:
        work = Path(folder)
        given, test = (pairs_of(path, columns, work) for path in (chosen.data, chosen.test))
        taken = range(len(given))[: chosen.rows]
        rows = {
            "train": write(work / "train.csv", given, (at for at in taken if at % CHOOSING)),
            "choose": write(work / "choose.csv", given, taken[::CHOOSING]),
            "report": write(work / "report.csv", test, range(len(test))),
        }
        runs = run_both("pairs_side", work, chosen)
    row = keep(chosen, __doc__ or "", BARS, runs, rows=rows, max_length=MAX_LENGTH)
    print(f"F1: edgeft {row['edgeft_f1']:.4f}, ordinary {row['ordinary_f1']:.4f}.")


if __name__ == "__main__":
    main()
