"""What others ask with: KServe's own client, and schemathesis, which knows the document alone."""

import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.http as kserve

from edgeft import Pair, load
from tests.serve.command import served
from tests.serve.test_server import command

pytestmark = pytest.mark.slow
TEXTS = ["the cat sat", "", "🙂 雨", "rain " * 400]
# 504 is right where a client gives a request no time: what it finds first.
CONFIG = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "4xx", 504]
"""
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_schema_conformance", "unsupported_method",
)  # fmt: skip


def test_the_client_of_the_open_inference_protocol(
    tiny_bundle: Path, pair_bundle: Path, tmp_path: Path
) -> None:
    bundles = (f"news={tiny_bundle}", f"pairs={pair_bundle}")
    with served(command(*bundles)) as (_, url):
        client = kserve.InferenceServerClient(url.removeprefix("http://"))
        try:
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready("news")
            assert client.get_server_metadata()["name"] == "edgeft"
            assert client.get_model_metadata("news")["inputs"][0]["datatype"] == "BYTES"
            with load(tiny_bundle, device="cpu", threads=1) as model:
                labels = [one.label for one in model.predict(TEXTS)]
            for binary in (True, False):
                found = client.infer("news", [given("text", TEXTS, binary=binary)])
                assert [one.decode() for one in found.as_numpy("label").tolist()] == labels
            with load(pair_bundle, device="cpu", threads=1) as model:
                score = model.predict(Pair("a cat", "a dog")).score
            both = [given("text", ["a cat"]), given("other", ["a dog"])]
            found = client.infer("pairs", both)
            assert float(found.as_numpy("score")[0]) == pytest.approx(score, abs=1e-5)
            with pytest.raises(kserve.InferenceServerException, match="news"):
                client.infer("nobody", both)
        finally:
            client.close()


def given(name: str, texts: list[str], *, binary: bool = True) -> kserve.InferInput:
    """A tensor of texts."""
    tensor = kserve.InferInput(name, [len(texts)], "BYTES")
    tensor.set_data_from_numpy(np.array([one.encode() for one in texts], object), binary)
    return tensor


def test_whatever_is_asked_the_server_never_fails(
    tiny_bundle: Path, encoder_bundle: Path, answerer_bundle: Path, tmp_path: Path
) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    program = Path(sys.executable).with_name("schemathesis")
    named = {"news": tiny_bundle, "vectors": encoder_bundle, "answers": answerer_bundle}
    bundles = (f"{name}={bundle}" for name, bundle in named.items())
    with served(command(*bundles)) as (process, url):
        document = httpx.get(f"{url}/openapi.json").json()
        routes = sum(len(methods) for methods in document["paths"].values())
        routes -= 1  # that of the document itself, which it does not ask again
        done = subprocess.run(
            [program, "--config-file", config, "run", f"{url}/openapi.json", "--max-examples", "40",
             "--seed", "1", "--checks", ",".join(CHECKS)],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:]
        assert f"Tested: {routes}" in done.stdout
        assert process.poll() is None
