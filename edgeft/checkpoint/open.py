"""From a checkpoint's name to its model, tokenizer and what training recorded.

Weights are read from safetensors alone, and no code that a model brings is run.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeft.bundle import MANIFEST
from edgeft.bundle.manifest import LONGEST_LABEL
from edgeft.checkpoint.config import names_labels, read_config
from edgeft.checkpoint.model import (
    Loaded,
    heads_of,
    position_limit,
    position_offset,
    read_model,
    shape_of,
    skeleton,
)
from edgeft.checkpoint.padding import keep_answers, pad_token
from edgeft.checkpoint.pretrained import download, loading, local_folder
from edgeft.checkpoint.sentences import Sentences, is_sentence_folder, read_sentences, suit
from edgeft.checkpoint.tokenizer import added_beyond, read_tokenizer, token_limit
from edgeft.checkpoint.weights import Weights, find_weights, wrapper_of
from edgeft.data import lone_surrogate, visible
from edgeft.errors import EdgeftError, ModelError, UsageError, first_line
from edgeft.fields import FieldError, Reader, choice, entries, listed, optional, text, whole
from edgeft.normalize import parse_steps
from edgeft.tasks import task_named
from edgeft.tasks.classification import TASK
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.task import PAIRS, TASKS, TEXTS, Task

__all__ = ["Checkpoint", "open_checkpoint"]

TRAINING_FILE = "training.json"
NO_LIMIT = 512  # tokens, for the rare architecture that states no limit itself
# What is read of training.json, where it is there.
RECORDED: Mapping[str, Reader[Any]] = {
    "max_length": whole(1, 1 << 30),
    "normalize": listed(text()),
    "takes": choice("", TEXTS, PAIRS),
    "pair_prompts": listed(text(0, 200), 0, 2),
    "labels": listed(text(most=LONGEST_LABEL)),
    "data": entries,
    "base_model": entries,
    "recipe": entries,
    "validation": optional(entries),
    "test": optional(entries),
}


@dataclass(frozen=True)
class Checkpoint:
    """A model as training for ``task`` left it, in torch.

    ``name`` is what may be told about where it comes from: a Hub id, or "" for
    a local folder; ``folder`` is where it lies. ``weights_sha256`` is that of
    the weights file, or of all files' sha256 in order where there are several.
    ``pad_id`` is the token behind a text's end that leaves its answer as it is;
    the first ``fixed_ids`` token ids must stay what they are, since the model
    counts positions by them. ``training`` is the content of training.json, empty
    where there is none. ``notes`` tell what was set right in loading. ``head`` is
    what the folder says of how outputs become answers.
    """

    name: str
    folder: Path
    config: Any
    tokenizer: Any
    model: Any
    labels: tuple[str, ...]
    max_length: int
    normalize: tuple[str, ...]
    weights_sha256: str
    pad_id: int
    fixed_ids: int = 0
    training: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    task: Task = TASK
    head: Head = PLAIN


def open_checkpoint(name: str, task: str | None = None, *, pooling: str = "") -> Checkpoint:
    """Load a model from a local folder or the Hub, in float32 and ready to run.

    Unless a ``task`` is named, the model's config tells which it was trained for. ``pooling`` is
    how a plain encoder gives one vector for a text; see ``sentences``. Raises ModelError
    where it is no model folder, has no head of that task, or of one that is known,
    is not single-label, or has no fast tokenizer; FormatError for a task that is not known.
    """
    folder, public_name = _locate(name)
    headed = task_named(task) if task else _task_of(folder)
    weights = find_weights(name, folder, auto_class=headed.auto_class)
    training = _training(name, folder)
    sentences = read_sentences(name, folder, pooling) if headed.embeds else None
    if pooling and sentences is None:
        raise UsageError(
            f"--pooling is given, but {name} is taken for a {headed.noun}.",
            hint="Leave it out, or name the task: --task feature-extraction",
        )
    with _loading(name, headed):
        config = read_config(name, folder)
        _check_config(name, config, headed)
        frame = skeleton(config, headed)
        tokenizer = read_tokenizer(name, folder)
    if sentences is not None:
        suit(tokenizer, sentences)
    _check_tokenizer(name, tokenizer, config)
    wrapper = wrapper_of(name, frame, weights.shapes)
    notes = [*pad_token(name, tokenizer)]
    if wrapper:
        notes.append(f"The names of its weights begin with {wrapper!r}, which was left out.")
    model = _model(name, folder, weights, config, wrapper, headed)
    head = PLAIN
    if sentences is not None:
        model, head = _embedder(model, sentences, tuple(training.get("pair_prompts", ())))
    labels = _labels(name, model.config) if _labelled(headed) else ()
    if labels and not names_labels(folder):
        notes.append(f"Its config.json names no labels; they are {labels[0]} to {labels[-1]}.")
    _check_training(name, training, labels)
    positions = position_limit(model, unlimited=NO_LIMIT)
    limit = token_limit(name, tokenizer, min(positions, training.get("max_length", positions)))
    with _loading(name, headed):
        pad_id, changes = keep_answers(name, model, tokenizer, headed)
    return Checkpoint(
        name=public_name,
        folder=folder,
        config=_cleaned(model.config),
        tokenizer=tokenizer,
        model=model,
        labels=labels,
        max_length=limit,
        normalize=parse_steps(training.get("normalize", ())),
        weights_sha256=weights.sha256,
        pad_id=pad_id,
        fixed_ids=position_offset(model),
        training=training,
        notes=(*notes, *changes),
        task=task_named(headed.name, training.get("takes", "")),
        head=head,
    )


def _embedder(encoder: Any, sentences: Sentences, named: tuple[str, ...]) -> tuple[Any, Head]:
    """The encoder with its pooling, and what to know of its vectors.

    ``named`` are the prompts before the texts of the pairs that it learned from.
    """
    from edgeft.checkpoint.embedder import Embedder

    model = Embedder(encoder, sentences)
    head = sentences.head(int(encoder.config.hidden_size))
    if named and {*named} <= {"", *head.prompts}:
        head = replace(head, pair_prompts=named)
    return model.eval(), head


def _locate(name: str) -> tuple[Path, str]:
    with suppress(OSError, RuntimeError, ValueError):  # what is no path is told below
        if name and (Path(name).expanduser() / MANIFEST).exists():
            raise ModelError(
                f"{name} is a bundle already.",
                hint=f"Use it: edgeft predict {name} FILE   or name the checkpoint it came from.",
            )
    hint = "Name a folder that edgeft train wrote, a Hugging Face folder or a Hub id."
    if folder := local_folder(name, hint=hint):
        return folder, ""
    hint = "Check the path, or the Hub id and the network."
    return download(name, subject=repr(name), hint=hint), name


def _loading(name: str, task: Task) -> AbstractContextManager[None]:
    return loading(
        name,
        kind=task.noun,
        hint="Name a whole Hugging Face model folder, with config, weights and tokenizer.",
        code_hint="Choose a model of an architecture that transformers knows.",
    )


# --- what it must hold -------------------------------------------------------------


def _training(name: str, folder: Path) -> dict[str, Any]:
    path = folder / TRAINING_FILE
    if not path.is_file():
        return {}
    try:
        content = dict(entries(json.loads(path.read_text(encoding="utf-8"))))
        for field_name, reader in RECORDED.items():
            if field_name in content:
                try:
                    reader(content[field_name])
                except FieldError as error:
                    raise error.inside(field_name) from None
        parse_steps(content.get("normalize", ()))
    except (OSError, ValueError, RecursionError, EdgeftError) as error:
        raise ModelError(
            f"{name}: its {TRAINING_FILE} cannot be read: {first_line(error)}",
            hint="It says how texts are prepared. Train again, or remove the file to do without.",
        ) from error
    return content


def _task_of(folder: Path) -> Task:
    """The task whose head the model's config names; where none is, what is looked for first."""
    if is_sentence_folder(folder):
        return task_named("feature-extraction")
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        named = list(content.get("architectures") or ())
    except (OSError, ValueError, RecursionError, TypeError, AttributeError):
        return TASK  # what is wrong with the file is told where it is read
    for one in TASKS:
        found = task_named(one)
        if _has_head(named, found) and found.is_of(content):
            return found
    return TASK


