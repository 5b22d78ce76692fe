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
from typing import Any

import torch
import transformers
from transformers import Trainer  # which loads most of the library

from benchmarks.ordinary import BATCH, ranked_by, trainer_arguments
from benchmarks.pairs import MAX_LENGTH
from benchmarks.training import side_options
from edgeft.data import Examples
from edgeft.inputs import Input, columns_of
from edgeft.tasks.classification import TASK
from edgeft.tasks.metrics import score_classification
from edgeft.tasks.reading import read_examples
from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.embedded import minilm_folder
from edgeft.train.models import EMBEDDED
from edgeft.train.recipe import RecipeChoice
from edgeft.train.run import train


def edgeft_side(work: Path, out: Path, options: argparse.Namespace) -> float:
    """``edgeft train`` with a file that ranks the epochs."""
    config = TrainConfig(
        data=DataConfig(data=str(work / "train.csv"), validation=str(work / "choose.csv")),
        recipe=RecipeChoice(
            epochs=options.epochs, batch_size=BATCH, max_length=MAX_LENGTH, patience=0,
            seed=options.seed,
        ),
        model=str(options.model) if options.model else EMBEDDED,
        device=options.device,
        threads=options.threads,
    )  # fmt: skip
    begin = time.perf_counter()
    train(config, out)
    return time.perf_counter() - begin


def ordinary_side(work: Path, out: Path, options: argparse.Namespace) -> float:
    """The Trainer of transformers on pairs that are all padded to the maximum length."""
    torch.set_num_threads(options.threads)
    transformers.set_seed(options.seed)  # the head is drawn before the Trainer would set it
    transformers.logging.set_verbosity_error()
    begin = time.perf_counter()
    source = options.model or minilm_folder()
    tokenizer = transformers.AutoTokenizer.from_pretrained(source)
    parts = {part: read_examples(work / f"{part}.csv", TASK) for part in ("train", "choose")}
    labels = sorted(set(parts["train"].named()))
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        source,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: at for at, label in enumerate(labels)},
        dtype=torch.float32,
        ignore_mismatched_sizes=True,  # a head for other labels
    )
    rows = {part: _Rows(tokenizer, some, labels) for part, some in parts.items()}
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


class _Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """Rows of ids, every one padded to the maximum length."""

    def __init__(self, tokenizer: Any, examples: Examples, labels: list[str]) -> None:
        self.encoded = tokenizer(
            *_columns(examples.inputs), padding="max_length", truncation=True, max_length=MAX_LENGTH
        )
        self.labels = [labels.index(label) for label in examples.named()]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, at: int) -> dict[str, Any]:
        row = {name: torch.tensor(values[at]) for name, values in self.encoded.items()}
        return {**row, "labels": torch.tensor(self.labels[at])}


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
    side = edgeft_side if options.side == "edgeft" else ordinary_side
    seconds = side(options.work, options.out, options)
    found = scores(options.out, options.work / "report.csv", options.device)
    print(json.dumps({"seconds": seconds, **found}))


if __name__ == "__main__":
    main()
