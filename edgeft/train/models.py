"""From a model's name to its local folder, tokenizer and a head on top of it.

Weights are read from safetensors alone, and no code that a model brings is run.
"""

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgeft.checkpoint.config import read_config
from edgeft.checkpoint.model import heads_of, position_limit, read_model, skeleton
from edgeft.checkpoint.padding import fit_config, pad_token
from edgeft.checkpoint.pretrained import download, loading, local_folder, quiet
from edgeft.checkpoint.sentences import Sentences, is_sentence_folder, read_sentences, suit
from edgeft.checkpoint.tokenizer import added_beyond, read_tokenizer, token_limit
from edgeft.checkpoint.weights import Weights, find_weights, wrapper_of
from edgeft.errors import ModelError
from edgeft.runtime.tokenize import TextEncoder
from edgeft.settings import random_states
from edgeft.tasks.classification import TASK
from edgeft.tasks.encoded import default_overlap
from edgeft.tasks.head import PLAIN, Head
from edgeft.tasks.prompts import before_pair, reading_pairs
from edgeft.tasks.task import Task
from edgeft.train.embedded import minilm_folder
from edgeft.train.objectives.objective import Objective

__all__ = ["ALIASES", "EMBEDDED", "NO_LIMIT", "DRAWN", "BaseModel", "build_model", "open_base"]

ALIASES = {"distilbert": "distilbert/distilbert-base-uncased"}
EMBEDDED = "minilm"
DRAWN = "static"  # a model whose weights are drawn, not read; see the module static
BY_DEFAULT = Sentences("mean", unit_length=True)  # of a plain encoder
SPREAD = 0.5  # standard deviation of the numbers that a drawn vector begins with
NO_LIMIT = 10**9  # transformers writes about 1e30 for a tokenizer without a limit


@dataclass(frozen=True)
class BaseModel:
    """A model before it is trained for ``task``.

    ``folder`` and ``weights`` are None where the weights are still to be drawn. ``wrapper`` is
    what stands before every tensor's name in its files. ``length_limit`` is the most tokens that
    it takes, special ones included. ``notes`` tell what was set right in opening it.
    ``sentences`` says how a text's vector is made, where that is its task.
    """

    name: str
    folder: Path | None
    weights: Weights | None
    config: Any
    tokenizer: Any
    length_limit: int
    wrapper: str = ""
    notes: tuple[str, ...] = ()
    task: Task = TASK
    sentences: Sentences | None = None

    @property
    def head(self) -> Head:
        """What its folder says of how outputs become answers, before any row is learned."""
        if self.sentences is None:
            return PLAIN
        return reading_pairs(self.sentences.head(self.width), self.task)

    @property
    def sha256(self) -> str:
        """That of the weights; where these are still to be drawn, that of the tokenizer."""
        if self.weights is None:
            return hashlib.sha256(self.tokenizer.backend_tokenizer.to_str().encode()).hexdigest()
        return self.weights.sha256

    @property
    def static(self) -> bool:
        """Whether it is little but its tokens' vectors."""
        from edgeft.checkpoint.static import MODEL_TYPE

        return bool(self.config.model_type == MODEL_TYPE)

    @property
    def width(self) -> int:
        """The hidden size."""
        return int(self.config.hidden_size)

    def encoder(self, max_length: int | None = None) -> TextEncoder:
        """The runtime's own encoder, so that training sees what serving will see.

        What is longer than ``max_length`` tokens is cut, or read in windows where the task tells
        of tokens; None takes texts as they are.
        """
        content = self.tokenizer.backend_tokenizer.to_str().encode()
        if max_length is None or not self.task.by_token:
            return TextEncoder(
                content,
                max_length or NO_LIMIT,
                offsets=self.task.by_token,
                apart=before_pair(self.head) if self.task.embeds else None,
            )
        overlap = default_overlap(max_length)
        return TextEncoder(content, max_length, overlap=overlap, offsets=True)


