"""One trim, from a checkpoint to a smaller checkpoint that still answers as it did."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.checkpoint.open import Checkpoint, open_checkpoint
from edgeft.checkpoint.pretrained import quiet
from edgeft.checkpoint.reference import as_given, torch_told
from edgeft.data import Examples, Tell, inputs_in, unheard
from edgeft.data.seen import copy_seen
from edgeft.errors import GateError, ModelError
from edgeft.folders import CHECKPOINT, new_folder, write_json
from edgeft.inputs import Input, columns_of
from edgeft.progress import Progress, silent
from edgeft.proof.agreement import differences
from edgeft.proof.evidence import read_evidence
from edgeft.proof.limits import MAX_DROP, SAME_LOGITS
from edgeft.proof.paired import Drop
from edgeft.proof.suited import suited_drop
from edgeft.tasks.reading import aligned, columns_named
from edgeft.trim.tokenizer_files import new_ids, rewrite, write_files
from edgeft.trim.vocabulary import keep_tokens

__all__ = ["TrimConfig", "TrimResult", "trim"]

SHARE = 0.3  # of the vocabulary stays: more than that hardly helps other texts
ID_FIELDS = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id",
             "unk_token_id", "mask_token_id", "decoder_start_token_id")  # fmt: skip


@dataclass(frozen=True)
class TrimConfig:
    """What to trim, on which texts, and what that may cost.

    data: texts whose tokens stay. Of labelled ones without ``test``, one half
        gives the tokens and the other tells what was lost.
    test: labelled texts that tell what was lost.
    max_drop: percentage points that may be lost.
    tokens: how many tokens stay at least, the most common of the vocabulary; by
        default three in ten.
    """

    checkpoint: str
    out: Path
    data: Path
    test: Path | None = None
    text_column: str | None = None
    other_column: str | None = None
    negative_column: str | None = None
    label_column: str | None = None
    question_column: str | None = None
    context_column: str | None = None
    answers_column: str | None = None
    skip_bad: bool = False
    max_drop: float = MAX_DROP
    tokens: int | None = None
    seed: int = 0
    force: bool = False


@dataclass(frozen=True)
class TrimResult:
    """The new checkpoint, its vocabulary and weights beside the old ones, and what was lost.

    ``drop`` is None where no labelled rows told.
    """

    out: Path
    tokens_before: int
    tokens_after: int
    bytes_before: int
    bytes_after: int
    drop: Drop | None
    max_drop: float

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return {
            "checkpoint": str(self.out),
            "tokens": {"before": self.tokens_before, "after": self.tokens_after},
            "bytes": {"before": self.bytes_before, "after": self.bytes_after},
            "drop": self.drop.judged(self.max_drop) if self.drop else None,
        }


def trim(config: TrimConfig, progress: Progress = silent, tell: Tell = unheard) -> TrimResult:
    """Write a copy of a checkpoint that lacks the tokens its texts do not need.

    Kept are the tokens of the texts, what it takes to spell other words, and of
    the rest the most common ones. The texts themselves must be encoded as before
    and answered as before; labelled rows that gave no token tell what other
    texts lose. The checkpoint itself is not touched. What the readers of the texts
    decided is told.

    Raises OutputError, DataError, ModelError, GateError.
    """
    with new_folder(
        config.out,
        CHECKPOINT,
        force=config.force,
        inputs=[one for one in (config.data, config.test) if one],
        models=[config.checkpoint],
    ) as folder:
        return _trim(config, folder, progress, tell)


def _trim(config: TrimConfig, folder: Path, progress: Progress, tell: Tell) -> TrimResult:
    old = open_checkpoint(config.checkpoint)
    evidence = read_evidence(
        config.data,
        config.test,
        task=old.task,
        columns=columns_named(vars(config)),
        seed=config.seed,
        choose_by_labels=False,
        tell=tell,
        on_bad="skip" if config.skip_bad else "error",
    )
    truths = (
        aligned(evidence.report, old.labels).truths
        if isinstance(evidence.report, Examples)
        else None
    )
    inputs = list(dict.fromkeys(inputs_in(evidence.choose)))
    texts = list(dict.fromkeys(text for one in inputs for text in columns_of(one)))
    content = json.loads(old.tokenizer.backend_tokenizer.to_str())
    before = _tokens(old, texts)
    least = round(SHARE * len(old.tokenizer)) if config.tokens is None else config.tokens
    used = {token for row in before for token in row}
    used.add(old.tokenizer.convert_ids_to_tokens(old.pad_id))
    kept = keep_tokens(content, used, least)
    ids = new_ids(content, kept, first_ids=old.fixed_ids)
    _write_model(old, folder, ids)
    write_files(old.folder, folder, rewrite(content, ids), ids)
    _write_training(old, folder, len(ids))
    copy_seen(old.folder, folder)
    new = open_checkpoint(str(folder))
    if _tokens(new, texts) != before:
        raise ModelError(
            "The trimmed tokenizer does not encode the texts as before.",
            hint="This is a fault of the trimming. Please report it with the model's name.",
        )
    _hold_same(old, new, inputs, progress)
    lost = None
    if truths is not None:
        lost = _lost(old, new, inputs_in(evidence.report), truths, progress)
    if lost is not None and not lost.worst.points <= config.max_drop:
        raise GateError(
            "Without the tokens that its texts do not need, the model loses "
            f"{lost.worst.points:.2f} points of {lost.worst.metric} on {lost.rows:,} other rows "
            f"(allowed: {config.max_drop:g}).",
            hint="Nothing was written. Give more texts with --data, or allow more with "
            f"--max-drop {lost.rounded_up():.2f}",
        )
    sizes = [_weights_bytes(one) for one in (old.folder, folder)]
    return TrimResult(
        out=config.out,
        tokens_before=len(old.tokenizer),
        tokens_after=len(ids),
        bytes_before=sizes[0],
        bytes_after=sizes[1],
        drop=lost,
        max_drop=config.max_drop,
    )


def _tokens(checkpoint: Checkpoint, texts: Sequence[str]) -> list[list[str]]:
    """Each text's tokens, by name: ids change, names do not."""
    backend = checkpoint.tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return [one.tokens for one in backend.encode_batch(as_given(checkpoint, texts))]


