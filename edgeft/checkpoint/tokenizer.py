"""A model's fast tokenizer, as whichever version of transformers wrote it."""

import json
import math
from pathlib import Path
from typing import Any

from edgeft.errors import ModelError, first_line

__all__ = ["added_beyond", "read_tokenizer", "token_limit"]

SETTINGS = "tokenizer_config.json"
# Letters that many vocabularies lack, a private character, and one that no script has.
ODD = "a \u5929 \U0001f9ff \ue000 \u0378 \x01"


def read_tokenizer(name: str, folder: Path) -> Any:
    """The tokenizer in ``folder``, which must have a tokenizer.json form.

    Raises ModelError for one that is damaged or cannot read every text, and
    whatever else a broken folder provokes in transformers.
    """
    _check_file(name, folder / "tokenizer.json")
    try:
        tokenizer = _load(folder)
    except Exception as error:
        if (folder / "tokenizer.json").is_file():
            raise
        # A TypeError: there is no file at all.
        reason = "" if isinstance(error, TypeError) else f": {first_line(error).rstrip('.')}"
        raise _unreadable(name, reason) from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"{name}: its tokenizer has no tokenizer.json form, which the runtime needs.",
            hint="Choose a model with a fast tokenizer; --model minilm needs no network.",
        )
    # Without a file of its words transformers 5 makes a tokenizer that knows none.
    if not any((folder / one).is_file() for one in _files(tokenizer)):
        raise _unreadable(name)
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    _panics(name, lambda: backend.encode(ODD), "cannot read every text")
    return tokenizer


def token_limit(name: str, tokenizer: Any, positions: int) -> int:
    """The most tokens that model and tokenizer take, special ones included.

    ``positions`` is what the model takes. Raises ModelError where that is no text.
    """
    stated = tokenizer.model_max_length
    try:
        own = float(stated)
    except (TypeError, ValueError):
        own = math.nan
    if not own >= 1:  # nor a NaN
        raise ModelError(
            f"{name}: its tokenizer takes {stated!r} tokens (model_max_length in {SETTINGS}).",
            hint="Correct it: it is the most tokens that the model was trained with.",
        )
    limit = int(min(positions, own))
    special = tokenizer.backend_tokenizer.num_special_tokens_to_add(False)
    if limit <= special:
        raise ModelError(
            f"{name} takes {limit} tokens, {special} of which are special ones: no text fits.",
            hint=f"Correct model_max_length in {SETTINGS}, max_position_embeddings in config.json, "
            "or max_length in training.json.",
        )
    return limit


def added_beyond(name: str, tokenizer: Any, rows: int | None) -> list[str]:
    """The tokens that were added to the tokenizer but not to the model, which has ``rows``.

    Raises ModelError where the tokenizer's own vocabulary is larger than the model.
    """
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    if rows is None:
        return []
    beyond = sorted((at, token) for token, at in vocabulary.items() if at >= rows)
    added = {one.content for one in tokenizer.added_tokens_decoder.values()}
    if any(token not in added for _, token in beyond):
        raise ModelError(
            f"{name}: its tokenizer has {max(vocabulary.values()) + 1:,} tokens, the model only "
            f"{rows:,}.",
            hint="Tokenizer and weights belong to different models; bring the right ones.",
        )
    return [token for _, token in beyond]


def _files(tokenizer: Any) -> set[str]:
    """The names of files that may hold the vocabulary of a tokenizer of this class."""
    return {"tokenizer.json", *tokenizer.vocab_files_names.values()}


def _unreadable(name: str, reason: str = "") -> ModelError:
    return ModelError(
        f"{name}: it has no tokenizer.json, and no other tokenizer that can be read{reason}.",
        hint="Copy tokenizer.json and tokenizer_config.json from where the model was made.",
    )


def _check_file(name: str, path: Path) -> None:
    from tokenizers import Tokenizer

    if path.is_file():
        _panics(name, lambda: Tokenizer.from_file(str(path)), "is damaged or of a newer kind")


def _panics(name: str, step: Any, problem: str) -> None:
    """Take a step of the tokenizers library, whose faults share no base with other errors."""
    try:
        step()
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise ModelError(
            f"{name}: its tokenizer.json {problem}: {first_line(error)}.",
            hint="Save the tokenizer again where it was made, or copy it anew.",
        ) from error


def _load(folder: Path) -> Any:
    import transformers
    from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

    path = folder / SETTINGS
    settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    changes: dict[str, Any] = {}
    if isinstance(settings.get("extra_special_tokens"), list):  # transformers 5
        changes = {
            "extra_special_tokens": {},
            "additional_special_tokens": settings["extra_special_tokens"],
        }
    kind = settings.get("tokenizer_class")
    named = isinstance(kind, str) and not any(
        tokenizer_class_from_name(one) for one in (kind, f"{kind}Fast")
    )
    # Version 5 names classes that version 4 has not; tokenizer.json says all that they would.
    if named and (folder / "tokenizer.json").is_file() and "auto_map" not in settings:
        return transformers.PreTrainedTokenizerFast.from_pretrained(folder, **changes)
    return transformers.AutoTokenizer.from_pretrained(
        folder, use_fast=True, trust_remote_code=False, **changes
    )
