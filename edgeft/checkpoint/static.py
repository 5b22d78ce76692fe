"""The static model: a text is the mean of its tokens' vectors, and a small perceptron answers.

No token looks at another, so a text costs about what its tokens' look-ups cost. Word order is
known by hashed pairs of neighbours alone, where there are any. It is a model of transformers like
any other, once ``register`` has told transformers of it.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import ArrayLike
from torch import nn
from transformers.modeling_outputs import BaseModelOutputWithPooling, SequenceClassifierOutput

from edgeft.settings import random_states

__all__ = [
    "MODEL_TYPE",
    "StaticConfig",
    "StaticForSequenceClassification",
    "StaticModel",
    "new_static",
    "register",
]

MODEL_TYPE = "edgeft-static"
# A universal hash of pairs (Carter and Wegman, "Universal classes of hash functions", 1979):
# (A x first + B x second) mod PRIME mod buckets. In int64 nothing overflows below 2^30 tokens.
PRIME = 2**31 - 1
FACTORS = (1_103_515_245, 362_437_069)
LEAST_WEIGHT = 1e-3  # of a token; its logarithm has to be a number
TINY = 1e-9  # instead of a sum of no weights


class StaticConfig(transformers.PretrainedConfig):
    """What the model is like.

    hidden_size: numbers in a token's vector. bigrams: buckets for pairs of neighbours, 0 for none.
    inner: width of the perceptron's hidden layer, 0 for none.
    """

    model_type = MODEL_TYPE

    def __init__(
        self,
        vocab_size: int = 30522,
        hidden_size: int = 128,
        bigrams: int = 0,
        inner: int = 0,
        classifier_dropout: float = 0.0,
        pad_token_id: int = 0,
        **others: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.bigrams = bigrams
        self.inner = inner
        self.classifier_dropout = classifier_dropout
        self.num_hidden_layers = 0  # none has attention that could be fused
        others.pop("num_hidden_layers", None)
        super().__init__(pad_token_id=pad_token_id, **others)


class _Static(transformers.PreTrainedModel):
    config_class = StaticConfig
    base_model_prefix = "static"

    def _init_weights(self, module: Any) -> None:
        if isinstance(module, nn.Linear):
            module.reset_parameters()
        elif isinstance(module, nn.Embedding):
            nn.init.zeros_(module.weight)


class StaticModel(_Static):
    """Token ids to one vector for each text."""

    codes: Any  # (V,) int64
    places: Any  # (V,) int64, where each token's vector stands; None where all stand in order

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.token_weights = nn.Embedding(config.vocab_size, 1)  # logarithms
        self.register_buffer("places", None, persistent=False)
        if config.bigrams:
            self.bigrams = nn.Embedding(config.bigrams, config.hidden_size)
            # What is hashed for each token: its first id, which it keeps when others are trimmed.
            self.register_buffer("codes", torch.arange(config.vocab_size))
        self.post_init()

    def get_input_embeddings(self) -> Any:
        return self.embeddings

    def set_input_embeddings(self, value: Any) -> None:
        self.embeddings = value

    def keep_tokens(self, rows: Any) -> None:
        """Keep of all that is told of tokens but their vectors the ``rows``, (V,) int64."""
        weights = self.token_weights.weight.detach()[rows].clone()
        self.token_weights = nn.Embedding.from_pretrained(weights, freeze=False)
        if self.config.bigrams:
            self.codes = self.codes[rows].clone()

    @contextmanager
    def only(self, ids: Collection[int]) -> Iterator[None]:
        """Within, the vectors of the tokens ``ids`` alone are there; no others may be asked for.

        An update of the weights then costs what these cost; the others stay as they were.
        """
        kept = torch.tensor(sorted(ids))  # (K,) int64
        tables = (self.embeddings, self.token_weights)
        whole = [table.weight for table in tables]
        self.places = torch.zeros(len(whole[0]), dtype=torch.int64)
        self.places[kept] = torch.arange(len(kept))
        for table, weights in zip(tables, whole, strict=True):
            table.weight = nn.Parameter(weights.detach()[kept].clone())
        try:
            yield
        finally:
            for table, weights in zip(tables, whole, strict=True):
                learned = table.weight.detach()
                table.weight = nn.Parameter(weights.detach().to(learned.device))
                table.weight.data[kept] = learned
            self.places = None

    def forward(
        self, input_ids: Any, attention_mask: Any = None, **_: Any
    ) -> BaseModelOutputWithPooling:
        """``pooler_output``: (B, D) float32 of (B, T) int64 ids."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        rows = input_ids if self.places is None else self.places[input_ids]
        vectors = self.embeddings(rows)  # (B, T, D)
        weights = self.token_weights(rows).squeeze(-1).exp() * mask  # (B, T)
        pooled = _mean(vectors, weights, TINY)  # (B, D)
        if self.config.bigrams:
            codes = self.codes[input_ids]  # (B, T) int64
            # Behind the last token stands the first, as no pair: so no axis is ever empty.
            following = torch.cat([codes[:, 1:], codes[:, :1]], dim=1)
            buckets = (codes * FACTORS[0] + following * FACTORS[1]) % PRIME % self.config.bigrams
            pairs = mask * torch.cat([mask[:, 1:], torch.zeros_like(mask[:, :1])], dim=1)
            pooled = pooled + _mean(self.bigrams(buckets), pairs.to(vectors.dtype), 1.0)
        return BaseModelOutputWithPooling(pooler_output=pooled)


