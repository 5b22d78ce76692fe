"""Where training runs: device, precision, threads, and this process's place among several."""

import gc
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from edgeft.errors import DeviceError, UsageError
from edgeft.runtime.cpu import cpu_features, usable_cores
from edgeft.settings import environment

__all__ = [
    "Hardware",
    "alone",
    "autocast",
    "is_main_process",
    "process_group",
    "resolve_hardware",
]

LOG_LEVEL = "TORCH_CPP_LOG_LEVEL"
DIGITS = 9  # of a number of processes; none has more
# What accelerate takes for one process by itself, in place of variables that are set but empty.
ALONE = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "-1", "LOCAL_WORLD_SIZE": "1"}
UNSET = "Launch with torchrun or accelerate, which set it; for one process unset it."


@dataclass(frozen=True)
class Hardware:
    """``device`` is "cpu" or "cuda", ``precision`` fp32, bf16 or fp16, ``rank`` from 0."""

    device: str
    precision: str
    threads: int
    rank: int
    processes: int

    @property
    def is_main(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    @property
    def pad_multiple(self) -> int:
        """What lengths of batches are a multiple of; a GPU's kernels want eights."""
        return 8 if self.device == "cuda" else 1


def autocast(hardware: Hardware) -> AbstractContextManager[Any]:
    """Compute in here as training does in the hardware's precision."""
    import torch

    half = torch.float16 if hardware.precision == "fp16" else torch.bfloat16
    context: AbstractContextManager[Any] = torch.autocast(
        hardware.device, half, enabled=hardware.precision != "fp32"
    )
    return context


@contextmanager
def process_group(processes: int) -> Iterator[None]:
    """Leave the group of processes that training joins in here, unless it was the caller's.

    Its threads run as long as something holds it, as the Trainer's cycles do, and may
    abort the interpreter when it ends; a launcher then ends the other processes, too.
    """
    import torch

    if processes == 1 or torch.distributed.is_initialized():
        yield
        return
    try:
        yield
        torch.distributed.barrier()  # until the main process has written the result
    finally:
        if torch.distributed.is_initialized():
            gc.collect()
            torch.distributed.destroy_process_group()


def alone() -> dict[str, str]:
    """The launcher's variables that are set but empty, and what they stand for.

    Libraries would take them for numbers.
    """
    return {name: number for name, number in ALONE.items()
            if not os.environ.get(name, number).strip()}  # fmt: skip


def is_main_process() -> bool:
    """Whether this process prints and writes, as far as the launcher's variables tell."""
    return os.environ.get("RANK", "").strip() in ("", "0")


def resolve_hardware(device: str, precision: str, threads: int | None = None) -> Hardware:
    """What ``auto`` means here, and whether the rest can be had.

    torchrun and accelerate launch tell a process its place by the environment
    variables RANK, WORLD_SIZE and LOCAL_WORLD_SIZE. Raises DeviceError, UsageError.
    """
    rank, processes, processes_here = _place()
    if processes > 1 and LOG_LEVEL not in os.environ:
        # Every process would warn that its search for unused weights found none.
        with environment(**{LOG_LEVEL: "ERROR"}):  # which torch reads once, when it is imported
            import torch
    else:
        import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    elif device == "cuda" and not torch.cuda.is_available():
        reason = (
            "this torch was built without CUDA"
            if torch.version.cuda is None
            else "torch finds no NVIDIA GPU with a working driver"
        )
        raise DeviceError(
            f"The device 'cuda' cannot train here: {reason}.",
            hint="See `edgeft doctor`, or use --device cpu.",
        )
    if device == "cpu" and precision == "fp16":
        raise UsageError(
            "fp16 needs a GPU.", hint="Use --precision fp32 or bf16, or --device cuda."
        )
    if precision == "auto":
        precision = "bf16" if _has_bf16(device) else "fp32"
    return Hardware(
        device=device,
        precision=precision,
        threads=threads or max(1, usable_cores() // processes_here),
        rank=rank,
        processes=processes,
    )


def _has_bf16(device: str) -> bool:
    """Whether the device multiplies matrices in bf16 natively; elsewhere it is slower than fp32."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return "amx_bf16" in cpu_features()


def _place() -> tuple[int, int, int]:
    """This process's rank, all processes, and those on this machine. Raises UsageError."""
    processes = _variable("WORLD_SIZE", 1, least=1)
    here = _variable("LOCAL_WORLD_SIZE", 1, least=1)
    rank = _variable("RANK", 0, least=0)
    _variable("LOCAL_RANK", 0, least=0)  # read by accelerate
    if rank >= processes:
        raise UsageError(
            f"RANK is {rank}, but WORLD_SIZE says that there are {processes} processes.", hint=UNSET
        )
    if processes > 1:
        for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
            if not os.environ.get(name, "").strip():
                raise UsageError(
                    f"WORLD_SIZE says that there are {processes} processes, but {name} is not set.",
                    hint=UNSET,
                )
    return rank, processes, here


def _variable(name: str, default: int, *, least: int) -> int:
    """A number that the launcher sets. An empty one is none, as container files leave it."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or len(text) > DIGITS or int(text) < least:
        raise UsageError(
            f"The environment variable {name} is {text!r}, no such number.", hint=UNSET
        )
    return int(text)
