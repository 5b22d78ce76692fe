"""The Open Inference Protocol, version 2: texts in as BYTES tensors, answers out as tensors.

As https://github.com/kserve/open-inference-protocol says, with Triton's extension for binary data
(https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md):
behind the JSON, whose length a header tells, stand the tensors' bytes, each text after its length
in four bytes.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from edgeft.inputs import Input
from edgeft.page.facts import FIELDS
from edgeft.serve.asked import check_scores, made, seconds_of
from edgeft.serve.bodies import json_bytes, parsed
from edgeft.serve.calls import wrong
from edgeft.serve.refusals import RefusedError
from edgeft.tasks.columns import value_in_column
from edgeft.tasks.task import Task

__all__ = [
    "HEADER_LENGTH",
    "VERSION",
    "Infer",
    "check_version",
    "infer_asked",
    "infer_body",
    "metadata",
    "tensors_in",
]

HEADER_LENGTH = "Inference-Header-Content-Length"
VERSION = "1"  # the only one of each model
PACKED = {"BOOL": "?", "INT64": "q", "FP32": "f"}  # for struct


@dataclass(frozen=True, slots=True)
class Infer:
    """What a body asks. outputs: the names of those wanted, each with whether in binary."""

    id: str | None
    inputs: list[Input]
    outputs: Mapping[str, bool]
    scores: bool
    seconds: float | None


def tensors_in(task: Task) -> list[dict[str, Any]]:
    """The metadata of a task's inputs."""
    names = dict.fromkeys(name for kind in task.takes for name in FIELDS[kind])
    return [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in names]


def check_version(version: str | None) -> None:
    """Raise RefusedError (404) for a version that no model has."""
    if version not in (None, VERSION):
        raise RefusedError(
            HTTPStatus.NOT_FOUND, "model", f"There is no such version. There is: {VERSION}."
        )


def metadata(name: str, task: Task, columns: Mapping[str, str]) -> dict[str, Any]:
    """What a model is, as the protocol tells it."""
    return {
        "name": name,
        "versions": [VERSION],
        "platform": "edgeft",
        "inputs": tensors_in(task),
        "outputs": [
            {"name": one, "datatype": kind, "shape": [-1]} for one, kind in columns.items()
        ],
    }


def infer_asked(
    body: bytes, header_length: str | None, task: Task, columns: Mapping[str, str]
) -> Infer:
    """What a body asks. Raises RefusedError (400 for what is no JSON, else 422)."""
    size = len(body)
    if header_length is not None:
        if not header_length.isdecimal() or len(header_length) > 12 or int(header_length) > size:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "json", f"{HEADER_LENGTH} is no length within the body."
            )
        size = int(header_length)
    document, rest = parsed(body[:size]), memoryview(body)[size:]
    if not isinstance(document, dict):
        raise wrong("", "The body must be an object.")
    request_id = document.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise wrong("id", "It must be a string.")
    parameters = _object(document.get("parameters"), "parameters")
    scores = parameters.get("scores", False)
    if not isinstance(scores, bool):
        raise wrong("parameters.scores", "It must be true or false.")
    if scores:
        check_scores(task, "parameters.scores")
    texts = _tensors(document.get("inputs"), rest)
    return Infer(
        id=request_id,
        inputs=_inputs(texts, task),
        outputs=_outputs(document.get("outputs"), parameters, columns),
        scores=scores,
        seconds=seconds_of(parameters.get("timeout"), "parameters.timeout", per_second=1e6),
    )


