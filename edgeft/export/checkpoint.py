"""From a checkpoint's name to its model, tokenizer and what training recorded.

Weights are read from safetensors alone, and no code that a model brings is run.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeft.bundle import MANIFEST
from edgeft.errors import EdgeftError, ModelError
from edgeft.normalize import parse_steps
from edgeft.pretrained import (
    download,
    find_weights,
    first_line,
    load_config_and_tokenizer,
    loading,
    local_folder,
    position_limit,
    weights_sha256,
)

__all__ = ["Checkpoint", "open_checkpoint"]

TRAINING_FILE = "training.json"
DECODERS = ("gpt2",)
NO_LIMIT = 512  # tokens, for the rare architecture that states no limit itself
DRAWN_UP_FOR = "single_label_classification"


@dataclass(frozen=True)
class Checkpoint:
    """A text classifier as training left it, in torch.

    ``name`` is what may be told about where it comes from: a Hub id, or "" for
    a local folder; ``folder`` is where it lies. ``weights_sha256`` is that of
    the weights file, or of all files' sha256 in order where there are several.
    ``training`` is the content of training.json, empty where there is none.
    ``notes`` tell what was set right in loading.
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
    training: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def open_checkpoint(name: str) -> Checkpoint:
    """Load a text classifier from a local folder or the Hub, in float32 and ready to run.

    Raises ModelError where it is no model folder, has no classification head,
    is not single-label, or has no fast tokenizer.
    """
    folder, public_name = _locate(name)
    weights = find_weights(
        name, folder, prefix="model", auto_class="AutoModelForSequenceClassification"
    )
    training = _training(name, folder)
    with _loading(name):
        config, tokenizer = load_config_and_tokenizer(folder)
    _check_config(name, config)
    labels = _labels(name, config)
    _check_training(name, training, labels)
    notes = _set_padding(name, tokenizer, config)
    _check_tokenizer(name, tokenizer, config)
    model = _model(name, folder, config)
    limit = min(position_limit(config, unlimited=NO_LIMIT), int(tokenizer.model_max_length))
    return Checkpoint(
        name=public_name,
        folder=folder,
        config=_cleaned(model.config),
        tokenizer=tokenizer,
        model=model,
        labels=labels,
        max_length=min(limit, int(training.get("max_length", limit))),
        normalize=parse_steps(training.get("normalize", ())),
        weights_sha256=weights_sha256(weights),
        training=training,
        notes=notes,
    )


def _locate(name: str) -> tuple[Path, str]:
    if (Path(name).expanduser() / MANIFEST).exists():
        raise ModelError(
            f"{name} is a bundle already.",
            hint=f"Use it: edgeft predict {name} FILE   or name the checkpoint it came from.",
        )
    hint = "Name a folder that edgeft train wrote, a Hugging Face folder or a Hub id."
    if folder := local_folder(name, hint=hint):
        return folder, ""
    hint = "Check the path, or the Hub id and the network."
    return download(name, subject=repr(name), hint=hint), name


def _loading(name: str) -> AbstractContextManager[None]:
    return loading(
        name,
        kind="text classifier",
        hint="Name a whole Hugging Face model folder, with config, weights and tokenizer.",
        code_hint="Choose a model of an architecture that transformers knows.",
    )


# --- what it must hold -------------------------------------------------------------


def _training(name: str, folder: Path) -> dict[str, Any]:
    path = folder / TRAINING_FILE
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("it is no JSON object")
        int(content.get("max_length", 1)), parse_steps(content.get("normalize", ()))
    except (OSError, ValueError, TypeError, EdgeftError) as error:
        raise ModelError(
            f"{name}: its {TRAINING_FILE} cannot be read: {first_line(error)}",
            hint="It says how texts are prepared. Train again, or remove the file to do without.",
        ) from error
    return content


def _check_config(name: str, config: Any) -> None:
    import transformers

    architectures = config.architectures or []
    if not any(one.endswith("ForSequenceClassification") for one in architectures):
        found = ", ".join(architectures) or "no architecture"
        raise ModelError(
            f"{name} has no classification head: its config names {found}.",
            hint=f"Fine-tune it first: edgeft train DATA --model {name} -o runs/NAME",
        )
    if type(config) not in transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise ModelError(
            f"{name}: transformers has no text classifier for {config.model_type!r}.",
            hint="Choose a model of another architecture, such as BERT.",
        )
    if config.problem_type not in (None, DRAWN_UP_FOR) or config.num_labels < 2:
        kind = config.problem_type or f"a problem with {config.num_labels} label"
        raise ModelError(
            f"{name} was trained for {kind.replace('_', ' ')}, which edgeft does not export yet.",
            hint="Single-label classification with two or more labels is supported.",
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
    return labels


def _check_training(name: str, training: Mapping[str, Any], labels: Sequence[str]) -> None:
    recorded = training.get("labels")
    if recorded is not None and tuple(recorded) != tuple(labels):
        raise ModelError(
            f"{name}: {TRAINING_FILE} records {len(recorded)} labels, and they are not "
            f"the {len(labels)} of config.json.",
            hint="The two files belong to different runs. Train again, or bring the right one.",
        )


def _set_padding(name: str, tokenizer: Any, config: Any) -> tuple[str, ...]:
    """Give tokenizer and model one padding token, on the right; notes on what was changed.

    On the left it would shift the positions of a decoder such as GPT-2, and so
    its answers.
    """
    notes = []
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token_id is None:
            raise ModelError(
                f"{name}: its tokenizer has no padding token, so texts cannot be batched, and no "
                "end token that could stand in.",
                hint="Set tokenizer.pad_token and save the tokenizer again.",
            )
        tokenizer.pad_token = tokenizer.eos_token
        notes.append(
            f"The tokenizer has no padding token; its end token {tokenizer.eos_token!r} pads."
        )
    decoder = config.model_type in DECODERS  # which finds a text's last token by its padding
    if config.pad_token_id is None or (decoder and config.pad_token_id != tokenizer.pad_token_id):
        notes.append(
            f"The config's padding token was {config.pad_token_id}; it is the tokenizer's, "
            f"{tokenizer.pad_token_id}, now."
        )
        config.pad_token_id = tokenizer.pad_token_id
    return tuple(notes)


def _check_tokenizer(name: str, tokenizer: Any, config: Any) -> None:
    if not tokenizer.is_fast:
        raise ModelError(
            f"{name}: its tokenizer has no tokenizer.json form, which the runtime needs.",
            hint="Choose a model with a fast tokenizer.",
        )
    if len(tokenizer) > config.vocab_size:
        raise ModelError(
            f"{name}: its tokenizer has {len(tokenizer)} tokens, the model only "
            f"{config.vocab_size}.",
            hint="Tokenizer and weights belong to different models; bring the right ones.",
        )


def _model(name: str, folder: Path, config: Any) -> Any:
    import torch
    import transformers

    with _loading(name):
        model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            torch_dtype=torch.float32,
            output_loading_info=True,
        )
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise ModelError(
            f"{name}: its weights lack {missing[0]!r} ({len(missing)} tensors are missing).",
            hint=f"Fine-tune it first: edgeft train DATA --model {name} -o runs/NAME",
        )
    return model.eval()


def _cleaned(config: Any) -> Any:
    """The config without this machine's paths and without pointers to code."""
    config._name_or_path = ""
    for name in ("auto_map", "custom_pipelines"):
        if hasattr(config, name):
            delattr(config, name)
    return config
