"""The folder that sentence-transformers writes: which modules stand behind the encoder.

modules.json names them in order; each has a folder with a config.json. What is known: Transformer,
Pooling (mean, first or last token) and Normalize. Standard library alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeft.errors import ModelError, UsageError
from edgeft.fields import FieldError, entries, flag, mapped, optional, record, text, whole
from edgeft.tasks.head import POOLINGS, Head

__all__ = ["MODULES", "Sentences", "is_sentence_folder", "read_sentences", "suit",
           "write_sentences"]  # fmt: skip

MODULES = "modules.json"
SETTINGS, PROMPTS = "sentence_bert_config.json", "config_sentence_transformers.json"
POOLING, NORMALIZE = "1_Pooling", "2_Normalize"
# What its versions call each way, as a mode or as a flag.
MODES: Mapping[str, str] = {
    "mean": "mean",
    "mean_tokens": "mean",
    "cls": "cls",
    "cls_token": "cls",
    "lasttoken": "last",
}
FLAG = "pooling_mode_"
AGAIN = "Copy the folder anew from where the model comes from."


@dataclass(frozen=True)
class Sentences:
    """How an encoder's tokens become a text's vector.

    pooling: "mean", "cls" or "last". unit_length: vectors are brought to length 1. max_length: of
    tokens that are read, None where nothing is said. prompts: name → what stands before a text.
    prompt: the name of the one that stands there unless told otherwise, "" for none. lower: texts
    are put in small letters.
    """

    pooling: str
    unit_length: bool = False
    max_length: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    prompt: str = ""
    lower: bool = False

    def head(self, dimensions: int) -> Head:
        """The same beside how many numbers a vector has; pairs are read as any two texts."""
        alone = self.prompt
        return Head(
            pooling=self.pooling,
            unit_length=self.unit_length,
            dimensions=dimensions,
            prompts=self.prompts,
            prompt=alone,
            pair_prompts=(alone, alone) if self.prompts else (),
        )


def is_sentence_folder(folder: Path) -> bool:
    """Whether sentence-transformers wrote it, or it says so."""
    return (folder / MODULES).is_file()


def read_sentences(name: str, folder: Path, pooling: str = "") -> Sentences:
    """What stands behind the encoder in ``folder``; ``pooling`` is what the user named.

    Raises ModelError for what is damaged or not known, UsageError where a plain encoder's pooling
    is not named, or one that is not the folder's own.
    """
    if pooling and pooling not in POOLINGS:
        raise UsageError(
            f"There is no pooling {pooling!r}.", hint=f"Choose from: {', '.join(POOLINGS)}."
        )
    if not is_sentence_folder(folder):
        if not pooling:
            raise UsageError(
                f"{name} has no {MODULES}, so nothing tells how its tokens become a text's vector.",
                hint="Name what it was trained with: --pooling mean, cls or last.",
            )
        return Sentences(pooling)
    found = _of_modules(name, folder)
    if pooling and pooling != found.pooling:
        raise UsageError(
            f"--pooling {pooling} was named, and {name} was trained with {found.pooling}.",
            hint="Leave --pooling out.",
        )
    return found


def _of_modules(name: str, folder: Path) -> Sentences:
    kinds = []
    for at, module in enumerate(_json(name, folder / MODULES, list)):
        if not isinstance(module, dict) or not isinstance(module.get("type"), str):
            raise ModelError(f"{name}: entry {at} of its {MODULES} names no type.", hint=AGAIN)
        path = module.get("path", "")
        if not isinstance(path, str) or ".." in Path(path).parts or Path(path).is_absolute():
            raise ModelError(f"{name}: entry {at} of its {MODULES} leaves the folder.", hint=AGAIN)
        kinds.append((module["type"].rsplit(".", 1)[-1], path))
    names = [kind for kind, _ in kinds]
    for kind in names:
        if kind not in ("Transformer", "Pooling", "Normalize"):
            raise ModelError(
                f"{name}: its {MODULES} names a module {kind!r}, which edgeft does not know.",
                hint="Known are Transformer, Pooling and Normalize. Take a model without it, or "
                "leave it out of modules.json if it may be.",
            )
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise ModelError(
            f"{name}: its {MODULES} names {', '.join(names) or 'nothing'}; known is a Transformer, "
            "then Pooling, then Normalize where vectors are brought to length 1.",
            hint="Take a model that is put together so.",
        )
    if kinds[0][1]:
        raise ModelError(
            f"{name}: its encoder lies in the folder {kinds[0][1]!r}, as old versions of "
            "sentence-transformers wrote it.",
            hint="Save it anew: SentenceTransformer(FOLDER).save_pretrained(NEW_FOLDER)",
        )
    pooling = _pooling(name, folder / kinds[1][1] / "config.json")
    settings = _read(name, folder / SETTINGS, _SETTINGS, {"max_seq_length", "do_lower_case"})
    prompted = _read(name, folder / PROMPTS, _PROMPTS, {"prompts", "default_prompt_name"})
    prompts = {one: before for one, before in prompted["prompts"].items() if before}
    prompt = prompted["default_prompt_name"] or ""
    return Sentences(
        pooling,
        unit_length="Normalize" in names,
        max_length=settings["max_seq_length"],
        prompts=prompts,
        prompt=prompt if prompt in prompts else "",
        lower=settings["do_lower_case"],
    )


def _pooling(name: str, path: Path) -> str:
    content = _json(name, path, dict)
    modes = content.get("pooling_mode")
    if modes is None:
        modes = [
            key.removeprefix(FLAG)
            for key, on in content.items()
            if key.startswith(FLAG) and on is True
        ] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    known = MODES.get(str(modes[0])) if isinstance(modes, list) and len(modes) == 1 else None
    if known is None:
        told = " and ".join(map(str, modes)) if isinstance(modes, list) else modes
        raise ModelError(
            f"{name}: its pooling is {told!r}, which edgeft does not know.",
            hint=f"Known are {', '.join(POOLINGS)}; take a model that was trained with one.",
        )
    if content.get("include_prompt") is False:
        raise ModelError(
            f"{name}: its pooling leaves the prompt's tokens out, which edgeft does not know.",
            hint="Take a model whose prompts are pooled with the text.",
        )
    return known


@dataclass(frozen=True)
class _Settings:
    max_seq_length: int | None = None
    do_lower_case: bool = False


@dataclass(frozen=True)
class _Prompts:
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None


_SETTINGS = record(_Settings, max_seq_length=optional(whole(1, 1 << 20)), do_lower_case=flag)
_PROMPTS = record(
    _Prompts,
    prompts=mapped(text(0, 10_000), text(1, 200), 0, 1000),
    default_prompt_name=optional(text(0, 200)),
)


def _read(name: str, path: Path, reader: Any, known: set[str]) -> dict[str, Any]:
    """The fields that are known of a file that may be missing."""
    content = _json(name, path, dict) if path.is_file() else {}
    some = {key: one for key, one in content.items() if key in known}
    if some.get("prompts") is None:
        some.pop("prompts", None)
    try:
        return dict(vars(reader(entries(some))))
    except FieldError as error:
        raise ModelError(f"{name}: its {path.name}: {error}.", hint=AGAIN) from None


def _json(name: str, path: Path, kind: type) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(
            f"{name}: {path.parent.name}/{path.name} cannot be read: {error.strerror}.", hint=AGAIN
        ) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name}: its {path.name} is no JSON document.", hint=AGAIN) from error
    if not isinstance(content, kind):
        what = "list" if kind is list else "object"
        raise ModelError(f"{name}: its {path.name} is no JSON {what}.", hint=AGAIN)
    return content


def suit(tokenizer: Any, sentences: Sentences) -> None:
    """Let a fast tokenizer of transformers read as the modules of its folder say."""
    from tokenizers import normalizers

    if sentences.max_length is not None:  # it goes before the tokenizer's own
        tokenizer.model_max_length = sentences.max_length
    if sentences.lower:
        backend = tokenizer.backend_tokenizer
        own = [backend.normalizer] if backend.normalizer is not None else []
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])


def write_sentences(one: Sentences, folder: Path, *, dimensions: int, max_length: int) -> None:
    """Write the files from which sentence-transformers puts the same model together."""
    modules = [("", "Transformer"), (POOLING, "Pooling")]
    modules += [(NORMALIZE, "Normalize")] * one.unit_length
    content = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (path, kind) in enumerate(modules)
    ]
    flags = {
        "pooling_mode_cls_token": one.pooling == "cls",
        "pooling_mode_mean_tokens": one.pooling == "mean",
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False,
        "pooling_mode_lasttoken": one.pooling == "last",
    }
    (folder / POOLING).mkdir(exist_ok=True)
    _write(folder / MODULES, content)
    _write(folder / POOLING / "config.json", {"word_embedding_dimension": dimensions, **flags})
    _write(folder / SETTINGS, {"max_seq_length": max_length, "do_lower_case": False})
    prompted = {"prompts": dict(one.prompts), "default_prompt_name": one.prompt or None}
    _write(folder / PROMPTS, {"__version__": {}, **prompted})


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
