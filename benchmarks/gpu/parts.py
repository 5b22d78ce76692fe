"""A folder in parts that are small enough to be carried one by one, and the folder again.

The folder is packed as one tar, compressed by xz on all cores and cut. `parts.json`, beside the
parts, has each one's sha256, so that a part that is missing or damaged is named before anything is
unpacked.
"""

import hashlib
import json
import lzma
import os
import shutil
import tarfile
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

__all__ = ["LIST", "MOST_BYTES", "Part", "PartsError", "cut", "faults", "join"]

MOST_BYTES = 60 * 1024 * 1024
LIST = "parts.json"
PLAIN, PACKED = "packed.tar", "packed.tar.xz"
CHUNK = 1 << 20
PRESET = 1  # weights pack as well as with any other, five times as quick
BLOCK = 32 << 20  # bytes that become one xz stream; a file may hold many


class PartsError(Exception):
    """Parts that are missing or damaged; its message names each, and what to do."""


@dataclass(frozen=True)
class Part:
    """One file of the packed folder."""

    name: str
    bytes: int
    sha256: str


def cut(folder: Path, into: Path, *, most_bytes: int = MOST_BYTES) -> list[Part]:
    """Pack what ``folder`` holds into parts of at most ``most_bytes`` and list them.

    The same files give the same parts: names are sorted, times and owners left out.
    """
    into.mkdir(parents=True, exist_ok=True)
    for old in (*into.glob("part-*"), into / LIST):
        old.unlink(missing_ok=True)
    plain, packed = into / PLAIN, into / PACKED
    with tarfile.open(plain, "w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.add(path, path.relative_to(folder).as_posix(), filter=_plain)
    _compress(plain, packed)
    plain.unlink()
    parts: list[Part] = []
    with packed.open("rb") as stream:
        while _copy(stream, (path := into / f"part-{len(parts) + 1}"), most_bytes):
            parts.append(Part(path.name, path.stat().st_size, _sha256(path)))
        path.unlink()
    packed.unlink()
    (into / LIST).write_text(json.dumps([asdict(one) for one in parts], indent=2) + "\n")
    return parts


def faults(folder: Path, only: Iterable[str] = ()) -> list[str]:
    """What is wrong with the parts in ``folder``, a line each; of ``only`` these where named."""
    wanted = set(only)
    found = []
    for part in _listed(folder):
        path = folder / part.name
        if wanted and part.name not in wanted:
            continue
        if not path.is_file():
            found.append(f"{part.name} is missing.")
        elif path.stat().st_size != part.bytes:
            found.append(f"{part.name} has {path.stat().st_size:,} of {part.bytes:,} bytes.")
        elif _sha256(path) != part.sha256:
            found.append(f"{part.name} is damaged: its sha256 is another.")
    return found


def join(folder: Path, to: Path) -> None:
    """Unpack the parts in ``folder``. Raises PartsError, before anything is written."""
    wrong = faults(folder)
    if wrong:
        raise PartsError(" ".join(wrong) + " Carry what is named once more; the rest may stay.")
    to.mkdir(parents=True, exist_ok=True)
    packed = to / PACKED
    with packed.open("wb") as stream:
        for part in _listed(folder):
            with (folder / part.name).open("rb") as one:
                shutil.copyfileobj(one, stream, CHUNK)
    with tarfile.open(packed, "r:xz") as archive:
        archive.extractall(to, filter="data")
    packed.unlink()


def _listed(folder: Path) -> list[Part]:
    try:
        return [Part(**one) for one in json.loads((folder / LIST).read_text())]
    except (OSError, ValueError, TypeError) as error:
        raise PartsError(f"{folder / LIST} cannot be read: {error}. Carry it once more.") from error


def _compress(plain: Path, packed: Path) -> None:
    """Blocks side by side: lzma gives the interpreter's lock back while it works."""
    cores = os.cpu_count() or 1
    waiting: deque[Future[bytes]] = deque()
    with plain.open("rb") as source, packed.open("wb") as to, ThreadPoolExecutor(cores) as pool:
        while block := source.read(BLOCK):
            waiting.append(pool.submit(lzma.compress, block, preset=PRESET))
            if len(waiting) > cores:
                to.write(waiting.popleft().result())
        for one in waiting:
            to.write(one.result())


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _copy(source: IO[bytes], to: Path, most: int) -> int:
    """Copy up to ``most`` bytes; return how many there were."""
    done = 0
    with to.open("wb") as stream:
        while done < most and (chunk := source.read(min(CHUNK, most - done))):
            done += stream.write(chunk)
    return done


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
