"""The graph of a text encoder, pooling and all."""

from pathlib import Path

from edgeft.checkpoint.open import Checkpoint
from edgeft.runtime.providers import import_onnxruntime

__all__ = ["write_embedder"]


def write_embedder(checkpoint: Checkpoint, path: Path) -> None:
    """Write it by way of optimum, whose settings for the encoder get the further output.

    What tokens get is an output, too, since other readers of the folder pool by themselves; it
    costs nothing where it is not asked for.
    """
    import_onnxruntime()  # which optimum imports
    from optimum.exporters.onnx import export
    from optimum.exporters.tasks import TasksManager

    make = TasksManager.get_exporter_config_constructor(
        exporter="onnx",
        model_type=checkpoint.config.model_type,
        task=checkpoint.task.export_task,
        library_name="transformers",
    )
    plain = type(make(checkpoint.config))

    class EmbedderOnnxConfig(plain):  # type: ignore[misc,valid-type]
        @property
        def outputs(self) -> dict[str, dict[int, str]]:
            rows = {0: "batch_size"}
            first = next(iter(checkpoint.task.outputs))
            return {first: rows, "last_hidden_state": {**rows, 1: "sequence_length"}}

    settings = EmbedderOnnxConfig(checkpoint.config, task=checkpoint.task.export_task)
    export(checkpoint.model, settings, path)
