"""The shape of a benchmark's JSON document, which people edit, cut and send around.

Whoever reads one relies on what is here; what else stands in it nobody reads.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["fault_of"]

LARGEST, SMALLEST = 1e18, 1e-18  # of all that is measured; charts take logarithms and quotients
PARTS = ("tokenize", "wait", "run", "decode", "other")  # of a time that is split
ENERGY = ("", "rapl", "nvml", "battery")


@dataclass(frozen=True)
class _Kind:
    words: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class _Maybe:
    """A value or null."""

    of: Any


@dataclass(frozen=True)
class _Some:
    """A list."""

    of: Any
    least: int = 0


@dataclass(frozen=True)
class _Named:
    """An object with keys of its own, or with some of ``keys``."""

    of: Any
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Spare:
    """A key that may be missing."""

    of: Any


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= LARGEST  # nor is NaN
    )


_TEXT = _Kind("text", lambda value: isinstance(value, str))
_SIGNED = _Kind("number", _is_number)
_NUMBER = _Kind("number from 0 on", lambda value: _is_number(value) and value >= 0)
_POSITIVE = _Kind("number above 0", lambda value: _is_number(value) and value >= SMALLEST)
_COUNT = _Kind("whole number", lambda value: isinstance(value, int) and _NUMBER.fits(value))
_ENERGY = _Kind(f"one of {', '.join(map(repr, ENERGY))}", lambda value: value in ENERGY)

_FIGURE = {
    "median": _NUMBER,
    "low": _Maybe(_NUMBER),
    "high": _Maybe(_NUMBER),
    "confidence": _Maybe(_NUMBER),
    "values": _Some(_NUMBER, least=1),
}
_FIGURES = ("single_p50_ms", "single_p99_ms", "tokens_per_s", "texts_per_s", "cpu_s_per_1000",
            "joules_per_1000", "highest_rate", "peak_rss_bytes", "first_ms", "load_ms")  # fmt: skip
_ROOFLINE = {
    "operations_per_s": _POSITIVE,
    "intensity": _POSITIVE,
    "peak_operations_per_s": _POSITIVE,
    "peak_bytes_per_s": _POSITIVE,
    "share": _NUMBER,
    "bound": _TEXT,
}
_TRIAL = {
    "rate_texts_per_s": _NUMBER,
    "p50_ms": _Maybe(_NUMBER),
    "p99_ms": _Maybe(_NUMBER),
    "goodput_texts_per_s": _NUMBER,
    "refused": _COUNT,
}
_FAILED = {
    "name": _TEXT,
    "device": _TEXT,
    "variant": _TEXT,
    "threads": _Maybe(_COUNT),
    "batch_tokens": _Maybe(_COUNT),
    "length": _Maybe(_COUNT),
    "texts": {"sha256": _TEXT},
    "error": _TEXT,
}
_MEASURED = {
    **{key: shape for key, shape in _FAILED.items() if key != "error"},
    "threads": _COUNT,
    "precision": _TEXT,
    "file_bytes": _NUMBER,
    "quality": {
        **dict.fromkeys(("accuracy", "figure"), _Spare(_Maybe(_NUMBER))),
        "metrics": _Spare(_Some(_TEXT, least=1)),
        "drop_points": _Maybe(_SIGNED),
        "drop_metric": _Maybe(_TEXT),
    },
    "verdict": _TEXT,
    "quantiles_ms": _Some(_NUMBER),
    "energy_source": _ENERGY,
    "padding": _Maybe(_SIGNED),
    **dict.fromkeys(("agreement", "label_agreement"), _Spare(_Maybe(_NUMBER))),
    "alike": _Spare(_TEXT),
    "stages": _Spare(_Named(_NUMBER)),
    "trials": _Some(_TRIAL),
    "buckets": _Some({"tokens": _NUMBER, "p50_ms": _NUMBER}),
    **dict.fromkeys(("p90_ms", "p99_ms", "p99_9_ms"), _Maybe(_NUMBER)),
    **dict.fromkeys(_FIGURES, _Maybe(_FIGURE)),
    **dict.fromkeys(("first_ms", "load_ms"), _FIGURE),
    **dict.fromkeys(("single_roofline", "offline_roofline"), _Maybe(_ROOFLINE)),
    **dict.fromkeys(("single_split", "offline_split"), _Named(_NUMBER, PARTS)),
}  # fmt: skip
_MACHINE = {
    "cpu": _TEXT,
    "features": _Some(_TEXT),
    "usable_cores": _COUNT,
    "host_cores": _COUNT,
    "memory_bytes": _Maybe(_NUMBER),
    "system": _TEXT,
    "python": _TEXT,
    "packages": _Named(_TEXT),
    "gpus": _Some({"name": _TEXT}),
}
_DOCUMENT = {
    "name": _TEXT,
    "command": _TEXT,
    "bundle_digest": _Spare(_TEXT),
    "task": _Spare(_TEXT),
    "machine": _MACHINE,
    "texts": {
        "sha256": _TEXT,
        "source": _TEXT,
        "kind": _Spare(_TEXT),
        **dict.fromkeys(("truncated", "windowed"), _Spare(_COUNT)),
        **dict.fromkeys(("count", "tokens_p50", "tokens_p90", "tokens_max"), _COUNT),
    },
    "config": _Spare({"slo_ms": _Spare(_Maybe(_NUMBER))}),
    "method": _TEXT,
    "cells": _Some(_Kind("object", lambda value: isinstance(value, dict))),
    "verdicts": _Some(_TEXT),
    "warnings": _Some(_TEXT),
}


def fault_of(document: Mapping[str, Any]) -> str:
    """The first thing that is missing from a document or is not of its kind; "" where all is."""
    return next(_faults(document), "")


def _faults(document: Mapping[str, Any]) -> Iterator[str]:
    yield from _unfit(document, _DOCUMENT, "")
    for at, cell in enumerate(document["cells"]):
        place = f"cells[{at}]"
        yield from _unfit(cell, _FAILED if "error" in cell else _MEASURED, place)
        if "error" in cell:
            continue
        for name in _FIGURES:
            figure = cell[name]
            if figure and (figure["low"] is None) != (figure["high"] is None):
                yield f"{place}.{name} has one end of an interval alone"
        if cell["joules_per_1000"] and not cell["energy_source"]:
            yield f"{place} does not say where its energy comes from"


def _unfit(value: Any, shape: Any, place: str) -> Iterator[str]:
    here = place or "it"
    match shape:
        case _Kind():
            if not shape.fits(value):
                yield f"{here} is no {shape.words}"
        case _Maybe():
            if value is not None:
                yield from _unfit(value, shape.of, place)
        case _Some():
            if not isinstance(value, list):
                yield f"{here} is no list"
                return
            if len(value) < shape.least:
                yield f"{here} is empty"
            for at, one in enumerate(value):
                yield from _unfit(one, shape.of, f"{here}[{at}]")
        case _:
            if not isinstance(value, dict):
                yield f"{here} is no object"
            elif isinstance(shape, _Named):
                for key, one in value.items():
                    if shape.keys and key not in shape.keys:
                        yield f"{here} has the unknown key {key!r}"
                    yield from _unfit(one, shape.of, f"{here}.{key}")
            else:
                yield from _unfit_keys(value, shape, place)


def _unfit_keys(value: dict[str, Any], shape: Mapping[str, Any], place: str) -> Iterator[str]:
    for key, wanted in shape.items():
        spare = isinstance(wanted, _Spare)
        if key in value:
            inner = f"{place}.{key}" if place else key
            yield from _unfit(value[key], wanted.of if spare else wanted, inner)
        elif not spare:
            yield f"{place or 'it'} lacks {key!r}"
