"""Learning itself: what is prepared goes in, the best epoch's weights and their scores come out."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from edgeft.data import Examples
from edgeft.progress import Progress, silent
from edgeft.tasks.head import Head
from edgeft.tasks.task import Scores
from edgeft.train.checkpoints import EpochScores, best_epoch
from edgeft.train.objectives.objective import parts_of
from edgeft.train.prepare import Prepared
from edgeft.train.readied import Readied, ready, scored

if TYPE_CHECKING:
    from edgeft.train.trainer import TrainingSet

__all__ = ["Learned", "learn"]


@dataclass(frozen=True)
class Learned:
    """A point of the curve for each epoch, the scores of the best one, and how long it all took."""

    curve: tuple[EpochScores, ...]
    validation: Scores | None
    test: Scores | None
    seconds: float

    @property
    def best(self) -> EpochScores:
        """The epoch whose weights were kept."""
        return best_epoch(self.curve)


def learn(
    prepared: Prepared,
    model: Any,
    root: Path,
    *,
    resume: bool = False,
    on_epoch: Callable[[EpochScores], None] | None = None,
    on_note: Callable[[str], None] | None = None,
    progress: Progress = silent,
) -> Learned:
    """Fine-tune ``model`` in place, leave the best epoch's weights in it, and score them.

    Checkpoints are kept below ``root``, which need not exist; with ``resume`` the newest whole
    one is continued. The steps before and after need not run: a search may learn many times from
    what was prepared once, each time with a root of its own. Raises ModelError where the loss is
    no number any more.
    """
    from edgeft.train.finetune import fit
    from edgeft.train.trainer import TrainingSet

    began = time.monotonic()
    splits, task = prepared.splits, prepared.task
    validation = _ready(prepared, splits.validation)
    test = _ready(prepared, splits.test)
    training_set = TrainingSet(
        task=task,
        objective=prepared.objective,
        train=_ready(prepared, splits.train).rows,
        validation=validation,
        labels=prepared.labels,
        pad_id=prepared.base.tokenizer.pad_token_id,
    )

    def scores_of(split: Readied | None, head: Head | None) -> tuple[Scores | None, Head | None]:
        if split is None:
            return None, None
        _, scores, head = scored(
            model, split, task, prepared.labels, training_set.pad_id, prepared.hardware,
            head=head, progress=progress,
        )  # fmt: skip
        return scores, head

    def test_head(chosen: Head | None) -> Head | None:
        """Test rows choose nothing: they are read as validation rows chose, if there are any."""
        return chosen if chosen is not None or test is None else task.unfitted(test.truths)

    others = [one for one in (validation, test) if one]
    with prepared.objective.within(model), _of_use(model, training_set, others):
        curve = fit(
            model,
            training_set,
            prepared.recipe,
            prepared.hardware,
            root,
            resume=resume,
            checkpoint_steps=prepared.config.checkpoint_steps,
            on_epoch=on_epoch,
            on_note=on_note,
            progress=progress,
        )
        by_validation, chosen = scores_of(validation, None)
        by_test, _ = scores_of(test, test_head(chosen))
        return Learned(curve, by_validation, by_test, time.monotonic() - began)


def _of_use(
    model: Any, learned: "TrainingSet", others: Sequence[Readied]
) -> AbstractContextManager[None]:
    """Within, a static model is without the tokens that no split has.

    They are most of it, and each update would go through all.
    """
    only: Callable[[set[int]], AbstractContextManager[None]] | None = getattr(model, "only", None)
    if only is None:
        return nullcontext()
    parts = [part for row in learned.train for part in parts_of(row)] + [
        part for one in others for part in one.parts
    ]
    return only({token for part in parts for token in part.ids} | {learned.pad_id})


@overload
def _ready(prepared: Prepared, split: Examples) -> Readied: ...
@overload
def _ready(prepared: Prepared, split: Examples | None) -> Readied | None: ...
def _ready(prepared: Prepared, split: Examples | None) -> Readied | None:
    if split is None:
        return None
    return ready(split, prepared.encoder(), prepared.objective, prepared.labels)