def _has_head(architectures: Sequence[Any], task: Task) -> bool:
    if task.embeds:  # which has no head, and so no architecture of its own
        return False
    return any(
        str(one).endswith(task.auto_class.removeprefix("AutoModel")) for one in architectures
    )


def _labelled(task: Task) -> bool:
    return any("labels" in axes for axes in task.outputs.values())


def _check_config(name: str, config: Any, task: Task) -> None:
    architectures = config.architectures or []
    if not task.embeds and not _has_head(architectures, task):
        found = ", ".join(architectures) or "no architecture"
        raise ModelError(
            f"{name} is no {task.noun}: its config names {found}.",
            hint=f"Fine-tune it first: edgeft train DATA --model {name} -o runs/NAME",
        )
    if type(config) not in heads_of(task):
        raise ModelError(
            f"{name}: transformers has no {task.noun} for {config.model_type!r}.",
            hint="Choose a model of another architecture, such as BERT.",
        )
    if task.embeds:
        return
    if not _labelled(task):
        if config.num_labels != len(task.outputs):
            raise ModelError(
                f"{name}: its config.json names {config.num_labels} labels; a head for "
                f"{task.name} gives {len(task.outputs)} for each "
                f"{'token' if task.by_token else task.asks.one}.",
                hint="Bring the config.json that belongs to the weights.",
            )
        return
    if task.problem and config.problem_type not in (None, task.problem):
        kind = str(config.problem_type).replace("_", " ")
        raise ModelError(
            f"{name} was trained for {kind}, and so is no {task.noun}.",
            hint="Leave --task out, if it was given: the model's config tells what it is for.",
        )
    least = 2 if task.single or task.by_token else 1  # of labels one of which must hold
    if config.num_labels < least:
        raise ModelError(
            f"{name}: its config.json names {config.num_labels} label; {task.noun}s with "
            f"{'two' if least > 1 else 'one'} or more are supported.",
            hint="Train it with more labels, or bring the config.json that belongs to the weights.",
        )


