"""From token counts to a plan of batches in which little is padded."""

from collections.abc import Sequence

__all__ = ["plan_batches"]


def plan_batches(
    lengths: Sequence[int], *, budget: int, max_padding: float = 0.1
) -> list[list[int]]:
    """Group texts of like length; every position of ``lengths`` is in one batch.

    A batch of B texts padded to T tokens costs B x T; it stays within
    ``budget`` tokens (a single longer text is its own batch), and at most the
    share ``max_padding`` of it is padding. Longest first, so that the largest
    buffers are allocated once, at the start.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches: list[list[int]] = []
    batch: list[int] = []
    longest = tokens = 0
    for i in order:
        length = lengths[i]
        cost = longest * (len(batch) + 1)
        fits = cost <= budget and cost - (tokens + length) <= max_padding * cost
        if batch and fits:
            batch.append(i)
            tokens += length
        else:
            batch = [i]
            batches.append(batch)
            longest = tokens = length
    return batches
