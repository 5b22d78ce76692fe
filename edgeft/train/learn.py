"""Learning itself: what is prepared goes in, the best epoch's weights and their scores come out."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.data import Examples
from edgeft.progress import Progress, silent
from edgeft.tasks.encoded import Encoded, Part
from edgeft.tasks.metrics import ClassificationScores, score_classification
from edgeft.train.checkpoints import EpochScores, best_epoch
from edgeft.train.objectives.objective import Row
from edgeft.train.prepare import Prepared

__all__ = ["Learned", "learn"]


@dataclass(frozen=True)
class Learned:
    """A point of the curve for each epoch, the scores of the best one, and how long it all took."""

    curve: tuple[EpochScores, ...]
    validation: ClassificationScores | None
    test: ClassificationScores | None
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
    from edgeft.train.predict import predict_logits
    from edgeft.train.trainer import TrainingSet

    began = time.monotonic()
    splits = prepared.splits
    training_set = TrainingSet(
        objective=prepared.objective,
        train=_rows(prepared, splits.train),
        validation=_rows(prepared, splits.validation) if splits.validation else [],
        labels=prepared.labels,
        pad_id=prepared.base.tokenizer.pad_token_id,
    )
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

    def scored(split: Examples | None) -> ClassificationScores | None:
        if split is None:
            return None
        parts = [part for part, _ in _rows(prepared, split)]
        logits = predict_logits(
            model, parts, training_set.pad_id, prepared.hardware, progress=progress
        )
        predicted = [prepared.labels[i] for i in logits.argmax(axis=1)]
        return score_classification(split.named(), predicted, prepared.labels)

    validation, test = scored(splits.validation), scored(splits.test)
    return Learned(curve, validation, test, time.monotonic() - began)


def _rows(prepared: Prepared, split: Examples) -> list[Row]:
    encoded = _encoded(prepared, split.texts)
    targets = prepared.objective.targets(split.inputs, encoded, split.truths, prepared.labels)
    return [row for one in targets for row in one]


def _encoded(prepared: Prepared, texts: Sequence[str]) -> list[Encoded]:
    """The texts as the runtime reads them, each in one part."""
    read = prepared.base.encoder(prepared.recipe.max_length).encode(texts)
    return [
        Encoded((Part(one.ids, range(len(one.ids)), len(one.ids)),), one.truncated) for one in read
    ]
