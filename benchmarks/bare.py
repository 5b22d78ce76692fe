"""A bundle's graph and tokenizer without edgeft's runtime: tokenizers and onnxruntime alone."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from edgeft.bundle import ModelRecord
from edgeft.runtime.providers import import_onnxruntime

__all__ = ["bare_session", "bare_tokenizer"]


def bare_tokenizer(bundle: Path, record: ModelRecord, strategy: str = "longest_first") -> Tokenizer:
    """The bundle's tokenizer, which cuts and does not pad."""
    tokenizer = Tokenizer.from_file(str(bundle / record.tokenizer))
    tokenizer.no_padding()
    tokenizer.enable_truncation(record.max_length, strategy=strategy)
    return tokenizer


def bare_session(bundle: Path, record: ModelRecord, variant: str, threads: int) -> Any:
    """A session on the CPU whose idle threads sleep."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    graph = bundle / record.variants[variant].files["model"]
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
