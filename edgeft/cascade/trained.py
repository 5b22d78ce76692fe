"""Which rows a stage was trained on, as far as its checkpoint or its bundle tells."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeft.bundle import Manifest
from edgeft.cascade.stages import NamedStage
from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.reference import as_given
from edgeft.data import Examples, Splits, Tell, fingerprint, unheard
from edgeft.data.seen import read_seen
from edgeft.errors import DataError
from edgeft.export.provenance import fingerprint_of
from edgeft.inputs import Input, columns_of
from edgeft.proof.evidence import Evidence

__all__ = ["Unseen", "check_fingerprints"]

MOST_SEEN = 0.05  # of a file's rows may have been trained on; they are left out
HINT = "Give texts that no stage was trained on, such as the test set."


class Unseen:
    """Rows without those that a stage was trained on, as its checkpoint tells.

    left_out: how many there were, by the name of their file. not_known: the places of the stages
    that do not tell; bundles do not, as traces of texts never leave the checkpoint's folder.
    """

    def __init__(self, stages: Sequence[NamedStage], tell: Tell = unheard) -> None:
        self.left_out: dict[str, int] = {}
        self.not_known: list[int] = []
        self._told: list[tuple[str, Callable[[Input], bool]]] = []
        for at, stage in enumerate(stages):
            seen = (
                read_seen(stage.made_of.folder) if isinstance(stage.made_of, Checkpoint) else None
            )
            if isinstance(stage.made_of, Checkpoint) and seen is not None:
                self._told.append((stage.given, _seen_by(stage.made_of, seen.count)))
            else:
                self.not_known.append(at)
        if self.not_known:
            names = " and ".join(dict.fromkeys(stages[at].given for at in self.not_known))
            tell(
                f"Which texts {names} learned from is not known, so none of them is left out; on "
                "such a stage is surer than on new ones. A checkpoint that edgeft trained tells: "
                "name that in a bundle's place."
            )

    def kept(self, inputs: Sequence[Input], name: str) -> list[int]:
        """The places of rows that no stage knows. Raises DataError where many are known."""
        known = set()
        for given, tells in self._told:
            its = {at for at, one in enumerate(inputs) if tells(one)}
            if len(its) > MOST_SEEN * len(inputs):
                raise _learned(len(its), len(inputs), name, given)
            known |= its
        if known:
            self.left_out[name] = self.left_out.get(name, 0) + len(known)
        return [at for at in range(len(inputs)) if at not in known]

    def of(self, inputs: Sequence[Input], name: str) -> list[Input]:
        """The rows themselves."""
        return [inputs[at] for at in self.kept(inputs, name)]


def check_fingerprints(
    stages: Sequence[NamedStage],
    whole: Callable[[], Examples | None],
    evidence: Evidence,
    unlabelled: Mapping[Path, Sequence[Input]],
    *,
    has_test: bool,
) -> None:
    """Raise DataError where a bundle's provenance says that it was trained on these very files.

    It has fingerprints alone: of all that it learned from, and of what its export was shown, with
    how many of these rows were trained on. ``whole`` gives all rows of --data, if they have labels.
    """
    made_of = [(one, one.made_of) for one in stages if isinstance(one.made_of, Manifest)]
    bundles = [(one, it) for one, it in made_of if _fingerprints(it) or _shown(it)]
    if not bundles:
        return
    ours: dict[str, tuple[str, int]] = {}  # by fingerprint: the file and its rows
    roles: list[tuple[str, Examples | Sequence[Input] | None]] = [
        ("--data", evidence.choose), ("--test" if has_test else "--data", evidence.report)
    ]  # fmt: skip
    data = whole()
    if data is not None:
        test = evidence.report if isinstance(evidence.report, Examples) and has_test else None
        for splits in (Splits(data), Splits(data, None, test), Splits(data, test)):
            ours[fingerprint(splits)] = "--data", len(data)
        if test is not None:
            ours[fingerprint(Splits(test))] = "--test", len(test)
    files: list[tuple[str, Sequence[Input]]] = [(str(one), its) for one, its in unlabelled.items()]
    if len(files) > 1:
        every = [one for _, texts in files for one in texts]
        files.append((" and ".join(name for name, _ in files), every))
    for name, texts in files:
        told = fingerprint_of(list(dict.fromkeys(texts)))
        assert told is not None, "there are texts"
        ours[told["fingerprint"]] = name, len(texts)
    for stage, manifest in bundles:
        for one in _fingerprints(manifest):
            if one in ours:
                name, rows = ours[one]
                raise _learned(rows, rows, name, stage.given)
        shown = _shown(manifest)
        for name, some in roles:
            told = fingerprint_of(some)
            count = shown.get(told["fingerprint"], 0) if told is not None else 0
            if told is not None and count > MOST_SEEN * told["rows"]:
                raise _learned(count, told["rows"], name, stage.given)


def _learned(count: int, rows: int, name: str, given: str) -> DataError:
    return DataError(
        f"{count:,} of {rows:,} rows of {name} were trained on by {given}: it is surer of them "
        "than of new texts, so they prove nothing.",
        hint=HINT,
    )


def _fingerprints(manifest: Manifest) -> list[str]:
    """Of all that a bundle's model was trained on."""
    training = manifest.provenance.get("training") or {}
    distill = training.get("distill") or {}
    told = [training.get("data"), distill.get("unlabelled")]
    return [str(one["fingerprint"]) for one in told if one and one.get("fingerprint")]


def _shown(manifest: Manifest) -> dict[str, int]:
    """Of the rows that its export was shown: how many were trained on, by their fingerprints."""
    data: Mapping[str, Any] = manifest.provenance.get("data") or {}
    return {
        str(one["fingerprint"]): int(one["trained_on"])
        for one in (data.get("choose"), data.get("report"))
        if one and "trained_on" in one
    }


def _seen_by(
    checkpoint: Checkpoint, count: Callable[[Sequence[Sequence[str]]], int]
) -> Callable[[Input], bool]:
    return lambda one: bool(count([as_given(checkpoint, columns_of(one))]))
