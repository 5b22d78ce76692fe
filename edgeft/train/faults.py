"""What stopped a run, said with the way to go on."""

from pathlib import Path

from edgeft.errors import DeviceError, EdgeftError, OutputError, first_line
from edgeft.folders import is_write_failure
from edgeft.train.checkpoints import complete_checkpoints, prune
from edgeft.train.folder import CHECKPOINTS, partial_folder, resume_command
from edgeft.train.recipe import Recipe

__all__ = ["explained"]

# What torch's errors name that come from the driver or its libraries.
GPU_FAULTS = ("CUDA error", "CUDNN_STATUS", "cuDNN error", "CUBLAS_STATUS", "NCCL error")


def explained(error: Exception, out: Path, recipe: Recipe, *, force: bool) -> EdgeftError | None:
    """The error with the way to go on; None where there is nothing to add."""
    checkpoints = partial_folder(out) / CHECKPOINTS
    go_on = f"Go on with: {resume_command(out, force=force)}"
    if _is_full(error):
        prune(checkpoints, complete_checkpoints(checkpoints))  # what was half-written
        reason = getattr(error, "strerror", None) or "the disk takes no more"
        return OutputError(
            f"{partial_folder(out)} could not be written: {reason}.",
            hint=f"What was complete is kept. Free some space. {go_on}",
        )
    if isinstance(error, OutputError):
        return OutputError(error.message, hint=f"{error.hint}\n{go_on}".strip())
    if isinstance(error, RuntimeError) and _is_short_of_memory(error):
        return DeviceError(
            f"The device ran out of memory with {recipe.batch_size} texts of up to "
            f"{recipe.max_length} tokens at once.",
            hint=f"Start anew with --force and {_smaller(recipe)}",
        )
    if isinstance(error, RuntimeError) and any(one in str(error) for one in GPU_FAULTS):
        return DeviceError(
            f"The GPU failed: {first_line(error).rstrip('.')}.",
            hint=f"See `nvidia-smi` and `edgeft doctor`. {go_on}",
        )
    return None


def _is_short_of_memory(error: RuntimeError) -> bool:
    text = str(error)
    return "out of memory" in text.lower() or "STATUS_ALLOC_FAILED" in text  # cuBLAS and cuDNN


def _smaller(recipe: Recipe) -> str:
    if recipe.batch_size == 1:
        half = max(1, recipe.max_length // 2)
        return f"--max-length {half}; on a GPU, `nvidia-smi` says who else fills its memory."
    batch = recipe.batch_size // 2
    accumulation = -(-recipe.batch_size * recipe.gradient_accumulation // batch)
    return f"--batch-size {batch} --gradient-accumulation {accumulation}"


def _is_full(error: BaseException) -> bool:
    # torch's writer says no more than that writing failed, or that it is not where it should be.
    text = str(error)
    torchs = "PytorchStreamWriter failed" in text or "inline_container.cc" in text
    return is_write_failure(error) or torchs
