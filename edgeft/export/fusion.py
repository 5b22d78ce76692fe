"""Fusing a graph for ONNX Runtime, and how much of it each architecture should give."""

from pathlib import Path
from typing import Any

from edgeft.checkpoint.pretrained import quiet
from edgeft.errors import GateError
from edgeft.runtime.providers import import_onnxruntime
from edgeft.settings import contained

__all__ = ["ATTENTION", "FUSED_DOMAIN", "check_fusion", "expected_layers", "fuse"]

ATTENTION = ("Attention", "QAttention", "MultiHeadAttention")
FUSED_DOMAIN = "com.microsoft"
# onnxruntime fuses the attention of every layer of these; of others (DeBERTa, MobileBERT, MPNet,
# ModernBERT, GPT-2) it fuses none today, which is no fault, and ALBERT does not gain by it.
FUSES_ALL = ("bert", "electra", "distilbert", "roberta", "xlm-roberta", "camembert")
NEVER = ("gpt2",)  # its fusion wants a cache of past tokens, which a classifier has not


def fuse(plain: Path, config: Any, path: Path, *, look_ups: bool = True) -> Path | None:
    """Write the graph with onnxruntime's own operators; None where no attention was fused.

    Without ``look_ups`` those of embeddings stay operators of their own.
    """
    import_onnxruntime()
    import onnx

    with contained():
        from onnxruntime.transformers.fusion_options import FusionOptions
        from onnxruntime.transformers.optimizer import optimize_model
        from optimum.onnxruntime.utils import ORTConfigManager

    try:
        family = ORTConfigManager.get_model_ort_type(config.model_type)
    except KeyError:
        return None
    if config.model_type in NEVER:
        return None
    options = FusionOptions(family)
    if not look_ups:
        options.enable_embed_layer_norm = False
    with contained(), quiet():
        optimizer = optimize_model(
            str(plain),
            family,
            num_heads=getattr(config, "num_attention_heads", 0),
            hidden_size=getattr(config, "hidden_size", 0),
            opt_level=1,
            optimization_options=options,
        )
    model = optimizer.model
    if not any(node.op_type in ATTENTION for node in model.graph.node):
        return None
    _drop_unused_domains(model)
    onnx.save(model, path)
    return path


def expected_layers(config: Any) -> int:
    """How many layers' attention onnxruntime should fuse: all or none."""
    return int(config.num_hidden_layers) if config.model_type in FUSES_ALL else 0


def check_fusion(config: Any, fused: int, *, allow_unfused: bool) -> str:
    """A note where fewer layers are fused than should be, "" where all is well.

    Raises GateError unless ``allow_unfused``: such a graph is right, but slow.
    """
    expected = expected_layers(config)
    if fused >= expected:
        return ""
    told = f"onnxruntime fused the attention of only {fused} of {expected} layers"
    if not allow_unfused:
        raise GateError(
            f"{told}, so the model would be slower than it should be.",
            hint="Nothing was written. Install the versions of transformers, optimum-onnx and\n"
            "onnxruntime that edgeft was tested with, or accept it with --allow-unfused.",
        )
    return f"{told}: it is right, but slower than it should be."


def _drop_unused_domains(model: Any) -> None:
    """Keep the operator sets that a node needs; readers refuse a graph for an unknown one."""
    used = {node.domain for node in model.graph.node} | {""}
    kept = [one for one in model.opset_import if one.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
