"""Bundles of real graphs that look up a row for each token, of any task.

So what a part must get is known: the rows of its own ids, whatever stands beside it in a batch.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import edgeft
from edgeft.bundle import (
    Golden,
    Manifest,
    ModelRecord,
    PipelineStep,
    TensorRecord,
    Variant,
    read_manifest,
    record_files,
    write_manifest,
)
from edgeft.tasks import task_named
from edgeft.tasks.outputs import flat
from tests import tiny

MOST = 24  # tokens that the models read
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
CHANCE = np.random.default_rng(4)
TAGS = CHANCE.normal(size=(200, len(tiny.TAGS))).astype(np.float32)
STARTS, ENDS = (CHANCE.normal(size=200).astype(np.float32) for _ in range(2))


def _graph(tables: dict[str, np.ndarray]) -> bytes:
    """Each output is its table's rows for the ids, plus half of the tokens' type."""
    nodes = [
        helper.make_node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["types", "half"], ["typed"]),
        helper.make_node("Unsqueeze", ["typed", "last"], ["wide"]),
    ]
    outputs = []
    for name, table in tables.items():
        nodes += [
            helper.make_node("Gather", [f"{name}_table", "input_ids"], [f"{name}_rows"]),
            helper.make_node(
                "Add", [f"{name}_rows", "wide" if table.ndim > 1 else "typed"], [name]
            ),
        ]
        shape = ["b", "t", *table.shape[1:]]
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"]) for name in INPUTS],
        outputs,
        [
            numpy_helper.from_array(np.float32(0.5), "half"),
            numpy_helper.from_array(np.array([-1]), "last"),
            *(numpy_helper.from_array(table, f"{name}_table") for name, table in tables.items()),
        ],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def bundle(
    out: Path,
    task: str,
    labels: tuple[str, ...],
    tables: dict[str, np.ndarray],
    *,
    answers: bool = True,
) -> Path:
    """A bundle of one variant; with ``answers`` its golden ones are recorded."""
    tiny.wordpiece(out)
    for path in out.iterdir():
        if path.name != "tokenizer.json":
            path.unlink()
    (out / "model.onnx").write_bytes(_graph(tables))
    variant = Variant(
        files={"model": "model.onnx"}, precision="fp32", graph="onnx", opset=17,
        inputs=tuple(TensorRecord(name, "int64", ("b", "t")) for name in INPUTS),
        outputs=tuple(
            TensorRecord(name, "float32", ("b", "t", *table.shape[1:]))
            for name, table in tables.items()
        ),
        golden=Golden({}, 0.0),
    )  # fmt: skip
    golden = task_named(task).golden
    record = ModelRecord(
        ".", task, labels, "tokenizer.json", MOST, 0, 0, (), golden, {"fp32": variant}
    )
    write_manifest(out, Manifest({"main": record}, (PipelineStep("main"),), record_files(out), {}))
    if golden and answers:
        add_golden(out)
    return out


def add_golden(bundle: Path) -> None:
    """Record what the model answers here."""
    with edgeft.load(bundle, device="cpu", verify="off") as model:
        found = flat(model.outputs(model.manifest.model.golden_inputs, alone=True, cut=True)[1])
        record = model.manifest.model
    outputs = {name: tuple(map(tuple, rows)) for name, rows in found.items()}
    variant = replace(record.variants["fp32"], golden=Golden(outputs, 1e-3))
    manifest = replace(
        read_manifest(bundle), models={"main": replace(record, variants={"fp32": variant})}
    )
    write_manifest(bundle, manifest)
