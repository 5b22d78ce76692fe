"""Which rows a model was trained on, told by salted hashes that never leave its run folder."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.errors import ModelError

__all__ = [
    "SEEN_FILE",
    "SeenRow",
    "Seen",
    "copy_seen",
    "read_seen",
    "seen_document",
    "seen_sentence",
]

SEEN_FILE = "rows.json"
SALT_BYTES = 16
HASH_BYTES = 8  # two of a million rows are taken for one another once in ten million times

SeenRow = str | Sequence[str]  # a text, or every column that the model reads, without the label


@dataclass(frozen=True)
class Seen:
    """The hashes of one or more trainings, each with the salt of its own: {salt: hashes}."""

    runs: dict[bytes, frozenset[bytes]]

    def count(self, rows: Iterable[SeenRow]) -> int:
        """How many of the rows were trained on; case and white space make no other row."""
        return sum(
            any(_hash(salt, row) in hashes for salt, hashes in self.runs.items()) for row in rows
        )


def seen_document(rows: Iterable[SeenRow], *, base: Path | None = None) -> dict[str, Any]:
    """What ``rows.json`` is to hold for rows that a model is trained on.

    What the model in the folder ``base`` had been trained on before counts, too.
    """
    earlier = read_seen(base) if base is not None else None
    salt = secrets.token_bytes(SALT_BYTES)
    runs = {**(earlier.runs if earlier else {}), salt: {_hash(salt, row) for row in rows}}
    return {
        "format": 1,
        "runs": [
            {"salt": salt.hex(), "hashes": base64.b64encode(b"".join(sorted(hashes))).decode()}
            for salt, hashes in runs.items()
        ],
    }


def read_seen(folder: Path) -> Seen | None:
    """The hashes in a checkpoint's folder; None where it has none. Raises ModelError."""
    path = folder / SEEN_FILE
    if not path.is_file():
        return None
    try:
        return Seen(dict(map(_run, json.loads(path.read_text(encoding="utf-8"))["runs"])))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{path} cannot be read: {str(error) or type(error).__name__}.",
            hint="It tells which rows were trained on. Remove it to do without.",
        ) from error


def seen_sentence(name: str, count: int, rows: int) -> str:
    """What is told of a file of which ``count`` rows were trained on."""
    if not count:
        return f"None of the {rows:,} rows of {name} was trained on."
    were = "was" if count == 1 else "were"
    return (
        f"{count:,} of {rows:,} rows of {name} {were} trained on: "
        "figures on them say little about new texts."
    )


def copy_seen(source: Path, folder: Path) -> None:
    """Give a checkpoint that was made from another one what tells its rows."""
    path = source / SEEN_FILE
    if path.is_file():
        (folder / SEEN_FILE).write_bytes(path.read_bytes())


def _run(content: dict[str, str]) -> tuple[bytes, frozenset[bytes]]:
    joined = base64.b64decode(content["hashes"], validate=True)
    if len(joined) % HASH_BYTES:
        raise ValueError("its hashes are cut off")
    hashes = (joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES))
    salt = bytes.fromhex(content["salt"])
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {len(salt)} bytes, not {SALT_BYTES}")
    return salt, frozenset(hashes)


def _hash(salt: bytes, row: SeenRow) -> bytes:
    columns = (row,) if isinstance(row, str) else row
    plain = "\x1f".join(" ".join(one.casefold().split()) for one in columns)
    data = plain.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, key=salt, digest_size=HASH_BYTES).digest()
