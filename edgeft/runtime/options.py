"""What ``load`` may be told: the type of each option, and its range."""

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np

from edgeft.bundle.integrity import Verify
from edgeft.bundle.manifest import MOST_TOKENS
from edgeft.errors import UsageError
from edgeft.fields import FieldError, Reader, choice, flag, listed, number, optional, text, whole
from edgeft.runtime.cpu import MOST_THREADS
from edgeft.runtime.observer import Observer
from edgeft.tasks.task import LongTexts

__all__ = ["Options", "check_options", "no_windows"]


class Options(TypedDict, total=False):
    """All but the task, for who checks types; what they mean stands at ``load``."""

    device: str
    variant: str
    threads: int | None
    verify: Verify
    expect: str | None
    on_long: LongTexts | None
    overlap: int | None
    batch_invariant: bool
    batch_tokens: int | None
    max_waiting: int
    wait_ms: float
    spin: bool | None
    cuda_graphs: bool
    min_score: float | None
    aggregation: str | None
    top_k: int | None
    max_answer_tokens: int | None
    pair_prompts: tuple[str, str] | None
    remember: int
    symmetric: bool
    observer: Observer | None


LARGEST = (1 << 31) - 1
MOST_WAIT_MS = 3_600_000  # an hour
_OPTIONS: Mapping[str, Reader[Any]] = {
    "device": text(1, 100),
    "variant": text(1, 200),
    "task": optional(text(1, 200)),
    "threads": optional(whole(1, MOST_THREADS)),
    "verify": choice("full", "fast", "off"),
    "expect": optional(text()),
    "on_long": optional(choice("truncate", "error", "window")),
    "overlap": optional(whole(0, MOST_TOKENS)),
    "batch_invariant": flag,
    "batch_tokens": optional(whole(1, LARGEST)),
    "max_waiting": whole(1, LARGEST),
    "wait_ms": number(0, MOST_WAIT_MS),
    "spin": optional(flag),
    "cuda_graphs": flag,
    "min_score": optional(number(0, 1)),
    "aggregation": optional(choice("first", "average", "max")),
    "top_k": optional(whole(1, 1000)),
    "max_answer_tokens": optional(whole(1, MOST_TOKENS)),
    "pair_prompts": optional(listed(text(0, 200), 2, 2)),
    "remember": whole(0, LARGEST),
    "symmetric": flag,
}


def check_options(**options: object) -> None:
    """Raise UsageError at the first of ``load``'s options that is of another type or range."""
    for name, given in options.items():
        try:
            _OPTIONS[name](given.item() if isinstance(given, np.generic) else given)
        except FieldError as error:
            raise UsageError(f"The option {name} {error}.") from None
    if options["overlap"] is not None and options["on_long"] not in ("window", None):
        raise no_windows()


def no_windows() -> UsageError:
    """That an overlap is given to what reads no windows."""
    return UsageError("An overlap was given, but no windows.", hint='Add on_long="window".')
