"""POST /v1/predict: the JSON of edgeft predict, for every task, and a word for every refusal."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import edgeft
from edgeft.inputs import Pair, Question
from tests import tiny
from tests.serve.asking import PLAIN, in_process, run

TEXTS = ["", "the cat", "rain fell 👍🎉", "今天的天气很好", " ".join(tiny.WORDS * 5), "half \ud83d"]
SCORE = pytest.approx


def shown(bundle: Path, inputs: list[Any], full: bool = False) -> list[dict[str, Any]]:
    with edgeft.load(bundle, **PLAIN) as model:
        return [model.task.show(model.predict(one), full) for one in inputs]


def close(found: Any, expected: Any) -> bool:
    """Equal, but for the last digits of numbers, which batches touch."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(
            close(found[name], one) for name, one in expected.items()
        )
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return bool(found == (SCORE(expected, abs=2e-4) if isinstance(expected, float) else expected))


def test_one_text_and_many_are_answered_as_by_predict(tiny_bundle: Path) -> None:
    expected = shown(tiny_bundle, TEXTS)

    async def work() -> None:
        async with in_process({"news": tiny_bundle}) as served:
            many = await served.predict(inputs=TEXTS)
            assert many.status_code == 200
            assert many.json()["model"] == "news"
            assert close(many.json()["predictions"], expected)
            for text, one in zip(TEXTS, expected, strict=True):
                single = await served.predict(input=text)
                assert close(single.json(), {"model": "news", "prediction": one})

    run(work)


def test_scores_of_every_label(tiny_bundle: Path) -> None:
    expected = shown(tiny_bundle, ["the cat"], full=True)

    async def work() -> None:
        async with in_process({"news": tiny_bundle}) as served:
            found = await served.predict(input={"text": "the cat"}, scores=True)
            assert close(found.json()["prediction"], expected[0])

    run(work)


def test_each_task_takes_its_own_inputs(
    tiny_bundle: Path, tagger_bundle: Path, answerer_bundle: Path
) -> None:
    question = Question("who won?", "the team won the game 今天 👍")
    asked = {"question": question.question, "context": question.context}
    pair = shown(tiny_bundle, [Pair("the cat", "a dog")])[0]
    bundles = {"news": tiny_bundle, "tags": tagger_bundle, "qa": answerer_bundle}

    async def work() -> None:
        async with in_process(bundles) as served:
            for one in (["the cat", "a dog"], {"text": "the cat", "other": "a dog"}):
                found = await served.predict(model="news", input=one)
                assert close(found.json()["prediction"], pair)
            found = await served.client.post("/v1/predict?model=qa", json={"inputs": [asked]})
            assert close(found.json()["predictions"], shown(answerer_bundle, [question]))
            found = await served.predict(model="tags", input="the cat sat 👍")
            assert close(found.json()["prediction"], shown(tagger_bundle, ["the cat sat 👍"])[0])
            for body, where in (
                ({"model": "qa", "input": "a text"}, "input"),
                ({"model": "qa", "inputs": [asked, {"question": "who?"}]}, "inputs[1]"),
                ({"model": "tags", "input": ["a", "b"]}, "input"),
                ({"model": "tags", "input": "a", "scores": True}, "scores"),
                ({"input": "which model?"}, "model"),
            ):
                refused = await served.predict(**body)
                assert refused.status_code == 422, body
                assert refused.json()["error"]["where"] == where
            assert (await served.predict(model="none", input="a")).status_code == 404

    run(work)


