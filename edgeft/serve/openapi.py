"""What the OpenAPI document says of each route's body and answers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from edgeft.inputs import Pair
from edgeft.page.facts import FIELDS

__all__ = [
    "EMBEDDINGS",
    "INFER",
    "OBJECT",
    "RERANK",
    "TEI_EMBED",
    "TEI_RANKING",
    "TEI_RERANK",
    "TEXT",
    "ROWS_OF_NUMBERS",
    "answers",
    "one_of",
    "parameter",
    "predict_body",
]

Document = Mapping[str, Any]

REASONS = {
    400: "The body is no JSON in UTF-8.",
    401: "The API key is missing or wrong.",
    403: "The request comes from another site's page.",
    404: "There is no such model.",
    408: "The body did not arrive in time.",
    409: "A new bundle cannot be used; its old one stays.",
    413: "The request is larger than the server takes.",
    415: "The body is compressed, which is not read.",
    422: "The body is JSON, but not of the right shape; it says where.",
    429: "Too much is waiting; Retry-After says when to come again.",
    503: "The model is not ready, or its engine failed.",
    504: "There was no answer within the time that the request had.",
}
TEXT = {"type": "string"}
FLAG = {"type": "boolean"}
MILLISECONDS = {
    "type": "number",
    "exclusiveMinimum": 0,
    "description": "That the answer may take; less than the server's own bound.",
}
OBJECT = {"type": "object"}
TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape", "data"],
    "properties": {
        "name": {"type": "string", "enum": ["text", "other", "question", "context"]},
        "datatype": {"type": "string", "enum": ["BYTES"]},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 1},
                  "minItems": 1, "maxItems": 1},
        "data": {"type": "array", "items": TEXT, "minItems": 1},
        "parameters": OBJECT,
    },
}  # fmt: skip


NULL = {"type": "null"}  # what may be left out may be null, too


def _or_null(schema: Document) -> dict[str, Any]:
    return {"anyOf": [schema, NULL]}


def _body(schema: Document) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def predict_body(names: Sequence[str], takes: Collection[type]) -> dict[str, Any]:
    """The body of POST /v1/predict for models of these names that take such inputs."""
    one = {"description": "As the model's task takes it.", "anyOf": list(_ways(takes))}
    return _body(
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "input": one,
                "inputs": {"type": "array", "items": one, "minItems": 1},
                "model": _or_null(one_of(names)),
                "scores": _or_null({**FLAG, "description": "Tell the score of every label."}),
                "timeout_ms": _or_null(MILLISECONDS),
            },
            "oneOf": [{"required": ["input"]}, {"required": ["inputs"]}],
        }
    )


def one_of(names: Sequence[str]) -> dict[str, Any]:
    """One of these names."""
    return {"type": "string", "enum": list(names)}


def _ways(takes: Collection[type]) -> Iterator[Document]:
    """How inputs of these kinds are written."""
    for kind in takes:
        if kind is str:
            yield TEXT
        if kind is Pair:
            yield {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2}
        yield {
            "type": "object",
            "properties": dict.fromkeys(FIELDS[kind], TEXT),
            "required": list(FIELDS[kind]),
            "additionalProperties": False,
        }


INFER = _body(
    {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": TEXT,
            "parameters": {
                "type": "object",
                "properties": {
                    "scores": FLAG,
                    "timeout": _or_null(
                        {**MILLISECONDS, "description": "Microseconds, as Triton's."}
                    ),
                    "binary_data_output": FLAG,
                },
            },
            "inputs": {"type": "array", "items": TENSOR, "minItems": 1},
            "outputs": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": TEXT, "parameters": OBJECT},
                },
            },
        },
    }
)


def _object_of(required: Sequence[str], **properties: Document) -> dict[str, Any]:
    return _body(
        {
            "type": "object",
            "additionalProperties": False,
            "required": list(required),
            "properties": {
                name: one if name in required else _or_null(one) for name, one in properties.items()
            },
        }
    )


TEXTS = {"type": "array", "items": TEXT, "minItems": 1}
TEXT_OR_TEXTS = {"anyOf": [TEXT, TEXTS]}
COUNT = {"type": "integer", "minimum": 1}
RIGHT = {"type": "string", "enum": ["Right"]}
PROMPT = {**TEXT, "description": "The name of the prompt that stands before each text."}
EMBEDDINGS = _object_of(
    ["input"],
    input=TEXT_OR_TEXTS,
    model=TEXT,
    dimensions={**COUNT, "description": "Only the first so many numbers of each vector."},
    encoding_format={"type": "string", "enum": ["float", "base64"]},
    user=TEXT,
    prompt_name=PROMPT,
)
TEI_EMBED = _object_of(
    ["inputs"],
    inputs=TEXT_OR_TEXTS,
    model=TEXT,
    normalize=FLAG,
    truncate=FLAG,
    truncation_direction=RIGHT,
    prompt_name=PROMPT,
    dimensions=COUNT,
)
RERANK = _object_of(
    ["query", "documents"],
    query=TEXT,
    documents={"type": "array", "minItems": 1, "items": {"anyOf": [
        TEXT, {"type": "object", "required": ["text"], "properties": {"text": TEXT}},
    ]}},
    model=TEXT,
    top_n=COUNT,
    return_documents=FLAG,
    label={**TEXT, "description": "By whose score of several."},
)  # fmt: skip
ROWS_OF_NUMBERS = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
TEI_RANKING = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["index", "score"],
        "properties": {"index": {"type": "integer"}, "score": {"type": "number"}, "text": TEXT},
    },
}
TEI_RERANK = _object_of(
    ["query", "texts"],
    query=TEXT,
    texts=TEXTS,
    model=TEXT,
    return_text=FLAG,
    truncate=FLAG,
    truncation_direction=RIGHT,
)


def parameter(name: str, place: str, schema: Document, says: str) -> dict[str, Any]:
    """A parameter in the path, the query or a header."""
    return {
        "name": name, "in": place, "required": place == "path", "schema": dict(schema),
        "description": says,
    }  # fmt: skip


def answers(
    *statuses: int, schema: Document = OBJECT, kind: str = "application/json"
) -> dict[int | str, dict[str, Any]]:
    """The answers of a route: the right one, and why there may be none."""
    error = {"application/json": {"schema": {"type": "object", "required": ["error"]}}}
    found: dict[int | str, dict[str, Any]] = {
        200: {"description": "The answer.", "content": {kind: {"schema": dict(schema)}}}
    }
    for status in sorted({401, *statuses}):
        found[status] = {"description": REASONS[status], "content": error}
    return found