class StaticForSequenceClassification(_Static):
    """A label for each text, from its vector by way of a small perceptron."""

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.static = StaticModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        if config.inner:
            self.inner = nn.Linear(config.hidden_size, config.inner)
        self.classifier = nn.Linear(config.inner or config.hidden_size, config.num_labels)
        self.post_init()

    def keep_tokens(self, rows: Any) -> None:
        """As ``StaticModel.keep_tokens`` has it."""
        self.static.keep_tokens(rows)

    def only(self, ids: Collection[int]) -> AbstractContextManager[None]:
        """As ``StaticModel.only`` has it."""
        return self.static.only(ids)

    def forward(
        self, input_ids: Any, attention_mask: Any = None, **_: Any
    ) -> SequenceClassifierOutput:
        """``logits``: (B, C) float32 of (B, T) int64 ids."""
        found = self.dropout(self.static(input_ids, attention_mask).pooler_output)
        if self.config.inner:
            found = self.dropout(nn.functional.gelu(self.inner(found)))
        return SequenceClassifierOutput(logits=self.classifier(found))


def new_static(
    vectors: ArrayLike,
    weights: ArrayLike,
    head: Mapping[str, Any],
    *,
    bigrams: int = 0,
    inner: int = 0,
    dropout: float = 0.0,
    pad_id: int = 0,
    seed: int = 0,
) -> StaticForSequenceClassification:
    """A model that begins with these vectors, and a perceptron of random numbers.

    ``vectors`` are (V, D), one for each token; ``weights`` (V,), at least 0, say how much a token
    counts in the mean: one that should not, such as a special one, begins with 0. ``head`` is what
    the config says of the head, such as ``id2label``. Pairs of neighbours begin as nothing.
    """
    table, counts = np.asarray(vectors, np.float32), np.asarray(weights, np.float32)
    config = StaticConfig(
        vocab_size=table.shape[0],
        hidden_size=table.shape[1],
        bigrams=bigrams,
        inner=inner,
        classifier_dropout=dropout,
        pad_token_id=pad_id,
        **head,
    )
    with random_states(seed), torch.no_grad():
        model = StaticForSequenceClassification(config)
        model.eval()
        model.static.embeddings.weight.copy_(torch.from_numpy(table))
        logarithms = np.log(np.maximum(counts, LEAST_WEIGHT))  # (V,)
        model.static.token_weights.weight.copy_(torch.from_numpy(logarithms)[:, None])
    return model


def register() -> None:
    """Let transformers know the model by its config, as often as wanted."""
    transformers.AutoConfig.register(MODEL_TYPE, StaticConfig, exist_ok=True)
    transformers.AutoModel.register(StaticConfig, StaticModel, exist_ok=True)
    transformers.AutoModelForSequenceClassification.register(
        StaticConfig, StaticForSequenceClassification, exist_ok=True
    )


def _mean(vectors: Any, weights: Any, least: float) -> Any:
    """(B, D) of (B, T, D) vectors with (B, T) weights, whose sum counts as ``least`` at least."""
    total = torch.matmul(weights.unsqueeze(1), vectors).squeeze(1)
    return total / weights.sum(dim=1, keepdim=True).clamp(min=least)
