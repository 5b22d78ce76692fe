"""From a torch model to an ONNX graph, fused for ONNX Runtime where that can be done."""

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import TensorRecord
from edgeft.bundle.manifest import KNOWN_INPUTS
from edgeft.checkpoint.open import Checkpoint
from edgeft.checkpoint.pretrained import quiet
from edgeft.errors import GateError, ModelError, first_line
from edgeft.export.embedder import write_embedder
from edgeft.export.fusion import ATTENTION, FUSED_DOMAIN, check_fusion, fuse
from edgeft.export.static import is_static, write_static
from edgeft.folders import is_write_failure
from edgeft.proof.limits import SAME_LOGITS
from edgeft.runtime.cpu import usable_cores
from edgeft.runtime.providers import DeviceName, import_onnxruntime
from edgeft.runtime.session import SessionOptions, open_session
from edgeft.settings import contained, random_states
from edgeft.tasks.task import Task

__all__ = ["Graph", "Graphs", "describe_graph", "export_graphs"]

MOST_GROWTH = 1.1  # of the file, by fusing


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


@dataclass(frozen=True)
class Graphs:
    """A model as ONNX, in float32: ``plain`` operators, and ``fused`` where that pays.

    ``fused`` is the plain one where fusing is impossible, changes the answers,
    or makes the file much larger. ``gathering`` is the fused one with the look-ups of
    embeddings as operators of their own, where that was asked for. ``notes`` tell what a user
    should know.
    """

    plain: Path
    fused: Path
    gathering: Path
    notes: tuple[str, ...] = ()


def export_graphs(
    checkpoint: Checkpoint, work: Path, *, allow_unfused: bool = False, gathering: bool = False
) -> Graphs:
    """Write the model's fp32 graphs into ``work``. Two exports give the same bytes.

    Raises ModelError where the architecture cannot be exported, GateError where
    onnxruntime fused less of it than it should.
    """
    plain = _export_plain(checkpoint, work)
    unknown = {one.name for one in describe_graph(plain).inputs} - KNOWN_INPUTS
    if unknown:
        raise ModelError(
            f"The exported graph wants inputs that the runtime does not know: {sorted(unknown)}.",
            hint="Choose a BERT-like encoder.",
        )
    expected = _prove(plain, checkpoint)
    fused = fuse(plain, checkpoint.config, work / "fused.onnx")
    layers = describe_graph(fused).fused_attention if fused is not None else 0
    notes = [check_fusion(checkpoint.config, layers, allow_unfused=allow_unfused)]
    if fused is None:
        fused = plain
    elif not _same(_prove(fused, checkpoint), expected, checkpoint.task):
        if not allow_unfused:
            raise GateError(
                "The graph that onnxruntime fused answers otherwise than before.",
                hint="Nothing was written. Accept an unfused, slower one with --allow-unfused.",
            )
        notes.append("The graph was left unfused: fused, it answers otherwise.")
        fused = plain
    elif fused.stat().st_size > MOST_GROWTH * plain.stat().st_size:
        grown = f"{plain.stat().st_size / 1e6:.0f} to {fused.stat().st_size / 1e6:.0f} MB"
        notes.append(f"The graph was left unfused: fusing copies shared layers, {grown}.")
        fused = plain
    apart = fused
    if gathering and fused != plain:
        apart = fuse(plain, checkpoint.config, work / "gathering.onnx", look_ups=False) or plain
    return Graphs(plain, fused, apart, tuple(note for note in notes if note))


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
    import_onnxruntime()
    with contained():
        from optimum.exporters.onnx import onnx_export_from_model

    folder = work / "plain"
    try:
        with contained(), quiet(), random_states(seed=0):  # it is traced on random ids
            if is_static(checkpoint):
                write_static(checkpoint, folder / "model.onnx")
            elif checkpoint.task.embeds:
                write_embedder(checkpoint, folder / "model.onnx")
            else:
                onnx_export_from_model(
                    checkpoint.model, folder, task=checkpoint.task.export_task, do_validation=False
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


def _prove(path: Path, checkpoint: Checkpoint) -> list[NDArray[np.float32]]:
    """Run (1, 1), (3, 64) and (1, max_length) tokens: both axes are dynamic, to the limit.

    Gives each output of each run; of one along tokens what stands for the padding is no answer.
    """
    lacking = {*checkpoint.task.outputs} - {one.name for one in describe_graph(path).outputs}
    if lacking:
        raise ModelError(
            f"The exported graph does not give {sorted(lacking)}, which a {checkpoint.task.noun} "
            "answers with.",
            hint="Choose a BERT-like encoder.",
        )
    session = open_session(path, DeviceName("cpu"), SessionOptions(usable_cores()))
    names = [one.name for one in session.get_inputs()]
    answers = []
    most = checkpoint.max_length
    for rows, length in ((1, 1), (3, min(64, most)), (1, most)):
        size = rows * length
        ids = np.arange(size).reshape(rows, length) * 31 % checkpoint.config.vocab_size
        mask = np.ones((rows, length), np.int64)
        mask[-1, (length + 1) // 2 :] = 0
        ids[mask == 0] = checkpoint.pad_id
        # All are (B, T) int64.
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        try:
            given = session.run(list(checkpoint.task.outputs), {name: feed[name] for name in names})
        except Exception as error:  # onnxruntime's errors share no base but Exception
            reason = first_line(error)
            raise ModelError(
                f"The exported graph does not run on {rows} texts of {length} tokens: {reason}"
            ) from error
        for axes, one in zip(checkpoint.task.outputs.values(), given, strict=True):
            answers.append(one[mask == 1] if "tokens" in axes else one)
    return answers


def _same(one: list[NDArray[np.float32]], other: list[NDArray[np.float32]], task: Task) -> bool:
    return all(
        np.allclose(a, b, rtol=0, atol=SAME_LOGITS * task.unit({name: b}))
        for name, a, b in zip(cycle(task.outputs), one, other, strict=False)
    )


def _tensor(value: Any) -> TensorRecord:
    import onnx

    kind = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    shape = tuple(axis.dim_param or int(axis.dim_value) for axis in kind.shape.dim)
    return TensorRecord(value.name, dtype, shape)
