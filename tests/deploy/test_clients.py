"""The clients, each as a program of its own, against a real server."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import edgeft
from tests.serve.command import EDGEFT, served

FOLDER = Path(__file__).parents[2] / "deploy" / "clients"
KEY = "a-key-that-nobody-guesses"
TEXTS = ["the cat fell", "", '👍🏽 中文 "[/b]"', "good bread " * 60] + ["rain"] * 40

Client = Sequence[str]


@pytest.fixture(scope="module", params=["py", "mjs", "go"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """The command of one of the clients."""
    file = str(FOLDER / f"edgeft_client.{request.param}")
    if request.param == "py":
        return [sys.executable, file]
    program = shutil.which({"mjs": "node", "go": "go"}[request.param])
    if program is None:
        pytest.skip("what runs this client is not here")
    if request.param == "mjs":
        return [program, file]
    out = tmp_path_factory.mktemp("go")
    variables = {**os.environ, "GOCACHE": str(out / "cache"), "GOFLAGS": "-mod=mod"}
    command = [program, "build", "-o", str(out / "client"), file]
    subprocess.run(command, check=True, env=variables, cwd=out, timeout=300)
    return [str(out / "client")]


@pytest.fixture(scope="module")
def url(tiny_bundle: Path) -> Iterator[str]:
    """A server that asks for a key."""
    command = [*EDGEFT, "serve", str(tiny_bundle), "--port", "0", "--variant", "fp32", "--device",
               "cpu", "--threads", "1"]  # fmt: skip
    with served(command, {"EDGEFT_API_KEY": KEY}) as (_, url):
        yield url


def asked(client: Client, *words: str, key: str = KEY, lines: str = "") -> Any:
    return subprocess.run(
        [*client, *words], input=lines, capture_output=True, text=True, encoding="utf-8",
        env={**os.environ, "EDGEFT_API_KEY": key}, timeout=60, check=False,
    )  # fmt: skip


def test_a_client_gets_what_the_model_predicts(client: Client, url: str, tiny_bundle: Path) -> None:
    done = asked(client, url, lines="".join(f"{text}\n" for text in TEXTS))
    assert (done.returncode, done.stderr) == (0, "")
    with edgeft.load(tiny_bundle, device="cpu", variant="fp32") as model:
        expected = [model.task.show(one, False) for one in model.predict(TEXTS)]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["label"] for one in found] == [one["label"] for one in expected]
    assert [one["truncated"] for one in found] == [one["truncated"] for one in expected]
    done = asked(client, url, TEXTS[0])
    assert json.loads(done.stdout)["label"] == expected[0]["label"]


def test_what_a_server_refuses_is_told(client: Client, url: str) -> None:
    done = asked(client, url, "the cat", key="a-key-that-is-not-the-one")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("401 key: This server asks for an API key.")


def test_a_server_that_is_not_there(client: Client) -> None:
    done = asked(client, "http://127.0.0.1:1", "the cat")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("0 network: ")
    assert len(done.stderr.splitlines()) == 1


class _Busy(BaseHTTPRequestHandler):
    """Stands before the server as a proxy would, which lets the third request of each through."""

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, _Front)
        server.seen += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.at.append(time.monotonic())
        if nth := server.seen % 3:
            self.send_response(429 if nth == 1 else 503)
            self.send_header("Retry-After", server.waits[nth - 1]())
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answer = json.dumps({"predictions": [{"label": one} for one in json.loads(body)["inputs"]]})
        self.send_response(200 if server.answers else 502)
        self.end_headers()
        self.wfile.write(answer.encode() if server.answers else b"<html>bad gateway</html>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


def soon() -> str:
    return "0.05"


class _Front(HTTPServer):
    def __init__(self, answers: bool, waits: Sequence[Callable[[], str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Busy)
        self.answers, self.waits, self.seen = answers, waits, 0
        self.at: list[float] = []  # when it was asked

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


@contextmanager
def fronted(
    answers: bool = True, waits: Sequence[Callable[[], str]] = (soon, soon)
) -> Iterator[_Front]:
    with _Front(answers, waits) as front:
        thread = threading.Thread(target=front.serve_forever)
        thread.start()
        yield front
        front.shutdown()
        thread.join()


@pytest.fixture(params=[True, False], ids=["answers", "fails"])
def busy(request: pytest.FixtureRequest) -> Iterator[_Front]:
    with fronted(request.param) as front:
        yield front


def test_a_client_comes_again_when_it_is_told_to(client: Client, busy: _Front) -> None:
    done = asked(client, busy.url, "a", "b")
    assert busy.seen == 3
    if busy.answers:
        assert [json.loads(line)["label"] for line in done.stdout.splitlines()] == ["a", "b"]
    else:  # what is no answer of edgeft's is an error, too
        assert done.returncode == 1
        assert done.stderr.startswith("502 http: ")


def test_a_client_waits_until_a_date_and_a_second_for_what_it_cannot_read(client: Client) -> None:
    with fronted(waits=(lambda: formatdate(time.time() + 2, usegmt=True), lambda: "soon")) as front:
        done = asked(client, front.url, "a")
    assert (done.returncode, done.stderr) == (0, "")
    # A date has whole seconds, so that at least one of the two was left.
    assert [later - earlier > 0.9 for earlier, later in pairwise(front.at)] == [True, True]


def test_a_client_need_not_wait_for_what_has_passed(client: Client) -> None:
    with fronted(waits=(lambda: "Thu, 01 Jan 2015 00:00:00 GMT", lambda: "-5")) as front:
        done = asked(client, front.url, "a")
    assert (done.returncode, done.stderr, front.seen) == (0, "", 3)


def test_long_lines_are_read_whole(client: Client) -> None:
    texts = ["a", "long " * 50_000, "two\u2028lines to some", "", "b"]
    for end in ("\n", ""):
        with fronted() as front:
            done = asked(client, front.url, lines="\n".join(texts) + end)
        assert (done.returncode, done.stderr) == (0, "")
        found = [json.loads(line)["label"] for line in done.stdout.split("\n") if line]
        assert found == texts


@pytest.mark.slow  # an export, in a process of its own as extensions change the one they are in
def test_the_single_file_without_edgeft(tiny_checkpoint: Path, tmp_path: Path) -> None:
    if find_spec("onnxruntime_extensions") is None:
        pytest.skip("onnxruntime-extensions is not installed")
    bundle, texts = tmp_path / "bundle", ["the cat fell", "", "good bread"]
    export = [*EDGEFT, "export", str(tiny_checkpoint), "--single-file", "-o", str(bundle)]
    done = subprocess.run(export, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    command = [sys.executable, str(FOLDER / "single_file.py")]
    done = asked(command, str(bundle / "onnx" / "model_text.onnx"), *texts)
    assert done.returncode == 0, done.stderr
    with edgeft.load(bundle, device="cpu", variant="fp32") as model:
        expected = model.predict(texts)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["label"] for one in found] == [one.label for one in expected]
