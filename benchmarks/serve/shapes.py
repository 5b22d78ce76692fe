"""How each server is asked one text over HTTP, and where its answer has the label."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["SHAPES", "Shape"]


@dataclass(frozen=True)
class Shape:
    """path: of the route. body: a text as JSON values. told: of an answer the label and score."""

    path: str
    body: Callable[[str], Any]
    told: Callable[[Any], tuple[str, float]]


def _plain(document: Any) -> tuple[str, float]:
    return document["label"], document["score"]


def _best(document: Any) -> tuple[str, float]:
    """The likeliest label of the only text."""
    (scores,) = document["data"]
    best = max(scores, key=lambda one: one["score"])
    return best["label"], best["score"]


SHAPES: Mapping[str, Shape] = {
    "edgeft": Shape(
        "/v1/predict", lambda text: {"input": text}, lambda found: _plain(found["prediction"])
    ),
    "plain": Shape("/predict", lambda text: {"text": text}, _plain),
    "infinity": Shape("/classify", lambda text: {"model": "main", "input": [text]}, _best),
}
