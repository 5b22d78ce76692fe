"""The model repository in a real Triton, that of the package nvidia-pytriton, without a GPU."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

import edgeft
from edgeft.deploy.triton.write import TritonConfig, deploy_triton
from edgeft.inputs import Question

ROOT = Path(__file__).parents[2]
PACKAGE = "nvidia-pytriton==0.7.0"
TEXTS = ["the cat fell", "", "👍🏽 中文 [/b]", "good bread " * 60]
ASKED = Question("who ran?", "The dog ran to the river.")

# Downloads 30 MB, and starts a server.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Triton runs on Linux"),
]


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Triton, with its Python backend made for this Python."""
    folder = tmp_path_factory.mktemp("triton")
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    subprocess.run([*command, PACKAGE], check=True, timeout=600)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as package:
        package.extractall(folder)
    found = folder / "pytriton" / "tritonserver"
    version = "{}.{}".format(*sys.version_info)
    stub = found / "python_backend_stubs" / version / "triton_python_backend_stub"
    shutil.copy(stub, found / "backends" / "python")
    for program in (found / "bin" / "tritonserver", found / "backends" / "python" / stub.name):
        program.chmod(0o755)
    # It runs the system's Python, isolated. This folder is on its path, so here edgeft is
    # installed, beside a numpy that this Triton can read: one before 2.
    place = found / "backends" / "python"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place)]
    subprocess.run([*command, "numpy<2"], check=True, timeout=600)
    for one in (*Path(httpx.__file__).parents[1].iterdir(), ROOT / "edgeft"):
        if not one.name.startswith("numpy") and not (place / one.name).exists():
            (place / one.name).symlink_to(one)
    return found


@contextmanager
def running(triton: Path, repository: Path) -> Iterator[str]:
    """Start Triton; give its URL once it is ready, and its log where it does not become so."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    log = repository.parent / "triton.log"
    command = [
        str(triton / "bin" / "tritonserver"), f"--model-repository={repository}",
        f"--backend-directory={triton / 'backends'}", "--http-address=127.0.0.1",
        f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false",
    ]  # fmt: skip
    with log.open("w") as stream, subprocess.Popen(
        command, stdout=stream, stderr=stream,
        env={**os.environ, "EDGEFT_CACHE": os.devnull},
    ) as process:  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            while not _ready(url):
                assert process.poll() is None, log.read_text()[-3000:]
                time.sleep(0.1)
            yield url
            process.terminate()
            process.wait(60)
        finally:
            process.kill()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v2/health/ready").status_code == 200
    except httpx.TransportError:
        return False


def infer(url: str, model: str, **texts: list[str]) -> httpx.Response:
    inputs = [
        {"name": name, "datatype": "BYTES", "shape": [len(data), 1], "data": data}
        for name, data in texts.items()
    ]
    return httpx.post(f"{url}/v2/models/{model}/infer", json={"inputs": inputs}, timeout=60)


def outputs(response: httpx.Response) -> dict[str, list[Any]]:
    assert response.status_code == 200, response.text
    return {one["name"]: one["data"] for one in response.json()["outputs"]}


def test_triton_answers_as_edgeft_does(
    triton: Path, tiny_bundle: Path, answerer_bundle: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "repository"
    deploy_triton(
        TritonConfig(bundles={"news": tiny_bundle, "who": answerer_bundle}, out=repository,
                     variant="fp32", threads=1)
    )  # fmt: skip
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32", threads=1) as model:
        expected = [model.task.show(one, False) for one in model.predict(TEXTS)]
    with edgeft.load(answerer_bundle, device="cpu", variant="fp32", threads=1) as model:
        answer = model.task.show(model.predict(ASKED), False)
    with running(triton, repository) as url:
        found = outputs(infer(url, "news", text=TEXTS))
        assert [json.loads(one) for one in found["prediction"]] == expected
        assert found["label"] == [one["label"] for one in expected]
        assert found["truncated"] == [one["truncated"] for one in expected]
        who = outputs(infer(url, "who", question=[ASKED.question], context=[ASKED.context]))
        assert json.loads(who["prediction"][0]) == answer
        # Many callers at a time share batches, and each gets its own answers.
        with ThreadPoolExecutor(16) as pool:
            calls = [pool.submit(infer, url, "news", text=[TEXTS[at % 4]]) for at in range(64)]
            labels = [outputs(call.result())["label"][0] for call in calls]
        assert labels == [expected[at % 4]["label"] for at in range(64)]
        stats = httpx.get(f"{url}/v2/models/news/stats").json()["model_stats"][0]
        assert int(stats["inference_count"]) == 64 + len(TEXTS)
        assert int(stats["execution_count"]) < 64
        # What is wrong is told to whom it concerns, and the model goes on.
        wrong = infer(url, "news", text=["a"], question=["b"])
        assert wrong.status_code == 400
        pairs = infer(url, "who", question=["who?"], context=["a", "b"])
        assert pairs.status_code == 400
        assert outputs(infer(url, "news", text=TEXTS[:1]))["label"] == [expected[0]["label"]]
