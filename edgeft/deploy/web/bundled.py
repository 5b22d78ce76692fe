"""A bundle as the page's scripts read it: what stands between texts and answers, as JSON."""

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from edgeft.bundle import Manifest
from edgeft.deploy.web.characters import characters_of
from edgeft.errors import UsageError
from edgeft.inputs import Question
from edgeft.page.facts import facts_of
from edgeft.runtime.known_words import reads_by_word
from edgeft.runtime.model import Model
from edgeft.runtime.pairs import frame_within
from edgeft.runtime.places import word_rules
from edgeft.runtime.runner import Runner
from edgeft.runtime.tokenize import unknown_id
from edgeft.tasks.encoded import default_overlap
from edgeft.tasks.prompts import before_pair

__all__ = ["TENSORS", "described", "script_of", "web_variant"]

SMALLEST = ("int8", "int8-vectors", "fp32")  # variants: the first that a bundle has is taken
TENSORS = {"int64", "int32"}


def web_variant(manifest: Manifest, wanted: str) -> str:
    """The variant that visitors load. Raises UsageError for what is not one model alone."""
    if wanted != "auto":
        if len(manifest.steps_of(wanted)) != 1:
            what = "is all stages of a cascade" if manifest.steps_of(wanted) else "is none of it"
            raise UsageError(
                f"A page runs one model; {wanted!r} {what}.",
                hint=f"Choose with --variant: {', '.join(_alone(manifest))}.",
            )
        return wanted
    if manifest.stages:
        raise UsageError(
            "The bundle is a cascade of several models; a page runs one.",
            hint=f"Choose which with --variant: {', '.join(_alone(manifest))}.",
        )
    variants = manifest.model.variants
    return next((name for name in SMALLEST if name in variants), next(iter(variants)))


def _alone(manifest: Manifest) -> list[str]:
    return [name for name in manifest.answerers if len(manifest.steps_of(name)) == 1]


def script_of(task: str) -> str:
    """The name of the script that makes answers of a task's numbers. Raises UsageError."""
    name = f"tasks/{task}.js"
    if not files("edgeft.deploy.web").joinpath("site", name).is_file():
        raise UsageError(
            f"Bundles for {task} do not run in a browser yet.", hint="Serve it: edgeft serve BUNDLE"
        )
    return name


def described(model: Model, name: str, tokenizer_json: bytes, folder: Path) -> dict[str, Any]:
    """What the scripts need to know of a loaded model; ``name`` is what the page calls it.

    Raises UsageError for what does not run truly in a browser.
    """
    record, task = model.manifest.model, model.task
    variant = record.variants[model.variant]
    if record.normalize:
        raise UsageError(
            f"Texts for this model are normalized first ({', '.join(record.normalize)}), which the "
            "page cannot do.",
            hint="Train and export the model without --normalize, or serve it: edgeft serve BUNDLE",
        )
    if len(variant.files) > 1:
        raise UsageError(f"The variant {model.variant!r} has more files than its graph.")
    tokenizer, content = Tokenizer.from_buffer(tokenizer_json), json.loads(tokenizer_json)
    plain = reads_by_word(content) and all(map(_is_plain, content.get("added_tokens", ())))
    if task.by_token and (not plain or word_rules(tokenizer)):
        raise UsageError(
            f"The tokenizer of this {task.noun} is not one of BERT's, and of others a browser "
            "cannot tell which characters a token stands for.",
            hint="Serve it: edgeft serve BUNDLE; or train from an encoder with BERT's tokenizer.",
        )
    assert isinstance(model.runner, Runner), "it is one model"
    before, behind, _ = model.runner.encoder.frame()
    windows = task.on_long == "window"
    return {
        "task": task.name,
        "model": {
            "id": name, "ready": True, "variant": model.variant, "where": "in this browser",
            **facts_of(model),
        },
        "head": asdict(model.head),
        "most": record.max_length,
        "overlap": default_overlap(record.max_length) if windows else None,
        "apart": before_pair(model.head) if task.embeds else None,
        "half": windows or Question in task.takes,
        "frame": {"before": before, "behind": behind, "both": _both(model, tokenizer)},
        "empty": record.pad_id,
        "unknown": unknown_id(content["model"], tokenizer),
        "inputs": {one.name: one.dtype for one in variant.inputs},
        "outputs": list(task.outputs),
        "tokenizer": {"characters": characters_of(content["normalizer"])} if plain
        else {"config": _config(folder)},
    }  # fmt: skip


def _is_plain(added: Any) -> bool:
    """Whether an added token is looked for as it stands."""
    return not any(added.get(rule) for rule in ("single_word", "lstrip", "rstrip"))


def _both(model: Model, tokenizer: Tokenizer) -> dict[str, Any] | None:
    """What stands around two texts that are read together."""
    if model.task.takes == (str,) or model.task.embeds:
        return None
    frame = frame_within(tokenizer, model.max_length)
    return {"ids": frame.ids, "types": frame.types}


def _config(folder: Path) -> Any:
    """tokenizer_config.json, which the library of others' tokenizers reads beside their files."""
    try:
        return json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
