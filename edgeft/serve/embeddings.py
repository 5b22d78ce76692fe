"""Vectors in the shapes that OpenAI's clients ask for, and those of text-embeddings-inference.

As https://platform.openai.com/docs/api-reference/embeddings and
https://huggingface.github.io/text-embeddings-inference/ tell them.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgeft.errors import UsageError
from edgeft.inputs import Input
from edgeft.runtime.model import Model
from edgeft.serve.calls import Call, flag_at, known_fields, text_at, wrong
from edgeft.serve.cuts import check_whole, may_cut
from edgeft.tasks.embeddings import Embedding
from edgeft.tasks.prompts import prompt_of
from edgeft.tasks.vectors import of_length_1

__all__ = ["embed_asked", "embeddings_asked"]

OPENAI = {"input", "model", "dimensions", "encoding_format", "user", "prompt_name"}
TEI = {"inputs", "normalize", "truncate", "truncation_direction", "prompt_name", "dimensions",
       "model"}  # fmt: skip
FORMATS = ("float", "base64")
IDS_HINT = (
    "Send the texts themselves: another tokenizer's ids mean other words here. LangChain does with "
    "check_embedding_ctx_length=False."
)


def embeddings_asked(document: Any) -> Call:
    """What a body of POST /v1/embeddings asks. Raises RefusedError (422)."""
    fields = known_fields(document, OPENAI, '{"input": "…"}')
    texts = _texts(fields, "input")
    width, prompt = fields.get("dimensions"), text_at(fields, "prompt_name", "a prompt's name")
    form = fields.get("encoding_format", FORMATS[0])
    if form not in FORMATS:
        raise wrong("encoding_format", f"It must be one of: {', '.join(FORMATS)}.")

    def told(name: str, model: Model, found: Sequence[Embedding]) -> Any:
        unit = model.head.unit_length and width is not None
        rows = [_cut(one, width, unit=unit) for one in found]
        tokens = sum(one.tokens for one in found)
        return {
            "object": "list",
            "data": [
                {
                    "object": "embedding",
                    "index": at,
                    "embedding": _packed(one) if form == "base64" else _numbers(one, model),
                }
                for at, one in enumerate(rows)
            ],
            "model": name,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }

    return Call(
        model=text_at(fields, "model", "a model's name"),
        inputs=lambda model: _asked(model, texts, width, prompt),
        told=told,
    )


def embed_asked(document: Any) -> Call:
    """What a body of POST /embed asks, as text-embeddings-inference takes it. RefusedError (422).

    Vectors have length 1 unless "normalize" is false. A text that is too long is treated as the
    server was told, and refused where "truncate" is false.
    """
    fields = known_fields(document, TEI, '{"inputs": "…"}')
    texts = _texts(fields, "inputs")
    width, prompt = fields.get("dimensions"), text_at(fields, "prompt_name", "a prompt's name")
    unit, cut = flag_at(fields, "normalize", True), may_cut(fields)

    def told(name: str, model: Model, found: Sequence[Embedding]) -> Any:
        if not cut:
            check_whole(found, [f"inputs[{at}]" for at in range(len(found))], model)
        return [_numbers(_cut(one, width, unit=unit), model) for one in found]

    return Call(
        model=text_at(fields, "model", "a model's name"),
        inputs=lambda model: _asked(model, texts, width, prompt),
        told=told,
    )


def _texts(fields: Mapping[str, Any], name: str) -> list[str]:
    """One text, or a list of one or more. Raises RefusedError."""
    found = fields.get(name)
    if isinstance(found, str):
        return [found]
    if not isinstance(found, list) or not found:
        raise wrong(name, "It must be a text, or a list of one or more texts.")
    for at, one in enumerate(found):
        if isinstance(one, int | list) and not isinstance(one, bool):
            raise wrong(f"{name}[{at}]", "Ids of tokens are not taken.", IDS_HINT)
        if not isinstance(one, str):
            raise wrong(f"{name}[{at}]", "It must be a text.")
    return found


def _asked(model: Model, texts: Sequence[str], width: Any, prompt: str | None) -> list[Input]:
    """The texts as the model is asked, behind its prompt. Raises RefusedError."""
    if not model.task.embeds:
        raise wrong(
            "model",
            f"The model is of the task {model.task.name}, which gives no vectors.",
            "Ask it by POST /v1/predict.",
        )
    most = model.head.dimensions
    if width is not None and not (type(width) is int and 1 <= width <= most):
        raise wrong("dimensions", f"It must be from 1 to {most:,}, as many as the model gives.")
    try:
        before = prompt_of(model.head, prompt)
    except UsageError as error:
        raise wrong("prompt_name", f"{error.message} {error.hint}") from error
    return [before + text for text in texts]


def _cut(one: Embedding, width: int | None, *, unit: bool) -> Embedding:
    """The first ``width`` numbers, as ``Model.embed`` gives them; of length 1 if ``unit``."""
    vector = one.vector[:width]
    return replace(one, vector=of_length_1(vector) if unit else vector)


def _numbers(one: Embedding, model: Model) -> Any:
    return model.task.show(one, False)["vector"]


def _packed(one: Embedding) -> str:
    """float32, the lowest byte first, as OpenAI's clients unpack it."""
    return base64.b64encode(one.vector.astype("<f4").tobytes()).decode("ascii")
