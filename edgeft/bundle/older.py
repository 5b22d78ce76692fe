"""What version 0.1 wrote, in today's form.

Then one model's task and labels stood on top of a manifest, goldens were logits, a head was a
decision, and every answer a label; the one step of its pipeline had a threshold, which was null.
"""

from collections.abc import Mapping
from typing import Any

from edgeft.bundle.manifest import CLASS_LOGITS

__all__ = ["of_today"]

# What a variant measured: name, the old name of one of its figures, and the one of today.
MEASURED = (
    ("parity", "label_agreement", "agreement"),
    ("clear_agreement", "label_agreement", "agreement"),
    ("clear_agreement", "texts", "clear"),
    ("batch", "label_flips", "flips"),
)


def of_today(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """A manifest of version 0.1 as it would stand today; any other is given back."""
    steps = content.get("pipeline")
    if isinstance(steps, list):
        content = {**content, "pipeline": [_step(one) for one in steps]}
    models = content.get("models")
    if "labels" not in content or not isinstance(models, dict):
        return content
    shared = {name: content[name] for name in ("task", "labels") if name in content}
    return {
        **content,
        "models": {name: _model(one, shared) for name, one in models.items()},
    }


def _step(step: Any) -> Any:
    return _renamed(step, "threshold", "below") if isinstance(step, dict) else step


def _model(model: Any, shared: Mapping[str, Any]) -> Any:
    if not isinstance(model, dict):
        return model
    today = {**shared, **_renamed(model, "golden_texts", "golden_inputs")}
    variants = model.get("variants")
    if isinstance(variants, dict):
        today["variants"] = {name: _variant(one) for name, one in variants.items()}
    return today


def _variant(variant: Any) -> Any:
    if not isinstance(variant, dict):
        return variant
    today, golden = _renamed(variant, "decision", "head"), variant.get("golden")
    if isinstance(golden, dict) and CLASS_LOGITS in golden:
        today["golden"] = {**golden, "outputs": {CLASS_LOGITS: golden[CLASS_LOGITS]}}
    if isinstance(measured := variant.get("measured"), dict):
        today["measured"] = measured = dict(measured)
        for name, old, new in MEASURED:
            if isinstance(figures := measured.get(name), dict):
                measured[name] = _renamed(figures, old, new)
    return today


def _renamed(content: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if key == old else key: value for key, value in content.items()}
