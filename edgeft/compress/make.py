"""A source becomes a checkpoint and a bundle; a candidate becomes the bundle that would be shipped.

Each thing appears whole or not at all, in a folder of its own; so what stands there is done.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgeft.bundle import Manifest, read_manifest, write_manifest
from edgeft.bundle.integrity import confined, record_of
from edgeft.cascade.run import CascadeConfig, cascade
from edgeft.compress.family import Candidate, FamilySource, Member
from edgeft.compress.rows import UNLABELLED
from edgeft.compress.work import Work
from edgeft.data import Tell
from edgeft.distill.run import DistillConfig, distill
from edgeft.errors import ModelError
from edgeft.export.javascript import tell_javascript
from edgeft.export.run import ExportConfig, export
from edgeft.folders import BUNDLE, new_folder
from edgeft.progress import Progress
from edgeft.train.config import DataConfig
from edgeft.train.recipe import RecipeChoice
from edgeft.trim.run import TrimConfig, trim

__all__ = ["Maker"]

CONFIG = "config.json"
ANY_DROP = 100.0  # points: what a source loses is for the choice to judge, not for its maker


@dataclass(frozen=True)
class Maker:
    """How the things of one run are made: of which checkpoint, from which rows, and with what.

    text_column, other_column: of the rows in ``work``, where they are pairs, so that no reader need
    tell how it found them.
    What a maker raises: see ``trim``, ``distill``, ``export`` and ``cascade``.
    """

    checkpoint: str
    work: Work
    max_drop: float
    unlabelled: bool
    recipe: RecipeChoice
    device: str
    seed: int
    tell: Tell
    text_column: str | None = None
    other_column: str | None = None

    def source(self, source: FamilySource, progress: Progress) -> None:
        """Make the checkpoint of a source that has one of its own."""
        out, origin = self.work.checkpoint(source.name), self.origin(source)
        if source.by == "trim":
            trim(
                TrimConfig(
                    origin, out, self.work.rows("learn"), test=self.work.rows("choose"),
                    max_drop=ANY_DROP, seed=self.seed, text_column=self.text_column,
                    other_column=self.other_column,
                ),
                progress, self.tell,
            )  # fmt: skip
        else:
            student = "static" if source.by == "static" else f"layers:{source.amount}"
            distill(
                DistillConfig(
                    origin,
                    out,
                    DataConfig(
                        str(self.work.rows("learn")),
                        text_column=self.text_column,
                        other_column=self.other_column,
                    ),
                    student=student,
                    unlabelled=(self.work.rows(UNLABELLED),) if self.unlabelled else (),
                    recipe=replace(self.recipe, seed=self.seed),
                    device=self.device,
                ),
                tell=self.tell,
                progress=progress,
            )

    def bundle(self, source: FamilySource, progress: Progress) -> None:
        """Export a source in all its variants.

        Rounding may cost a variant no more than the limit against its own source; of a shorter
        maximum length it is not known what that costs, so it is measured like all others.
        """
        made = self.work.checkpoint(source.name)
        own = source.by not in ("itself", "shorter")
        export(
            ExportConfig(
                str(made) if own else self.origin(source),
                self.work.bundle(source.name),
                data=self.work.rows("choose"),
                test=self.work.rows("report"),
                optional=source.variants,
                max_length=source.amount if source.by == "shorter" else None,
                max_drop=ANY_DROP if source.by == "shorter" else self.max_drop,
                seed=self.seed,
                text_column=self.text_column,
                other_column=self.other_column,
            ),
            progress,
            self.tell,
        )

    def candidate(self, candidate: Candidate, progress: Progress) -> None:
        """Make what would be shipped: one variant alone, or a cascade whose threshold is proven."""
        out = self.work.candidate(candidate.folder)
        if len(candidate.members) > 1:
            # Of the rows all was told as they were read, and the stages' bundles are of this run.
            cascade(
                CascadeConfig(
                    tuple(
                        f"{self.work.bundle(one.source)}={one.variant}" for one in candidate.members
                    ),
                    out,
                    data=self.work.rows("choose"),
                    test=self.work.rows("report"),
                    max_drop=self.max_drop,
                    seed=self.seed,
                    text_column=self.text_column,
                    other_column=self.other_column,
                ),
                progress,
            )
            return
        member = candidate.members[0]
        bundle = self.work.bundle(member.source)
        manifest = read_manifest(bundle)
        if member.variant not in manifest.model.variants:
            dropped = manifest.provenance["dropped"]
            why = dropped.get(member.variant, "it was not asked for")
            raise ModelError(f"{member.variant} was not made of {member.source}: {why}.")
        with new_folder(out, BUNDLE) as folder:
            write_alone(bundle, manifest, member, folder)

    def origin(self, source: FamilySource) -> str:
        """What a source is made of."""
        return str(self.work.checkpoint(source.of)) if source.of else self.checkpoint


def write_alone(bundle: Path, manifest: Manifest, member: Member, folder: Path) -> None:
    """Write a bundle of one variant of another, whose files it shares where the disk can do so."""
    others = {
        path
        for name, one in manifest.model.variants.items()
        if name != member.variant
        for path in one.files.values()
    }
    files = {name: one for name, one in manifest.files.items() if name not in others}
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _share(confined(bundle, name), path)
    if CONFIG in files:
        tell_javascript(folder / CONFIG, member.variant)
        files[CONFIG] = record_of(folder / CONFIG)
    step = manifest.pipeline[-1]
    kept = {member.variant: manifest.model.variants[member.variant]}
    model = replace(manifest.model, variants=kept)
    write_manifest(folder, replace(manifest, models={step.model: model}, files=files))


def copied(files: Sequence[str], bundle: Path, folder: Path) -> None:
    """Copy files of a bundle to another folder."""
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(confined(bundle, name), path)


def _share(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except OSError:  # a disk without links
        shutil.copyfile(source, path)