def open_base(name: str, task: Task = TASK) -> BaseModel:
    """Find a model and load its config and tokenizer, but not its weights.

    ``name`` is "minilm" (embedded), "distilbert", a local folder or a Hub id.
    Raises ModelError, DependencyError.
    """
    folder = _locate(name)
    weights = find_weights(name, folder, auto_class="AutoModel")
    with _loading(name):
        config = read_config(name, folder)
        _check_architecture(name, config, task)
        model = skeleton(config, task)
        tokenizer = read_tokenizer(name, folder)
    wrapper = wrapper_of(name, model, weights.shapes)
    notes = [*pad_token(name, tokenizer)]
    sentences = None
    if task.embeds:
        if is_sentence_folder(folder):
            sentences = read_sentences(name, folder)
        else:
            sentences = BY_DEFAULT
            notes.append(
                "It has no modules.json: vectors are the mean of its tokens', brought to length 1."
            )
        suit(tokenizer, sentences)
    if wrapper:
        notes.append(f"The names of its weights begin with {wrapper!r}, which was left out.")
    if beyond := added_beyond(name, tokenizer, getattr(config, "vocab_size", None)):
        notes.append(
            f"Its tokenizer has {len(beyond)} tokens that were added without giving the model a "
            f"place for them ({beyond[0]!r} …); they begin as the average of the others."
        )
    if tokenizer.truncation_side != "right":
        tokenizer.truncation_side = "right"
        notes.append("Its tokenizer cuts long texts at their beginning; edgeft cuts at their end.")
    limit = token_limit(name, tokenizer, position_limit(model, unlimited=NO_LIMIT))
    return BaseModel(
        name, folder, weights, config, tokenizer, limit, wrapper, tuple(notes), task, sentences
    )


def build_model(
    base: BaseModel, objective: Objective, labels: tuple[str, ...], *, seed: int
) -> Any:
    """The model with a head for ``labels``, in float32; what of it is new is drawn from ``seed``.

    Raises ModelError, also where the files leave anything but the head or a pooler
    to chance.
    """
    if base.folder is None or base.weights is None:
        model = _drawn(base, objective, labels, seed)
        objective.begin(model)
        return model
    config = read_config(base.name, base.folder)
    for name, value in objective.config(labels).items():
        setattr(config, name, value)
    with random_states(seed), _loading(base.name):
        # A head for other labels is replaced.
        loaded = read_model(
            base.name, base.folder, base.weights, config, base.task, wrapper=base.wrapper
        )
        model = loaded.model
        if added_beyond(base.name, base.tokenizer, getattr(config, "vocab_size", None)):
            with quiet():
                model.resize_token_embeddings(max(base.tokenizer.get_vocab().values()) + 1)
        if base.sentences is not None:
            from edgeft.checkpoint.embedder import Embedder

            model = Embedder(model, base.sentences)
        fit_config(model, base.tokenizer, base.task)
    if loaded.missing or loaded.other_shapes:
        objective.begin(model)
    model.config._name_or_path = ""  # a path of this machine is nobody's business
    return model


def _drawn(base: BaseModel, objective: Objective, labels: tuple[str, ...], seed: int) -> Any:
    """A static model of random numbers, in which special tokens count for nothing at first."""
    from edgeft.checkpoint.static import new_static

    config, tokenizer = base.config, base.tokenizer
    size = (config.vocab_size, config.hidden_size)
    weights = np.ones(config.vocab_size)
    weights[[one for one in tokenizer.all_special_ids if one != tokenizer.unk_token_id]] = 0
    return new_static(
        np.random.default_rng(seed).normal(0, SPREAD, size),
        weights,
        objective.config(labels),
        bigrams=config.bigrams,
        inner=config.inner,
        dropout=config.classifier_dropout,
        pad_id=config.pad_token_id,
        seed=seed,
    )


def _locate(name: str) -> Path:
    if name == EMBEDDED:
        return minilm_folder()
    hub_id = ALIASES.get(name, name)
    hint = "Name a Hugging Face model folder, a Hub id, or use --model minilm."
    return local_folder(name, hint=hint) or download(
        hub_id,
        subject=f"The model {hub_id!r}",
        hint="Check the name and the network, or use a model that needs none: --model minilm reads "
        "English, --model static learns any language from the data",
        named_by="--model",
    )


def _loading(name: str) -> AbstractContextManager[None]:
    return loading(
        name,
        kind="model",
        hint="Name a whole Hugging Face model folder, a Hub id, or use --model minilm.",
        code_hint="Choose a model of an architecture that transformers knows, such as minilm.",
    )


def _check_architecture(name: str, config: Any, task: Task) -> None:
    if type(config) not in heads_of(task) or getattr(config, "is_encoder_decoder", False):
        raise ModelError(
            f"{name}: transformers has no {task.noun} for the architecture {config.model_type!r}.",
            hint="Choose a BERT-like encoder; --model minilm needs no network.",
        )
    if not hasattr(config, "hidden_size"):
        raise ModelError(f"{name}: its config names no hidden size.")
