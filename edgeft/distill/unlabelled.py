"""Inputs that nobody labelled, of which the teacher alone says something."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgeft.checkpoint.open import Checkpoint
from edgeft.data import Examples, Tell
from edgeft.errors import DataError, UsageError
from edgeft.inputs import Input, json_of, with_texts
from edgeft.normalize import normalizer
from edgeft.tasks.reading import check_kind, read_inputs
from edgeft.tasks.task import Columns
from edgeft.train.objectives import objective_named
from edgeft.train.prepare import NOTHING, Prepared
from edgeft.train.report import MOST_UNKNOWN, count_tokens

__all__ = ["bare_fingerprint", "joined", "read_bare", "bare_rows"]


def read_bare(
    files: Sequence[Path], teacher: Checkpoint, columns: Columns, tell: Tell
) -> dict[Path, list[Input]]:
    """The inputs of each file, as the teacher is given them.

    Raises UsageError where its task learns from labelled rows alone, DataError where a file has no
    inputs.
    """
    if files and objective_named(teacher.task.name).blank is None:
        raise UsageError(
            f"A student of the task {teacher.task.name} learns from labelled rows alone.",
            hint="Leave out --unlabelled.",
        )
    asked = {role: columns.get(role) for role in ("text", "other")}
    return {path: _inputs_of(path, teacher, asked, tell) for path in dict.fromkeys(files)}


def _inputs_of(path: Path, teacher: Checkpoint, columns: Columns, tell: Tell) -> list[Input]:
    found = list(read_inputs(path, teacher.task, columns, tell))
    if not found:
        raise DataError(f"{path} has no texts.", hint="Leave it out.")
    prepare_text = normalizer(teacher.normalize)
    return found if prepare_text is None else [with_texts(one, prepare_text) for one in found]


def bare_rows(files: Mapping[Path, Sequence[Input]], prepared: Prepared, tell: Tell) -> Examples:
    """The different inputs of unlabelled files, with what stands for the truths that they lack.

    None of them stands in another split. Raises DataError where the vocabulary is not made for
    them.
    """
    blank = replace(prepared.splits.train, inputs=[], truths=[], lines=[], skipped={})
    if not files:
        return blank
    taken = {one for split in prepared.splits.present().values() for one in split.inputs}
    inputs: list[Input] = []
    encoder = prepared.base.encoder()
    special = len(encoder.encode([NOTHING[prepared.task.takes[0]]])[0].ids)
    for path, found in files.items():
        check_kind(str(path), prepared.task, found)
        unknown = count_tokens(encoder.encode(found), special).unknown_share
        if unknown > MOST_UNKNOWN:
            raise DataError(
                f"{path}: the teacher does not know {unknown:.0%} of the tokens of these texts: "
                "its vocabulary is not made for their language.",
                hint="Give texts like those that it was trained on, or leave the file out.",
            )
        fresh = [one for one in dict.fromkeys(found) if one not in taken]
        if doubled := len(found) - len(fresh):
            tell(f"{path}: {doubled:,} of {len(found):,} texts were there already.")
        taken.update(fresh)
        inputs += fresh
    truths = [prepared.objective.blank] * len(inputs)
    return replace(blank, inputs=inputs, truths=truths, lines=[0] * len(inputs))


def joined(train: Examples, bare: Examples) -> Examples:
    """Labelled rows, and behind them those without labels."""
    return replace(
        train,
        inputs=[*train.inputs, *bare.inputs],
        truths=[*train.truths, *bare.truths],
        lines=[*train.lines, *bare.lines],
    )


def bare_fingerprint(inputs: Sequence[Input]) -> str:
    """The sha256 of inputs, in their order."""
    digest = hashlib.sha256()
    for one in inputs:
        digest.update(json.dumps(json_of(one)).encode() + b"\n")
    return f"sha256:{digest.hexdigest()}"
