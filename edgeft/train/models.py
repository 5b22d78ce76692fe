"""From a model's name to its local folder, tokenizer and a classifier on top of it.

Weights are read from safetensors alone, and no code that a model brings is run.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeft.bundle import sha256_of
from edgeft.errors import EdgeftError, ModelError
from edgeft.runtime.tokenize import TextEncoder
from edgeft.train.embedded import minilm_folder

__all__ = ["ALIASES", "BaseModel", "build_classifier", "open_base", "quiet"]

ALIASES = {"distilbert": "distilbert/distilbert-base-uncased"}
EMBEDDED = "minilm"
# What a model folder needs for training: no pickles, no ONNX, no other frameworks.
HUB_FILES = ("*.json", "*.txt", "*.safetensors", "*.model")
# These number their positions from pad_token_id + 1.
OFFSET_POSITIONS = (
    "camembert", "data2vec-text", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl",
)  # fmt: skip
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


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back transformers' log lines and progress bars: newly made heads are no news."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def open_base(name: str) -> BaseModel:
    """Find a model and load its config and tokenizer, but not its weights.

    ``name`` is "minilm" (embedded), "distilbert", a local folder or a Hub id.
    Raises ModelError, DependencyError.
    """
    import transformers

    folder = _locate(name)
    weights = _weights(name, folder)
    with quiet():
        try:
            config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, use_fast=True, trust_remote_code=False
            )
        except Exception as error:  # whatever a broken folder provokes
            raise _unusable(name, error) from error
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
    limit = min(_position_limit(config), int(tokenizer.model_max_length))
    return BaseModel(name, folder, _sha256(weights), config, tokenizer, limit)


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
    transformers.set_seed(seed)
    with quiet():
        try:
            model = transformers.AutoModelForSequenceClassification.from_pretrained(
                base.folder,
                config=config,
                use_safetensors=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # a head for other labels is replaced
                torch_dtype=torch.float32,
            )
        except Exception as error:
            raise _unusable(base.name, error) from error
    model.config._name_or_path = ""  # a path of this machine is nobody's business
    return model


# --- finding the folder ------------------------------------------------------------


def _locate(name: str) -> Path:
    if name == EMBEDDED:
        return minilm_folder()
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(
                f"{name} is no model folder: it has no config.json.",
                hint="Name a Hugging Face model folder, a Hub id, or use --model minilm.",
            )
        return path
    if path.exists() or path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise ModelError(
            f"{name} is not a folder.",
            hint="Name a Hugging Face model folder, a Hub id, or use --model minilm.",
        )
    return _download(name)


def _download(name: str) -> Path:
    import huggingface_hub
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    hub_id = ALIASES.get(name, name)
    try:
        return Path(huggingface_hub.snapshot_download(hub_id, allow_patterns=list(HUB_FILES)))
    except Exception as error:  # the Hub's client, its HTTP library and the system share no base
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"The model {hub_id!r} is no folder here and could not be had from the Hub: {reason}",
            hint="Check the name and the network, or use the embedded model: --model minilm",
        ) from error


# --- what a folder must hold ---------------------------------------------------------


def _weights(name: str, folder: Path) -> list[Path]:
    weights = sorted(folder.glob("*.safetensors"))
    if weights:
        return weights
    others = sorted(path.name for path in (*folder.glob("*.bin"), *folder.glob("*.h5")))
    found = f"it has only {', '.join(others)}" if others else "it has no weights"
    raise ModelError(
        f"{name}: {found}; edgeft reads weights from .safetensors alone, which cannot hold code.",
        hint="Convert it once where you trust it: "
        "AutoModel.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)",
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


def _position_limit(config: Any) -> int:
    """The most tokens that the position embeddings cover."""
    positions = getattr(config, "max_position_embeddings", None)
    if not positions or positions < 0:
        return NO_LIMIT
    offset = config.pad_token_id + 1 if config.model_type in OFFSET_POSITIONS else 0
    return int(positions) - int(offset)


def _sha256(weights: Sequence[Path]) -> str:
    """The sha256 of the weights file; of all files' sha256 in order where there are several."""
    digests = []
    for path in weights:
        with path.open("rb") as stream:
            digests.append(sha256_of(stream))
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _unusable(name: str, error: Exception) -> EdgeftError:
    text = str(error).strip()
    if "trust_remote_code" in text or "custom code" in text:
        return ModelError(
            f"{name} brings its own Python code, and edgeft never runs such code.",
            hint="Choose a model of an architecture that transformers knows, such as minilm.",
        )
    reason = (text.splitlines() or [type(error).__name__])[0]
    return ModelError(
        f"{name} cannot be loaded as a model: {reason}",
        hint="Name a whole Hugging Face model folder, a Hub id, or use --model minilm.",
    )
