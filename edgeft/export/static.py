"""What the export of a static model needs to know of it."""

from pathlib import Path

from edgeft.checkpoint.open import Checkpoint
from edgeft.runtime.providers import import_onnxruntime

__all__ = ["is_static", "write_static"]


def is_static(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint is a static model."""
    from edgeft.checkpoint.static import MODEL_TYPE

    return bool(checkpoint.config.model_type == MODEL_TYPE)


def write_static(checkpoint: Checkpoint, path: Path) -> None:
    """Write a static model's graph by way of optimum, which finds no settings for it of its own."""
    import_onnxruntime()  # which optimum imports
    from optimum.exporters.onnx import export
    from optimum.exporters.onnx.config import TextEncoderOnnxConfig
    from optimum.utils import NormalizedTextConfig

    class StaticOnnxConfig(TextEncoderOnnxConfig):
        NORMALIZED_CONFIG_CLASS = NormalizedTextConfig

        @property
        def inputs(self) -> dict[str, dict[int, str]]:
            axes = {0: "batch_size", 1: "sequence_length"}
            return {"input_ids": axes, "attention_mask": axes}

    settings = StaticOnnxConfig(checkpoint.model.config, task=checkpoint.task.export_task)
    export(checkpoint.model, settings, path)
