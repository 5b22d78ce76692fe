"""Vectors that learn how alike two texts are: `python -m benchmarks.embeddings FILE …`.

edgeft with its defaults against sentence-transformers as its example of STSbenchmark trains
(examples/sentence_transformer/training/sts/training_stsbenchmark.py): batches of 16, a learning
rate of 5e-5 after a tenth of the updates. The example takes CosineSimilarityLoss and names
CoSENTLoss in its place; the README beside it says of the latter that informal experiments give
stronger models, so that is what trains here. Unlike there every epoch is scored on the rows that
choose, and the best is kept, as edgeft does. Both sides start from the same encoder, get the same
rows to train, choose and report on, the same epochs and length, and are measured in processes of
their own that take turns, from the read rows to the saved weights. Spearman's correlation of
cosines and numbers is computed alike, by sentence-transformers' own vectors, also of the encoder as
it was ("before"). What edgeft trained last is exported, and its int8 held against its own fp32;
points are those of correlation x 100.

    python -m benchmarks.embeddings stsb/train.csv --choose stsb/dev.csv --test stsb/test.csv \\
        --first 1 --second 2 --label 3
"""

from benchmarks.compare import RESULTS
from benchmarks.pair_rows import both_sides, pair_options
from benchmarks.training import Bars, options
from edgeft.tasks.embeddings import TASK

BARS = Bars("spearman", most_time=1.0, most_points=0.0)
LEAST_GAIN = 2.0  # points over the unchanged encoder: what was to be reached


def main() -> None:
    """Train both sides with each seed, print the table, keep it."""
    parser = options(__doc__, epochs=4, seeds=1, out=RESULTS / "embeddings.json")
    pair_options(parser)
    row = both_sides(parser.parse_args(), __doc__ or "", TASK, "embeddings_side", BARS)
    before = row["edgeft_before"]
    gain = 100 * (row["edgeft_spearman"] - before)
    print(f"Spearman before: {before:.4f}. Gained: {gain:+.2f} points; at least {LEAST_GAIN}: "
          f"{'met' if gain >= LEAST_GAIN else 'missed'}.")  # fmt: skip


if __name__ == "__main__":
    main()