REFUSED: list[tuple[bytes, int, str]] = [
    (b"", 400, "json"),
    (b"{", 400, "json"),
    (b"\xff\xfe{}", 400, "json"),
    (b'{"input": "\xe4"}', 400, "json"),
    (b'{"input": NaN}', 400, "json"),
    (b'{"input": "a", "timeout_ms": -Infinity}', 400, "json"),
    (b"[" * 3900, 400, "json"),
    (b'{"input": ' + b"9" * 3900, 400, "json"),
    (b"[]", 422, "input"),
    (b"{}", 422, "input"),
    (b'{"input": "a", "inputs": ["a"]}', 422, "input"),
    (b'{"input": "a", "more": 1}', 422, "input"),
    (b'{"input": null}', 422, "input"),
    (b'{"input": 5}', 422, "input"),
    (b'{"input": ["a", "b", "c"]}', 422, "input"),
    (b'{"inputs": []}', 422, "input"),
    (b'{"inputs": "text"}', 422, "input"),
    (b'{"inputs": ["a", {"text": 5}]}', 422, "input"),
    (b'{"input": "a", "scores": "yes"}', 422, "input"),
    (b'{"input": "a", "model": 3}', 422, "input"),
    (b'{"input": "a", "timeout_ms": 0}', 422, "input"),
    (b'{"input": "a", "timeout_ms": true}', 422, "input"),
    (b'{"input": "a", "timeout_ms": 1e999}', 422, "input"),
    (b'{"input": "' + b"a" * 3000 + b'"}', 413, "too_large"),
    (b'{"inputs": ["' + b'","' * 30 + b'"]}', 413, "too_large"),
    (b'{"input": "' + b"a" * 5000 + b'"}', 413, "too_large"),
]


def test_what_is_wrong_is_refused_with_what_and_where(tiny_bundle: Path) -> None:
    async def work() -> None:
        bounds = {"max_body_bytes": 4000, "max_inputs": 20, "max_characters": 2000}
        async with in_process({"news": tiny_bundle}, **bounds) as served:
            for body, status, code in REFUSED:
                found = await served.client.post("/v1/predict", content=body)
                assert (found.status_code, found.json()["error"]["code"]) == (status, code), body
                assert found.json()["error"]["message"]
            post = served.client.post
            fine = b'{"input": "a"}'
            packed = await post("/v1/predict", content=fine, headers={"Content-Encoding": "gzip"})
            assert packed.status_code == 415
            for given in ("soon", "-1", "nan", "0"):
                late = await post("/v1/predict", content=fine, headers={"X-Timeout-Ms": given})
                assert late.status_code == 422, given
            assert (await served.client.get("/v1/predict")).status_code == 405
            assert (await served.client.get("/nowhere")).json()["error"]["code"] == "route"
            assert (await served.client.post("/admin/reload")).status_code == 404
            # and all the same it goes on
            assert (await post("/v1/predict", content=fine)).status_code == 200
            told = await served.metrics()
            assert told["edgeft_admitted_requests"] == told["edgeft_admitted_bytes"] == 0
            assert told['edgeft_request_errors_total{reason="json"}'] == 8

    run(work)


def test_a_body_in_chunks_is_refused_before_it_is_read_whole(tiny_bundle: Path) -> None:
    sent = []

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(1000):
            sent.append(1)
            yield b" " * 1000

    async def work() -> None:
        async with in_process({"news": tiny_bundle}, max_body_bytes=5000) as served:
            found = await served.client.post("/v1/predict", content=chunks())
            assert found.status_code == 413

    run(work)
    assert len(sent) < 10


def test_a_text_that_is_too_long_is_refused_where_that_was_wished(tiny_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"news": tiny_bundle}, on_long="error") as served:
            found = await served.predict(inputs=["fine", TEXTS[4]])
            assert found.status_code == 422
            assert "tokens" in found.json()["error"]["message"]

    run(work)


def test_concurrent_requests_get_their_own_answers_in_shared_batches(tiny_bundle: Path) -> None:
    texts = [f"{word} {other}" for word in tiny.WORDS[:14] for other in tiny.WORDS[:15]][:200]
    expected = shown(tiny_bundle, texts)

    async def work() -> None:
        async with in_process({"news": tiny_bundle}, max_requests=200) as served:
            before = (await served.metrics())['edgeft_batch_parts_count{model="news"}']
            found = await asyncio.gather(*(served.predict(input=text) for text in texts))
            for one, right in zip(found, expected, strict=True):
                assert close(one.json()["prediction"], right)
            told = await served.metrics()
            assert told['edgeft_batch_parts_count{model="news"}'] - before < 200
            assert told['edgeft_inputs_total{model="news"}'] == 200
            assert told['edgeft_queue_seconds_count{model="news"}'] >= 200
            assert told['edgeft_requests_total{route="/v1/predict",status="200"}'] == 200

    run(work)


