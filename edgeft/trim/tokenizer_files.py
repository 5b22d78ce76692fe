"""A tokenizer's files with fewer tokens: every place that names an id is rewritten together.

A vocabulary that is edited alone loads without complaint and encodes wrongly.
"""

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from edgeft.checkpoint.tokenizer_json import merges_of, vocabulary_of

__all__ = ["new_ids", "rewrite", "write_files"]


def new_ids(
    tokenizer: Mapping[str, Any], kept: Collection[str], *, first_ids: int = 0
) -> dict[int, int]:
    """Old id to new id, in the old order; added tokens beside the model's come last.

    The first ``first_ids`` ids stay in any case, each where it is.
    """
    vocabulary = vocabulary_of(tokenizer)
    stay = [old for token, old in vocabulary.items() if token in kept or old < first_ids]
    beside = [
        int(one["id"]) for one in tokenizer.get("added_tokens", ())
        if one["content"] not in vocabulary
    ]  # fmt: skip
    return {old: new for new, old in enumerate([*sorted(stay), *sorted(beside)])}


def rewrite(tokenizer: Mapping[str, Any], ids: Mapping[int, int]) -> dict[str, Any]:
    """A tokenizer.json with new ids, in the vocabulary and wherever else one is named."""
    content: dict[str, Any] = json.loads(json.dumps(tokenizer))
    model = content["model"]
    vocabulary = vocabulary_of(tokenizer)
    kept = {token: ids[old] for token, old in vocabulary.items() if old in ids}
    if isinstance(model["vocab"], list):
        model["vocab"] = [one for old, one in enumerate(model["vocab"]) if old in ids]
    else:
        model["vocab"] = dict(sorted(kept.items(), key=lambda item: item[1]))
    if model.get("unk_id") is not None:
        model["unk_id"] = ids[model["unk_id"]]
    if "merges" in model:
        model["merges"] = [
            list(pair) for pair in merges_of(model)
            if all(one in kept for one in (*pair, "".join(pair)))
        ]  # fmt: skip
    for one in content.get("added_tokens", ()):
        one["id"] = ids[one["id"]]
    if content.get("padding"):
        content["padding"]["pad_id"] = ids[content["padding"]["pad_id"]]
    if content.get("post_processor"):
        _rewrite_processor(content["post_processor"], lambda old: ids[old])
    return content


def write_files(
    source: Path, to: Path, tokenizer: Mapping[str, Any], ids: Mapping[int, int]
) -> None:
    """Write the tokenizer's files to the folder ``to``, from those in ``source``."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if (source / name).is_file():
            shutil.copy(source / name, to / name)
    path = to / "tokenizer_config.json"
    if path.is_file():
        settings = json.loads(path.read_text(encoding="utf-8"))
        if decoder := settings.get("added_tokens_decoder"):
            settings["added_tokens_decoder"] = {
                str(ids[int(old)]): one for old, one in decoder.items() if int(old) in ids
            }
        _write_json(path, settings)
    _write_json(to / "tokenizer.json", tokenizer)
    model = tokenizer["model"]
    if model["type"] == "WordPiece":
        (to / "vocab.txt").write_text("\n".join(model["vocab"]) + "\n", encoding="utf-8")
    if model["type"] == "BPE":
        _write_json(to / "vocab.json", model["vocab"])
        merges = "".join(f"{left} {right}\n" for left, right in merges_of(model))
        (to / "merges.txt").write_text("#version: 0.2\n" + merges, encoding="utf-8")


def _rewrite_processor(processor: dict[str, Any], renew: Callable[[int], int]) -> None:
    """Post-processors name special tokens by id: in templates, or as a pair of text and id."""
    for inner in processor.get("processors", ()):
        _rewrite_processor(inner, renew)
    for special in (processor.get("special_tokens") or {}).values():
        special["ids"] = [renew(old) for old in special["ids"]]
    for role in ("cls", "sep"):
        if role in processor:
            token, old = processor[role]
            processor[role] = [token, renew(old)]


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8")
