"""A model's weights on disk: which files they are, and by what names they hold what."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from edgeft.bundle.integrity import sha256_of
from edgeft.errors import ModelError, first_line

__all__ = ["Weights", "find_weights", "wrapper_of"]

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
AGAIN = "Copy or download the model again; a folder has to be whole."
INTEGERS = ("I8", "U8", "F8_E4M3", "F8_E5M2")  # of two or more axes: not numbers but their codes


@dataclass(frozen=True)
class Weights:
    """The files of a model's weights, and each tensor's shape by its name in them."""

    files: tuple[Path, ...]
    shapes: Mapping[str, tuple[int, ...]]

    @cached_property
    def sha256(self) -> str:
        """That of the file; of all files' sha256 in order where there are several."""
        digests = []
        for path in self.files:
            with path.open("rb") as stream:
                digests.append(sha256_of(stream))
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    @property
    def indexed(self) -> bool:
        """Whether an index says which files they are."""
        return self.files[0].name != WEIGHTS

    def tensors(self) -> dict[str, Any]:
        """Every tensor, by its name."""
        from safetensors.torch import load_file

        return {key: one for path in self.files for key, one in load_file(path).items()}


def find_weights(name: str, folder: Path, *, auto_class: str) -> Weights:
    """The files that transformers reads a model's weights from, opened once.

    ``auto_class`` is the class of transformers that can convert other weights.
    Raises ModelError where there are none, or where one is missing or damaged.
    """
    if (folder / WEIGHTS).is_file():
        files = [folder / WEIGHTS]
    elif (folder / INDEX).is_file():
        files = _shards(name, folder)
    else:
        raise _no_weights(name, folder, auto_class)
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        shapes.update(_shapes(name, path))
    return Weights(tuple(files), shapes)


def wrapper_of(name: str, model: Any, keys: Collection[str]) -> str:
    """What stands before all names of a model's tensors because something wrapped it.

    ``torch.compile`` puts ``_orig_mod.`` there, data parallelism ``module.``, a class
    around the model the name of its attribute. ``keys`` are the names in the files;
    ``model`` is one of transformers, its weights of no account. "" where nothing
    stands there. Raises ModelError where that is another architecture's name, or
    where two models are in the files.
    """
    base = model.base_model
    expected = {key for key in base.state_dict() if not is_pooler(key)}
    own = f"{model.base_model_prefix}." if base is not model else ""
    found: Counter[str] = Counter()
    for key in keys:
        starts = [0, *(at + 1 for at, letter in enumerate(key) if letter == ".")]
        found.update(key[:at] for at in starts if key[at:] in expected)
    # Half, since names of older versions are known to transformers alone.
    likely = [one for one, count in found.items() if count >= len(expected) / 2]
    if not likely or "" in likely or own in likely:
        return ""
    wrappers = sorted({one.removesuffix(own) if own else one for one in likely})
    if len(wrappers) > 1:
        raise ModelError(
            f"{name}: its weights hold several models, whose names begin with "
            f"{' and '.join(map(repr, wrappers[:3]))}.",
            hint="Save the one that you mean by itself: MODEL.save_pretrained(NEW_FOLDER)",
        )
    (wrapper,) = wrappers
    _check_wrapper(
        name,
        wrapper,
        model.config.model_type,
        next(filter(lambda key: key.startswith(wrapper), keys)),
    )
    return wrapper


def is_pooler(key: str) -> bool:
    """Whether a tensor of the base model, named without its prefix, is the pooler's."""
    return key.split(".")[0].startswith("pooler")


def _check_wrapper(name: str, wrapper: str, own: str, example: str) -> None:
    """Weights of another architecture may fit by name and shape, and be read otherwise."""
    import transformers

    last = wrapper.rstrip(".").split(".")[-1]
    kinds = {kind.replace("-", "_") for kind in transformers.CONFIG_MAPPING}
    if last in kinds and last != own.replace("-", "_"):
        raise ModelError(
            f"{name}: its config.json says {own!r}, but its weights are named as those of "
            f"{last!r} ({example!r}).",
            hint="Bring the config.json of these weights. Where it is the right one, save the "
            "weights without that name before them.",
        )


def _shards(name: str, folder: Path) -> list[Path]:
    try:
        content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = sorted(set(content["weight_map"].values()))
        plain = all(Path(one).name == one for one in names)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{name}: its {INDEX} cannot be read: {first_line(error)}", hint=AGAIN) \
            from error  # fmt: skip
    missing = [one for one in names if not (plain and (folder / one).is_file())]
    if missing or not names:
        told = f"{missing[0]!r}, which is not in the folder" if missing else "no file"
        more = f" ({len(missing)} of {len(names)} are missing)" if len(missing) > 1 else ""
        raise ModelError(f"{name}: its {INDEX} names {told}{more}.", hint=AGAIN)
    return [folder / one for one in names]


def _no_weights(name: str, folder: Path, auto_class: str) -> ModelError:
    tensors = sorted(path.name for path in folder.glob("*.safetensors"))
    if tensors:
        return ModelError(
            f"{name}: its weights are not in {WEIGHTS}, and no {INDEX} says where else; "
            f"found: {', '.join(tensors[:3])}{' …' if len(tensors) > 3 else ''}.",
            hint=AGAIN,
        )
    others = sorted(
        path.name
        for kind in ("*.bin", "*.h5", "*.msgpack", "*.pt", "*.pth", "*.ckpt", "*.gguf")
        for path in folder.glob(kind)
    )
    found = f"it has only {', '.join(others)}" if others else "it has no weights"
    return ModelError(
        f"{name}: {found}; edgeft reads weights from {WEIGHTS} alone, which cannot hold code.",
        hint="Convert it once where you trust it: "
        f"{auto_class}.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)",
    )


def _shapes(name: str, path: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import SafetensorError, safe_open

    shapes = {}
    try:
        with safe_open(path, framework="pt") as stream:
            for key in stream.keys():  # noqa: SIM118 (it is no mapping)
                one = stream.get_slice(key)
                shapes[key] = tuple(one.get_shape())
                if one.get_dtype() in INTEGERS and len(shapes[key]) > 1:
                    raise ModelError(
                        f"{name}: its weights are quantized: {key!r} in {path.name} is "
                        f"{one.get_dtype()}.",
                        hint="Name the model that it was made from, with float weights.",
                    )
    except OSError as error:
        raise ModelError(
            f"{name}: {path.name} cannot be read: {error.strerror or error}.", hint=AGAIN
        ) from error
    except SafetensorError as error:
        if os.fsencode(path) != str(path).encode("utf-8", "replace"):
            raise ModelError(
                f"{name}: its path is not UTF-8, and safetensors opens no other.",
                hint="Rename the folder.",
            ) from error
        size = path.stat().st_size
        raise ModelError(
            f"{name}: {path.name} ({size:,} bytes) is damaged, incomplete or no safetensors file: "
            f"{first_line(error)}.",
            hint=AGAIN,
        ) from error
    return shapes
