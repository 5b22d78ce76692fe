"""What a device's faults are told as."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edgeft.errors import DeviceError
from edgeft.train.faults import explained
from edgeft.train.recipe import Facts, RecipeChoice, resolve_recipe

RECIPE = resolve_recipe(
    RecipeChoice(batch_size=24, gradient_accumulation=2, max_length=64),
    Facts(width=32, rows=100, classes=2, p99_tokens=20, length_limit=64),
)
# As torch words them.
FULL = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB"
HANDLE = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"


@pytest.mark.parametrize("error", [torch.OutOfMemoryError(FULL), RuntimeError(HANDLE)])
def test_a_full_memory_is_told_with_a_batch_that_takes_half(
    tmp_path: Path, error: RuntimeError
) -> None:
    told = explained(error, tmp_path / "out", RECIPE, force=False)
    assert isinstance(told, DeviceError)
    assert "24 texts of up to 64 tokens" in told.message
    assert told.hint.endswith("--batch-size 12 --gradient-accumulation 4")


def test_a_batch_of_one_cannot_be_halved(tmp_path: Path) -> None:
    recipe = replace(RECIPE, batch_size=1)
    told = explained(torch.OutOfMemoryError(FULL), tmp_path / "out", recipe, force=False)
    assert told is not None
    assert "--max-length 32" in told.hint
    assert "--batch-size" not in told.hint


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: device-side assert triggered\nCUDA kernel errors might be reported late",
        "CUDA error: no kernel image is available for execution on the device",
        "NCCL error in: ProcessGroupNCCL.cpp:3690, unhandled system error",
    ],
)
def test_a_gpu_that_fails_is_one_message_with_the_way_to_go_on(tmp_path: Path, text: str) -> None:
    told = explained(RuntimeError(text), tmp_path / "out", RECIPE, force=False)
    assert isinstance(told, DeviceError)
    assert text.splitlines()[0].rstrip(".") in told.message
    assert "\n" not in told.message
    assert "--resume" in told.hint


def test_other_faults_are_left_as_they_are(tmp_path: Path) -> None:
    assert explained(RuntimeError("shapes differ"), tmp_path / "out", RECIPE, force=False) is None
