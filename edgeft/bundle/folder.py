"""The manifest in its folder: read and checked, written, and every file recorded."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edgeft.bundle.integrity import AGAIN, FileRecord, confined, open_regular, record_of
from edgeft.bundle.manifest import (
    FEATURES,
    FORMAT,
    MANIFEST,
    Manifest,
    requires_of,
)
from edgeft.bundle.reading import manifest_from
from edgeft.errors import BundleError, FormatError, IntegrityError
from edgeft.fields import FieldError, document, unique_keys
from edgeft.inputs import json_of
from edgeft.tasks.head import PLAIN, Head

__all__ = ["digest_of", "read_manifest", "record_files", "write_manifest"]

UNRECORDED = (MANIFEST, "README.md")  # the manifest itself, and the card that people edit
VERSION = re.compile(r"[0-9][0-9a-z.]{0,30}")
LARGEST = 1 << 28  # bytes of a manifest; that of 100,000 labels has a fifth of it


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``folder``/edgeft.json.

    Raises BundleError for a folder that is no bundle, or a field that is none,
    FormatError for what this version cannot do, IntegrityError where the file
    is damaged or its digest does not fit.
    """
    path = folder / MANIFEST
    try:
        content = _parse(_read(folder), path)
        _check_format(content)
        if content.get("digest") != digest_of(content):
            raise IntegrityError(f"{path} was changed after it was written.", hint=AGAIN)
        manifest = manifest_from(content)
    except FieldError as error:
        raise BundleError(f"{path}: {error}.", hint=AGAIN) from None
    except FormatError as error:
        raise FormatError(f"{path}: {error.message}", hint=error.hint) from None
    for name in _paths_in(manifest):
        confined(folder, name)
    return manifest


def _read(folder: Path) -> bytes:
    """The manifest's bytes. Raises BundleError, IntegrityError."""
    path = folder / MANIFEST
    try:
        if not folder.is_dir():
            raise BundleError(f"{folder} is not a folder.", hint="Name a folder that export wrote.")
        with open_regular(confined(folder, MANIFEST)) as stream:
            data = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise _no_bundle(folder) from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > LARGEST:
        raise BundleError(f"{path} has more than {LARGEST} bytes.", hint=AGAIN)
    return data


def _parse(data: bytes, path: Path) -> dict[str, Any]:
    """The JSON object that the bytes are. Raises FieldError, BundleError, IntegrityError."""
    try:
        content = json.loads(
            data.decode("utf-8"), object_pairs_hook=unique_keys, parse_constant=_no_number
        )
    except FieldError:
        raise
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{path} is not a JSON document: {error}.", hint=AGAIN) from None
    if not isinstance(content, dict) or "format" not in content:
        raise BundleError(f"{path} is not an edgeft manifest.", hint=AGAIN)
    return dict(document(content))


def _no_number(name: str) -> None:
    raise FieldError(f"it holds {name}, which is no JSON")


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Write ``folder``/edgeft.json; return the manifest with its digest and what it requires."""
    manifest = replace(manifest, requires=requires_of(manifest))
    content = _content_of(manifest)
    content["digest"] = digest_of(content)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return replace(manifest, digest=content["digest"])


def record_files(folder: Path) -> dict[str, FileRecord]:
    """Record every file below ``folder`` but the manifest and the model card."""
    names = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    return {
        name: record_of(path)
        for name, path in names.items()
        if path.is_file() and name not in UNRECORDED
    }


def digest_of(content: Mapping[str, Any]) -> str:
    """ "sha256:" and the hash of a manifest in canonical form without its digest.

    Canonical: JSON with sorted keys, no white space, UTF-8.
    """
    rest = {key: value for key, value in content.items() if key != "digest"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _no_bundle(folder: Path) -> BundleError:
    if (folder / "config.json").exists():
        return BundleError(
            f"{folder} is a Hugging Face model folder, not a bundle: it has no {MANIFEST}.",
            hint=f"Make one with: edgeft export {folder} -o BUNDLE",
        )
    return BundleError(
        f"{folder} is no bundle: it has no {MANIFEST}.",
        hint="Name a folder that edgeft export wrote.",
    )


def _check_format(content: Mapping[str, Any]) -> None:
    if content["format"] != FORMAT:
        raise FormatError(
            f"Its format is {content['format']!r}; this version reads format {FORMAT}.",
            hint="Update with: pip install --upgrade edgeft",
        )
    requires = content.get("requires", {})
    unknown = set(requires) - set(FEATURES) if isinstance(requires, dict) else ()
    for name in sorted(unknown):
        raise FormatError(
            f"It needs the feature {name!r}, which this version does not know.",
            hint=f"Update with: pip install --upgrade {_wanted(requires[name])}",
        )


def _wanted(version: Any) -> str:
    """What to install for a feature; nothing but a version comes from the manifest."""
    named = isinstance(version, str) and VERSION.fullmatch(version)
    return f"'edgeft>={version}'" if named else "edgeft"


def _content_of(manifest: Manifest) -> dict[str, Any]:
    content = asdict(manifest)
    content["requires"] = {name: FEATURES[name] for name in manifest.requires}
    for name, model in manifest.models.items():
        written = content["models"][name]
        written["golden_inputs"] = [json_of(one) for one in model.golden_inputs]
        written["head"] = _changed(model.head)
        if not model.takes:
            del written["takes"]
        for its, variant in model.variants.items():
            if variant.head is None:
                del written["variants"][its]["head"]
            else:
                written["variants"][its]["head"] = _changed(variant.head)
    content["pipeline"] = [
        {name: value for name, value in asdict(step).items() if value not in ("", None)}
        for step in manifest.pipeline
    ]
    order = ("format", "digest", "requires", "models", "pipeline", "provenance", "files")
    content = {key: content[key] for key in order}
    return dict(json.loads(json.dumps(content)))  # tuples become lists, as a reader sees them


def _changed(head: Head) -> dict[str, Any]:
    """The fields of a head that are not as everywhere."""
    plain = asdict(PLAIN)
    return {name: value for name, value in asdict(head).items() if value != plain[name]}


def _paths_in(manifest: Manifest) -> Iterable[str]:
    yield from manifest.files
    for model in manifest.models.values():
        yield from (model.path, model.tokenizer)
        for variant in model.variants.values():
            yield from variant.files.values()
