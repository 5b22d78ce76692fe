"""Training an answer finder against the ordinary recipe: `python -m benchmarks.answering FILE…`.

The ordinary recipe is that of most scripts for extractive question answering with the Trainer of
transformers: every question with its context padded to 384 tokens, longer contexts in windows
that share 128, batches drawn at random, the last epoch kept. Both sides start from the same
encoder, get the same questions and answers, the same length, epochs, batch size and learning rate
(edgeft's windows share 48 tokens, its default), and are measured in processes of their own that
take turns, from the read rows to the saved weights. Their answers are found alike, by edgeft's
reading of a torch checkpoint, and scored by the rules of SQuAD. FILEs are SQuAD's JSON; articles
whose titles --test has are left out.
"""

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.compare import RESULTS
from benchmarks.training import Bars, keep, options, run_both

MAX_LENGTH, OVERLAP = 384, 128  # tokens
BARS = Bars("f1", most_time=0.6, most_points=0.0)


def articles(paths: Iterable[Path]) -> dict[str, Any]:
    """The articles of files by their titles; of a title that comes twice the first."""
    found: dict[str, Any] = {}
    for path in paths:
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
            found.setdefault(article["title"], article)
    return found


def main() -> None:
    """Train both sides with each seed, print the table, keep it."""
    parser = options(__doc__, epochs=2, seeds=1, out=RESULTS / "answering.json")
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--test", type=Path, required=True)
    chosen = parser.parse_args()
    report = articles([chosen.test])
    given = articles(chosen.data)
    parts = {
        "train": [article for title, article in given.items() if title not in report],
        "report": list(report.values()),
    }
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as work:
        for part, some in parts.items():
            document = {"version": "1.1", "data": some}
            (Path(work) / f"{part}.json").write_text(json.dumps(document), encoding="utf-8")
        runs = run_both("answering_side", Path(work), chosen)
    rows = {part: sum(len(one["qas"]) for article in some for one in article["paragraphs"])
            for part, some in parts.items()}  # fmt: skip
    chosen.name = chosen.name or " and ".join(path.parent.name for path in chosen.data)
    keep(chosen, __doc__ or "", BARS, runs, rows=rows, max_length=MAX_LENGTH, overlap=OVERLAP)


if __name__ == "__main__":
    main()
