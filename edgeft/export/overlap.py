"""How many of the user's rows the model was trained on: figures on those flatter it."""

from collections.abc import Mapping, Sequence

from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.reference import as_given
from edgeft.data import Examples, inputs_in
from edgeft.data.seen import read_seen, seen_sentence
from edgeft.inputs import Input, columns_of
from edgeft.proof.evidence import Evidence

__all__ = ["overlap_notes", "trained_on"]


def trained_on(checkpoint: Checkpoint, evidence: Evidence) -> dict[str, int]:
    """The number of rows that choose and that report among those of the training.

    Empty where the checkpoint's folder has no trace of them. Raises ModelError
    where that cannot be read.
    """
    seen = read_seen(checkpoint.folder)
    if seen is None:
        return {}
    roles = {"choose": evidence.choose, "report": evidence.report}
    return {
        role: seen.count(_rows(checkpoint, data))
        for role, data in roles.items()
        if data is not None
    }


def _rows(checkpoint: Checkpoint, data: Examples | Sequence[Input]) -> list[list[str]]:
    """Each input's columns, as training left a trace of them."""
    return [as_given(checkpoint, columns_of(one)) for one in inputs_in(data)]


def overlap_notes(evidence: Evidence, counts: Mapping[str, int], *, has_test: bool) -> list[str]:
    """A sentence for each file with rows that were trained on."""
    if not counts:
        return []
    choose, report = (len(data or ()) for data in (evidence.choose, evidence.report))
    if has_test:
        files = [("--data", counts["choose"], choose), ("--test", counts["report"], report)]
    elif evidence.report is evidence.choose:
        files = [("--data", counts["report"], report)]
    else:
        files = [("--data", sum(counts.values()), choose + report)]
    return [seen_sentence(name, count, rows) for name, count, rows in files if count]
