"""Training a tagger against the ordinary recipe: `python -m benchmarks.tagging train.conll …`.

The ordinary recipe is that of most scripts for token classification with the Trainer of
transformers: the words as they are given, the label on the first piece of each, batches drawn at
random and padded to their longest text, every epoch saved and scored, the best kept. Both sides
start from the same encoder, get the same sentences to train, choose and report on, the same
epochs, batch size and learning rate, and are measured in processes of their own that take turns,
from the read rows to the saved weights. Their F1 is computed alike: the tag of a word is that of
its first piece, an entity is right where its words and its type are (strict, micro).
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.compare import RESULTS
from benchmarks.training import Bars, keep, options, run_both

MAX_LENGTH = 128  # tokens
CHOOSING = 20  # every so many-th sentence of train ranks the epochs
LEAST_F1 = 0.78  # what was to be reached
BARS = Bars("f1", most_time=0.5, most_points=0.5)


@dataclass(frozen=True)
class Sentence:
    """Words, and the tag of each."""

    words: list[str]
    tags: list[str]


def sentences_of(path: Path) -> list[Sentence]:
    """The sentences of a file with a word and a tag a line."""
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    rows = [[line.split() for line in block.split("\n") if line.strip()] for block in blocks]
    return [Sentence([row[0] for row in one], [row[-1] for row in one]) for one in rows if one]


def write(path: Path, sentences: Sequence[Sentence]) -> None:
    """Write such a file."""
    blocks = ["\n".join(f"{w} {t}" for w, t in zip(one.words, one.tags, strict=True))
              for one in sentences]  # fmt: skip
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def main() -> None:
    """Train both sides with each seed, print the table, keep it."""
    parser = options(__doc__, epochs=3, seeds=1, out=RESULTS / "tagging.json")
    parser.add_argument("data", type=Path, help="a word and a tag a line")
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--rows", type=int, help="train on the first so many sentences")
    chosen = parser.parse_args()
    given = sentences_of(chosen.data)[: chosen.rows]
    parts = {
        "train": [one for at, one in enumerate(given) if at % CHOOSING],
        "choose": given[::CHOOSING],
        "report": sentences_of(chosen.test),
    }
    with tempfile.TemporaryDirectory(prefix="edgeft-bench-") as work:
        for part, sentences in parts.items():
            write(Path(work) / f"{part}.conll", sentences)
        runs = run_both("tagging_side", Path(work), chosen)
    rows = {part: len(sentences) for part, sentences in parts.items()}
    row = keep(chosen, __doc__ or "", BARS, runs, rows=rows, max_length=MAX_LENGTH)
    print(f"F1 of at least {LEAST_F1}: {'met' if row['edgeft_f1'] >= LEAST_F1 else 'missed'}.")


if __name__ == "__main__":
    main()
