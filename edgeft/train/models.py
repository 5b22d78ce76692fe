"""From a model's name to its local folder, tokenizer and a classifier on top of it.

Weights are read from safetensors alone, and no code that a model brings is run.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.errors import ModelError
from edgeft.pretrained import (
    download,
    find_weights,
    load_config_and_tokenizer,
    loading,
    local_folder,
    position_limit,
    weights_sha256,
)
from edgeft.runtime.tokenize import TextEncoder
from edgeft.settings import random_states
from edgeft.train.embedded import minilm_folder

__all__ = ["ALIASES", "EMBEDDED", "BaseModel", "build_classifier", "open_base"]

ALIASES = {"distilbert": "distilbert/distilbert-base-uncased"}
EMBEDDED = "minilm"
NO_LIMIT = 10**9  # transformers writes about 1e30 for a tokenizer without a limit


@dataclass(frozen=True)
class BaseModel:
    """A pretrained model before training.

    ``sha256`` is that of its weights. ``length_limit`` is the most tokens that
    it takes, special ones included.
    """

    name: str
    folder: Path
    sha256: str
    config: Any
    tokenizer: Any
    length_limit: int

    @property
    def width(self) -> int:
        """The hidden size."""
        return int(self.config.hidden_size)

    def encoder(self, max_length: int | None = None) -> TextEncoder:
        """The runtime's own encoder, so that training sees what serving will see."""
        return TextEncoder(
            self.tokenizer.backend_tokenizer.to_str().encode(), max_length or NO_LIMIT
        )


def open_base(name: str) -> BaseModel:
    """Find a model and load its config and tokenizer, but not its weights.

    ``name`` is "minilm" (embedded), "distilbert", a local folder or a Hub id.
    Raises ModelError, DependencyError.
    """
    folder = _locate(name)
    weights = find_weights(name, folder, prefix="", auto_class="AutoModel")
    with _loading(name):
        config, tokenizer = load_config_and_tokenizer(folder)
    _check_architecture(name, config)
    if not tokenizer.is_fast:
        raise ModelError(
            f"{name}: its tokenizer has no tokenizer.json form, which the runtime needs.",
            hint="Choose another model; --model minilm needs no network.",
        )
    if tokenizer.pad_token_id is None:
        raise ModelError(
            f"{name}: its tokenizer has no padding token, so it is no BERT-like encoder.",
            hint="Choose another model; --model minilm needs no network.",
        )
    limit = min(position_limit(config, unlimited=NO_LIMIT), int(tokenizer.model_max_length))
    return BaseModel(name, folder, weights_sha256(weights), config, tokenizer, limit)


def build_classifier(base: BaseModel, labels: Sequence[str], *, seed: int) -> Any:
    """The pretrained encoder with a head for ``labels``, in float32; new weights from ``seed``.

    Raises ModelError.
    """
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(base.folder, trust_remote_code=False)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
    config.problem_type = "single_label_classification"
    with random_states(seed), _loading(base.name):
        model = transformers.AutoModelForSequenceClassification.from_pretrained(
            base.folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # a head for other labels is replaced
            torch_dtype=torch.float32,
        )
    model.config._name_or_path = ""  # a path of this machine is nobody's business
    return model


def _locate(name: str) -> Path:
    if name == EMBEDDED:
        return minilm_folder()
    hub_id = ALIASES.get(name, name)
    hint = "Name a Hugging Face model folder, a Hub id, or use --model minilm."
    return local_folder(name, hint=hint) or download(
        hub_id,
        subject=f"The model {hub_id!r}",
        hint="Check the name and the network, or use the embedded model: --model minilm",
    )


def _loading(name: str) -> AbstractContextManager[None]:
    return loading(
        name,
        kind="model",
        hint="Name a whole Hugging Face model folder, a Hub id, or use --model minilm.",
        code_hint="Choose a model of an architecture that transformers knows, such as minilm.",
    )


def _check_architecture(name: str, config: Any) -> None:
    import transformers

    heads = transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
    if type(config) not in heads or getattr(config, "is_encoder_decoder", False):
        raise ModelError(
            f"{name}: transformers has no text classifier for the architecture "
            f"{config.model_type!r}.",
            hint="Choose a BERT-like encoder; --model minilm needs no network.",
        )
    if not hasattr(config, "hidden_size"):
        raise ModelError(f"{name}: its config names no hidden size.")
