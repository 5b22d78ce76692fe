"""How near a run comes to what the machine can do at best (Williams et al. 2009, "Roofline")."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgeft.bench.ceiling import Ceiling
from edgeft.bench.operations import Operations

__all__ = ["Roofline", "roofline"]

Batch = Sequence[int]  # the true lengths, in tokens, of the texts that ran together


@dataclass(frozen=True)
class Roofline:
    """Useful operations, those of texts at their true lengths, beside the machine's limits.

    ``intensity`` are operations for each byte of weights that is read, once a
    batch. ``share`` is the least time that the limits allow in relation to the
    time that the runs took; ``bound`` says which of them the least time hangs on.
    """

    operations: float
    operations_per_s: float
    intensity: float
    peak_operations_per_s: float
    peak_bytes_per_s: float
    share: float
    bound: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return asdict(self)


def roofline(
    batches: Sequence[Batch],
    run_s: float,
    operations: Operations,
    ceiling: Ceiling,
    weight_bytes: float,
) -> Roofline:
    """Put runs of ``batches``, which took ``run_s`` seconds together, under the roof.

    A batch takes at least the time of its operations at the peak of arithmetic,
    and at least that of reading all weights at the peak of memory.
    """
    work = [operations.of_all(batch) for batch in batches]
    read_s = weight_bytes / ceiling.bytes_per_s
    compute_s = [one / ceiling.operations_per_s for one in work]
    least_s = sum(max(one, read_s) for one in compute_s)
    by_memory = sum(read_s for one in compute_s if read_s > one)
    return Roofline(
        operations=sum(work),
        operations_per_s=sum(work) / run_s,
        intensity=sum(work) / (weight_bytes * len(batches)),
        peak_operations_per_s=ceiling.operations_per_s,
        peak_bytes_per_s=ceiling.bytes_per_s,
        share=least_s / run_s,
        bound="memory" if by_memory > least_s / 2 else "arithmetic",
    )
