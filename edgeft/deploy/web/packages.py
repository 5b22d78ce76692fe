"""What runs a graph in a browser: files of npm's packages, by npm or from a folder.

The packages are pinned, and what npm brings is held to their digests: nothing else is copied.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeft.errors import DependencyError, UsageError

__all__ = ["RUNTIME", "TOKENIZERS", "NpmPackage", "copy_packages"]

WAIT_S = 600  # for npm


@dataclass(frozen=True)
class NpmPackage:
    """A package of npm.

    integrity: of its archive, as npm writes it. files: what is needed, and its name in the page,
    which ends in a way that every server knows.
    """

    name: str
    version: str
    integrity: str
    files: Mapping[str, str]

    @property
    def archive(self) -> str:
        """What ``npm pack`` calls it."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


RUNTIME = NpmPackage(
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    {"dist/ort.wasm.min.mjs": "onnxruntime.js",
     "dist/ort-wasm-simd-threaded.mjs": "onnxruntime-wasm.js",
     "dist/ort-wasm-simd-threaded.wasm": "onnxruntime.wasm"},
)  # fmt: skip
# Of tokenizers that read by other rules than BERT's.
TOKENIZERS = NpmPackage(
    "@huggingface/tokenizers",
    "0.2.0",
    "sha512-LidMHe1FpcSYH4vcSjXooda34pC0M8m1gmDOv7SQi6Iv+ib1zX7J3sHBCC9/3FPCkn2k1b55FneVqMRxrr99pg==",
    {"dist/tokenizers.min.mjs": "tokenizers.js"},
)


def copy_packages(wanted: tuple[NpmPackage, ...], to: Path, folder: Path | None) -> dict[str, str]:
    """Put the files of packages into a folder; name → version.

    ``folder`` is where npm has installed them, by whatever version; without it npm brings the
    pinned ones. Raises UsageError where they are not there, DependencyError where npm is not, or
    does not bring them.
    """
    if folder is not None:
        return {one.name: _copied(one, to, folder) for one in wanted}
    npm = shutil.which("npm")
    if npm is None:
        raise DependencyError(
            f"The page needs {_told(wanted)}, and there is no npm here to bring it.",
            hint="Install Node.js with npm; or install the package elsewhere, by npm install "
            f"{_told(wanted)}, and name that folder: --runtime FOLDER",
        )
    with tempfile.TemporaryDirectory() as name:
        _pack(npm, wanted, Path(name))
        for one in wanted:
            _unpack(one, Path(name) / one.archive, to)
    return {one.name: one.version for one in wanted}


def _told(wanted: tuple[NpmPackage, ...]) -> str:
    return " ".join(f"{one.name}@{one.version}" for one in wanted)


def _copied(one: NpmPackage, to: Path, folder: Path) -> str:
    found = next(
        (place for place in (folder / "node_modules" / one.name, folder / one.name)
         if all((place / name).is_file() for name in (*one.files, "package.json"))),
        None,
    )  # fmt: skip
    if found is None:
        raise UsageError(
            f"{folder} does not hold {one.name} as npm installs it: {', '.join(one.files)}.",
            hint=f"Install it there: npm install --prefix {folder} {one.name}@{one.version}",
        )
    for name, here in one.files.items():
        shutil.copyfile(found / name, to / here)
    try:
        return str(json.loads((found / "package.json").read_text(encoding="utf-8"))["version"])
    except (ValueError, LookupError, TypeError):
        return "of an unknown version"


def _pack(npm: str, wanted: tuple[NpmPackage, ...], folder: Path) -> None:
    command = [npm, "pack", "--silent", *(f"{one.name}@{one.version}" for one in wanted)]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, encoding="utf-8",
            errors="replace", timeout=WAIT_S, check=False,
        )  # fmt: skip
        reason = "" if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    if reason or not all((folder / one.archive).is_file() for one in wanted):
        lines = [line for line in reason.splitlines() if line.strip()] or ["no archive came"]
        raise DependencyError(
            f"npm does not bring {_told(wanted)}: {lines[0].strip()}",
            hint="See whether npm reaches its registry; or install them elsewhere, by npm install, "
            "and name that folder: --runtime FOLDER",
        )


def _unpack(one: NpmPackage, archive: Path, to: Path) -> None:
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != one.integrity:
        raise DependencyError(
            f"What npm brought is not {one.name} {one.version} as it was published: its digest is "
            "another.",
            hint="See which registry npm asks: npm config get registry",
        )
    with tarfile.open(archive) as tar:
        for name, here in one.files.items():
            found = tar.extractfile(f"package/{name}")
            assert found is not None, "the digest is that of an archive with this file"
            with found, (to / here).open("wb") as stream:
                shutil.copyfileobj(found, stream)
