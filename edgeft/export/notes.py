"""What somebody who gets a bundle should know of how it was made, a sentence each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeft.checkpoint.open import Checkpoint
from edgeft.data import inputs_in
from edgeft.inputs import Pair
from edgeft.proof.evidence import Evidence
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.encoded import cut_sides
from edgeft.tasks.head import Head
from edgeft.tasks.prompts import before_pair
from edgeft.tasks.task import PAIR

__all__ = ["cautions", "counted_from", "cut_of_pairs", "cut_shorter"]


def cut_shorter(checkpoint: Checkpoint, whole: Checkpoint) -> list[str]:
    """That it reads fewer tokens than the checkpoint as it was given."""
    if checkpoint.max_length == whole.max_length:
        return []
    return [
        f"It reads {checkpoint.max_length:,} tokens at a time, and the checkpoint "
        f"{whole.max_length:,}: points lost are counted from that."
    ]


def cut_of_pairs(folder: Path, checkpoint: Checkpoint, evidence: Evidence) -> list[str]:
    """Which texts of the pairs that the data hold are cut, where any is."""
    rows = (evidence.choose, evidence.report)
    pairs = [one for one in dict.fromkeys(one for some in rows for one in inputs_in(some))
             if isinstance(one, Pair)]  # fmt: skip
    if not pairs:
        return []
    tokenizer = (folder / "tokenizer.json").read_bytes()
    encoder = TextEncoder(
        tokenizer,
        checkpoint.max_length,
        checkpoint.normalize,
        apart=before_pair(checkpoint.head) if checkpoint.task.embeds else None,
    )
    cuts = (one.cuts for one in encoder.encode(pairs))
    found = cut_sides(cuts, checkpoint.max_length)
    return [f"The data hold {PAIR.of(len(pairs))}. {found}"] if found else []


def counted_from(original: Checkpoint | None) -> list[str]:
    """That losses are counted from another model, where one was named."""
    if original is None:
        return []
    return [
        "Points lost, and the scores of the original beside them, are those of the model that this "
        f"one was made from (sha256 of its weights {original.weights_sha256[:16]}…)."
    ]


def cautions(checkpoint: Checkpoint, heads: Sequence[Head]) -> Sequence[str]:
    """What its task tells of a model with these heads."""
    return checkpoint.task.cautions(heads, _bare(checkpoint))


def _bare(checkpoint: Checkpoint) -> int:
    """How many of the inputs that it learned from were without any marks, as far as is recorded."""
    report = checkpoint.training.get("data", {}).get("report")
    bare = report.get("bare") if isinstance(report, Mapping) else None
    return max(bare, 0) if isinstance(bare, int) else 0
