"""One side of the benchmark of pairs: `python -m benchmarks.pairs_side SIDE WORK OUT`.

WORK holds train.csv, choose.csv and report.csv. The last line on stdout is a JSON object: the
seconds from the read rows to the saved weights, imports not counted, and the accuracy and F1 on
report.csv.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import transformers
from transformers import Trainer  # which loads most of the library

from benchmarks.ordinary import (
    BATCH,
    PaddedRows,
    open_classifier,
    ranked_by,
    trained_by_edgeft,
    trainer_arguments,
)
from benchmarks.pairs import MAX_LENGTH
from benchmarks.training import side_options
from edgeft.inputs import Input, columns_of
from edgeft.tasks.classification import TASK
from edgeft.tasks.metrics import score_classification
from edgeft.tasks.reading import read_examples


def ordinary_side(work: Path, out: Path, options: argparse.Namespace) -> float:
    """The Trainer of transformers on pairs that are all padded to the maximum length."""
    torch.set_num_threads(options.threads)
    transformers.set_seed(options.seed)  # the head is drawn before the Trainer would set it
    transformers.logging.set_verbosity_error()
    begin = time.perf_counter()
    parts = {part: read_examples(work / f"{part}.csv", TASK) for part in ("train", "choose")}
    labels = sorted(set(parts["train"].named()))
    tokenizer, model = open_classifier(options, labels)
    rows = {
        part: PaddedRows(
            tokenizer(
                *_columns(some.inputs), padding="max_length", truncation=True, max_length=MAX_LENGTH
            ),
            torch.tensor([labels.index(label) for label in some.named()]),
        )
        for part, some in parts.items()
    }
    trainer = Trainer(
        model=model,
        args=trainer_arguments(out, options, **ranked_by("accuracy")),
        train_dataset=rows["train"],
        eval_dataset=rows["choose"],
        compute_metrics=lambda one: {
            "accuracy": float((one.predictions.argmax(-1) == one.label_ids).mean())
        },
    )
    trainer.train()
    trainer.save_model(str(out))
    tokenizer.save_pretrained(out)
    return time.perf_counter() - begin


def _columns(inputs: Sequence[Input]) -> list[list[str]]:
    """The first texts, and the second ones."""
    return [list(column) for column in zip(*map(columns_of, inputs), strict=True)]


def scores(folder: Path, data: Path, device: str) -> dict[str, float]:
    """Accuracy and F1 of the last label on a file, computed alike for both sides."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    model = model.to(device).eval()
    examples = read_examples(data, TASK)
    labels = tuple(model.config.id2label[at] for at in range(model.config.num_labels))
    answers: list[int] = []
    with torch.inference_mode():
        for begin in range(0, len(examples), BATCH):
            batch = tokenizer(
                *_columns(examples.inputs[begin : begin + BATCH]), padding=True, truncation=True,
                max_length=MAX_LENGTH, return_tensors="pt",
            ).to(device)  # fmt: skip
            answers += model(**batch).logits.argmax(-1).tolist()
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
        seconds = trained_by_edgeft(*files, options, max_length=MAX_LENGTH)
    else:
        seconds = ordinary_side(options.work, options.out, options)
    found = scores(options.out, options.work / "report.csv", options.device)
    print(json.dumps({"seconds": seconds, **found}))


if __name__ == "__main__":
    main()
