"""A model's config.json, as whichever version of transformers wrote it."""

import json
from pathlib import Path
from typing import Any

from edgeft.errors import ModelError

__all__ = ["names_labels", "read_config"]


def read_config(name: str, folder: Path) -> Any:
    """The config of the model in ``folder``; ``check_folder`` has passed it.

    Raises ModelError for weights or labels that cannot be used, and whatever else
    a broken config provokes in transformers.
    """
    import transformers

    from edgeft.checkpoint.static import register

    register()
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    _check_quantization(name, raw)
    _check_labels(name, raw)
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if not raw.get("id2label") and raw.get("label2id"):
        config.id2label = {at: label for label, at in raw["label2id"].items()}
    _rotate(name, config, raw)
    # What a caller once wanted to see beside the logits is nothing that a graph should give.
    config.return_dict, config.output_hidden_states, config.output_attentions = True, False, False
    return config


def names_labels(folder: Path) -> bool:
    """Whether config.json says how many labels there are."""
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return any(raw.get(field) for field in ("id2label", "label2id", "num_labels"))


def _check_quantization(name: str, raw: dict[str, Any]) -> None:
    quantization = raw.get("quantization_config")
    if quantization:
        method = quantization.get("quant_method") if isinstance(quantization, dict) else None
        raise ModelError(
            f"{name}: its weights are quantized ({method or 'quantization_config'}), and edgeft "
            "takes whole ones.",
            hint="Name the model that it was made from; edgeft export makes int8 and int4 itself.",
        )


def _check_labels(name: str, raw: dict[str, Any]) -> None:
    by_id, ids = raw.get("id2label"), raw.get("label2id")
    if by_id and not (isinstance(by_id, dict) and all(_is_id(one) for one in by_id)):
        raise ModelError(
            f"{name}: id2label in its config.json does not lead from the ids 0, 1 … to labels.",
            hint='Correct config.json, for example: "id2label": {"0": "no", "1": "yes"}',
        )
    if not by_id and ids:
        found = sorted(ids.values(), key=str) if isinstance(ids, dict) else None
        if found != list(range(len(ids))):
            raise ModelError(
                f"{name}: label2id in its config.json does not lead from labels to 0, 1 …",
                hint='Correct config.json, for example: "id2label": {"0": "no", "1": "yes"}',
            )


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _rotate(name: str, config: Any, raw: dict[str, Any]) -> None:
    """Give the config the rotary positions that transformers 5 writes as ``rope_parameters``.

    Version 4 does not read that field: it would take its own defaults, and the
    model would answer otherwise without a word.
    """
    import transformers

    stated = raw.get("rope_parameters")
    if not stated or int(transformers.__version__.split(".")[0]) >= 5:
        return
    if not _take_rope(config, stated):
        raise ModelError(
            f"{name}: its config.json states rope_parameters as transformers 5 does, of a kind "
            f"that version {transformers.__version__} cannot express for {config.model_type!r}.",
            hint="Save it with transformers 4, or choose a model that was.",
        )
    del config.rope_parameters


def _take_rope(config: Any, stated: Any) -> bool:
    """Whether the config could take all that is stated."""
    if not isinstance(stated, dict):
        return False
    layers = {kind: one for kind, one in stated.items() if isinstance(one, dict)}
    if layers:  # a base for layers that see everything, and one for those that look nearby
        whole, near = layers.pop("full_attention", {}), layers.pop("sliding_attention", {})
        if layers or any(one.get("rope_type", "default") != "default" for one in (whole, near)):
            return False
        places = (
            ("global_rope_theta", "local_rope_theta")
            if hasattr(config, "global_rope_theta")
            else ("rope_theta", "rope_local_base_freq")
        )
        pairs = zip(places, (whole, near), strict=True)
        return all(_set(config, place, one.get("rope_theta")) for place, one in pairs)
    rest = dict(stated)
    theta = rest.pop("rope_theta", None)
    share = rest.pop("partial_rotary_factor", None)
    kind = rest.get("rope_type", rest.get("type", "default"))
    if theta is not None and not any(
        _set(config, place, theta) for place in ("rope_theta", "rotary_emb_base")
    ):
        return False
    if share is not None and not any(
        _set(config, place, share) for place in ("partial_rotary_factor", "rotary_pct")
    ):
        return bool(share == 1.0)
    if kind == "default":
        return True
    return _set(config, "rope_scaling", rest)


def _set(config: Any, field: str, value: Any) -> bool:
    if value is None or not hasattr(config, field):
        return False
    setattr(config, field, value)
    return True
