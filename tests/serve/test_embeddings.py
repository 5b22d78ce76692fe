"""Vectors and rankings over HTTP: OpenAI's own client, TEI's, Cohere's and Jina's shapes."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeft
from tests import tiny
from tests.serve.asking import PLAIN, Served, at_socket, in_process, run

TEXTS = ["the cat", "", "rain fell 👍", "今天的天气很好", " ".join(tiny.WORDS * 3)]
KEY = "a-key-of-many-letters"


def embedded(bundle: Path, texts: list[str], *given: Any, **more: Any) -> Any:
    with edgeft.load(bundle, **PLAIN) as model:
        return np.array([model.embed([one], *given, **more)[0] for one in texts])


def vectors(body: dict[str, Any]) -> Any:
    assert [one["index"] for one in body["data"]] == list(range(len(body["data"])))
    return np.array([one["embedding"] for one in body["data"]])


def same(found: Any, expected: Any) -> bool:
    return np.shape(found) == expected.shape and bool(np.allclose(found, expected, atol=2e-5))


def test_openais_own_client_gets_vectors(encoder_bundle: Path, tiny_bundle: Path) -> None:
    openai = pytest.importorskip("openai", reason="the package openai is not installed")
    expected = embedded(encoder_bundle, TEXTS)

    async def work() -> None:
        bundles = {"vectors": encoder_bundle, "news": tiny_bundle}
        async with at_socket(bundles, keys=(KEY,)) as served:
            told = {"base_url": f"{served.url}/v1", "max_retries": 0}
            async with openai.AsyncOpenAI(api_key=KEY, **told) as client:
                create = client.embeddings.create
                for more in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
                    found = await create(model="vectors", input=TEXTS, **more)
                    rows = [one.embedding for one in found.data]
                    if "base64" in more.values():
                        rows = [np.frombuffer(base64.b64decode(one), "<f4") for one in rows]
                    assert same(rows, expected)
                assert found.model == "vectors"
                assert found.usage.prompt_tokens == found.usage.total_tokens > len(TEXTS)
                one = await create(model="vectors", input=TEXTS[0], dimensions=8, user="me")
                short = embedded(encoder_bundle, TEXTS[:1], 8)
                assert same([one.data[0].embedding], short)
                assert np.linalg.norm(one.data[0].embedding) == pytest.approx(1, abs=1e-5)
                assert [each.id async for each in client.models.list()] == ["vectors", "news"]
                with pytest.raises(openai.UnprocessableEntityError, match="no vectors"):
                    await create(model="news", input="a")
                with pytest.raises(openai.UnprocessableEntityError, match="Ids of tokens"):
                    await create(model="vectors", input=[[101, 102]])
                with pytest.raises(openai.NotFoundError, match="no such model"):
                    await create(model="text-embedding-3-small", input="a")
            async with openai.AsyncOpenAI(api_key="sk-wrong", **told) as client:
                with pytest.raises(openai.AuthenticationError):
                    await client.embeddings.create(model="vectors", input="a")

    run(work)


async def posted(served: Served, path: str, **body: Any) -> Any:
    found = await served.client.post(path, json=body)
    assert found.status_code == 200, found.text
    return found.json()


def test_a_prompt_stands_before_each_text(encoder_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"vectors": encoder_bundle}) as served:
            found = await posted(served, "/v1/embeddings", input=TEXTS, prompt_name="query")
            assert same(vectors(found), embedded(encoder_bundle, TEXTS, prompt="query"))
            assert not same(vectors(found), embedded(encoder_bundle, TEXTS))

    run(work)


def test_teis_shape_of_vectors(encoder_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"vectors": encoder_bundle}) as served:
            expected = embedded(encoder_bundle, TEXTS)
            assert same(await posted(served, "/embed", inputs=TEXTS), expected)
            found = await posted(served, "/embed", inputs=TEXTS[0], dimensions=8, normalize=False)
            assert same(found, expected[:1, :8])
            found = await posted(served, "/embed", inputs=TEXTS[:1], dimensions=8)
            assert same(found, embedded(encoder_bundle, TEXTS[:1], 8))
            body = {"inputs": TEXTS, "truncate": False}
            cut = await served.client.post("/embed", json=body)
            assert (cut.status_code, cut.json()["error"]["where"]) == (413, "inputs[4]")
            body["inputs"] = TEXTS[:4]
            assert (await served.client.post("/embed", json=body)).status_code == 200

    run(work)


@pytest.mark.parametrize("task", ["pairs", "vectors", "numbers"])
def test_texts_are_ranked_as_by_rank(
    pair_bundle: Path, encoder_bundle: Path, scorer_bundle: Path, task: str
) -> None:
    bundle = {"pairs": pair_bundle, "vectors": encoder_bundle, "numbers": scorer_bundle}[task]
    texts = [*TEXTS, "the cat"]
    with edgeft.load(bundle, **PLAIN) as model:
        expected = model.rank("a good cat", texts, top=None)

    async def work() -> None:
        async with in_process({"it": bundle}) as served:
            asked = {"model": "it", "query": "a good cat"}
            found = await posted(served, "/v1/rerank", documents=texts, **asked)
            scores = [one["relevance_score"] for one in found["results"]]
            assert scores == pytest.approx([one.score for one in expected], abs=2e-4)
            assert scores == sorted(scores, reverse=True)
            assert sorted(one["index"] for one in found["results"]) == list(range(len(texts)))
            assert "document" not in found["results"][0]
            documents = [{"text": one} for one in texts]
            top = {"top_n": 2, "return_documents": True}
            best = await posted(served, "/v1/rerank", documents=documents, **top, **asked)
            assert [one["relevance_score"] for one in best["results"]] == pytest.approx(scores[:2])
            for one in best["results"]:
                assert one["document"] == {"text": texts[one["index"]]}
            tei = await posted(served, "/rerank", query="a good cat", texts=texts, raw_scores=False)
            assert [one["score"] for one in tei] == pytest.approx(scores)
            tei = await posted(served, "/rerank", query="", texts=texts[:1], return_text=True)
            assert tei[0]["text"] == texts[0]
            for query, where in (("a good cat", "texts[4]"), ("the cat " * 300, "query")):
                if task != "vectors" and where == "query":
                    where = "texts[0]"  # the pair with it is what is too long
                body = {"query": query, "texts": texts, "truncate": False}
                cut = await served.client.post("/rerank", json=body)
                assert (cut.status_code, cut.json()["error"]["where"]) == (413, where)
            few = {"query": "a", "texts": ["b"], "truncate": False, "truncation_direction": "right"}
            assert len(await posted(served, "/rerank", **few)) == 1

    run(work)


def test_by_the_score_of_a_label(tiny_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"news": tiny_bundle}) as served:
            body = {"query": "the cat", "texts": TEXTS}
            refused = await served.client.post("/v1/rerank", json=body)
            assert (refused.status_code, refused.json()["error"]["where"]) == (422, "model")
            assert "calm" in refused.json()["error"]["hint"]
            found = await posted(served, "/v1/rerank", **body, label="sad")
            assert len(found["results"]) == len(TEXTS)
            body["label"] = "none"
            refused = await served.client.post("/v1/rerank", json=body)
            assert refused.json()["error"]["where"] == "label"

    run(work)


EMBED, TEI_EMBED, RERANK, TEI_RERANK = "/v1/embeddings", "/embed", "/v1/rerank", "/rerank"
ASKED = {"query": "a", "documents": ["b"]}
REFUSED: list[tuple[str, Any, str]] = [
    (EMBED, [], ""),
    (EMBED, {}, "input"),
    (EMBED, {"input": []}, "input"),
    (EMBED, {"input": {"text": "a"}}, "input"),
    (EMBED, {"input": ["a", None]}, "input[1]"),
    (EMBED, {"input": [1, 2, 3]}, "input[0]"),
    (EMBED, {"input": [[1, 2], [3]]}, "input[0]"),
    (EMBED, {"input": "a", "dimensions": 0}, "dimensions"),
    (EMBED, {"input": "a", "dimensions": 33}, "dimensions"),
    (EMBED, {"input": "a", "dimensions": True}, "dimensions"),
    (EMBED, {"input": "a", "encoding_format": "hex"}, "encoding_format"),
    (EMBED, {"input": "a", "encoding_format": ["float"]}, "encoding_format"),
    (EMBED, {"input": "a", "prompt_name": "none"}, "prompt_name"),
    (EMBED, {"input": "a", "model": 5}, "model"),
    (EMBED, {"input": "a", "more": 5}, "more"),
    (TEI_EMBED, {"inputs": "a", "normalize": "yes"}, "normalize"),
    (TEI_EMBED, {"inputs": "a", "truncation_direction": "Left"}, "truncation_direction"),
    (RERANK, {"documents": ["b"]}, "query"),
    (RERANK, {"query": ["a"], "documents": ["b"]}, "query"),
    (RERANK, {"query": "a"}, "documents"),
    (RERANK, {**ASKED, "texts": ["b"]}, "documents"),
    (RERANK, {"query": "a", "documents": []}, "documents"),
    (RERANK, {"query": "a", "documents": ["b", {"title": "c"}]}, "documents[1]"),
    (RERANK, {**ASKED, "top_n": 0}, "top_n"),
    (RERANK, {**ASKED, "top_n": "2"}, "top_n"),
    (RERANK, {**ASKED, "return_documents": 1}, "return_documents"),
    (RERANK, {**ASKED, "label": "yes"}, "label"),
    (TEI_RERANK, {"query": "a", "texts": ["b"], "raw_scores": True}, "raw_scores"),
    (TEI_RERANK, {"query": "a", "texts": "b"}, "texts"),
    (TEI_RERANK, {"query": "a", "texts": ["b"], "truncate": 1}, "truncate"),
    (
        TEI_RERANK,
        {"query": "a", "texts": ["b"], "truncation_direction": "Left"},
        "truncation_direction",
    ),
]


def test_what_is_wrong_is_refused_with_what_and_where(
    encoder_bundle: Path, tagger_bundle: Path
) -> None:
    async def work() -> None:
        async with in_process({"it": encoder_bundle}, max_inputs=20) as served:
            post = served.client.post
            for path, body, where in REFUSED:
                found = await post(path, json=body)
                error = found.json()["error"]
                assert (found.status_code, error.get("where", "")) == (422, where), (path, body)
                assert error["message"]
            many = await post(EMBED, json={"input": ["a"] * 21})
            assert many.status_code == 413
            late = await post(EMBED, json={"input": "a"}, headers={"X-Timeout-Ms": "0.001"})
            assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline")
            told = await served.metrics()
            assert told["edgeft_admitted_requests"] == told["edgeft_admitted_inputs"] == 0
        async with in_process({"tags": tagger_bundle}) as served:
            for path, body in ((RERANK, ASKED), (EMBED, {"input": "a"})):
                found = await served.client.post(path, json=body)
                assert (found.status_code, found.json()["error"]["where"]) == (422, "model")

    run(work)
