"""How many floating-point operations a model needs, counted from its config.

A multiplication and the addition after it are two operations. Counted are the
matrix products: they are more than 99% of an encoder's work. The counts are
those of Vaswani et al. 2017 (table 1) and Kaplan et al. 2020 (section 2.1): a
linear layer of m x n weights costs 2mn a token, and attention over T tokens of
width d costs 4Td a token, for the scores and for the weighted sum.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Operations", "operations_of"]

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Operations:
    """What one text of T tokens costs: T x per_token + T x T x per_pair + per_text.

    ``weights`` are the elements of all matrices that a run reads, each once.
    """

    per_token: float
    per_pair: float
    per_text: float
    weights: int

    def of(self, tokens: int) -> float:
        """The operations of one text of so many tokens."""
        return tokens * self.per_token + tokens * tokens * self.per_pair + self.per_text

    def of_all(self, lengths: Sequence[int]) -> float:
        """The operations of texts of these lengths, none of them padded."""
        return sum(map(self.of, lengths))


def operations_of(config: Config, outputs: int, *, by_token: bool = False) -> Operations | None:
    """The operations of a model by its config.json; None for what is not known here.

    ``outputs`` are the numbers that its head gives for a text, or for each token where
    ``by_token`` says so: its labels, or the two ends of an answer. Known are BERT and MiniLM,
    RoBERTa, XLM-R, ELECTRA, DistilBERT, ALBERT, MPNet and GPT-2.
    """
    shape_of = _FAMILIES.get(str(config.get("model_type", "")))
    if shape_of is None:
        return None
    try:
        return _operations(shape_of(config), outputs, by_token=by_token)
    except (KeyError, TypeError):
        return None


@dataclass(frozen=True)
class _Shape:
    """Transformer layers of four square matrices and two of ``inner``.

    ``stored``: layers that have weights of their own. ``embedded``: the width of
    the embeddings, projected where it is another. ``pooled``: whether a text's head goes
    through a square matrix first; that of tokens never does.
    """

    width: int
    inner: int
    layers: int
    stored: int
    embedded: int
    pooled: bool = True


def _operations(shape: _Shape, outputs: int, *, by_token: bool) -> Operations:
    width = shape.width
    layer = 4 * width * width + 2 * width * shape.inner
    projection = shape.embedded * width if shape.embedded != width else 0
    head = width * outputs
    if shape.pooled and not by_token:
        head += width * width
    return Operations(
        per_token=2.0 * (shape.layers * layer + projection + head * by_token),
        per_pair=4.0 * shape.layers * width,
        per_text=2.0 * head * (not by_token),
        weights=shape.stored * layer + projection + head,
    )


def _bert(config: Config) -> _Shape:
    width, layers = config["hidden_size"], config["num_hidden_layers"]
    return _Shape(
        width=width,
        inner=config["intermediate_size"],
        layers=layers,
        stored=layers,
        embedded=config.get("embedding_size", width),
    )


def _albert(config: Config) -> _Shape:
    width = config["hidden_size"]
    return _Shape(
        width=width,
        inner=config["intermediate_size"],
        layers=config["num_hidden_layers"],
        stored=config.get("num_hidden_groups", 1) * config.get("inner_group_num", 1),
        embedded=config["embedding_size"],
    )


def _distilbert(config: Config) -> _Shape:
    width, layers = config["dim"], config["n_layers"]
    return _Shape(
        width=width,
        inner=config["hidden_dim"],
        layers=layers,
        stored=layers,
        embedded=width,
    )


def _gpt2(config: Config) -> _Shape:
    width, layers = config["n_embd"], config["n_layer"]
    return _Shape(
        width=width,
        inner=config.get("n_inner") or 4 * width,
        layers=layers,
        stored=layers,
        embedded=width,
        pooled=False,  # and the graph applies the head to every token, though one is enough
    )


_FAMILIES: Mapping[str, Callable[[Config], _Shape]] = {
    "bert": _bert,
    "roberta": _bert,
    "xlm-roberta": _bert,
    "electra": _bert,
    "mpnet": _bert,
    "albert": _albert,
    "distilbert": _distilbert,
    "gpt2": _gpt2,
}
