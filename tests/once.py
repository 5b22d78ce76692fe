"""`python -m tests.once FOLDER`: the bundle of many tests, for where nothing can be exported."""

import sys
from pathlib import Path

from edgeft.export.run import ExportConfig, export
from tests import tiny

if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True)
    checkpoint = tiny.bert(place / "tiny-checkpoint")
    export(ExportConfig(str(checkpoint), place / "tiny-bundle"))
