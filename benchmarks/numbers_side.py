"""One side of the benchmark of numbers: `python -m benchmarks.numbers_side SIDE WORK OUT`.

WORK holds train.csv, choose.csv and report.csv. The last line on stdout is a JSON object: the
seconds from the read rows to the saved weights, imports not counted, and Spearman's and Pearson's
correlations on report.csv.
"""

import json

import torch

from benchmarks.ordinary import trained_by_edgeft
from benchmarks.ordinary_pairs import logits_of, train_ordinary
from benchmarks.pair_rows import MAX_LENGTH
from benchmarks.training import side_options
from edgeft.tasks.number_metrics import score_numbers
from edgeft.tasks.numbers import TASK
from edgeft.tasks.reading import read_examples


def main() -> None:
    """Train one side and print its figures."""
    options = side_options(__doc__).parse_args()
    if options.side == "edgeft":
        files = (options.work / "train.csv", options.work / "choose.csv")
        seconds = trained_by_edgeft(*files, options, max_length=MAX_LENGTH, task=TASK.name)
    else:
        seconds = train_ordinary(
            options.work, options.out, options, TASK,
            lambda some, labels: torch.tensor(some.truths, dtype=torch.float32),
            "spearman",
            lambda logits, truths: score_numbers(truths, logits.ravel()).figure("spearman"),
            problem_type=TASK.problem,
        )  # fmt: skip
    test = read_examples(options.work / "report.csv", TASK)
    logits, _ = logits_of(options.out, test, options.device)
    found = score_numbers(test.truths, logits.ravel())
    print(json.dumps({"seconds": seconds, **{one: found.figure(one) for one in TASK.metrics}}))


if __name__ == "__main__":
    main()
