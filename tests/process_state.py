"""What a process has but once, as values that can be compared: before a stage, and after it."""

import atexit
import builtins
import csv
import decimal
import faulthandler
import gc
import locale
import logging
import multiprocessing
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import psutil

__all__ = ["State", "changes", "everyday", "whole"]

State = dict[str, Any]

# Whose functions and classes nobody may leave replaced.
LIBRARIES = (
    "accelerate", "datasets", "huggingface_hub", "numpy", "onnx", "onnx_ir", "onnxruntime",
    "optimum", "safetensors", "tokenizers", "torch", "transformers",
)  # fmt: skip
GROWING = ("loggers", "functions", "limits")  # what is new among these was not there to change
SIGNALS = tuple(signal.valid_signals())
ENDING_S = 5.0  # that threads have to be gone


def changes(before: State, after: State) -> list[str]:
    """What differs, for a person to read."""
    found = []
    for name, old in before.items():
        new = after.get(name, old)
        if not isinstance(old, dict):
            found += [f"{name}: {_short(old)} became {_short(new)}"] if old != new else []
            continue
        keys = old.keys() & new.keys() if name in GROWING else old.keys() | new.keys()
        found += [
            f"{name}[{key}]: {_short(old.get(key))} became {_short(new.get(key))}"
            for key in sorted(keys, key=str)
            if old.get(key) != new.get(key)
        ]
    return found


def everyday() -> State:
    """What a test can change by accident; taken in about a millisecond."""
    return {**_interpreter(), **_logging(), **_torch()}


def whole(before: State | None = None) -> State:
    """All of it: also random states, threads, children, libraries and their functions."""
    return {
        **_running(before),
        **everyday(),
        **_random_states(),
        **_libraries(),
        **_functions(),
        # pytest itself gives every test filters of its own.
        "warnings": {"filters": list(warnings.filters), "show": warnings.showwarning},
        "csv": {"limit": csv.field_size_limit(), "dialects": csv.list_dialects()},
        "gc.callbacks": list(map(repr, gc.callbacks)),  # of which hypothesis has one
        "atexit": atexit._ncallbacks(),  # type: ignore[attr-defined]
    }


# --- Python's own --------------------------------------------------------------------


