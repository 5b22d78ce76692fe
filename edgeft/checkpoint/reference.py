"""The torch original's answers, through its own tokenizer: what every variant must match."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from edgeft.checkpoint.model import outputs_of
from edgeft.checkpoint.open import Checkpoint
from edgeft.errors import ModelError
from edgeft.inputs import Input, Pair, Question, columns_of
from edgeft.normalize import normalizer
from edgeft.progress import Progress, silent
from edgeft.proof.told import Told
from edgeft.runtime.batching import plan_batches
from edgeft.runtime.cpu import usable_cores
from edgeft.runtime.pairs import Tokens, frame_of, put_together
from edgeft.runtime.places import WordRules, word_rules
from edgeft.runtime.punctuation import numbers_of
from edgeft.settings import torch_threads
from edgeft.tasks.encoded import Encoded, Part, Span, apart, default_overlap
from edgeft.tasks.outputs import finite
from edgeft.tasks.prompts import before_pair

__all__ = ["as_given", "encode", "fills", "torch_told"]

BATCH_TOKENS = 2048


def torch_told(
    checkpoint: Checkpoint,
    inputs: Sequence[Input],
    *,
    step: str = "running torch",
    progress: Progress = silent,
) -> Told:
    """What the torch model gives for N inputs. Raises ModelError where a logit is no number.

    Inputs go through the checkpoint's own tokenizer, not the runtime's, so that
    a difference between the two is found as well.
    """
    import torch

    task = checkpoint.task
    encoded = encode(checkpoint, inputs)
    parts = [part for one in encoded for part in one.parts]
    found = _room(checkpoint, len(parts))
    plan = plan_batches([len(part.ids) for part in parts], budget=BATCH_TOKENS)
    done = 0
    progress(step, 0, len(parts))
    for rows in plan:
        batch = {
            name: torch.tensor(one)  # (B, T) int64
            for name, one in _batch(checkpoint, [parts[at] for at in rows]).items()
        }
        # On as many threads as the graphs: sums in another order differ in their last digits.
        with torch.inference_mode(), torch_threads(usable_cores()):
            given = outputs_of(checkpoint.model, task, **batch)
        for name, one in given.items():
            numbers, place = one.numpy(), found[name]
            for at, row in zip(rows, numbers, strict=True):
                place[at] = row[: len(parts[at].ids)].copy() if isinstance(place, list) else row
        done += len(rows)
        progress(step, done, len(parts))
    if not finite(found).all():
        raise ModelError(
            "The torch model answers with values that are no numbers (NaN or infinity).",
            hint="Training diverged: train again with a lower --learning-rate.",
        )
    return Told(task, checkpoint.labels, inputs, encoded, task.join(found, encoded))


def encode(checkpoint: Checkpoint, inputs: Sequence[Input]) -> list[Encoded]:
    """Inputs as the model reads them, special tokens included: cut at the maximum length, or in
    windows where the task reads long ones so. At least one token each, as no graph runs none.
    """
    found: dict[int, Encoded] = {}
    for kind in dict.fromkeys(map(type, inputs)):
        places = [at for at, one in enumerate(inputs) if type(one) is kind]
        some = _encode_some(checkpoint, kind, [inputs[at] for at in places])
        found.update(zip(places, some, strict=True))
    return [found[at] for at in range(len(inputs))]


def _encode_some(checkpoint: Checkpoint, kind: type, inputs: Sequence[Any]) -> list[Encoded]:
    """Encode inputs of one kind, at least one; the texts of a pair apart where vectors are told."""
    if kind is not Pair or not checkpoint.task.embeds:
        return _encode_alike(checkpoint, inputs)
    first, second = before_pair(checkpoint.head)
    firsts = [first + one.first for one in inputs]
    seconds = [second + one.second for one in inputs]
    both = zip(_encode_alike(checkpoint, firsts), _encode_alike(checkpoint, seconds), strict=True)
    return [apart(*sides) for sides in both]


def fills(checkpoint: Checkpoint) -> dict[str, int]:
    """What stands behind a text's end, in each input of a graph that is not filled with 0."""
    return {
        "input_ids": checkpoint.pad_id,
        "token_type_ids": int(checkpoint.tokenizer.pad_token_type_id),
    }


def as_given(checkpoint: Checkpoint, texts: Iterable[str]) -> list[str]:
    """Texts as the tokenizer is given them.

    A lone surrogate has no UTF-8 form; the runtime replaces it in the same way.
    """
    prepare = normalizer(checkpoint.normalize) or str
    return [prepare(text).encode("utf-8", "replace").decode() for text in texts]


def _room(checkpoint: Checkpoint, parts: int) -> dict[str, Any]:
    """For each output where those of so many parts go: a list where an axis runs along tokens."""
    return {
        name: [None] * parts
        if "tokens" in axes
        else np.empty((parts, *(_size(axis, checkpoint) for axis in axes[1:])), np.float32)
        for name, axes in checkpoint.task.outputs.items()
    }


def _size(axis: str, checkpoint: Checkpoint) -> int:
    sizes = {"labels": len(checkpoint.labels), "dimensions": checkpoint.head.dimensions, "one": 1}
    return sizes[axis]


