"""What is asked of a compression."""

from dataclasses import dataclass, field
from pathlib import Path

from edgeft.compress.frontier import Limits
from edgeft.proof.limits import MAX_DROP
from edgeft.train.recipe import RecipeChoice

__all__ = ["CompressConfig"]


@dataclass(frozen=True)
class CompressConfig:
    """Which checkpoint, on which rows, within which limits.

    data: labelled rows. Without ``test`` some choose and others report; without ``train`` students
        learn from a part of them that does neither.
    unlabelled: files of further texts that students learn from.
    limits: see ``Limits``.
    recipe: of students; None of a value leaves the default.
    page: where the frontier is drawn, whether a candidate keeps all limits or none.
    seed: of the parts of ``data`` and of students.
    """

    checkpoint: str
    out: Path
    data: Path
    test: Path | None = None
    train: Path | None = None
    unlabelled: tuple[Path, ...] = ()
    text_column: str | None = None
    other_column: str | None = None
    negative_column: str | None = None
    label_column: str | None = None
    question_column: str | None = None
    context_column: str | None = None
    answers_column: str | None = None
    skip_bad: bool = False
    limits: Limits = field(default_factory=lambda: Limits(MAX_DROP))
    recipe: RecipeChoice = field(default_factory=RecipeChoice)
    device: str = "auto"
    page: Path | None = None
    seed: int = 0
    force: bool = False
