"""The limits that a model is held to, each in this one place. Standard library only."""

__all__ = [
    "CLEAR_MARGIN",
    "CONFIDENCE",
    "EXACT",
    "LEAST_AGREEMENT",
    "MAX_DROP",
    "ROUNDED_TOLERANCE",
    "SAME_LOGITS",
]

# Percentage points of each of its task's metrics that a variant may lose unless told otherwise.
MAX_DROP = 0.5
# Of the interval of a loss, and so the least of a claim that rests on its upper end.
CONFIDENCE = 0.95
# Two ways to compute the same float32 numbers: sums in another order differ by about 1e-5.
SAME_LOGITS = 1e-3
# The variants that are the same numbers by the same or other operators; the others round.
EXACT = ("fp32", "portable")
# What rounding (int8, int4, fp16) may do to golden logits in any case, on another machine: a share
# of the largest of them, and of 1 where that is smaller.
ROUNDED_TOLERANCE = 0.01
# The share of labels that must be the reference's, where no labelled data tell more, and the
# probability between the reference's best two below which a text is too unclear to count.
LEAST_AGREEMENT = 0.9
CLEAR_MARGIN = 0.1
