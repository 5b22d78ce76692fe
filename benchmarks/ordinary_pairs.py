"""Pairs by the Trainer of transformers, as most scripts train on them, and the logits of each."""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from transformers import Trainer  # which loads most of the library

from benchmarks.ordinary import BATCH, PaddedRows, open_classifier, ranked_by, trainer_arguments
from benchmarks.pair_rows import MAX_LENGTH, texts_of
from edgeft.data import Examples
from edgeft.tasks.reading import read_examples
from edgeft.tasks.task import Task

__all__ = ["Truths", "logits_of", "train_ordinary"]

Floats = NDArray[np.float64]
Truths = Callable[[Examples, Sequence[str]], torch.Tensor]


def train_ordinary(
    work: Path,
    out: Path,
    options: argparse.Namespace,
    task: Task,
    truths: Truths,
    metric: str,
    score: Callable[[Floats, Any], float],
    **head: Any,
) -> float:
    """Seconds from the read rows to the saved weights; ``score`` takes logits and truths."""
    torch.set_num_threads(options.threads)
    transformers.set_seed(options.seed)  # the head is drawn before the Trainer would set it
    transformers.logging.set_verbosity_error()
    begin = time.perf_counter()
    parts = {part: read_examples(work / f"{part}.csv", task) for part in ("train", "choose")}
    labels = task.labels(parts["train"])
    tokenizer, model = open_classifier(options, labels or ("number",), **head)
    rows = {
        part: PaddedRows(
            tokenizer(
                *texts_of(some.inputs),
                padding="max_length", truncation=True, max_length=MAX_LENGTH,
            ),
            truths(some, labels),
        )
        for part, some in parts.items()
    }  # fmt: skip
    trainer = Trainer(
        model=model,
        args=trainer_arguments(out, options, paired=True, **ranked_by(metric)),
        train_dataset=rows["train"],
        eval_dataset=rows["choose"],
        compute_metrics=lambda one: {metric: score(one.predictions, one.label_ids)},
    )
    trainer.train()
    trainer.save_model(str(out))
    tokenizer.save_pretrained(out)
    return time.perf_counter() - begin


def logits_of(folder: Path, examples: Examples, device: str) -> tuple[Floats, tuple[str, ...]]:
    """(N, C) for the pairs, by the saved weights, and the labels of the model."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    model = model.to(device).eval()
    found: list[list[float]] = []
    with torch.inference_mode():
        for begin in range(0, len(examples), BATCH):
            batch = tokenizer(
                *texts_of(examples.inputs[begin : begin + BATCH]), padding=True, truncation=True,
                max_length=MAX_LENGTH, return_tensors="pt",
            ).to(device)  # fmt: skip
            found += model(**batch).logits.float().tolist()
    labels = tuple(model.config.id2label[at] for at in range(model.config.num_labels))
    return np.array(found), labels
