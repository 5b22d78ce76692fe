"""From a checkpoint's name to its model, tokenizer and what training recorded.

Weights are read from safetensors alone, and no code that a model brings is run.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeft.bundle import MANIFEST, sha256_of
from edgeft.errors import EdgeftError, ModelError
from edgeft.export.quiet import quiet
from edgeft.normalize import parse_steps

__all__ = ["Checkpoint", "open_checkpoint"]

TRAINING_FILE = "training.json"
HUB_FILES = ("*.json", "*.txt", "*.safetensors", "*.model")
# These number their positions from pad_token_id + 1, and so take fewer tokens than positions.
OFFSET_POSITIONS = (
    "camembert", "data2vec-text", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl",
)  # fmt: skip
NO_LIMIT = 512  # tokens, for the rare architecture that states no limit itself
DRAWN_UP_FOR = "single_label_classification"


@dataclass(frozen=True)
class Checkpoint:
    """A text classifier as training left it, in torch.

    ``name`` is what may be told about where it comes from: a Hub id, or "" for
    a local folder. ``weights_sha256`` is that of the weights file, or of all
    files' sha256 in order where there are several. ``training`` is the content
    of training.json, empty where there is none.
    """

    name: str
    config: Any
    tokenizer: Any
    model: Any
    labels: tuple[str, ...]
    max_length: int
    normalize: tuple[str, ...]
    weights_sha256: str
    training: Mapping[str, Any] = field(default_factory=dict)


def open_checkpoint(name: str) -> Checkpoint:
    """Load a text classifier from a local folder or the Hub, in float32 and ready to run.

    Raises ModelError where it is no model folder, has no classification head,
    is not single-label, or has no fast tokenizer.
    """
    folder, public_name = _locate(name)
    weights = _weights(name, folder)
    training = _training(name, folder)
    config, tokenizer = _config_and_tokenizer(name, folder)
    _check_config(name, config)
    labels = _labels(name, config)
    _check_training(name, training, labels)
    _check_tokenizer(name, tokenizer, config)
    model = _model(name, folder, config)
    limit = min(_position_limit(config), int(tokenizer.model_max_length))
    return Checkpoint(
        name=public_name,
        config=_cleaned(model.config),
        tokenizer=tokenizer,
        model=model,
        labels=labels,
        max_length=min(limit, int(training.get("max_length", limit))),
        normalize=parse_steps(training.get("normalize", ())),
        weights_sha256=_sha256(weights),
        training=training,
    )


# --- finding the folder ------------------------------------------------------------


def _locate(name: str) -> tuple[Path, str]:
    path = Path(name).expanduser()
    if path.is_dir():
        if (path / MANIFEST).exists():
            raise ModelError(
                f"{name} is a bundle already.",
                hint=f"Use it: edgeft predict {name} FILE   or name the checkpoint it came from.",
            )
        if not (path / "config.json").is_file():
            raise ModelError(
                f"{name} is no model folder: it has no config.json.",
                hint="Name a folder that edgeft train wrote, a Hugging Face folder or a Hub id.",
            )
        return path, ""
    if path.exists() or path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(
            f"{name} is not a folder.",
            hint="Name a folder that edgeft train wrote, a Hugging Face folder or a Hub id.",
        )
    return _download(name), name


def _download(name: str) -> Path:
    import huggingface_hub

    try:
        with quiet():
            return Path(huggingface_hub.snapshot_download(name, allow_patterns=list(HUB_FILES)))
    except Exception as error:  # the Hub's client, its HTTP library and the system share no base
        raise ModelError(
            f"{name!r} is no folder here and could not be had from the Hub: {_first_line(error)}",
            hint="Check the path, or the Hub id and the network.",
        ) from error


def _weights(name: str, folder: Path) -> list[Path]:
    weights = sorted(folder.glob("model*.safetensors"))
    if weights:
        return weights
    others = sorted(path.name for path in (*folder.glob("*.bin"), *folder.glob("*.h5")))
    found = f"it has only {', '.join(others)}" if others else "it has no weights"
    raise ModelError(
        f"{name}: {found}; edgeft reads weights from model.safetensors alone, "
        "which cannot hold code.",
        hint="Convert it once where you trust it: "
        "AutoModelForSequenceClassification.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)",
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
            f"{name}: its {TRAINING_FILE} cannot be read: {_first_line(error)}",
            hint="It says how texts are prepared. Train again, or remove the file to do without.",
        ) from error
    return content


def _config_and_tokenizer(name: str, folder: Path) -> tuple[Any, Any]:
    import transformers

    try:
        with quiet():
            return (
                transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False),
                transformers.AutoTokenizer.from_pretrained(
                    folder, use_fast=True, trust_remote_code=False
                ),
            )
    except Exception as error:  # whatever a broken folder provokes
        raise _unusable(name, error) from error


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


def _check_tokenizer(name: str, tokenizer: Any, config: Any) -> None:
    if not tokenizer.is_fast:
        raise ModelError(
            f"{name}: its tokenizer has no tokenizer.json form, which the runtime needs.",
            hint="Choose a model with a fast tokenizer.",
        )
    if tokenizer.pad_token_id is None:
        raise ModelError(
            f"{name}: its tokenizer has no padding token, so texts cannot be batched.",
            hint="Choose a BERT-like encoder.",
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

    try:
        with quiet():
            model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
                folder,
                config=config,
                use_safetensors=True,
                trust_remote_code=False,
                torch_dtype=torch.float32,
                output_loading_info=True,
            )
    except Exception as error:
        raise _unusable(name, error) from error
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise ModelError(
            f"{name}: its weights lack {missing[0]!r} ({len(missing)} tensors are missing).",
            hint=f"Fine-tune it first: edgeft train DATA --model {name} -o runs/NAME",
        )
    return model.eval()


def _position_limit(config: Any) -> int:
    """The most tokens that the position embeddings cover."""
    positions = getattr(config, "max_position_embeddings", None)
    if not positions or positions < 0:
        return NO_LIMIT
    offset = config.pad_token_id + 1 if config.model_type in OFFSET_POSITIONS else 0
    return int(positions) - int(offset)


def _cleaned(config: Any) -> Any:
    """The config without this machine's paths and without pointers to code."""
    config._name_or_path = ""
    for name in ("auto_map", "custom_pipelines"):
        if hasattr(config, name):
            delattr(config, name)
    return config


def _sha256(weights: Sequence[Path]) -> str:
    digests = []
    for path in weights:
        with path.open("rb") as stream:
            digests.append(sha256_of(stream))
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _unusable(name: str, error: Exception) -> ModelError:
    text = str(error)
    if "trust_remote_code" in text or "custom code" in text:
        return ModelError(
            f"{name} brings its own Python code, and edgeft never runs such code.",
            hint="Choose a model of an architecture that transformers knows.",
        )
    return ModelError(
        f"{name} cannot be loaded as a text classifier: {_first_line(error)}",
        hint="Name a whole Hugging Face model folder, with config, weights and tokenizer.",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
