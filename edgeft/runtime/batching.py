"""From token counts to batches in which little is padded; pure functions."""

from collections.abc import Sequence

__all__ = ["bucket_length", "join_oldest", "plan_batches"]

MAX_PADDING = 0.1  # of a batch
# A run costs as much as some 16 tokens whatever it holds (measured: MiniLM-L6, two cores), so
# that much padding is never worse than one run more.
FREE_PADDING = 16


def plan_batches(
    lengths: Sequence[int],
    *,
    budget: int,
    max_padding: float = MAX_PADDING,
    most: int | None = None,
) -> list[list[int]]:
    """Group texts of like length; every position of ``lengths`` is in one batch.

    A batch of B texts padded to T tokens costs B x T; it stays within
    ``budget`` tokens (a single longer text is its own batch) and ``most`` texts,
    and of it at most the share ``max_padding`` and 16 tokens are padding. Longest
    first, so that the largest buffers are allocated once, at the start.
    """
    most = most or len(lengths)
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = tokens = 0
    for i in order:
        length = lengths[i]
        cost = longest * (len(batch) + 1)
        fits = cost <= budget and cost - (tokens + length) <= _allowed(cost, max_padding)
        if batch and fits and len(batch) < most:
            batch.append(i)
            tokens += length
        else:
            batch = [i]
            batches.append(batch)
            longest = tokens = length
    return batches


def join_oldest(
    lengths: Sequence[int],
    *,
    budget: int,
    max_padding: float = MAX_PADDING / 2,
    most: int | None = None,
) -> list[int]:
    """The positions that share a batch with position 0, which is always among them.

    Those nearest in length join first, within the same limits as in
    ``plan_batches``, but for half the padding: what does not fit now finds better
    company among the texts to come. ``lengths`` must not be empty.
    """
    most = most or len(lengths)
    batch, longest, tokens = [0], lengths[0], lengths[0]
    for i in sorted(range(1, len(lengths)), key=lambda i: abs(lengths[i] - lengths[0])):
        longer = max(longest, lengths[i])
        cost = longer * (len(batch) + 1)
        if len(batch) >= most:
            break
        if cost <= budget and cost - (tokens + lengths[i]) <= _allowed(cost, max_padding):
            batch.append(i)
            longest, tokens = longer, tokens + lengths[i]
    return batch


def bucket_length(length: int, most: int) -> int:
    """``length`` rounded up to one of few: multiples of 8, above 64 eighths of a power of two.

    At most an eighth is added, and never beyond ``most``. GPUs choose kernels,
    reserve memory and record graphs for each shape, so few shapes are better.
    """
    step = max(8, 1 << max(0, (length - 1).bit_length() - 4))
    return min(most, -(-length // step) * step)


def _allowed(cost: int, max_padding: float) -> float:
    return FREE_PADDING + max_padding * cost
