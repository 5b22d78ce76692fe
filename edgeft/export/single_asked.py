"""A single file that an export is asked for: whether it can be, and the making of it."""

import json
from collections.abc import Sequence

from edgeft.checkpoint.open import Checkpoint
from edgeft.errors import GateError, UsageError
from edgeft.export.draft import Draft
from edgeft.export.single_file import SINGLE_FILE, SingleFile, prove, write_single_file
from edgeft.proof.gates import Reference
from edgeft.runtime.tokenize import TextEncoder
from edgeft.tasks.builtin import ENGLISH
from edgeft.tasks.classification import TASK
from edgeft.tasks.head import PLAIN

__all__ = ["check_single_file", "make_single_file", "not_made"]


def not_made(variant: str, kinds: Sequence[str]) -> UsageError:
    """The error of a single file of a variant that is not made."""
    return UsageError(
        f"--single-file {variant}: no such variant is made.",
        hint=f"These are: {', '.join(kinds)}.",
    )


def check_single_file(variant: str, kinds: Sequence[str], checkpoint: Checkpoint) -> None:
    """Raise UsageError where no single file can stand for the model, or for that variant."""
    if variant not in kinds:
        raise not_made(variant, kinds)
    if checkpoint.task.name == TASK.name and str not in checkpoint.task.takes:
        raise UsageError(
            "A single file is asked one text at a time, and this model was made for pairs.",
            hint="Export without --single-file; the folder runs wherever onnxruntime does.",
        )
    if checkpoint.task.name != TASK.name:
        raise UsageError(
            "A single file answers with one label a text; it cannot tell where in a text something "
            f"stands, as a model of the task {checkpoint.task.name} does."
            if checkpoint.task.by_token
            else "A single file answers with one label a text, which a model of the task "
            f"{checkpoint.task.name} does not.",
            hint="Export without --single-file; the folder runs wherever onnxruntime does.",
        )
    if checkpoint.normalize:
        raise UsageError(
            f"The model's texts are normalized first ({', '.join(checkpoint.normalize)}), which a "
            "single file cannot do.",
            hint="Export without --single-file, or a checkpoint whose texts are taken as they are.",
        )


def make_single_file(
    name: str, draft: Draft, checkpoint: Checkpoint, references: Sequence[Reference]
) -> SingleFile | None:
    """Write the variant of that name with its tokenizer inside, and prove it; none for "".

    Raises GateError where the variant was left out, or the file does not answer as it does.
    """
    if not name:
        return None
    if name not in draft.variants:
        raise GateError(
            f"{name} was left out, so there is no single file of it.",
            hint="Nothing was written. Choose another variant: --single-file fp32",
        )
    tokenizer = (draft.folder / "tokenizer.json").read_bytes()
    pad_id = checkpoint.pad_id
    encoder = TextEncoder(tokenizer, checkpoint.max_length, empty=pad_id)
    to_ids = write_single_file(
        draft.path(name),
        draft.folder / SINGLE_FILE,
        json.loads(tokenizer),
        labels=checkpoint.labels,
        temperature=(draft.variants[name].head or PLAIN).temperature,
        encoder=encoder,
        pad_id=pad_id,
        max_length=checkpoint.max_length,
    )
    inputs = dict.fromkeys(one for reference in references for one in reference.texts)
    texts = [one for one in inputs if isinstance(one, str)]
    # Of the built-in texts, which are in many scripts, only the English ones must be read alike.
    held = texts if references[0].source == "data" else texts[:ENGLISH]
    with draft.open(name) as model:
        return prove(model, draft.folder / SINGLE_FILE, to_ids, encoder, texts, held=held)
