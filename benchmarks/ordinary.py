"""What the sides of training's benchmarks share: the Trainer as most scripts use it, and edgeft."""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import TrainingArguments  # which loads most of the library

from edgeft.train.config import DataConfig, TrainConfig
from edgeft.train.embedded import minilm_folder
from edgeft.train.models import EMBEDDED
from edgeft.train.recipe import RecipeChoice, default_learning_rate
from edgeft.train.run import train

__all__ = ["BATCH", "PaddedRows", "open_classifier", "ranked_by", "trained_by_edgeft",
           "trainer_arguments"]  # fmt: skip

BATCH = 32
WIDTH = 384  # of MiniLM


def trainer_arguments(
    out: Path, options: argparse.Namespace, *, paired: bool = False, **more: Any
) -> TrainingArguments:
    """Every epoch is saved; the batch size and learning rate are edgeft's."""
    return TrainingArguments(
        output_dir=str(out / "work"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=BATCH,
        learning_rate=default_learning_rate(WIDTH, gentle=paired),
        weight_decay=0.01,
        save_strategy="epoch",
        save_total_limit=1,
        seed=options.seed,
        report_to=[],
        disable_tqdm=True,
        use_cpu=options.device == "cpu",
        bf16=options.device != "cpu",
        **more,
    )


def ranked_by(metric: str) -> dict[str, Any]:
    """Arguments for epochs that are scored, of which the best is kept."""
    return {
        "per_device_eval_batch_size": BATCH,
        "eval_strategy": "epoch",
        "load_best_model_at_end": True,
        "metric_for_best_model": metric,
    }


def open_classifier(
    options: argparse.Namespace, labels: Sequence[str], **more: Any
) -> tuple[Any, Any]:
    """The tokenizer, and the encoder with a new head for these labels."""
    source = options.model or minilm_folder()
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        source,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: at for at, label in enumerate(labels)},
        dtype=torch.float32,
        ignore_mismatched_sizes=True,  # a head for other labels
        **more,
    )
    return transformers.AutoTokenizer.from_pretrained(source), model


class PaddedRows(torch.utils.data.Dataset[dict[str, Any]]):
    """Rows as a tokenizer padded them, and what is true of each."""

    def __init__(self, encoded: Mapping[str, Any], truths: torch.Tensor) -> None:
        self.encoded, self.truths = encoded, truths

    def __len__(self) -> int:
        return len(self.truths)

    def __getitem__(self, at: int) -> dict[str, Any]:
        row = {name: torch.tensor(values[at]) for name, values in self.encoded.items()}
        return {**row, "labels": self.truths[at]}


def trained_by_edgeft(
    data: Path,
    choose: Path,
    options: argparse.Namespace,
    *,
    max_length: int,
    task: str | None = None,
) -> float:
    """The seconds of ``edgeft train`` with a file that ranks the epochs, of which all are run."""
    config = TrainConfig(
        data=DataConfig(data=str(data), validation=str(choose)),
        recipe=RecipeChoice(
            epochs=options.epochs, batch_size=BATCH, max_length=max_length, patience=0,
            seed=options.seed,
        ),
        model=str(options.model) if options.model else EMBEDDED,
        device=options.device,
        threads=options.threads,
        task=task,
    )  # fmt: skip
    begin = time.perf_counter()
    train(config, options.out)
    return time.perf_counter() - begin
