"""From a torch model to an ONNX graph, fused for ONNX Runtime where that can be done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import TensorRecord
from edgeft.errors import ModelError
from edgeft.export.checkpoint import Checkpoint
from edgeft.folders import is_write_failure
from edgeft.pretrained import first_line, quiet
from edgeft.runtime.cpu import usable_cores
from edgeft.runtime.providers import DeviceName
from edgeft.runtime.session import SessionOptions, open_session

__all__ = ["Graph", "describe_graph", "export_graph"]

KNOWN_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
ATTENTION = ("Attention", "QAttention", "MultiHeadAttention")
FUSED_DOMAIN = "com.microsoft"
SAME_LOGITS = 1e-3  # what fusing may change; a larger difference means that it went wrong


@dataclass(frozen=True)
class Graph:
    """An ONNX file: "onnx" (plain operators) or "ort-fused", and its typed ends.

    ``fused_attention`` counts the layers whose attention became one operator.
    """

    kind: str
    fused_attention: int
    opset: int
    inputs: tuple[TensorRecord, ...]
    outputs: tuple[TensorRecord, ...]


def export_graph(checkpoint: Checkpoint, path: Path, work: Path) -> Graph:
    """Write the model as an fp32 graph to ``path``; ``work`` takes intermediate files.

    It is fused where the architecture allows and the answers stay the same,
    else it stays plain. Two exports give the same bytes. Raises ModelError.
    """
    plain = _export_plain(checkpoint, work)
    unknown = {one.name for one in describe_graph(plain).inputs} - KNOWN_INPUTS
    if unknown:
        raise ModelError(
            f"The exported graph wants inputs that the runtime does not know: {sorted(unknown)}.",
            hint="Choose a BERT-like encoder.",
        )
    expected = _prove(plain, checkpoint)
    fused = _fuse(plain, checkpoint.config, work)
    if fused is not None and _same(_prove(fused, checkpoint), expected):
        fused.replace(path)
    else:
        plain.replace(path)
    return describe_graph(path)


def describe_graph(path: Path) -> Graph:
    """Read a graph's ends, opset and kind."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    return Graph(
        kind="ort-fused" if any(n.domain == FUSED_DOMAIN for n in graph.node) else "onnx",
        fused_attention=sum(node.op_type in ATTENTION for node in graph.node),
        opset=next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx")),
        inputs=tuple(map(_tensor, graph.input)),
        outputs=tuple(map(_tensor, graph.output)),
    )


def _export_plain(checkpoint: Checkpoint, work: Path) -> Path:
    from optimum.exporters.onnx import onnx_export_from_model

    folder = work / "plain"
    try:
        with quiet():
            onnx_export_from_model(
                checkpoint.model, folder, task="text-classification", do_validation=False
            )
    except Exception as error:  # torch, optimum and onnx share no base
        if is_write_failure(error):
            raise
        reason = first_line(error)
        raise ModelError(
            f"The architecture {checkpoint.config.model_type!r} cannot be exported: {reason}",
            hint="Architectures that can: https://huggingface.co/docs/optimum-onnx",
        ) from error
    if any(folder.glob("*.onnx_data")):
        raise ModelError(
            "The model is larger than 2 GB, which one ONNX file cannot hold.",
            hint="Choose a smaller encoder; such a model is not for the edge.",
        )
    return folder / "model.onnx"


def _fuse(plain: Path, config: Any, work: Path) -> Path | None:
    """The graph with onnxruntime's own operators; None where no attention was fused."""
    import onnx
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model
    from optimum.onnxruntime.utils import ORTConfigManager

    try:
        family = ORTConfigManager.get_model_ort_type(config.model_type)
    except KeyError:
        return None
    with quiet():
        optimizer = optimize_model(
            str(plain),
            family,
            num_heads=getattr(config, "num_attention_heads", 0),
            hidden_size=getattr(config, "hidden_size", 0),
            opt_level=1,
            optimization_options=FusionOptions(family),
        )
    model = optimizer.model
    if not any(node.op_type in ATTENTION for node in model.graph.node):
        return None
    _drop_unused_domains(model)
    path = work / "fused.onnx"
    onnx.save(model, path)
    return path


def _drop_unused_domains(model: Any) -> None:
    """Keep the operator sets that a node needs; readers refuse a graph for an unknown one."""
    used = {node.domain for node in model.graph.node} | {""}
    kept = [one for one in model.opset_import if one.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def _prove(path: Path, checkpoint: Checkpoint) -> list[NDArray[np.float32]]:
    """Run (1, 1) and (3, max_length) tokens: both axes are dynamic, to the limit."""
    session = open_session(path, DeviceName("cpu"), SessionOptions(usable_cores()))
    names = [one.name for one in session.get_inputs()]
    answers = []
    for rows, length in ((1, 1), (3, checkpoint.max_length)):
        size = rows * length
        ids = np.arange(size).reshape(rows, length) * 31 % checkpoint.config.vocab_size
        mask = np.ones((rows, length), np.int64)
        mask[-1, (length + 1) // 2 :] = 0
        ids[mask == 0] = checkpoint.tokenizer.pad_token_id
        # All are (B, T) int64.
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        try:
            answers.append(session.run(None, {name: feed[name] for name in names})[0])
        except Exception as error:  # onnxruntime's errors share no base but Exception
            reason = first_line(error)
            raise ModelError(
                f"The exported graph does not run on {rows} texts of {length} tokens: {reason}"
            ) from error
    return answers


def _same(one: list[NDArray[np.float32]], other: list[NDArray[np.float32]]) -> bool:
    return all(np.allclose(a, b, rtol=0, atol=SAME_LOGITS) for a, b in zip(one, other, strict=True))


def _tensor(value: Any) -> TensorRecord:
    import onnx

    kind = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    shape = tuple(axis.dim_param or int(axis.dim_value) for axis in kind.shape.dim)
    return TensorRecord(value.name, dtype, shape)
