"""A bundle on the Hugging Face Hub: what would go there, what should not, and the upload."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.bundle import MANIFEST, read_manifest
from edgeft.bundle.integrity import check_files
from edgeft.errors import DependencyError, OutputError, UsageError

__all__ = ["Upload", "plan_upload", "upload"]

CARD = "README.md"
READ = (".json", ".md", ".txt")  # files that are looked through for what should stay private
# The message for each kind of thing that somebody may not want to publish.
PRIVATE = {
    "a path of a home folder": re.compile(
        r"(?:/home/|/root/|/Users/|[A-Z]:\\{1,2}Users\\{1,2})[\w.-]+"
    ),
    "an e-mail address": re.compile(r"[\w.+-]@[\w-]+\.[a-z]{2,}", re.ASCII),
    "an access token": re.compile(r"\b(?:hf|sk|ghp|gho)_[A-Za-z0-9]{16,}\b"),
}
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "merges.txt")
REPO = re.compile(r"[\w.-]+(?:/[\w.-]+)?", re.ASCII)


@dataclass(frozen=True)
class Upload:
    """What would go to a repository: names and bytes, what is left behind, and warnings."""

    repo: str
    files: dict[str, int]
    left: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return {
            "repo": self.repo,
            "files": dict(self.files),
            "left": list(self.left),
            "warnings": list(self.warnings),
        }


def plan_upload(bundle: Path, repo: str) -> Upload:
    """Check a bundle and say what of it would go to ``repo``, "USER/NAME" or "NAME".

    Only recorded files go, with the manifest and the card. Raises UsageError,
    BundleError, IntegrityError.
    """
    if not REPO.fullmatch(repo):
        raise UsageError(f"{repo!r} is no repository.", hint="Name it as USER/NAME.")
    manifest = read_manifest(bundle)
    check_files(bundle, manifest.files, manifest.files, verify="full")
    names = sorted({*manifest.files, MANIFEST, *([CARD] if (bundle / CARD).is_file() else [])})
    found = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    return Upload(
        repo=repo,
        files={name: (bundle / name).stat().st_size for name in names},
        left=tuple(sorted(found - set(names))),
        warnings=tuple(_warnings(bundle, names)),
    )


def upload(bundle: Path, plan: Upload, *, private: bool) -> str:
    """Upload what ``plan`` names and return the repository's address.

    Raises DependencyError where the Hub's client is missing, OutputError where
    the Hub cannot be reached or refuses.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise DependencyError(
            "Uploading needs huggingface_hub, which is not installed.",
            hint="Install it with: pip install 'edgeft[hub]'",
        ) from None
    api = HfApi()
    try:
        where = api.create_repo(plan.repo, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=where.repo_id,
            folder_path=bundle,
            allow_patterns=list(plan.files),
            commit_message="Add an edgeft bundle",
        )
    except Exception as error:  # the client, its HTTP library and the system share no base
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise OutputError(
            f"{bundle} could not be uploaded to {plan.repo}: {reason}",
            hint="Check the network, and who you are: hf auth login. Nothing here was changed.",
        ) from error
    return str(where)


def _warnings(bundle: Path, names: list[str]) -> Iterator[str]:
    for name in names:
        path = bundle / name
        # A vocabulary is full of things that look like others.
        if path.suffix not in READ or name in VOCABULARIES:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for what, pattern in PRIVATE.items():
            if match := pattern.search(text):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{name}, line {line}: {what}"
