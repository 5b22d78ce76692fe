"""The family of one checkpoint, made and measured, each thing once."""

from functools import partial
from typing import Any

from edgeft import __version__
from edgeft.checkpoint.open import Checkpoint, open_checkpoint
from edgeft.checkpoint.reference import encode
from edgeft.compress.config import CompressConfig
from edgeft.compress.family import Candidate, Family, FamilyFacts, FamilySource, family_of
from edgeft.compress.frontier import MeasuredCandidate, measured_from
from edgeft.compress.make import Maker
from edgeft.compress.measure import Replies, answers_of, measure
from edgeft.compress.rows import (
    UNLABELLED,
    PartedRows,
    pair_columns,
    read_parted,
    read_unlabelled,
    write_inputs,
    write_rows,
)
from edgeft.compress.steps import RunStep, take
from edgeft.compress.work import Work
from edgeft.data import Tell, evenly
from edgeft.export.provenance import fingerprint_of
from edgeft.export.static import is_static
from edgeft.progress import Progress
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.reading import columns_named

__all__ = ["Trials"]

SIZED = 1000  # texts whose tokens tell how long those to come are
REFERENCE = "answers"  # the name under which the answers of the whole's fp32 are kept
EFFORT = {"trim": 2, "layers": 12, "static": 6, "bundle": 4, "measure": 1, "cascade": 2}


class Trials:
    """What the steps of one run share, each made when it is first needed."""

    def __init__(self, config: CompressConfig, work: Work, progress: Progress, tell: Tell) -> None:
        self.config, self.work, self.progress, self.tell = config, work, progress, tell
        self.checkpoint: Checkpoint = open_checkpoint(config.checkpoint)
        self.rows: PartedRows = read_parted(
            self.checkpoint,
            config.data,
            config.test,
            config.train,
            columns=columns_named(vars(config)),
            seed=config.seed,
            on_bad="skip" if config.skip_bad else "error",
            tell=tell,
        )
        self.unlabelled = read_unlabelled(
            self.checkpoint, config.unlabelled, self.rows, columns=columns_named(vars(config)),
            tell=tell,
        )  # fmt: skip
        self.family: Family = family_of(facts_of(self.checkpoint, self.rows))
        if self.family.lacking:
            tell(self.family.lacking)

    def take(self) -> list[str]:
        """Take all steps that are not done yet; return their names."""
        self.work.begin(self._asked(), force=self.config.force)
        for role, rows in self.rows.by_role().items():
            write_rows(rows, self.work.rows(role))
        if self.unlabelled:
            write_inputs(self.unlabelled, self.work.rows(UNLABELLED))
        return take(self._steps(), self.work, self.progress, self.tell)

    def measured(self) -> list[MeasuredCandidate]:
        """All candidates that were measured, in the order of the family."""
        found = [self.work.measured(one.folder) for one in self.family.candidates]
        return [measured_from(one) for one in found if one is not None]

    def left_out(self) -> dict[str, str]:
        """What could not be made, with the reason; not what would have been made of that."""
        reasons = {one.name: self.work.left_out(one.name) for one in self.family.sources}
        for one in self.family.candidates:
            if not any(reasons[name] for name in one.sources):
                reasons[one.name] = self.work.left_out(one.name)
        return {name: why for name, why in reasons.items() if why}

    def references(self, progress: Progress) -> Replies:
        """What the whole's fp32 answers, once asked."""
        kept = self.work.measured(REFERENCE)
        if kept is None:
            whole = self.work.candidate(self.family.candidates[0].folder)
            kept = answers_of(whole, self.rows.by_role(), progress)
            self.work.keep_measured(REFERENCE, kept)
        return {role: [_tupled(one) for one in answers] for role, answers in kept.items()}

    def data(self) -> dict[str, Any]:
        """The rows by role, by their fingerprints alone."""
        told: dict[str, Any] = {
            role: fingerprint_of(rows) for role, rows in self.rows.by_role().items()
        }
        told[UNLABELLED] = fingerprint_of(self.unlabelled) if self.unlabelled else None
        return told

    def _asked(self) -> dict[str, Any]:
        return {
            "edgeft": __version__,
            "checkpoint": self.checkpoint.weights_sha256,
            "data": self.data(),
            "max_drop": self.config.limits.max_drop,
            "recipe": vars(self.config.recipe),
            "seed": self.config.seed,
            "family": [one.name for one in self.family.candidates],
        }

    def _steps(self) -> list[RunStep]:
        config, work = self.config, self.work
        maker = Maker(
            config.checkpoint,
            work,
            config.limits.max_drop,
            bool(self.unlabelled),
            config.recipe,
            config.device,
            config.seed,
            self.tell,
            *pair_columns(self.rows.learn),
        )
        found: list[RunStep] = []
        for source in self.family.sources:
            found += _made(source, maker, work)
            alone = [one for one in self.family.candidates if one.sources == (source.name,)]
            found += [self._tried(one, maker) for one in alone]
        found += [self._tried(one, maker)
                  for one in self.family.candidates if len(one.members) > 1]  # fmt: skip
        return found

    def _tried(self, candidate: Candidate, maker: Maker) -> RunStep:
        several = len(candidate.members) > 1
        return RunStep(
            f"measuring {candidate.name}",
            candidate.name,
            candidate.sources,
            EFFORT["cascade" if several else "measure"],
            lambda: self.work.measured(candidate.folder) is not None,
            partial(self._try, candidate, maker),
            must=candidate == self.family.candidates[0],
        )

    def _try(self, candidate: Candidate, maker: Maker, progress: Progress) -> None:
        folder = self.work.candidate(candidate.folder)
        if not folder.exists():
            maker.candidate(candidate, progress)
        found = measure(
            candidate.name,
            folder,
            self.work.candidate(self.family.candidates[0].folder),
            self.rows.by_role(),
            self.references(progress),
            max_drop=self.config.limits.max_drop,
            progress=progress,
        )
        self.work.keep_measured(candidate.folder, found.to_dict())


def facts_of(checkpoint: Checkpoint, rows: PartedRows) -> FamilyFacts:
    """What decides about the family of a checkpoint, for texts like those that choose."""
    some = evenly(rows.choose.inputs, SIZED)
    return FamilyFacts(
        by_token=checkpoint.task.by_token,
        static=is_static(checkpoint),
        cascades=checkpoint.task.doubts and checkpoint.task.single,
        layers=int(getattr(checkpoint.config, "num_hidden_layers", 0)),
        max_length=checkpoint.max_length,
        lengths=[_tokens(one) for one in encode(checkpoint, some)],
        vectors=checkpoint.task.embeds,
    )


def _tokens(encoded: Encoded) -> int:
    return max(len(part.ids) for part in encoded.parts)


def _made(source: FamilySource, maker: Maker, work: Work) -> list[RunStep]:
    """The steps to a source's bundle: its checkpoint first, where it has one of its own."""
    needs = (source.of,) if source.of else ()
    found = []
    if source.by not in ("itself", "shorter"):
        found.append(
            RunStep(
                f"making {source.name}",
                source.name,
                needs,
                EFFORT[source.by],
                lambda: work.checkpoint(source.name).exists(),
                partial(maker.source, source),
            )
        )
    found.append(
        RunStep(
            f"exporting {source.name}",
            source.name,
            needs,
            EFFORT["bundle"],
            lambda: work.bundle(source.name).exists(),
            partial(maker.bundle, source),
            must=source.by == "itself",
        )
    )
    return found


def _tupled(one: Any) -> Any:
    """JSON's lists as the tuples that answers are made of."""
    return tuple(map(_tupled, one)) if isinstance(one, list) else one