def test_keys_are_asked_for_but_by_probes(tiny_bundle: Path) -> None:
    key = "a-key-of-many-letters"

    async def work() -> None:
        async with in_process({"news": tiny_bundle}, keys=(key, "another-key-of-many")) as served:
            for headers, status in (
                ({}, 401),
                ({"Authorization": "Bearer wrong"}, 401),
                ({"Authorization": f"Basic {key}"}, 401),
                ({"Authorization": "Bearer \xe9".encode("latin-1")}, 401),
                ({"Authorization": f"Bearer {key}"}, 200),
                ({"X-Api-Key": "another-key-of-many"}, 200),
            ):
                found = await served.client.post(
                    "/v1/predict", json={"input": "a"}, headers=headers
                )
                assert found.status_code == status
            assert found.headers["content-type"] == "application/json"
            for path in ("/v2/health/live", "/v2/health/ready"):
                assert (await served.client.get(path)).status_code == 200
            for path in ("/metrics", "/v1/models", "/openapi.json", "/nowhere"):
                assert (await served.client.get(path)).status_code == 401

    run(work)


def test_the_log_tells_of_requests_and_quotes_no_text(tiny_bundle: Path) -> None:
    secret = "zebra crossing"

    async def work(**told: Any) -> list[str]:
        async with in_process({"news": tiny_bundle}, **told) as served:
            headers = {"X-Request-Id": "mine-1"}
            one = {"input": secret}
            found = await served.client.post("/v1/predict", json=one, headers=headers)
            assert found.headers["x-request-id"] == "mine-1"
            bad = await served.client.post("/v1/predict", json={"inputs": [secret, {secret: 1}]},
                                           headers={"X-Request-Id": secret})  # fmt: skip
            assert bad.json()["error"]["request_id"] == bad.headers["x-request-id"] != secret
            await served.client.get(f"/{secret}?q={secret}")
        first = served.log.events("request")[0]
        assert (first["id"], first["status"], first["inputs"]) == ("mine-1", 200, 1)
        return served.log.getvalue().splitlines()

    assert not any("zebra" in line for line in run(work))
    quoted = run(lambda: work(log_inputs=True))
    assert [json.loads(line)["quoted"] for line in quoted if "zebra" in line] == [[secret]]


def test_what_is_served_is_told(tiny_bundle: Path, tagger_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"news": tiny_bundle, "tags": tagger_bundle}) as served:
            listed = (await served.client.get("/v1/models")).json()
            assert [one["id"] for one in listed["data"]] == ["news", "tags"]
            news = listed["data"][0]
            assert news["provider"] == "CPUExecutionProvider"
            assert (news["variant"], news["task"]) == ("fp32", "text-classification")
            assert news["labels"] == list(tiny.LABELS)
            assert news["digest"].startswith("sha256:")
            document = (await served.client.get("/openapi.json")).json()
            assert set(document["paths"]["/v1/predict"]["post"]["responses"]) >= {
                "200", "400", "401", "404", "413", "422", "429", "503", "504",
            }  # fmt: skip
            assert "/admin/reload" not in document["paths"]
            paths = document["paths"]
            for path, kind in (("/embed", "array"), ("/rerank", "array"), ("/v1/rerank", "object")):
                right = paths[path]["post"]["responses"]["200"]["content"]["application/json"]
                assert right["schema"]["type"] == kind

    run(work)


def test_two_names_for_one_request_are_refused(tiny_bundle: Path, tagger_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"news": tiny_bundle, "tags": tagger_bundle}) as served:
            body = {"input": "the cat", "model": "news", "timeout_ms": None}
            same = await served.client.post("/v1/predict?model=news", json=body)
            assert (same.status_code, same.json()["model"]) == (200, "news")
            other = await served.client.post("/v1/predict?model=tags", json=body)
            assert (other.status_code, other.json()["error"]["where"]) == (422, "model")

    run(work)
