"""What Triton is told of a model: its config.pbtxt.

Its fields: https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from edgeft.page.facts import FIELDS
from edgeft.tasks.task import Task

__all__ = ["DATA_TYPES", "MODEL_FILE", "Served", "config_of"]

Kind = Literal["cpu", "cuda"]

MODEL_FILE = "model.py"
KINDS: Mapping[Kind, str] = {"cpu": "KIND_CPU", "cuda": "KIND_GPU"}
DATA_TYPES: Mapping[str, str] = {
    "BYTES": "TYPE_STRING",
    "BOOL": "TYPE_BOOL",
    "INT64": "TYPE_INT64",
    "FP32": "TYPE_FP32",
}


@dataclass(frozen=True, kw_only=True)
class Served:
    """One model in a repository.

    task, columns: what it is asked, and name → datatype of what it answers.
    device: "cpu", or "cuda" for one instance on each GPU that Triton has.
    max_batch: inputs in a batch, of one request or of many. max_waiting: requests in the queue;
        one more is refused. timeout_s: that one may wait there, at most.
    options: name → value of what ``edgeft.load`` is told, ``expect`` among it.
    """

    name: str
    task: Task
    columns: Mapping[str, str]
    device: Kind
    max_batch: int
    max_waiting: int
    timeout_s: float
    options: Mapping[str, str]


def config_of(one: Served) -> str:
    """The config.pbtxt, a text of ModelConfig."""
    return "\n".join(_lines(one)) + "\n"


def _lines(one: Served) -> Iterator[str]:
    yield "# Written by `edgeft deploy triton`; how it is asked and answers is the bundle's."
    yield f'name: "{one.name}"'
    yield 'backend: "python"'
    yield f"max_batch_size: {one.max_batch}"
    kinds = [FIELDS[kind] for kind in one.task.takes]
    for name in dict.fromkeys(name for names in kinds for name in names):
        optional = "" if all(name in names for names in kinds) else "  optional: true"
        yield f'input {{ name: "{name}"  data_type: TYPE_STRING  dims: [ 1 ]{optional} }}'
    for name, kind in one.columns.items():
        yield f'output {{ name: "{name}"  data_type: {DATA_TYPES[kind]}  dims: [ 1 ] }}'
    yield "# An instance uses all cores, or all of its GPU: more of them would only share these."
    yield f"instance_group {{ kind: {KINDS[one.device]}  count: 1 }}"
    yield "dynamic_batching {"
    yield "  default_queue_policy {"
    yield f"    max_queue_size: {one.max_waiting}"
    yield f"    default_timeout_microseconds: {round(one.timeout_s * 1e6)}"
    yield "    allow_timeout_override: true"
    yield "  }"
    yield "}"
    yield "# For edgeft.load; variant, threads, on_long and batch_invariant may be changed."
    for name, value in one.options.items():
        yield f'parameters {{ key: "{name}"  value {{ string_value: {json.dumps(value)} }} }}'
