"""Texts ranked by a query, in the shapes that Cohere's and Jina's clients ask for, and TEI's.

As https://docs.cohere.com/reference/rerank, https://jina.ai/reranker/ and
https://huggingface.github.io/text-embeddings-inference/ tell them. A score is that of
``Model.rank``: a probability, a cosine or the model's number, whatever the client's word for it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeft.errors import UsageError
from edgeft.inputs import Input
from edgeft.runtime import ranking
from edgeft.runtime.model import Model
from edgeft.serve.calls import Call, flag_at, known_fields, text_at, wrong
from edgeft.serve.cuts import check_whole, may_cut
from edgeft.tasks.ranked import Ranked

__all__ = ["rerank_asked", "tei_rerank_asked"]

COHERE = {"query", "documents", "texts", "top_n", "return_documents", "model", "label"}
TEI = {"query", "texts", "raw_scores", "return_text", "truncate", "truncation_direction", "model"}
EXAMPLE = '{"query": "…", "documents": ["…"]}'


def rerank_asked(document: Any) -> Call:
    """What a body of POST /v1/rerank asks. Raises RefusedError (422)."""
    fields = known_fields(document, COHERE, EXAMPLE)
    if ("documents" in fields) == ("texts" in fields):
        raise wrong("documents", 'Give a list of "documents", or of "texts".')
    texts = _texts(fields, "documents" if "documents" in fields else "texts")
    top, back = fields.get("top_n"), flag_at(fields, "return_documents", False)
    if top is not None and not (type(top) is int and top >= 1):
        raise wrong("top_n", "It must be 1 or more.")

    def shown(one: Ranked) -> dict[str, Any]:
        told: dict[str, Any] = {"index": one.index, "relevance_score": one.score}
        return {**told, "document": {"text": one.text}} if back else told

    def told(name: str, ranked: Sequence[Ranked]) -> Any:
        return {"object": "list", "model": name, "results": [shown(one) for one in ranked]}

    return _call(fields, texts, text_at(fields, "label", "a label of the model"), top, told)


def tei_rerank_asked(document: Any) -> Call:
    """What a body of POST /rerank asks, as text-embeddings-inference takes it. RefusedError (422).

    A model has one kind of score; "raw_scores" is true only where that is raw already.
    """
    fields = known_fields(document, TEI, '{"query": "…", "texts": ["…"]}')
    texts, back = _texts(fields, "texts"), flag_at(fields, "return_text", False)
    cut = may_cut(fields)
    if flag_at(fields, "raw_scores", False):
        raise wrong("raw_scores", "The model has one kind of score: leave it out.")

    def told(name: str, ranked: Sequence[Ranked]) -> Any:
        return [
            {"index": one.index, "score": one.score, **({"text": one.text} if back else {})}
            for one in ranked
        ]

    return _call(fields, texts, None, None, told, cut=cut)


def _texts(fields: Mapping[str, Any], name: str) -> list[str]:
    """Texts, or objects with a "text" each. Raises RefusedError."""
    found = fields.get(name)
    if not isinstance(found, list) or not found:
        raise wrong(name, "It must be a list of one or more texts.")
    texts: list[str] = []
    for at, one in enumerate(found):
        text = one.get("text") if isinstance(one, dict) else one
        if not isinstance(text, str):
            raise wrong(f"{name}[{at}]", 'It must be a text, or an object with a "text".')
        texts.append(text)
    return texts


def _call(
    fields: Mapping[str, Any],
    texts: list[str],
    label: str | None,
    top: int | None,
    told: Any,
    *,
    cut: bool = True,
) -> Call:
    query = text_at(fields, "query", "a text")
    if query is None:
        raise wrong("query", "It must be a text.")

    def inputs(model: Model) -> list[Input]:
        try:
            ranking.check_ranks(model.task, model.labels, label)
        except UsageError as error:
            raise wrong("label" if label else "model", error.message, error.hint) from error
        return ranking.asked_to_rank(model.task, model.head, query, texts)

    def answer(name: str, model: Model, found: Sequence[Any]) -> Any:
        if not cut:  # the query stands before the texts, or in a pair with each
            places = [f"texts[{at}]" for at in range(len(texts))]
            check_whole(found, ["query", *places][-len(found) :], model)
        return told(name, ranking.best_texts(model.task, found, model.labels, texts, top, label))

    return Call(model=text_at(fields, "model", "a model's name"), inputs=inputs, told=answer)
