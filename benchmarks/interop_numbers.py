"""Bundles that give an input one row of numbers, in other hands: what ``benchmarks.interop`` runs.

Classes, many labels, numbers and vectors, of texts and of pairs. Others read the bundle's fp32
graph by classes of their own and tokenize by its files: optimum's ORTModel and transformers' class
over the checkpoint in torch, or where there are vectors sentence-transformers' ONNX backend; and
transformers.js where a folder is named that npm installed it in. Their numbers become answers by
edgeft's own function of the task, thresholds and all, and are compared row by row.

Inputs are read whole: how others cut is their own. The texts of pairs are embedded one by one.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

import edgeft
from benchmarks.lists import asked_of
from edgeft.bundle import ModelRecord, read_manifest
from edgeft.inputs import Input, columns_of
from edgeft.runtime.providers import import_onnxruntime
from edgeft.tasks import task_named
from edgeft.tasks.outputs import Outputs
from edgeft.tasks.task import Task

__all__ = ["Reader", "compared", "number_readers"]

SCRIPT = Path(__file__).with_name("numbers.mjs")
BATCH = 16
NEAR = 1e-3  # of a number; more is no rounding of float32
Rows = NDArray[np.float32]
Reader = Callable[[Sequence[Input]], Rows]  # N inputs to (N, C)


def number_readers(
    bundle: Path, checkpoint: Path | None = None, node: Path | None = None
) -> dict[str, Reader]:
    """By name what others make of N inputs, (N, C)."""
    import_onnxruntime()
    from optimum import onnxruntime

    record = read_manifest(bundle).model
    task, graph = task_named(record.task, record.takes), record.variants["fp32"].files["model"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundle)
    if task.embeds:  # optimum's own class gives tokens' vectors alone; this one is built on it
        readers = {"sentence-transformers' ONNX backend": _by_sentence_transformers(bundle, graph)}
    else:
        file = Path(graph)
        kind = getattr(onnxruntime, task.ort_class)
        model = kind.from_pretrained(bundle, subfolder=str(file.parent), file_name=file.name)
        readers = {f"optimum's {task.ort_class}": _by_class(model, tokenizer, task, record)}
        if checkpoint is not None:
            theirs = getattr(transformers, task.auto_class).from_pretrained(checkpoint).eval()
            readers[f"transformers' {task.auto_class}"] = _by_class(theirs, tokenizer, task, record)
    if node is not None:
        readers["transformers.js"] = _by_javascript(bundle, node, task, record)
    return readers


def _by_class(model: Any, tokenizer: Any, task: Task, record: ModelRecord) -> Reader:
    wanted = {one.name for one in record.variants["fp32"].inputs}
    (name,) = task.outputs

    def read(inputs: Sequence[Input]) -> Rows:
        found = []
        for begin in range(0, len(inputs), BATCH):
            texts = zip(*map(columns_of, inputs[begin : begin + BATCH]), strict=True)
            feed = tokenizer(
                *map(list, texts), padding=True, truncation=True, max_length=record.max_length,
                return_tensors="pt",
            )  # fmt: skip
            with torch.inference_mode():
                given = model(**{key: one for key, one in feed.items() if key in wanted})
            found.append(given[name].numpy())
        return np.concatenate(found)

    return read


def _by_sentence_transformers(bundle: Path, graph: str) -> Reader:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(bundle), device="cpu", backend="onnx",
        model_kwargs={"file_name": graph, "provider": "CPUExecutionProvider"},
    )  # fmt: skip
    return lambda inputs: np.asarray(model.encode([*inputs], batch_size=BATCH))


def _by_javascript(bundle: Path, node: Path, task: Task, record: ModelRecord) -> Reader:
    def read(inputs: Sequence[Input]) -> Rows:
        script = Path(shutil.copy(SCRIPT, node))  # which looks for packages where it stands
        asked = {
            "folder": str(bundle.absolute()), "embeds": task.embeds, "most": record.max_length,
            "inputs": [columns_of(one) for one in inputs],
        }  # fmt: skip
        done = subprocess.run(
            ["node", script.name], cwd=node, input=json.dumps(asked), capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"transformers.js: {done.stderr[-2000:]}")
        return np.array(json.loads(done.stdout), np.float32)

    return read


def compared(
    model: edgeft.Model, inputs: Sequence[Input], readers: Mapping[str, Reader]
) -> list[dict[str, Any]]:
    """Of each reader how many answers are edgeft's, and how far its numbers lie apart."""
    task = model.task
    (name,) = task.outputs
    encoded, outputs = model.outputs(inputs, alone=True)

    def answers(its: Outputs) -> Any:
        return task.answer(its, encoded, inputs, model.labels, model.head).given

    ours = answers(outputs)
    rows = []
    for reader, read in readers.items():
        numbers = read(inputs)
        theirs = task.join({name: numbers}, encoded)
        own = np.concatenate([np.asarray(one).reshape(1, -1) for one in outputs[name]])
        same = np.asarray(task.same(answers(theirs), ours))
        apart = float(np.abs(numbers - own).max())
        rows.append({"reader": reader, "inputs": len(inputs), "equal": int((same > 1 - NEAR).sum()),
                     "apart": apart})  # fmt: skip
    return rows


def run(bundle: Path, inputs: Sequence[Input], count: int, checkpoint: Path | None,
        node: Path | None, out: Path | None) -> None:  # fmt: skip
    """Compare, print a table, keep it; exit status 1 where not all answers are equal."""
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        asked = asked_of(model, inputs, count)
        rows = compared(model, asked, number_readers(bundle, checkpoint, node))
        task = model.task.name
    print("| read by | inputs | equal | numbers apart |\n" + "| --- " * 4 + "|")
    for row in rows:
        print(f"| {row['reader']} | {row['inputs']} | {row['equal'] / row['inputs']:.2%} | "
              f"{row['apart']:.2g} |")  # fmt: skip
    if out:
        content = {"method": __doc__, "task": task, "readers": rows}
        out.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    sys.exit(0 if all(row["equal"] == row["inputs"] for row in rows) else 1)
