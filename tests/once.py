"""`python -m tests.once FOLDER`: a tiny bundle of each task, for where nothing can be exported."""

import sys
from collections.abc import Callable
from pathlib import Path

from edgeft.export.run import ExportConfig, export
from tests import tiny

MADE: dict[str, Callable[[Path], Path]] = {
    "tiny": tiny.bert,
    "pair": tiny.pairs,
    "tagger": tiny.tagger,
    "answerer": tiny.answerer,
    "scorer": tiny.scorer,
    "labeller": tiny.labeller,
    "encoder": tiny.sentences,
}

if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True)
    for name, make in MADE.items():
        checkpoint = make(place / f"{name}-checkpoint")
        export(ExportConfig(str(checkpoint), place / f"{name}-bundle"))
