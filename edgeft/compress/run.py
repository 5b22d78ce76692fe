"""One compression, from a checkpoint and limits to the bundle that meets them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from edgeft import __version__
from edgeft.bench.machine import describe_machine
from edgeft.bundle import Manifest, read_manifest, write_manifest
from edgeft.checkpoint.open import Checkpoint, open_checkpoint
from edgeft.checkpoint.reference import encode
from edgeft.compress.card import compress_card
from edgeft.compress.family import Candidate, Family, FamilyFacts, Kin, family_of
from edgeft.compress.frontier import Limits, MeasuredCandidate, choose, measured_from
from edgeft.compress.make import Maker, copied
from edgeft.compress.measure import Replies, answers_of, measure
from edgeft.compress.rows import (
    UNLABELLED,
    PartedRows,
    read_parted,
    read_unlabelled,
    write_rows,
    write_texts,
)
from edgeft.compress.steps import Errand, take
from edgeft.compress.work import SHIPPED, Work, claim_work
from edgeft.data import Tell, evenly, unheard
from edgeft.data.source import open_lines
from edgeft.errors import GateError, ModelError
from edgeft.export.provenance import fingerprint_of
from edgeft.export.static import is_static
from edgeft.folders import BUNDLE, check_folder, new_folder, replace_folder
from edgeft.progress import Progress, silent
from edgeft.proof.battery import verify
from edgeft.proof.limits import MAX_DROP
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.reading import columns_named
from edgeft.train.recipe import RecipeChoice

__all__ = ["CompressConfig", "CompressResult", "OnMeasured", "compress"]

SIZED = 1000  # texts whose tokens tell how long those to come are
REFERENCE = "answers"  # the name under which the answers of the whole's fp32 are kept
EFFORT = {"trim": 2, "layers": 12, "static": 6, "bundle": 4, "measure": 1, "cascade": 2}

OnMeasured = Callable[[Sequence[MeasuredCandidate], Mapping[str, str]], None]


@dataclass(frozen=True)
class CompressConfig:
    """Which checkpoint, on which rows, within which limits.

    data: labelled rows. Without ``test`` some choose and others report; without ``train`` students
        learn from a part of them that does neither.
    unlabelled: files of further texts that students learn from.
    limits: see ``Limits``.
    recipe: of students; None of a value leaves the default.
    seed: of the parts of ``data`` and of students.
    """

    checkpoint: str
    out: Path
    data: Path
    test: Path | None = None
    train: Path | None = None
    unlabelled: tuple[Path, ...] = ()
    text_column: str | None = None
    label_column: str | None = None
    question_column: str | None = None
    context_column: str | None = None
    answers_column: str | None = None
    skip_bad: bool = False
    limits: Limits = field(default_factory=lambda: Limits(MAX_DROP))
    recipe: RecipeChoice = field(default_factory=RecipeChoice)
    device: str = "auto"
    seed: int = 0
    force: bool = False


@dataclass(frozen=True)
class CompressResult:
    """The bundle, which candidate it is, and all that were measured.

    left_out: candidates and sources that could not be made, with the reason. steps: those that this
    run took; what an earlier one had done is not among them.
    """

    out: Path
    manifest: Manifest
    chosen: MeasuredCandidate
    family: Sequence[MeasuredCandidate]
    left_out: Mapping[str, str]
    limits: Limits
    notes: Sequence[str]
    steps: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return {
            "bundle": str(self.out),
            "digest": self.manifest.digest,
            **self.manifest.provenance["compress"],
            "steps": list(self.steps),
        }


def compress(
    config: CompressConfig,
    *,
    on_measured: OnMeasured | None = None,
    progress: Progress = silent,
    tell: Tell = unheard,
) -> CompressResult:
    """Try a family of smaller models, and write the quickest that keeps every limit.

    Works in ``<out>.partial``, and goes on there with what an earlier run had done that was asked
    the same, whatever its limits of size and speed. ``on_measured`` is called with all candidates
    before one is chosen; what was decided is told.

    Raises UsageError, OutputError, DataError, ModelError, BundleError, DependencyError; GateError
    where no candidate keeps every limit, and then what was measured stays for the next request.
    """
    config.limits.check()
    files = [one for one in (config.data, config.test, config.train, *config.unlabelled) if one]
    for path in files:
        if not path.exists():
            open_lines(path)  # which says so
    with claim_work(
        config.out, force=config.force, inputs=files, models=[config.checkpoint]
    ) as work:
        run = _Run(config, work, progress, tell)
        steps = run.take()
        result = _choose(run, steps, on_measured)
    work.remove()
    return result


class _Run:
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

    def take(self) -> list[str]:
        """Take all steps that are not done yet; return their names."""
        if not self.work.begin(self._asked(), force=self.config.force):
            for role, rows in self.rows.by_role().items():
                write_rows(rows, self.work.rows(role))
            if self.unlabelled:
                write_texts(self.unlabelled, self.work.rows(UNLABELLED))
        return take(self._steps(), self.work, self.progress, self.tell)

    def measured(self) -> list[MeasuredCandidate]:
        """All candidates that were measured, in the order of the family."""
        found = [self.work.measured(one.folder) for one in self.family.candidates]
        return [measured_from(one) for one in found if one is not None]

    def left_out(self) -> dict[str, str]:
        """What could not be made, with the reason."""
        names = [one.name for one in self.family.sources]
        names += [one.name for one in self.family.candidates]
        reasons = {name: self.work.left_out(name) for name in names}
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

    def _steps(self) -> list[Errand]:
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
        )
        found: list[Errand] = []
        for source in self.family.sources:
            found += _made(source, maker, work)
            alone = [one for one in self.family.candidates if one.sources == (source.name,)]
            found += [self._tried(one, maker) for one in alone]
        found += [self._tried(one, maker)
                  for one in self.family.candidates if len(one.members) > 1]  # fmt: skip
        return found

    def _tried(self, candidate: Candidate, maker: Maker) -> Errand:
        several = len(candidate.members) > 1
        return Errand(
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
        layers=int(getattr(checkpoint.config, "num_hidden_layers", 0)),
        max_length=checkpoint.max_length,
        lengths=[_tokens(one) for one in encode(checkpoint, some)],
    )


def _tokens(encoded: Encoded) -> int:
    return max(len(part.ids) for part in encoded.parts)


def _made(source: Kin, maker: Maker, work: Work) -> list[Errand]:
    """The steps to a source's bundle: its checkpoint first, where it has one of its own."""
    needs = (source.of,) if source.of else ()
    found = []
    if source.by not in ("itself", "shorter"):
        found.append(
            Errand(
                f"making {source.name}",
                source.name,
                needs,
                EFFORT[source.by],
                lambda: work.checkpoint(source.name).exists(),
                partial(maker.source, source),
            )
        )
    found.append(
        Errand(
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


# --- the choice ------------------------------------------------------------------------


def _choose(run: _Run, steps: Sequence[str], on_measured: OnMeasured | None) -> CompressResult:
    family, left_out, limits = run.measured(), run.left_out(), run.config.limits
    if on_measured is not None:
        on_measured(family, left_out)
    best = choose(family, limits)
    _hold(best, limits)
    notes = notes_of(best, family, limits)
    found = {
        "chosen": best.name,
        "limits": vars(limits),
        "family": [one.to_dict() for one in family],
        "left_out": left_out,
        "data": run.data(),
        "seed": run.config.seed,
        "machine": {
            key: value
            for key, value in describe_machine().to_dict().items()
            if key in ("cpu", "features", "usable_cores", "system", "python")
        },
        "notes": notes,
    }
    manifest = _written(run, best, found)
    return CompressResult(run.config.out, manifest, best, family, left_out, limits, notes, steps)


def _hold(best: MeasuredCandidate, limits: Limits) -> None:
    """Raise GateError where rows that had no say show that the chosen one loses too much."""
    drop = best.report["drop"]
    if drop["low"] > limits.max_drop:
        raise GateError(
            f"{best.name} was to be chosen, but on {drop['rows']:,} other rows it loses "
            f"{drop['points']:.2f} points of {drop['metric']}, and surely more than the "
            f"{limits.max_drop:g} that are allowed ({drop['low']:.2f} to {drop['high']:.2f}).",
            hint="Nothing was written. Give more rows with --data that are like those of --test, "
            "or allow more with --max-drop.",
        )


def notes_of(
    best: MeasuredCandidate, family: Sequence[MeasuredCandidate], limits: Limits
) -> list[str]:
    """What somebody who gets the chosen one should know, on rows that had no say."""
    if best.name == family[0].name:
        return ["Nothing quicker keeps the limits: this is the whole model as it is."]
    drop = best.report["drop"]
    told = [f"{best.name}: {drop['verdict']}"]
    if best.times_as_fast < 1:
        told.append(
            f"It is slower than the whole model in fp32 ({best.times_as_fast:g} times as fast)."
        )
    proven = [one for one in family[1:] if one.report["drop"]["proven"]]
    if not drop["proven"] and proven:
        quickest = max(proven, key=lambda one: one.texts_per_s)
        told.append(
            f"The quickest of which it is shown that it loses at most {limits.max_drop:g} points "
            f"is {quickest.name}, {quickest.times_as_fast:.1f} times as fast as the whole in fp32."
        )
    return told


def _written(run: _Run, best: MeasuredCandidate, found: Mapping[str, Any]) -> Manifest:
    """Write the chosen bundle whole, and load it once more. Raises ModelError."""
    made = run.work.candidate(best.folder)
    before = read_manifest(made)
    config = run.config
    final = run.work.folder / SHIPPED
    with new_folder(final, BUNDLE, force=True) as folder:
        copied(list(before.files), made, folder)
        manifest = write_manifest(
            folder, replace(before, provenance={**before.provenance, "compress": dict(found)})
        )
        card = compress_card(config.out.absolute().name, manifest)
        (folder / "README.md").write_text(card, encoding="utf-8")
        for name, one in verify(folder, device="cpu").items():
            if one.golden is not None and not one.golden.passed:
                raise ModelError(
                    f"{name} answers its golden texts differently each time it is loaded "
                    f"(by {one.golden.max_abs_difference:.2g}).",
                    hint="Run `edgeft doctor` to look at this machine.",
                )
    replace_folder(final, check_folder(config.out, BUNDLE, force=config.force))
    return manifest


def _tupled(one: Any) -> Any:
    """JSON's lists as the tuples that answers are made of."""
    return tuple(map(_tupled, one)) if isinstance(one, list) else one
