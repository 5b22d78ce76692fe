"""One side of the benchmark of pairs: `python -m benchmarks.pairs_side SIDE WORK OUT`.

WORK holds train.csv, choose.csv and report.csv. The last line on stdout is a JSON object: the
seconds from the read rows to the saved weights, imports not counted, and the accuracy and F1 on
report.csv.
"""

import json
from pathlib import Path

import torch

from benchmarks.ordinary import trained_by_edgeft
from benchmarks.ordinary_pairs import logits_of, train_ordinary
from benchmarks.pair_rows import MAX_LENGTH
from benchmarks.training import side_options
from edgeft.tasks.classification import TASK
from edgeft.tasks.metrics import score_classification
from edgeft.tasks.reading import read_examples


def scores(folder: Path, data: Path, device: str) -> dict[str, float]:
    """Accuracy and F1 of the last label on a file, computed alike for both sides."""
    examples = read_examples(data, TASK)
    logits, labels = logits_of(folder, examples, device)
    answers = logits.argmax(-1).tolist()
    truths = examples.renumbered(labels).truths
    last = len(labels) - 1
    both = sum(a == b == last for a, b in zip(truths, answers, strict=True))
    shown = truths.count(last) + answers.count(last)
    found = score_classification(truths, answers, labels)
    return {"accuracy": found.figure("accuracy"), "f1": 2 * both / shown if shown else 0.0}


def main() -> None:
    """Train one side and print its figures."""
    options = side_options(__doc__).parse_args()
    if options.side == "edgeft":
        files = (options.work / "train.csv", options.work / "choose.csv")
        seconds = trained_by_edgeft(*files, options, max_length=MAX_LENGTH, task=TASK.name)
    else:
        seconds = train_ordinary(
            options.work, options.out, options, TASK,
            lambda some, labels: torch.tensor([labels.index(label) for label in some.named()]),
            "accuracy",
            lambda logits, truths: float((logits.argmax(-1) == truths).mean()),
        )  # fmt: skip
    found = scores(options.out, options.work / "report.csv", options.device)
    print(json.dumps({"seconds": seconds, **found}))


if __name__ == "__main__":
    main()