def _labels(name: str, config: Any) -> tuple[str, ...]:
    by_id = config.id2label
    labels = tuple(str(by_id[at]) for at in range(len(by_id)) if at in by_id)
    if len(labels) != len(by_id) or len(set(labels)) != len(labels):
        raise ModelError(
            f"{name}: id2label in its config.json does not give {len(by_id)} different labels "
            f"for the ids 0 to {len(by_id) - 1}.",
            hint="Correct config.json.",
        )
    for label in labels:
        if lone_surrogate(label) or len(label) > LONGEST_LABEL:
            raise ModelError(
                f"{name}: id2label in its config.json holds {visible(label)}, which is "
                + (
                    f"longer than {LONGEST_LABEL:,} characters."
                    if len(label) > LONGEST_LABEL
                    else "no text: half a surrogate pair stands in it."
                ),
                hint="Correct config.json.",
            )
    return labels


def _check_training(name: str, training: Mapping[str, Any], labels: Sequence[str]) -> None:
    recorded = training.get("labels")
    if recorded is not None and tuple(recorded) != tuple(labels):
        raise ModelError(
            f"{name}: {TRAINING_FILE} records {len(recorded)} labels, and they are not "
            f"the {len(labels)} of config.json.",
            hint="The two files belong to different runs. Train again, or bring the right one.",
        )


def _check_tokenizer(name: str, tokenizer: Any, config: Any) -> None:
    beyond = added_beyond(name, tokenizer, getattr(config, "vocab_size", None))
    if beyond:
        raise ModelError(
            f"{name}: its tokenizer has {len(beyond)} tokens that the model has no place for "
            f"({beyond[0]!r} …): they were added after training.",
            hint="Remove them from the tokenizer; or train with them, for which edgeft train "
            "makes room.",
        )
    if tokenizer.truncation_side != "right":
        raise ModelError(
            f"{name}: its tokenizer cuts long texts at their beginning (truncation_side "
            f"{tokenizer.truncation_side!r}), and the runtime only at their end.",
            hint="Where that will do, set truncation_side to 'right' in tokenizer_config.json, "
            "and the direction of truncation in tokenizer.json to 'Right'.",
        )


def _model(name: str, folder: Path, weights: Weights, config: Any, wrapper: str, task: Task) -> Any:
    """The model, with all that its files must give. Its config may get its number of labels."""

    def read() -> Loaded:
        with _loading(name, task):
            return read_model(name, folder, weights, config, task, wrapper=wrapper)

    loaded = read()
    if loaded.missing:
        raise ModelError(
            f"{name}: its weights lack {loaded.missing[0]!r}, which every {task.noun} has.",
            hint=f"Fine-tune it first: edgeft train DATA --model {name} -o runs/NAME",
        )
    if loaded.other_shapes:
        key = loaded.other_shapes[0]
        shape = shape_of(key, loaded.model, weights, wrapper) or (0,)
        if names_labels(folder) or shape[0] < 2 or not _labelled(task):
            raise ModelError(
                f"{name}: {key!r} has the shape {shape} in its weights, which does not fit "
                f"the {config.num_labels} labels of its config.json.",
                hint="Bring the config.json that belongs to the weights.",
            )
        config.num_labels = shape[0]  # nobody names them, but the head has one row each
        loaded = read()
        if loaded.other_shapes:
            raise ModelError(
                f"{name}: its config.json names no labels, and {key!r} does not tell how many.",
                hint="Add id2label to config.json.",
            )
    return loaded.model.eval()


def _cleaned(config: Any) -> Any:
    """The config without this machine's paths and without pointers to code."""
    config._name_or_path = ""
    for name in ("auto_map", "custom_pipelines"):
        if hasattr(config, name):
            delattr(config, name)
    return config
