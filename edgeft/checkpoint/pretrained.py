"""Hugging Face model folders, as training and export both open them.

Weights are read from safetensors alone, and no code that a model brings is run.
What to do about a model that cannot be used differs from room to room, so the
rooms pass their hints. torch and transformers are imported when first needed.
"""

import io
import json
import logging
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

from edgeft.errors import EdgeftError, ModelError, first_line
from edgeft.folders.names import PARTIAL
from edgeft.settings import contained, shared

__all__ = [
    "check_checkpoint",
    "download",
    "loading",
    "local_folder",
    "quiet",
    "write_tokenizer",
]

# What a model folder needs: no pickles, no ONNX, no other frameworks.
HUB_FILES = ("*.json", "*.txt", "*.safetensors", "*.model")
LFS_POINTER = b"version https://git-lfs.github.com/spec/"


# --- finding the folder ------------------------------------------------------------


def local_folder(name: str, *, hint: str) -> Path | None:
    """The model folder at the path ``name``; None where that can only be a Hub id.

    Raises ModelError for another folder or file, and for a path where nothing is.
    """
    if not name:  # as a variable of the shell leaves it that is not set
        raise ModelError("The name of the model is empty.", hint=hint)
    try:
        path = Path(name).expanduser()
        is_folder, exists = path.is_dir(), path.exists()
    except OSError as error:  # a name that is too long
        raise ModelError(f"{name} cannot be opened: {error.strerror}.", hint=hint) from error
    except (RuntimeError, ValueError) as error:  # ~ of an unknown user, a NUL in the name
        raise ModelError(f"{name!r} is no path: {first_line(error)}", hint=hint) from error
    if is_folder:
        check_checkpoint(name, path, hint=hint)
        return path
    if not exists and _is_folder(path.with_name(f"{path.name}{PARTIAL}")):
        raise ModelError(
            f"{name} is not there yet: its run is unfinished.",
            hint=f"Go on with: edgeft train -o {shlex.quote(name)} --resume",
        )
    if exists or path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(f"{name} is not a folder.", hint=hint)
    return None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # the name is too long
        return False


def download(hub_id: str, *, subject: str, hint: str, named_by: str = "") -> Path:
    """The local copy of a model on the Hub. Raises ModelError, about ``subject``.

    ``named_by``: the option that takes a folder in the place of the id, which the error tells.
    """
    import huggingface_hub

    with quiet():
        try:
            found = huggingface_hub.snapshot_download(hub_id, allow_patterns=list(HUB_FILES))
        except Exception as error:  # the client, its HTTP library and the system share no base
            reason = first_line(error)
            raise ModelError(
                f"{subject} is no folder here and could not be had from the Hub: {reason}",
                hint=f"{hint}\nWithout a network, fetch it where there is one and bring it here:"
                f"\nhf download {hub_id} --local-dir FOLDER"
                + (f"\nand name it: {named_by} FOLDER" if named_by else ""),
            ) from error
    check_checkpoint(hub_id, Path(found), hint=hint)
    return Path(found)


def check_checkpoint(name: str, folder: Path, *, hint: str) -> None:
    """Raise ModelError for what cannot be a model folder, as far as the files' shapes tell."""
    _check_pointers(name, folder)
    if (folder / "adapter_config.json").is_file():
        base = _json(name, folder / "adapter_config.json").get("base_model_name_or_path")
        raise ModelError(
            f"{name} holds a PEFT adapter, which is no model without its base ({base}).",
            hint="Merge it where peft is installed: "
            "AutoPeftModelForSequenceClassification.from_pretrained(FOLDER)"
            ".merge_and_unload().save_pretrained(NEW_FOLDER)",
        )
    if not (folder / "config.json").is_file():
        raise ModelError(f"{name} is no model folder: it has no config.json.", hint=hint)
    if "model_type" not in _json(name, folder / "config.json"):
        raise ModelError(f"{name}: its config.json names no model_type.", hint=hint)
    for file in ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        if (folder / file).is_file():
            _json(name, folder / file)


def _check_pointers(name: str, folder: Path) -> None:
    """Raise ModelError where a file is only Git LFS's note of where the real one is."""
    for path in sorted(path for pattern in HUB_FILES for path in folder.glob(pattern)):
        try:
            with path.open("rb") as stream:
                pointer = stream.read(len(LFS_POINTER)) == LFS_POINTER
        except OSError:  # whoever needs the file will say so
            continue
        if pointer:
            raise ModelError(
                f"{name}: {path.name} is a Git LFS pointer, not the file itself.",
                hint=f"Get the files: git -C {folder} lfs pull",
            )


def _json(name: str, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{name}: its {path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{name}: its {path.name} is no JSON document: {first_line(error)}.",
            hint="Copy it anew from where the model comes from.",
        ) from error
    if not isinstance(content, dict):
        raise ModelError(
            f"{name}: its {path.name} is no JSON object.",
            hint="Copy it anew from where the model comes from.",
        )
    return content


# --- reading and writing -------------------------------------------------------------


@contextmanager
def loading(name: str, *, kind: str, hint: str, code_hint: str) -> Iterator[None]:
    """Load ``name`` in here, quietly; whatever a broken folder provokes becomes a ModelError.

    ``kind`` is what it is loaded as; ``code_hint`` is for a model with code of its own.
    """
    with contained(), quiet():  # what a model needs is imported when it is built
        try:
            yield
        except EdgeftError:
            raise
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
