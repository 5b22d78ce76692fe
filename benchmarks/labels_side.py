"""One side of the benchmark of many labels: `python -m benchmarks.labels_side SIDE WORK OUT`.

WORK holds train.jsonl, choose.jsonl and report.jsonl. The last line on stdout is a JSON object: the
seconds from the read rows to the saved weights, imports not counted, and macro and micro F1 on
report.jsonl, with thresholds set on choose.jsonl and with 0.5 for all labels.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import Trainer  # which loads most of the library

from benchmarks.labels import MAX_LENGTH
from benchmarks.ordinary import (
    BATCH,
    PaddedRows,
    open_classifier,
    ranked_by,
    trained_by_edgeft,
    trainer_arguments,
)
from benchmarks.training import side_options
from edgeft.data import Examples
from edgeft.tasks.label_metrics import score_label_sets
from edgeft.tasks.label_thresholds import HALF, best_thresholds
from edgeft.tasks.labels import TASK
from edgeft.tasks.reading import read_examples

Floats = NDArray[np.float64]


def ordinary_side(work: Path, out: Path, options: argparse.Namespace) -> float:
    """The Trainer of transformers, with a sigmoid for each label."""
    torch.set_num_threads(options.threads)
    transformers.set_seed(options.seed)  # the head is drawn before the Trainer would set it
    transformers.logging.set_verbosity_error()
    begin = time.perf_counter()
    parts = {part: read_examples(work / f"{part}.jsonl", TASK) for part in ("train", "choose")}
    labels = TASK.labels(parts["train"])
    tokenizer, model = open_classifier(options, labels, problem_type=TASK.problem)
    rows = {
        part: PaddedRows(
            tokenizer([*some.inputs], padding="max_length", truncation=True, max_length=MAX_LENGTH),
            torch.tensor(held_by(some, labels), dtype=torch.float32),
        )
        for part, some in parts.items()
    }

    def macro_f1(one: Any) -> dict[str, float]:
        """Of what reaches 0.5, where a logit is 0."""
        given = sets_of(one.predictions >= 0)
        found = score_label_sets(sets_of(one.label_ids > 0), given, labels)
        return {"macro_f1": found.figure("macro_f1")}

    trainer = Trainer(
        model=model,
        args=trainer_arguments(out, options, **ranked_by("macro_f1")),
        train_dataset=rows["train"],
        eval_dataset=rows["choose"],
        compute_metrics=macro_f1,
    )
    trainer.train()
    trainer.save_model(str(out))
    tokenizer.save_pretrained(out)
    return time.perf_counter() - begin


def held_by(examples: Examples, labels: Sequence[str]) -> NDArray[np.bool_]:
    """(N, C) which labels each row has."""
    holds = np.zeros((len(examples), len(labels)), np.bool_)
    for row, held in enumerate(examples.named()):
        holds[row, [labels.index(one) for one in held]] = True
    return holds


def sets_of(holds: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """The ids of the labels of each row of (N, C)."""
    return [tuple(np.flatnonzero(row).tolist()) for row in holds]


def scores(folder: Path, work: Path, device: str) -> dict[str, float]:
    """Macro and micro F1 on report.jsonl, computed alike for both sides."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    model = model.to(device).eval()
    labels = tuple(model.config.id2label[at] for at in range(model.config.num_labels))
    odds, holds = {}, {}
    for part in ("choose", "report"):
        examples = read_examples(work / f"{part}.jsonl", TASK)
        odds[part] = _logits(tokenizer, model, examples, device)
        holds[part] = held_by(examples, labels)
    fitted = best_thresholds(odds["choose"], holds["choose"]) or (HALF,) * len(labels)
    found = {}
    for name, thresholds in (("", np.array(fitted)), ("_at_half", np.full(len(labels), HALF))):
        given = odds["report"] >= np.log(thresholds / (1 - thresholds))
        one = score_label_sets(sets_of(holds["report"]), sets_of(given), labels)
        found |= {f"{metric}{name}": one.figure(metric) for metric in TASK.metrics}
    return found


def _logits(tokenizer: Any, model: Any, examples: Examples, device: str) -> Floats:
    """(N, C), of batches of texts of like length."""
    inputs = examples.inputs
    order = sorted(range(len(inputs)), key=lambda at: len(str(inputs[at])))
    found = np.zeros((len(inputs), model.config.num_labels))
    with torch.inference_mode():
        for begin in range(0, len(order), BATCH):
            some = order[begin : begin + BATCH]
            batch = tokenizer(
                [inputs[at] for at in some], padding=True, truncation=True, max_length=MAX_LENGTH,
                return_tensors="pt",
            ).to(device)  # fmt: skip
            found[some] = model(**batch).logits.float().cpu().numpy()
    return found


def main() -> None:
    """Train one side and print its figures."""
    options = side_options(__doc__).parse_args()
    if options.side == "edgeft":
        files = (options.work / "train.jsonl", options.work / "choose.jsonl")
        seconds = trained_by_edgeft(*files, options, max_length=MAX_LENGTH, task=TASK.name)
    else:
        seconds = ordinary_side(options.work, options.out, options)
    found = scores(options.out, options.work, options.device)
    print(json.dumps({"seconds": seconds, **found}))


if __name__ == "__main__":
    main()
