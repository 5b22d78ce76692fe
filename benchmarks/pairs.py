"""Training a judge of pairs against the ordinary recipe: `python -m benchmarks.pairs train.tsv …`.

The ordinary recipe is that of most scripts for pairs of texts with the Trainer of transformers:
both texts in one row of tokens, padded to the maximum length, every epoch saved and scored, the
best kept. Both sides start from the same encoder, get the same rows to train, choose and report on,
the same epochs, batch size, length and learning rate, and are measured in processes of their own
that take turns, from the read rows to the saved weights. Accuracy, and F1 of the last label, are
computed alike. What edgeft trained last is exported, and its int8 held against its own fp32.

    python -m benchmarks.pairs msr_paraphrase_train.txt --test msr_paraphrase_test.txt \\
        --first '#1 String' --second '#2 String' --label Quality --name mrpc
"""

from benchmarks.compare import RESULTS
from benchmarks.pair_rows import both_sides, pair_options
from benchmarks.training import Bars, options
from edgeft.tasks.classification import TASK

BARS = Bars("accuracy", most_time=0.6, most_points=0.0)


def main() -> None:
    """Train both sides with each seed, print the table, keep it."""
    parser = options(__doc__, epochs=5, seeds=1, out=RESULTS / "pairs.json")
    pair_options(parser)
    both_sides(parser.parse_args(), __doc__ or "", TASK, "pairs_side", BARS)


if __name__ == "__main__":
    main()
