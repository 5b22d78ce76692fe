"""Training numbers for pairs against the ordinary recipe: `python -m benchmarks.numbers FILE …`.

The ordinary recipe is that of most scripts for numbers with the Trainer of transformers: one output
that learns the numbers as they are by their mean squared error, both texts in one row of tokens,
padded to the maximum length, every epoch saved and scored by Spearman's correlation, the best kept.
Both sides start from the same encoder, get the same rows to train, choose and report on, the same
epochs, batch size, length and learning rate, and are measured in processes of their own that take
turns, from the read rows to the saved weights. Spearman's and Pearson's correlations are computed
alike. What edgeft trained last is exported, and its int8 held against its own fp32; points are
those of correlation x 100.

    python -m benchmarks.numbers stsb/train.csv --choose stsb/dev.csv --test stsb/test.csv \\
        --first 1 --second 2 --label 3
"""

from benchmarks.compare import RESULTS
from benchmarks.pair_rows import both_sides, pair_options
from benchmarks.training import Bars, options
from edgeft.tasks.numbers import TASK

BARS = Bars("spearman", most_time=1.0, most_points=0.0)


def main() -> None:
    """Train both sides with each seed, print the table, keep it."""
    parser = options(__doc__, epochs=4, seeds=1, out=RESULTS / "numbers.json")
    pair_options(parser)
    both_sides(parser.parse_args(), __doc__ or "", TASK, "numbers_side", BARS)


if __name__ == "__main__":
    main()