def _interpreter() -> State:
    return {
        "environment": {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"},
        "cwd": str(Path.cwd()),
        "umask": _umask(),
        "sys.path": list(sys.path),
        "sys.argv": list(sys.argv),
        "sys.meta_path": list(map(repr, sys.meta_path)),
        "streams": {name: id(getattr(sys, name)) for name in ("stdin", "stdout", "stderr")},
        "hooks": {
            "excepthook": sys.excepthook,
            "unraisablehook": sys.unraisablehook,
            "displayhook": sys.displayhook,
            "breakpointhook": sys.breakpointhook,
            "threading.excepthook": threading.excepthook,
            "print": builtins.print,
            "open": builtins.open,
            "import": builtins.__import__,
            "trace": sys.gettrace() and threading.gettrace(),
            "profile": sys.getprofile() and threading.getprofile(),
        },
        "recursion": sys.getrecursionlimit(),
        "switch interval": sys.getswitchinterval(),
        "gc": (gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.get_freeze_count()),
        "signals": {one: signal.getsignal(one) for one in SIGNALS},
        "signal mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "locale": locale.setlocale(locale.LC_ALL),
        "time zone": time.tzname,
        "faulthandler": faulthandler.is_enabled(),
        "tempfile": tempfile.gettempdir(),
        "start method": multiprocessing.get_start_method(allow_none=True)
        or multiprocessing.get_all_start_methods()[0],  # the default, until somebody asks
        "socket timeout": socket.getdefaulttimeout(),
        "decimal": repr(decimal.getcontext()),
        "numpy": {"errors": np.geterr(), "print": repr(np.get_printoptions())},
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "cores": os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None,
        "limits": {
            name: resource.getrlimit(getattr(resource, name))
            for name in dir(resource)
            if name.startswith("RLIMIT_")
        },
    }


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _logging() -> State:
    def of(logger: logging.Logger) -> tuple[Any, ...]:
        return (
            logger.level, logger.propagate, logger.disabled,
            [one for one in logger.handlers if not _is_pytests(one)], list(logger.filters),
        )  # fmt: skip

    def _is_pytests(handler: logging.Handler) -> bool:  # which it changes from phase to phase
        return type(handler).__module__.startswith("_pytest")

    named = logging.root.manager.loggerDict
    loggers = {name: of(one) for name, one in named.items() if isinstance(one, logging.Logger)}
    return {
        "loggers": {**loggers, "": of(logging.root)},
        "logging": {
            "disable": logging.root.manager.disable,
            "raise": logging.raiseExceptions,
            "last resort": repr(logging.lastResort),
            "class": logging.getLoggerClass(),
        },
    }


def _running(before: State | None) -> State:
    """Threads and children; what is about to end is given the time to."""
    end = time.monotonic() + (0.0 if before is None else ENDING_S)
    while True:
        found = {
            "threads": {one.ident: one.name for one in threading.enumerate()},
            "children": {one.pid: one.name() for one in psutil.Process().children(recursive=True)},
        }
        late = time.monotonic() > end
        if before is None or late or all(before[name] == found[name] for name in found):
            return found
        time.sleep(0.05)


def _random_states() -> State:
    import torch

    return {
        "random": random.getstate(),
        "numpy.random": repr(np.random.get_state()),
        "torch.random": torch.get_rng_state().tolist(),
        "torch seed": torch.initial_seed(),
        "torch rounds to zero": torch.tensor([1e-40]).mul(1.0).item() == 0,
    }


# --- libraries -----------------------------------------------------------------------


def _torch() -> State:
    if "torch" not in sys.modules:
        return {}
    import torch

    return {
        "torch": {
            "threads": torch.get_num_threads(),
            "inter-op threads": torch.get_num_interop_threads(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "deterministic, warn": torch.is_deterministic_algorithms_warn_only_enabled(),
            "fill": torch.utils.deterministic.fill_uninitialized_memory,
            "gradients": torch.is_grad_enabled(),
            "inference": torch.is_inference_mode_enabled(),
            "anomaly": torch.is_anomaly_enabled(),
            "dtype": torch.get_default_dtype(),
            "device": torch.get_default_device(),
            "precision": torch.get_float32_matmul_precision(),
            "autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled()),
            "autocast dtype": torch.get_autocast_dtype("cpu"),
            "cudnn": (
                torch.backends.cudnn.enabled,
                torch.backends.cudnn.benchmark,
                torch.backends.cudnn.deterministic,
                torch.backends.cudnn.allow_tf32,
            ),
            "tf32": torch.backends.cuda.matmul.allow_tf32,
            "mkldnn": torch.backends.mkldnn.enabled,
            "quantized": torch.backends.quantized.engine,
            "fast path": torch.backends.mha.get_fastpath_enabled(),
            "sdp": (
                torch.backends.cuda.flash_sdp_enabled(),
                torch.backends.cuda.math_sdp_enabled(),
                torch.backends.cuda.mem_efficient_sdp_enabled(),
            ),
            "sharing": torch.multiprocessing.get_sharing_strategy(),
            "process group": torch.distributed.is_initialized(),
            "print": repr(vars(torch._tensor_str.PRINT_OPTS)),
            "export": torch.onnx.is_in_onnx_export(),
        },
    }


def _libraries() -> State:
    import accelerate.state
    import datasets
    import huggingface_hub.utils
    import transformers
    from transformers.utils import logging as log

    return {
        "transformers": {
            "verbosity": log.get_verbosity(),
            "bars": log.is_progress_bar_enabled(),
            "offline": transformers.utils.is_offline_mode(),
        },
        "datasets": {
            "verbosity": datasets.utils.logging.get_verbosity(),
            "bars": datasets.are_progress_bars_disabled(),
            "caching": datasets.is_caching_enabled(),
        },
        "huggingface_hub": {
            "verbosity": huggingface_hub.utils.logging.get_verbosity(),
            "bars": dict(sys.modules["huggingface_hub.utils.tqdm"].progress_bar_states),
        },
        "accelerate": {
            one.__name__: dict(one._shared_state)
            for one in (
                accelerate.state.PartialState,
                accelerate.state.AcceleratorState,
                accelerate.state.GradientState,
            )
        },
    }


def _functions() -> State:
    """Every function and class of the libraries, by its place; and the classes' own."""
    found: dict[str, int] = {}
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] not in LIBRARIES:
            continue
        for key, value in list(vars(module).items()):
            if not callable(value):
                continue
            found[f"{name}.{key}"] = id(value)
            if isinstance(value, type) and value.__module__ == name:
                for inner, one in list(vars(value).items()):
                    if callable(one):
                        found[f"{name}.{key}.{inner}"] = id(one)
    return {"functions": found}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}…"