def infer_body(
    name: str, asked: Infer, shown: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> tuple[bytes, int | None]:
    """The answer's body, and the length of its JSON where tensors stand behind it."""
    outputs: list[dict[str, Any]] = []
    binary: list[bytes] = []
    for one, as_binary in asked.outputs.items():
        kind = columns[one]
        data = [value_in_column(row, one, kind) for row in shown]
        output: dict[str, Any] = {"name": one, "datatype": kind, "shape": [len(data)]}
        if as_binary:
            packed = _packed(data, kind)
            output["parameters"] = {"binary_data_size": len(packed)}
            binary.append(packed)
        else:
            output["data"] = data
        outputs.append(output)
    document: dict[str, Any] = {"model_name": name, "model_version": VERSION, "outputs": outputs}
    if asked.id is not None:
        document["id"] = asked.id
    head = json_bytes(document)
    return (b"".join((head, *binary)), len(head)) if binary else (head, None)


# --- what comes in -----------------------------------------------------------------------


def _tensors(found: Any, rest: memoryview) -> dict[str, list[str]]:
    """The texts of each input tensor by its name."""
    if not isinstance(found, list) or not found:
        raise wrong("inputs", "It must be a list of one tensor or more.")
    texts: dict[str, list[str]] = {}
    at = 0
    for number, one in enumerate(found):
        where = f"inputs[{number}]"
        tensor = _object(one, where)
        name, shape = tensor.get("name"), tensor.get("shape")
        if not isinstance(name, str) or name in texts:
            raise wrong(f"{where}.name", "It must be a name that no other input has.")
        if tensor.get("datatype") != "BYTES":
            raise wrong(f"{where}.datatype", "It must be BYTES: texts go in as such.")
        count = _count(shape, f"{where}.shape")
        size = _object(tensor.get("parameters"), f"{where}.parameters").get("binary_data_size")
        if size is None:
            data = _flat(tensor.get("data"), f"{where}.data")
        elif isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= len(rest) - at:
            raise wrong(f"{where}.parameters.binary_data_size", "So much does not follow.")
        else:
            data = _unpacked(rest[at : at + size], where)
            at += size
        if len(data) != count:
            raise wrong(f"{where}.data", f"It has {len(data)} texts; its shape says {count}.")
        texts[name] = data
    if at != len(rest):
        raise wrong("inputs", f"{len(rest) - at} bytes follow that no input has.")
    return texts


def _count(shape: Any, where: str) -> int:
    """How many texts a shape holds: [N] or [N, 1]."""
    right = (
        isinstance(shape, list)
        and len(shape) in (1, 2)
        and all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in shape)
        and shape[1:] in ([], [1])
    )
    if not right or not shape[0]:
        raise wrong(where, "It must be [N] or [N, 1], for N texts, 1 or more.")
    return int(shape[0])


def _flat(data: Any, where: str) -> list[str]:
    """Texts, each of which may stand in a list of its own."""
    if not isinstance(data, list):
        raise wrong(where, "It must be a list of texts.")
    found = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in data]
    for at, one in enumerate(found):
        if not isinstance(one, str):
            raise wrong(f"{where}[{at}]", "It must be a text.")
    return found


def _unpacked(data: memoryview, where: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(data):
        end = at + 4
        if end <= len(data):
            (size,) = struct.unpack_from("<I", data, at)
            end += size
        if end > len(data):
            raise wrong(where, "Its bytes end within a text.")
        try:
            found.append(str(data[at + 4 : end], "utf-8"))
        except UnicodeDecodeError:
            raise wrong(where, f"Text {len(found)} is not UTF-8.") from None
        at = end
    return found


def _inputs(texts: Mapping[str, list[str]], task: Task) -> list[Input]:
    for kind in task.takes:
        names = FIELDS[kind]
        if texts.keys() == set(names):
            columns = [texts[name] for name in names]
            if len({len(one) for one in columns}) > 1:
                raise wrong("inputs", "All tensors must have as many texts.")
            return [made(kind, row) for row in zip(*columns, strict=True)]
    ways = " or ".join(" and ".join(FIELDS[kind]) for kind in task.takes)
    raise wrong("inputs", f"The tensors must be: {ways}.")


def _outputs(
    found: Any, parameters: Mapping[str, Any], columns: Mapping[str, str]
) -> dict[str, bool]:
    """Which outputs are wanted: all, unless some are named."""
    otherwise = parameters.get("binary_data_output", False) is True
    if found is None or found == []:
        return dict.fromkeys(columns, otherwise)
    if not isinstance(found, list):
        raise wrong("outputs", "It must be a list.")
    wanted: dict[str, bool] = {}
    for number, one in enumerate(found):
        where = f"outputs[{number}]"
        name = _object(one, where).get("name")
        if not isinstance(name, str) or name not in columns:
            raise wrong(f"{where}.name", f"There is no such output: {', '.join(columns)}.")
        its = _object(one.get("parameters"), f"{where}.parameters")
        wanted[name] = its.get("binary_data", otherwise) is True
    return wanted


def _object(found: Any, where: str) -> dict[str, Any]:
    if found is None and where.endswith("parameters"):
        return {}
    if not isinstance(found, dict):
        raise wrong(where, "It must be an object.")
    return found


# --- what goes out -----------------------------------------------------------------------


def _packed(data: Sequence[Any], kind: str) -> bytes:
    if kind != "BYTES":
        return struct.pack(f"<{len(data)}{PACKED[kind]}", *data)
    encoded = [one.encode("utf-8", "backslashreplace") for one in data]
    return b"".join(part for one in encoded for part in (struct.pack("<I", len(one)), one))
