"""What visitors would be spared by a vocabulary trimmed to one's own texts."""

from pathlib import Path

from edgeft.bundle import Manifest
from edgeft.runtime.graphfile import bytes_of_tables

__all__ = ["spared_bytes"]

KEPT = 0.3  # of the tokens, which `edgeft trim` keeps unless told otherwise
LEAST = 0.1  # of all that is loaded: less is not worth the telling


def spared_bytes(
    manifest: Manifest, graph: Path, tokenizer: Path, tokens: int, whole: int
) -> int | None:
    """About how many bytes `edgeft trim` would take off what a visitor loads.

    ``tokens``: of the vocabulary. ``whole``: all that is loaded. None where the bundle was trimmed
    already, or little would be won.
    """
    if manifest.provenance.get("trim"):
        return None
    tables = bytes_of_tables(graph, tokens)
    spared = round((1 - KEPT) * (tables + tokenizer.stat().st_size))
    return spared if tables and spared >= LEAST * whole else None
