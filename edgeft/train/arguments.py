"""A recipe in the words of transformers and torch."""

from pathlib import Path
from typing import Any

import torch
import transformers

from edgeft.train.hardware import Hardware
from edgeft.train.recipe import Recipe

__all__ = ["optimizer_of", "training_arguments"]

SGD_MOMENTUM = 0.9
MAX_GRADIENT_NORM = 1.0
SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


def training_arguments(
    recipe: Recipe, hardware: Hardware, root: Path, updates_per_epoch: int
) -> transformers.TrainingArguments:
    """The Trainer's arguments; it neither saves, evaluates nor logs by itself."""
    arguments = transformers.TrainingArguments(
        output_dir=str(root),
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=SCHEDULES[recipe.schedule],
        warmup_steps=round(recipe.warmup_share * recipe.epochs * updates_per_epoch),
        max_grad_norm=MAX_GRADIENT_NORM,
        seed=recipe.seed,
        bf16=hardware.precision == "bf16",
        fp16=hardware.precision == "fp16",
        use_cpu=hardware.device == "cpu",
        ddp_backend="gloo" if hardware.device == "cpu" and hardware.processes > 1 else None,
        remove_unused_columns=False,
        save_strategy="no",  # the callback says when
        eval_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,  # it waits for the GPU in every step
        report_to="none",
        disable_tqdm=True,
    )
    if arguments.n_gpu > 1:  # one process drives one GPU; more GPUs take torchrun
        arguments._n_gpu = 1
    return arguments


def optimizer_of(groups: list[dict[str, Any]], recipe: Recipe) -> Any:
    """The recipe's optimizer over groups of parameters."""
    # Fused, an update of MiniLM takes a sixth of its time on a CPU: a tenth of the whole step.
    rate = recipe.learning_rate
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, fused=True)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, lr=rate, fused=True)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=SGD_MOMENTUM, fused=True)
    return transformers.Adafactor(groups, lr=rate, scale_parameter=False, relative_step=False)
