"""One file from text to label: a variant with its tokenizer inside."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeft.errors import DependencyError, GateError
from edgeft.export.text_graph import text_graph
from edgeft.runtime.model import Model
from edgeft.runtime.providers import import_onnxruntime
from edgeft.runtime.runner import GROUP
from edgeft.runtime.tokenize import TextEncoder
from edgeft.settings import contained
from edgeft.tasks.builtin import SPELLING_TEXTS
from edgeft.tasks.head import PLAIN

if TYPE_CHECKING:
    import onnx
    import onnxruntime

__all__ = [
    "SINGLE_FILE",
    "SingleFile",
    "check_extensions",
    "compare_ids",
    "prove",
    "spelling_differences",
    "write_single_file",
]

SINGLE_FILE = "onnx/model_text.onnx"
LEAST_SAME = 0.999  # of the texts must get the very ids that the runtime gives
LABELLED_TEXTS = 1000


@dataclass(frozen=True)
class SingleFile:
    """A single file and how it compares with the folder.

    same_ids: the share of ``texts`` that get the very token ids of the runtime.
    same_labels: the share of ``labelled`` texts that get the variant's label.
    differences: (text, the runtime's tokens, the file's) of those difficult
        texts that the file reads in another way.
    """

    variant: str
    texts: int
    same_ids: float
    labelled: int
    same_labels: float
    differences: tuple[tuple[str, str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready dictionary."""
        return {
            "file": SINGLE_FILE,
            **asdict(self),
            "differences": list(map(list, self.differences)),
        }


def check_extensions() -> None:
    """Raise DependencyError where the package with the tokenizers' operators is missing."""
    if find_spec("onnxruntime_extensions") is None:
        raise DependencyError(
            "A single file needs onnxruntime-extensions, which is not installed.",
            hint="Install it with: pip install 'edgeft[single-file]'",
        )


def write_single_file(
    graph: Path,
    path: Path,
    tokenizer: Mapping[str, Any],
    *,
    labels: Sequence[str],
    temperature: float,
    encoder: TextEncoder,
    pad_id: int,
    max_length: int,
) -> "onnx.ModelProto":
    """Write ``graph`` with its tokenizer before it and its labels behind it to ``path``.

    "text" (N,) strings go in; "label" (N,) strings and "scores" (N, C) float32
    come out. Returns the part up to the token ids. Raises ModelError for a
    tokenizer that no operator computes.
    """
    import onnx
    import onnx.compose

    model = onnx.load(graph)
    opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
    prefix, suffix, unknown = encoder.frame()
    texts = text_graph(
        tokenizer,
        prefix=prefix,
        suffix=suffix,
        unknown=unknown,
        pad_id=pad_id,
        max_length=max_length,
        opset=opset,
        ir_version=model.ir_version,
    )
    wanted = [one.name for one in model.graph.input]
    whole = onnx.compose.merge_models(
        texts,
        onnx.compose.add_prefix(model, "model/"),
        io_map=[(name, f"model/{name}") for name in wanted],
    )
    _add_answers(whole, labels, temperature)
    whole.producer_name = "edgeft"
    onnx.save(whole, path)
    return texts


