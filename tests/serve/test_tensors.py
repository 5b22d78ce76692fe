"""The Open Inference Protocol: metadata, JSON and binary tensors, and what is refused."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.serve.asking import Served, in_process, run

INFER = "/v2/models/news/infer"


def tensor(*texts: str, name: str = "text", **more: Any) -> dict[str, Any]:
    found = {"name": name, "datatype": "BYTES", "shape": [len(texts)], "data": list(texts)}
    return {**found, **more}


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in found["outputs"]}


def test_health_and_metadata(tiny_bundle: Path, answerer_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"news": tiny_bundle, "qa": answerer_bundle}) as served:
            get = served.client.get
            assert (await get("/v2")).json()["extensions"] == ["binary_tensor_data"]
            assert (await get("/v2/health/live")).json() == {"live": True, "faults": {}}
            ready = await get("/v2/health/ready")
            assert ready.json()["models"]["news"]["provider"] == "CPUExecutionProvider"
            assert (await get("/v2/models/qa/ready")).status_code == 200
            assert (await get("/v2/models/none")).status_code == 404
            assert isinstance((await get("/v2/models/none/ready")).json()["error"], str)
            told = (await get("/v2/models/qa")).json()
            assert [one["name"] for one in told["inputs"]] == ["question", "context"]
            told = (await get("/v2/models/news")).json()
            for version in told["versions"]:
                path = f"/v2/models/news/versions/{version}"
                assert (await get(path)).json() == told
                assert (await get(f"{path}/ready")).json() == {"name": "news", "ready": True}
                body = {"inputs": [tensor("the cat")]}
                found = await served.client.post(f"{path}/infer", json=body)
                assert found.json() == (await served.client.post(INFER, json=body)).json()
            for path in ("", "/ready"):
                none = await get(f"/v2/models/news/versions/2{path}")
                assert (none.status_code, "1" in none.json()["error"]) == (404, True)
            assert {one["name"]: one["datatype"] for one in told["outputs"]} == {
                "prediction": "BYTES", "label": "BYTES", "score": "FP32", "truncated": "BOOL",
                "unknown_share": "FP32",
            }  # fmt: skip
            served.service.draining = True
            assert (await get("/v2/health/ready")).status_code == 503
            assert (await get("/v2/models/qa/ready")).status_code == 503
            assert (await get("/v2/health/live")).status_code == 200

    run(work)


def test_texts_in_and_answers_out(tiny_bundle: Path, answerer_bundle: Path) -> None:
    texts = ["the cat", "", "今天 👍"]

    async def predicted(served: Served, **body: Any) -> Any:
        return (await served.predict(**body)).json()["predictions"]

    async def work() -> None:
        async with in_process({"news": tiny_bundle, "qa": answerer_bundle}) as served:
            right = await predicted(served, model="news", inputs=texts)
            for shape, data in (([3], texts), ([3, 1], texts), ([3, 1], [[one] for one in texts])):
                body = {"id": "7", "inputs": [tensor(*texts, shape=shape, data=data)]}
                found = (await served.client.post(INFER, json=body)).json()
                assert (found["id"], found["model_name"]) == ("7", "news")
                outputs = by_name(found)
                assert outputs["label"] == {
                    "name": "label", "datatype": "BYTES", "shape": [3],
                    "data": [one["label"] for one in right],
                }  # fmt: skip
                whole = [json.loads(one) for one in outputs["prediction"]["data"]]
                assert [one["label"] for one in whole] == outputs["label"]["data"]
            body = {"inputs": [tensor("who?", name="question"), tensor("the team", name="context")],
                    "outputs": [{"name": "text"}, {"name": "start"}]}  # fmt: skip
            found = (await served.client.post("/v2/models/qa/infer", json=body)).json()
            asked = [{"question": "who?", "context": "the team"}]
            (answer,) = await predicted(served, model="qa", inputs=asked)
            assert by_name(found)["text"]["data"] == [answer["text"]]
            assert list(by_name(found)) == ["text", "start"]
            body = {"inputs": [tensor("the cat"), tensor("a dog", name="other")],
                    "parameters": {"scores": True}}  # fmt: skip
            found = (await served.client.post(INFER, json=body)).json()
            assert "scores" in json.loads(by_name(found)["prediction"]["data"][0])

    run(work)


def packed(*texts: str) -> bytes:
    return b"".join(struct.pack("<I", len(one)) + one for one in (text.encode() for text in texts))


def test_binary_tensors_both_ways(tiny_bundle: Path) -> None:
    texts = ["the cat", "今天 👍"]
    data = packed(*texts)
    head = json.dumps(
        {
            "inputs": [{"name": "text", "datatype": "BYTES", "shape": [2],
                        "parameters": {"binary_data_size": len(data)}}],
            "outputs": [{"name": "label", "parameters": {"binary_data": True}},
                        {"name": "truncated", "parameters": {"binary_data": True}},
                        {"name": "score", "parameters": {"binary_data": True}}],
        }
    ).encode()  # fmt: skip

    async def work() -> None:
        async with in_process({"news": tiny_bundle}) as served:
            headers = {"Inference-Header-Content-Length": str(len(head))}
            found = await served.client.post(INFER, content=head + data, headers=headers)
            assert found.status_code == 200, found.text
            size = int(found.headers["inference-header-content-length"])
            document, rest = json.loads(found.content[:size]), found.content[size:]
            right = (await served.predict(inputs=texts)).json()["predictions"]
            sizes = [one["parameters"]["binary_data_size"] for one in document["outputs"]]
            assert sum(sizes) == len(rest)
            assert rest[: sizes[0]] == packed(*(one["label"] for one in right))
            assert rest[sizes[0] : sizes[0] + 2] == b"\0\0"
            scores = struct.unpack("<2f", rest[-8:])
            assert scores == pytest.approx([one["score"] for one in right], abs=2e-4)

            for length, content in (
                ("x", head + data),
                ("999999", head + data),
                (str(len(head)), head + data[:-1]),
                (str(len(head)), head + data + b"more"),
                (str(len(head)), head + b"\xff" * len(data)),
                (str(len(head)), head + data[:-2] + b"\xff\xff"),
                (str(len(head) - 1), head[:-1]),
            ):
                headers = {"Inference-Header-Content-Length": length}
                bad = await served.client.post(INFER, content=content, headers=headers)
                assert bad.status_code in (400, 422), (length, content)
                assert isinstance(bad.json()["error"], str)

    run(work)


def test_scores_are_refused_where_there_are_none(tagger_bundle: Path) -> None:
    async def work() -> None:
        async with in_process({"news": tagger_bundle}) as served:
            body = {"inputs": [tensor("the cat")], "parameters": {"scores": True}}
            refused = await served.client.post(INFER, json=body)
            assert (refused.status_code, "parameters.scores" in refused.text) == (422, True)
            body["parameters"] = {"scores": False}  # type: ignore[assignment]
            assert (await served.client.post(INFER, json=body)).status_code == 200

    run(work)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"inputs": []},
        {"inputs": ["a"]},
        {"inputs": [tensor("a", name="no")]},
        {"inputs": [tensor("a"), tensor("a")]},
        {"inputs": [tensor("a", datatype="FP32")]},
        {"inputs": [tensor("a", shape=[2])]},
        {"inputs": [tensor("a", shape=[])]},
        {"inputs": [tensor("a", shape=[True])]},
        {"inputs": [tensor("a", shape=[1, 1, 1])]},
        {"inputs": [tensor("a", data=[5])]},
        {"inputs": [tensor("a", data="a")]},
        {"inputs": [tensor(shape=[0])]},
        {"inputs": [tensor("a"), tensor("a", "b", name="other")]},
        {"inputs": [tensor("a", parameters=5)]},
        {"inputs": [tensor("a", parameters={"binary_data_size": 9})]},
        {"inputs": [tensor("a")], "outputs": [{"name": "no"}]},
        {"inputs": [tensor("a")], "outputs": 5},
        {"inputs": [tensor("a")], "id": 5},
        {"inputs": [tensor("a")], "parameters": {"timeout": -1}},
        {"inputs": [tensor("a")], "parameters": {"scores": 1}},
    ],
)
def test_what_is_no_such_request_is_refused(body: Any) -> None:
    from edgeft.serve.refusals import RefusedError
    from edgeft.serve.tensors import infer_asked
    from edgeft.tasks import task_named

    columns = {"prediction": "BYTES", "label": "BYTES"}
    content = json.dumps(body).encode()
    with pytest.raises(RefusedError) as refused:
        infer_asked(content, None, task_named("text-classification"), columns)
    assert refused.value.status == 422
