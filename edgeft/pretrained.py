"""Hugging Face model folders, as training and export both open them.

Weights are read from safetensors alone, and no code that a model brings is run.
What to do about a model that cannot be used differs from room to room, so the
rooms pass their hints. torch and transformers are imported when first needed.
"""

import hashlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from edgeft.errors import ModelError
from edgeft.integrity import sha256_of
from edgeft.settings import shared

__all__ = [
    "download",
    "find_weights",
    "first_line",
    "load_config_and_tokenizer",
    "loading",
    "local_folder",
    "position_limit",
    "quiet",
    "weights_sha256",
    "write_tokenizer",
]

# What a model folder needs: no pickles, no ONNX, no other frameworks.
HUB_FILES = ("*.json", "*.txt", "*.safetensors", "*.model")
# These number their positions from pad_token_id + 1, and so take fewer tokens than positions.
OFFSET_POSITIONS = (
    "camembert", "data2vec-text", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl",
)  # fmt: skip


# --- finding the folder ------------------------------------------------------------


def local_folder(name: str, *, hint: str) -> Path | None:
    """The model folder at the path ``name``; None where that can only be a Hub id.

    Raises ModelError for another folder or file, and for a path where nothing is.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"{name} is no model folder: it has no config.json.", hint=hint)
        return path
    if path.exists() or path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(f"{name} is not a folder.", hint=hint)
    return None


def download(hub_id: str, *, subject: str, hint: str) -> Path:
    """The local copy of a model on the Hub. Raises ModelError, about ``subject``."""
    import huggingface_hub

    with quiet():
        try:
            return Path(huggingface_hub.snapshot_download(hub_id, allow_patterns=list(HUB_FILES)))
        except Exception as error:  # the client, its HTTP library and the system share no base
            reason = first_line(error)
            raise ModelError(
                f"{subject} is no folder here and could not be had from the Hub: {reason}",
                hint=hint,
            ) from error


def find_weights(name: str, folder: Path, *, prefix: str, auto_class: str) -> list[Path]:
    """The files PREFIX*.safetensors in order. Raises ModelError where there is none.

    ``auto_class`` is the class of transformers that can convert other weights.
    """
    weights = sorted(folder.glob(f"{prefix}*.safetensors"))
    if weights:
        return weights
    others = sorted(path.name for path in (*folder.glob("*.bin"), *folder.glob("*.h5")))
    found = f"it has only {', '.join(others)}" if others else "it has no weights"
    raise ModelError(
        f"{name}: {found}; edgeft reads weights from {prefix}.safetensors alone, "
        "which cannot hold code.",
        hint="Convert it once where you trust it: "
        f"{auto_class}.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)",
    )


def weights_sha256(weights: Sequence[Path]) -> str:
    """The sha256 of the weights file; of all files' sha256 in order where there are several."""
    digests = []
    for path in weights:
        with path.open("rb") as stream:
            digests.append(sha256_of(stream))
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


# --- reading and writing -------------------------------------------------------------


@contextmanager
def loading(name: str, *, kind: str, hint: str, code_hint: str) -> Iterator[None]:
    """Load ``name`` in here, quietly; whatever a broken folder provokes becomes a ModelError.

    ``kind`` is what it is loaded as; ``code_hint`` is for a model with code of its own.
    """
    with quiet():
        try:
            yield
        except Exception as error:
            text = str(error)
            if "trust_remote_code" in text or "custom code" in text:
                raise ModelError(
                    f"{name} brings its own Python code, and edgeft never runs such code.",
                    hint=code_hint,
                ) from error
            raise ModelError(
                f"{name} cannot be loaded as a {kind}: {first_line(error)}", hint=hint
            ) from error


def load_config_and_tokenizer(folder: Path) -> tuple[Any, Any]:
    """A model's config and its fast tokenizer. Raises whatever a broken folder provokes."""
    import transformers

    return (
        transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False),
        transformers.AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False),
    )


def position_limit(config: Any, *, unlimited: int) -> int:
    """The most tokens that the position embeddings cover; ``unlimited`` where none is stated."""
    positions = getattr(config, "max_position_embeddings", None)
    if not positions or positions < 0:
        return unlimited
    offset = config.pad_token_id + 1 if config.model_type in OFFSET_POSITIONS else 0
    return int(positions) - int(offset)


def write_tokenizer(tokenizer: Any, folder: Path, *, max_length: int) -> None:
    """Save a fast tokenizer that takes ``max_length`` tokens and neither pads nor cuts."""
    # Batches are padded and cut by whoever makes them, not by the tokenizer itself.
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    for stale in ("max_length", "pad_to_multiple_of", "stride", "truncation_strategy"):
        tokenizer.init_kwargs.pop(stale, None)
    tokenizer.model_max_length = max_length
    with quiet():
        tokenizer.save_pretrained(folder)


# --- silence -------------------------------------------------------------------------


@contextmanager
def quiet(*, transformers_only: bool = False) -> Iterator[None]:
    """Hold back what the libraries tell their own developers; errors are raised as ever.

    That is transformers' log lines and progress bars (newly made heads and
    deprecations are no news) and, unless ``transformers_only``, everybody's log
    lines up to warnings, Python warnings and stdout: empty lines while a graph
    is exported, torch's tracer's doubts about constants in masks, onnxruntime's
    advice to preprocess before quantization. Every exported graph is checked
    against torch.
    """
    with _transformers_silent(), nullcontext() if transformers_only else _all_silent():
        yield


@shared
@contextmanager
def _transformers_silent() -> Iterator[None]:
    from huggingface_hub.utils.tqdm import progress_bar_states
    from transformers.utils import logging as library

    verbosity, bars = library.get_verbosity(), library.is_progress_bar_enabled()
    of_the_hub = dict(progress_bar_states)  # switched together with transformers' own
    library.set_verbosity_error()
    library.disable_progress_bar()
    try:
        yield
    finally:
        library.set_verbosity(verbosity)
        if bars:
            library.enable_progress_bar()
        progress_bar_states.clear()
        progress_bar_states.update(of_the_hub)


@shared
@contextmanager
def _all_silent() -> Iterator[None]:
    root = logging.getLogger()
    handlers, disabled = root.handlers[:], root.manager.disable
    logging.disable(max(disabled, logging.WARNING))
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers  # logging.warning() installs one of its own


def first_line(error: Exception) -> str:
    """The first line of an error's text; its type where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