def prove(
    model: Model,
    path: Path,
    to_ids: "onnx.ModelProto",
    encoder: TextEncoder,
    texts: Sequence[str],
    *,
    held: Sequence[str],
) -> SingleFile:
    """Compare the file with the variant that it was made of, on texts.

    Raises GateError where more than one in a thousand of those ``held`` gets
    other ids, or another label where the ids are the same.
    """
    pairs = compare_ids(to_ids, encoder, texts)
    same = dict(zip(texts, (one == its for one, its in pairs), strict=True))
    others = sum(not same[text] for text in held)
    if others > (1 - LEAST_SAME) * len(held):
        raise GateError(
            f"The tokenizer inside the single file reads {others:,} of {len(held):,} texts "
            f"otherwise than the runtime (allowed: {1 - LEAST_SAME:.1%}).",
            hint="Nothing was written. Export without --single-file.",
        )
    some = texts[:LABELLED_TEXTS]
    session = _session(str(path))
    # One by one, since neighbours may touch the answers of some variants.
    labels = [session.run(["label"], {"text": _strings([text])})[0][0] for text in some]
    encoded, outputs = model.outputs(some, alone=True)
    best = model.task.answer(outputs, encoded, some, model.labels, PLAIN).likeliest
    alike = [label == model.labels[at] for label, at in zip(labels, best, strict=True)]
    wrong = sum(same[text] and not one for text, one in zip(some, alike, strict=True))
    if wrong > (1 - LEAST_SAME) * len(some):
        raise GateError(
            f"The single file gives another label than {model.variant} to {wrong:,} of "
            f"{len(some):,} texts that it reads alike.",
            hint="Nothing was written. Please report it with the model's architecture.",
        )
    return SingleFile(
        variant=model.variant,
        texts=len(texts),
        same_ids=round(sum(same.values()) / len(same), 6),
        labelled=len(some),
        same_labels=round(sum(alike) / len(some), 6),
        differences=spelling_differences(to_ids, encoder),
    )


def compare_ids(
    to_ids: "onnx.ModelProto", encoder: TextEncoder, texts: Sequence[str]
) -> list[tuple[list[int], list[int]]]:
    """Each text's ids by the runtime and by the graph, without padding."""
    session = _session(to_ids.SerializeToString())
    pairs = []
    for begin in range(0, len(texts), GROUP):
        part = texts[begin : begin + GROUP]
        ids, mask = session.run(["input_ids", "attention_mask"], {"text": _strings(part)})
        for one, row, size in zip(encoder.encode(part), ids, mask.sum(axis=1), strict=True):
            pairs.append((one.ids, row[:size].tolist()))
    return pairs


def spelling_differences(
    to_ids: "onnx.ModelProto", encoder: TextEncoder
) -> tuple[tuple[str, str, str], ...]:
    """(text, the runtime's tokens, the graph's) of difficult texts that the two read otherwise."""
    pairs = compare_ids(to_ids, encoder, SPELLING_TEXTS)
    return tuple(
        (text, " ".join(encoder.tokens(one)), " ".join(encoder.tokens(its)))
        for text, (one, its) in zip(SPELLING_TEXTS, pairs, strict=True)
        if one != its
    )


def _add_answers(model: "onnx.ModelProto", labels: Sequence[str], temperature: float) -> None:
    """Turn the graph's logits into the likeliest label and the scores of all."""
    from onnx import TensorProto, helper

    graph = model.graph
    logits = "model/logits"
    names = helper.make_tensor(
        "labels", TensorProto.STRING, [len(labels)], [label.encode() for label in labels]
    )
    heat = helper.make_tensor("temperature", TensorProto.FLOAT, [], [temperature])
    graph.initializer.extend([names, heat])
    graph.node.extend(
        [
            helper.make_node("Div", [logits, "temperature"], ["scaled"], "answer/scale"),
            helper.make_node("Softmax", ["scaled"], ["scores"], "answer/scores", axis=-1),
            helper.make_node("ArgMax", [logits], ["best"], "answer/best", axis=-1, keepdims=0),
            helper.make_node("Gather", ["labels", "best"], ["label"], "answer/label"),
        ]
    )
    del graph.output[:]
    graph.output.extend(
        [
            helper.make_tensor_value_info("label", TensorProto.STRING, ["N"]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", len(labels)]),
        ]
    )


def _session(model: str | bytes) -> "onnxruntime.InferenceSession":
    onnxruntime = import_onnxruntime()
    with contained():
        import onnxruntime_extensions

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _strings(texts: Sequence[str]) -> NDArray[np.object_]:
    return np.array([text.encode("utf-8", "replace").decode() for text in texts], dtype=object)