def _write_model(old: Checkpoint, folder: Path, ids: Mapping[int, int]) -> None:
    """Save a copy of the model whose embeddings have the kept rows, in their new order."""
    import copy

    import torch

    from edgeft.checkpoint.static import StaticForSequenceClassification

    model = copy.deepcopy(old.model)
    embeddings = model.get_input_embeddings()
    rows = torch.tensor(list(ids))  # old ids, in the order of the new ones
    padding = ids.get(embeddings.padding_idx)  # None where it has none
    weight = embeddings.weight.detach()[rows].clone()  # (V, H)
    model.set_input_embeddings(
        torch.nn.Embedding.from_pretrained(weight, freeze=False, padding_idx=padding)
    )
    if isinstance(model, StaticForSequenceClassification):
        model.keep_tokens(rows)
    model.config.vocab_size = len(ids)
    for name in ID_FIELDS:
        value = getattr(model.config, name, None)
        if isinstance(value, int):
            setattr(model.config, name, ids.get(value))
    with quiet():
        model.save_pretrained(folder)
    if old.task.embeds:
        model.write_modules(folder, max_length=old.max_length)


def _write_training(old: Checkpoint, folder: Path, tokens: int) -> None:
    """training.json says how texts are prepared, and now also what was trimmed."""
    document = {
        **{key: one for key, one in old.training.items() if key != "weights_sha256"},
        "max_length": old.max_length,
        "normalize": list(old.normalize),
        "trim": {
            "weights_sha256": old.weights_sha256,
            "tokens_before": len(old.tokenizer),
            "tokens_after": tokens,
        },
    }
    write_json(folder / "training.json", document)


def _hold_same(
    old: Checkpoint, new: Checkpoint, inputs: Sequence[Input], progress: Progress
) -> None:
    some = list(inputs)[:: max(1, len(inputs) // 256)]
    one = torch_told(old, some, step="running the original", progress=progress)
    other = torch_told(new, some, step="running the trimmed one", progress=progress)
    difference, _ = differences(one.outputs, other.outputs)
    if not difference <= SAME_LOGITS * old.task.unit(one.outputs):
        raise ModelError(
            f"The trimmed model answers the texts differently (by up to {difference:.2g}).",
            hint="This is a fault of the trimming. Please report it with the model's name.",
        )


def _lost(
    old: Checkpoint,
    new: Checkpoint,
    inputs: Sequence[Input],
    truths: Sequence[Any],
    progress: Progress,
) -> Drop:
    before = torch_told(old, inputs, step="running the original", progress=progress)
    after = torch_told(new, inputs, step="running the trimmed one", progress=progress)
    return suited_drop(after, before, truths)


def _weights_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("model*.safetensors"))
