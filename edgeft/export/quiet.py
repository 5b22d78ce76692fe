"""Silence for the libraries that export: their notes concern their own developers."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

__all__ = ["quiet"]


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back log lines up to warnings, Python warnings and progress bars.

    What is lost: empty lines on stdout while a graph is exported, torch's tracer's doubts
    about constants in masks, onnxruntime's advice to preprocess before
    quantization, transformers' deprecations. Errors are raised as ever, and
    every exported graph is checked against torch.
    """
    from transformers.utils import logging as bars

    root = logging.getLogger()
    handlers, disabled = root.handlers[:], root.manager.disable
    shown = bars.is_progress_bar_enabled()
    logging.disable(logging.WARNING)
    bars.disable_progress_bar()
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers  # logging.warning() installs one of its own
        if shown:
            bars.enable_progress_bar()
