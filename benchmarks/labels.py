"""Training on many labels against the ordinary recipe: `python -m benchmarks.labels train.tsv …`.

The ordinary recipe is that of most scripts for many labels with the Trainer of transformers: texts
that are padded to the maximum length, a sigmoid for each label, every epoch saved and scored by the
macro F1 of what reaches 0.5, the best kept. Both sides start from the same encoder, get the same
rows to train, choose and report on, the same epochs, batch size, length and learning rate, and are
measured in processes of their own that take turns, from the read rows to the saved weights. Of both
the threshold of each label is then set on the rows that choose, by the rule of `edgeft export`, and
macro and micro F1 of the test are told with these and with 0.5 for all labels. What edgeft trained
last is exported, and its int8 held against its own fp32, each with thresholds of its own.

The files have a text and the ids of its labels a line, with commas between them, as GoEmotions has
them; what others have is read as `edgeft train` reads it.

    python -m benchmarks.labels goemotions/train.tsv --choose goemotions/dev.tsv \\
        --test goemotions/test.tsv --text 1 --label 2 --label-names goemotions/labels.txt
"""

import json
import tempfile
from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.compare import RESULTS
from benchmarks.smaller import int8_against_fp32, told
from benchmarks.training import Bars, keep, options, run_both
from edgeft.data import Examples
from edgeft.tasks.labels import TASK
from edgeft.tasks.reading import read_examples

MAX_LENGTH = 64  # tokens
LEAST_F1 = 0.44  # macro, with thresholds: what was to be reached
BARS = Bars("macro_f1", most_time=1.0, most_points=0.0)


def named(examples: Examples, names: Sequence[str]) -> Examples:
    """The same with the names of its labels where these are ids."""
    if not names:
        return examples
    return replace(examples, labels=tuple(names[int(label)] for label in examples.labels))


def write(path: Path, examples: Examples, known: Container[str]) -> int:
    """Write the rows as JSON Lines, without labels that are not known; how many they are."""
    lines = [
        json.dumps({"text": text, "labels": [label for label in held if label in known]})
        for text, held in zip(examples.inputs, examples.named(), strict=True)
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines)


def main() -> None:
    """Train both sides with each seed, print the table, keep it."""
    parser = options(__doc__, epochs=4, seeds=1, out=RESULTS / "labels.json")
    parser.add_argument("data", type=Path, help="texts with any number of labels")
    parser.add_argument("--choose", type=Path, required=True, help="ranks epochs, sets thresholds")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--text", help="column of the text, or its number; else found")
    parser.add_argument("--label", help="column of the labels")
    parser.add_argument("--label-names", type=Path, help="a name a line, of ids from 0 on")
    parser.add_argument("--rows", type=int, help="train on the first so many, and their labels")
    chosen = parser.parse_args()
    listed = chosen.label_names
    names = listed.read_text(encoding="utf-8").split("\n") if listed else []
    columns = {"text": chosen.text, "label": chosen.label}
    parts = {
        part: named(read_examples(path, TASK, columns), names)
        for part, path in (
            ("train", chosen.data), ("choose", chosen.choose), ("report", chosen.test)
        )
    }  # fmt: skip
    parts["train"] = parts["train"].subset(range(len(parts["train"]))[: chosen.rows])
    known = TASK.labels(parts["train"])
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as folder:
        work = Path(folder)
        rows = {part: write(work / f"{part}.jsonl", some, known) for part, some in parts.items()}
        runs = run_both("labels_side", work, chosen)
        int8 = int8_against_fp32(chosen, work, "jsonl", TASK)
    row = keep(chosen, __doc__ or "", BARS, runs, rows=rows, max_length=MAX_LENGTH, int8=int8)
    print(told(int8))
    print(f"Macro F1 of at least {LEAST_F1}: "
          f"{'met' if row['edgeft_macro_f1'] >= LEAST_F1 else 'missed'}; "
          f"{row['edgeft_s'] / 60:.1f} minutes.")  # fmt: skip


if __name__ == "__main__":
    main()
