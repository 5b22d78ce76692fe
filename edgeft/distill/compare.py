"""What a student lost against its teacher, on rows that it did not learn from."""

from dataclasses import replace
from pathlib import Path

from edgeft.checkpoint.open import Checkpoint, open_checkpoint
from edgeft.checkpoint.reference import as_given, torch_told
from edgeft.data import Tell
from edgeft.data.seen import read_seen, seen_sentence
from edgeft.inputs import columns_of
from edgeft.progress import Progress
from edgeft.proof.paired import Drop
from edgeft.proof.suited import suited, suited_drop
from edgeft.tasks.prompts import reading_pairs
from edgeft.tasks.task import Scores
from edgeft.train.prepare import Prepared

__all__ = ["compared"]

WORSE = 0.05  # p of McNemar's test below which a teacher is worse than its student


def compared(
    teacher: Checkpoint, folder: Path, prepared: Prepared, tell: Tell, progress: Progress
) -> tuple[str, Scores | None, Drop | None]:
    """The split that tells, the teacher's scores on it and what the student lost there."""
    present = prepared.splits.present()
    name = next((one for one in ("test", "validation") if one in present), "")
    if not name:
        return "", None, None
    rows = present[name]
    seen = read_seen(teacher.folder)
    count = seen.count([as_given(teacher, columns_of(one)) for one in rows.inputs]) if seen else 0
    if count:
        tell(seen_sentence(f"The {name} rows", count, len(rows)))
    student = open_checkpoint(str(folder))
    teacher = replace(teacher, head=reading_pairs(teacher.head, prepared.task))
    teacher.model.to("cpu")  # where it is asked, wherever it taught
    before = torch_told(teacher, rows.inputs, step="running the teacher", progress=progress)
    after = torch_told(student, rows.inputs, step="running the student", progress=progress)
    task = teacher.task.judging(rows.truths)
    scores = task.score(rows.truths, suited(before, rows.truths), teacher.labels)
    drop = suited_drop(after, before, rows.truths)
    if drop.newly_right > drop.newly_wrong and drop.mcnemar_p < WORSE:
        tell(
            f"On the {len(rows):,} {name} rows the teacher is wrong more often than its student, "
            "beyond chance: is it trained well, on data of this kind?"
        )
    return name, scores, drop