def _batch(checkpoint: Checkpoint, parts: Sequence[Part]) -> dict[str, list[list[int]]]:
    """What the model takes of (B, T) inputs, padded to the longest part."""
    rows = {
        "input_ids": [part.ids for part in parts],
        "attention_mask": [[1] * len(part.ids) for part in parts],
        "token_type_ids": [part.types or [0] * len(part.ids) for part in parts],
    }
    taken = inspect.signature(checkpoint.model.forward).parameters
    given, behind = {"input_ids", *checkpoint.tokenizer.model_input_names}, fills(checkpoint)
    longest = max(len(part.ids) for part in parts)
    return {
        name: [[*row, *[behind.get(name, 0)] * (longest - len(row))] for row in some]
        for name, some in rows.items()
        if name in taken and name in given
    }


def _encode_alike(checkpoint: Checkpoint, inputs: Sequence[Any]) -> list[Encoded]:
    """Encode inputs of one kind, at least one."""
    columns = [
        as_given(checkpoint, column) for column in zip(*map(columns_of, inputs), strict=True)
    ]
    asking = isinstance(inputs[0], Question)
    windows = checkpoint.task.on_long == "window"
    overlap = default_overlap(checkpoint.max_length) if windows else None
    cut: dict[int, Encoded] = {}
    if asking:
        cut = _cut_questions(checkpoint, *columns, overlap=overlap)
        columns[0] = ["" if at in cut else one for at, one in enumerate(columns[0])]
    encoded = checkpoint.tokenizer(
        *columns,
        truncation="only_second" if asking else True,
        max_length=checkpoint.max_length,
        padding=False,
        stride=overlap or 0,
        return_overflowing_tokens=overlap is not None,
    )
    owners = encoded.get("overflow_to_sample_mapping") or range(len(inputs))
    parts: list[list[Part]] = [[] for _ in inputs]
    tokens: list[list[list[str]]] = [[] for _ in inputs]
    for owner, encoding in zip(owners, encoded.encodings, strict=True):
        shared = (overlap or 0) if parts[owner] else 0
        parts[owner].append(
            _part(checkpoint, encoding, len(columns) - 1 if asking else None, shared)
        )
        tokens[owner].append(encoding.tokens)
    if checkpoint.task.by_token and not asking:
        rules = word_rules(checkpoint.tokenizer.backend_tokenizer)
        for some, names, text in zip(parts, tokens, columns[0], strict=True):
            if rules:
                _part_words(rules, some, names, text)
    return [cut.get(at) or Encoded(tuple(some)) for at, some in enumerate(parts)]


def _part(checkpoint: Checkpoint, encoding: Any, sequence: int | None, shared: int) -> Part:
    """A row as the tokenizer gives it; its own tokens are all but special ones, or a sequence's."""
    ids = encoding.ids or [checkpoint.pad_id]
    places = [
        at
        for at, one in enumerate(encoding.sequence_ids)
        if one is not None and sequence in (None, one)
    ]
    own = range(places[0], places[-1] + 1) if places else range(0)
    part = Part(ids, own, len(own) - shared, encoding.type_ids if any(encoding.type_ids) else None)
    if checkpoint.task.by_token:
        size = len(ids)
        part.offsets = [encoding.offsets[at] if at in own else (0, 0) for at in range(size)]
        words = numbers_of(encoding)
        part.words = [words[at] if at in own else -1 for at in range(size)]
    return part


def _part_words(
    rules: WordRules, parts: Sequence[Part], tokens: Sequence[Sequence[str]], text: str
) -> None:
    """Number the words of one text's windows anew, as the runtime does that of the whole."""
    numbers: list[int] = []
    names: list[str] = []
    offsets: list[Span] = []
    for part, some in zip(parts, tokens, strict=True):
        assert part.words is not None, "the parts know no words"
        assert part.offsets is not None, "the parts know no offsets"
        fresh = slice(part.own.stop - part.fresh, part.own.stop)
        numbers += part.words[fresh]
        names += some[fresh]
        offsets += part.offsets[fresh]
    words = rules.words(numbers, names, offsets, text)
    behind = 0
    for part in parts:
        assert part.words is not None, "the parts know no words"
        behind += part.fresh
        part.words[part.own.start : part.own.stop] = words[behind - len(part.own) : behind]


def _cut_questions(
    checkpoint: Checkpoint,
    questions: Sequence[str],
    contexts: Sequence[str],
    *,
    overlap: int | None,
) -> dict[int, Encoded]:
    """By their places those whose question takes more than half of the model's tokens.

    transformers knows no such rule: the tokens are its tokenizer's, how they are cut and put
    together is the runtime's. To cut the text and read it anew could give other tokens.
    """
    tokenizer = checkpoint.tokenizer.backend_tokenizer
    tokenizer.no_truncation()  # which an earlier call may have left on, as it may padding
    tokenizer.no_padding()
    most = checkpoint.max_length // 2
    asked = tokenizer.encode_batch(questions, add_special_tokens=False)
    long = [at for at, one in enumerate(asked) if len(one.ids) > most]
    if not long:
        return {}
    frame = frame_of(tokenizer)
    assert frame is not None, "an answer finder's tokenizer puts the question first"
    room = checkpoint.max_length - frame.size
    read = tokenizer.encode_batch([contexts[at] for at in long], add_special_tokens=False)
    return {
        at: put_together(
            frame, _tokens(asked[at]), _tokens(context), room, overlap=overlap, most_first=most
        )
        for at, context in zip(long, read, strict=True)
    }


def _tokens(encoding: Any) -> Tokens:
    return Tokens(encoding.ids, encoding.offsets, numbers_of(encoding))
