"""What the ordinary recipes share: the Trainer's arguments, as most scripts give them."""

import argparse
from pathlib import Path
from typing import Any

from transformers import TrainingArguments  # which loads most of the library

from edgeft.train.recipe import default_learning_rate

__all__ = ["BATCH", "ranked_by", "trainer_arguments"]

BATCH = 32
WIDTH = 384  # of MiniLM


def trainer_arguments(out: Path, options: argparse.Namespace, **more: Any) -> TrainingArguments:
    """Every epoch is saved; the batch size and learning rate are edgeft's."""
    return TrainingArguments(
        output_dir=str(out / "work"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=BATCH,
        learning_rate=default_learning_rate(WIDTH),
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
