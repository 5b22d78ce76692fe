"""Predictions as columns, as tensors hold them: one for each plain value of their JSON."""

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["PREDICTION", "columns_of_shown", "value_in_column"]

PREDICTION = "prediction"  # the column that every task has: the JSON of `edgeft predict`
MISSING: Mapping[str, Any] = {"BYTES": "", "BOOL": False, "INT64": -1, "FP32": -1.0}


def columns_of_shown(shown: Mapping[str, Any]) -> dict[str, str]:
    """The columns of a model, by the JSON of one of its predictions: name → BYTES, BOOL, …."""
    found = {PREDICTION: "BYTES"}
    for name, one in shown.items():
        match one:
            case bool():
                found[name] = "BOOL"
            case int():
                found[name] = "INT64"
            case float():
                found[name] = "FP32"
            case str():
                found[name] = "BYTES"
    return found


def value_in_column(shown: Mapping[str, Any], name: str, kind: str) -> Any:
    """A prediction's value in a column; where it has none, "", false or -1."""
    if name == PREDICTION:
        return json.dumps(shown, ensure_ascii=False, allow_nan=False)
    found = shown.get(name)
    return MISSING[kind] if found is None else found
