"""The whole server: sockets, signals, slow and vanishing clients, the command line."""

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgeft.errors import DataError, EdgeftError, OutputError, UsageError
from edgeft.serve.config import ServeConfig, keys_from
from edgeft.serve.run import run as serve
from tests.process_state import whole
from tests.serve.asking import PLAIN, Kept, Served, at_socket, gated, run, until
from tests.serve.command import EDGEFT
from tests.serve.command import served as served_by
from tests.stages import left_changed

MANY = 10_000  # connections
HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def post(body: bytes) -> bytes:
    return HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


async def connect(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = httpx.URL(served.url)
    return await asyncio.open_connection(url.host, url.port)


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """What a server still sends until it closes, by whatever way."""
    with suppress(ConnectionError):
        return await reader.read()
    return b""


def test_a_client_that_leaves_takes_its_work_along(tiny_bundle: Path) -> None:
    gates = gated()

    async def work() -> None:
        async with at_socket({"news": tiny_bundle}, loader=gates) as served:
            gates.shut()
            runs = asyncio.create_task(served.predict(input="runs"))
            await asyncio.to_thread(gates.last.entered.wait, 30)
            hosted = served.service.models["news"]
            _, writer = await connect(served)
            writer.write(post(b'{"inputs": ["left", "behind"]}'))
            await until(lambda: hosted.state().waiting == 2)
            writer.transport.abort()
            await until(lambda: hosted.state().waiting == 0)
            gates.open()
            assert (await runs).status_code == 200
            await until(lambda: served.service.admission.inside.requests == 0)
            told = await served.metrics()
            assert told['edgeft_request_errors_total{reason="gone"}'] == 1
            assert told['edgeft_inputs_total{model="news"}'] == 1

    run(work)


def test_bodies_that_stay_halves_and_heads_that_never_end(tiny_bundle: Path) -> None:
    async def work() -> None:
        bounds = {"read_s": 0.3, "max_connections": 30, "max_body_bytes": 10_000}
        async with at_socket({"news": tiny_bundle}, **bounds) as served:
            half, writer = await connect(served)
            writer.write(post(b'{"input": "a"}')[:-5])
            assert b" 408 " in await rest_of(half)
            head, writer = await connect(served)
            writer.write(HEAD)
            assert await rest_of(head) == b""
            silent, _ = await connect(served)
            assert await rest_of(silent) == b""
            large, writer = await connect(served)
            with suppress(ConnectionError):
                writer.write(HEAD + b"X-Large: " + b"a" * 100_000)
                await writer.drain()
            assert b" 400 " in await rest_of(large) or large.at_eof()
            nonsense, writer = await connect(served)
            writer.write(b"\x16\x03\x01 what is this\r\n\r\n")
            assert b" 400 " in await rest_of(nonsense)
            oversized, writer = await connect(served)
            writer.write(HEAD + b"Content-Length: 99999999999\r\n\r\n")
            assert b" 413 " in await oversized.readuntil(b"\r\n")
            writer.close()
            chunks, writer = await connect(served)
            writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(20):
                writer.write(b"400\r\n" + b" " * 0x400 + b"\r\n")
            assert b" 413 " in await chunks.readuntil(b"\r\n")
            writer.close()
            gone, writer = await connect(served)
            writer.write(post(b'{"input": "a"}')[:-5])
            await writer.drain()
            writer.transport.abort()
            assert (await served.predict(input="a")).status_code == 200
            assert served.service.admission.inside.bytes == 0
            assert gone is not None

    run(work)


def test_a_client_that_takes_nothing_of_its_answer_is_let_go_and_a_slow_one_gets_all(
    pair_bundle: Path,
) -> None:
    text = "the cat " * 700_000  # whose beginning alone is read, and which comes back whole
    body = {"query": "a", "documents": [text], "return_documents": True}
    bounds = {"read_s": 0.3, "max_body_bytes": 8 << 20, "max_characters": 8 << 20}
    content = json.dumps(body).encode()
    head = HEAD.replace(b"/v1/predict", b"/v1/rerank")
    head += f"Connection: close\r\nContent-Length: {len(content)}\r\n\r\n".encode()

    def read(slow: socket.socket, *, seconds: float = 0.0, size: int = 1 << 20) -> int:
        """The bytes that come, of which so many are taken at a time, with a pause for each."""
        found = 0
        with suppress(ConnectionError):
            while chunk := slow.recv(size):
                found += len(chunk)
                time.sleep(seconds)
        return found

    async def work() -> None:
        async with at_socket({"pairs": pair_bundle}, **bounds) as served:
            url = httpx.URL(served.url)

            async def asked(room: int) -> socket.socket:
                slow = socket.socket()
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
                slow.connect((url.host, url.port))
                before = len(served.log.events("request"))
                await asyncio.to_thread(slow.sendall, head + content)
                await until(lambda: len(served.log.events("request")) > before)
                assert served.log.events("request")[-1]["status"] == 200
                assert served.service.admission.inside.bytes == 0
                return slow

            with await asked(4096) as silent:
                await asyncio.sleep(1.2)
                assert await asyncio.to_thread(read, silent) < len(text)
            with await asked(1 << 16) as slow:  # all takes several times as long as it may rest
                found = await asyncio.to_thread(read, slow, seconds=0.02, size=1 << 16)
                assert found > len(text)
            assert (await served.predict(input=["a", "b"])).status_code == 200

    run(work)


def test_more_connections_than_there_may_be_are_closed(tiny_bundle: Path) -> None:
    async def work() -> None:
        async with at_socket({"news": tiny_bundle}, max_connections=10) as served:
            assert (await served.predict(input="a")).status_code == 200  # keeps its connection
            opened = [await connect(served) for _ in range(40)]
            closed = [asyncio.create_task(rest_of(reader)) for reader, _ in opened]
            await until(lambda: sum(one.done() for one in closed) == 31)
            assert (await served.predict(input="a")).status_code == 200
            for _, writer in opened:
                writer.close()
            await asyncio.gather(*closed)

    run(work)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are not told here")
def test_ten_thousand_connections_take_no_more_than_there_may_be(tiny_bundle: Path) -> None:
    resource = pytest.importorskip("resource")
    limits = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY + 200:
        pytest.skip(f"a process may have {hard} open files here, no more")
    few = ["bash", "-c", 'ulimit -Sn 256; exec "$@"', "bash"]  # less than its connections take
    opened: list[socket.socket] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MANY + 200), hard))
        with (
            served_by([*few, *command(tiny_bundle, "--max-connections", "300")]) as (process, url),
            httpx.Client(base_url=url, timeout=60) as client,
        ):
            body, files = {"input": "the cat"}, Path(f"/proc/{process.pid}/fd")
            answer = client.post("/v1/predict", json=body).json()  # and keeps its connection
            where = (httpx.URL(url).host, httpx.URL(url).port)
            for at in range(MANY):
                opened.append(socket.create_connection(where, timeout=60))
                if at % 1000 == 0:
                    assert client.post("/v1/predict", json=body).json() == answer
            assert 300 < len([*files.iterdir()]) < 400
            for one in opened:
                one.close()
            while len([*files.iterdir()]) > 100:
                time.sleep(0.05)
            assert httpx.post(f"{url}/v1/predict", json=body, timeout=60).json() == answer
    finally:
        for one in opened:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_more_connections_than_the_system_allows_are_told(tiny_bundle: Path) -> None:
    few = ["bash", "-c", 'ulimit -n 256; exec "$@"', "bash", *command(tiny_bundle)]
    done = subprocess.run(few, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "1,024 connections take 1,152 open files" in done.stderr
    assert "--max-connections 128" in done.stderr


def test_a_server_that_was_killed_starts_again_where_it_was(tiny_bundle: Path) -> None:
    body = {"inputs": ["the cat"] * 500}
    with served_by(command(tiny_bundle)) as (process, url):
        answer = httpx.post(f"{url}/v1/predict", json=body, timeout=60).json()
        url_parts = httpx.URL(url)
        with socket.create_connection((url_parts.host, url_parts.port)) as connection:
            connection.sendall(post(json.dumps(body).encode()))
            process.kill()
            process.wait(30)
            with suppress(ConnectionError):
                assert connection.recv(1) == b""  # never half an answer
        with served_by(command(tiny_bundle, port=url_parts.port or 0)) as (_, again):
            assert again == url
            assert httpx.post(f"{url}/v1/predict", json=body, timeout=60).json() == answer


def test_stopping_answers_what_was_admitted_and_is_not_ready_meanwhile(tiny_bundle: Path) -> None:
    gates = gated()

    async def work() -> None:
        async with at_socket({"news": tiny_bundle}, loader=gates, drain_s=0.3) as served:
            gates.shut()
            asked = [asyncio.create_task(served.predict(input=f"text {at}")) for at in range(30)]
            await until(lambda: served.service.models["news"].state().inside == 30)
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: served.service.draining)
            assert (await served.client.get("/v2/health/ready")).status_code == 503
            await asyncio.sleep(0.5)  # it listens no more
            with pytest.raises(httpx.ConnectError):
                async with httpx.AsyncClient() as other:
                    await other.get(f"{served.url}/v2/health/live")
            gates.open()
            assert {one.status_code for one in await asyncio.gather(*asked)} == {200}

    run(work)


def test_what_cannot_be_answered_before_the_end_is_told(tiny_bundle: Path) -> None:
    gates = gated()

    async def work() -> None:
        async with at_socket({"news": tiny_bundle}, loader=gates, grace_s=0.0) as served:
            gates.shut()
            asked = asyncio.create_task(served.predict(input="the cat"))
            await until(lambda: served.service.models["news"].state().inside == 1)
            os.kill(os.getpid(), signal.SIGTERM)
            found = await asked
            assert (found.status_code, found.json()["error"]["code"]) == (503, "stopping")
            assert found.headers["connection"] == "close"
            assert found.headers["content-type"] == "application/json"
            gates.open()

    try:
        run(work)
    finally:
        gates.open()


def test_a_server_leaves_the_process_as_it_was(tiny_bundle: Path) -> None:
    def once() -> None:
        log = Kept()

        def stop() -> None:
            while not log.events("ready"):
                time.sleep(0.02)
            os.kill(os.getpid(), signal.SIGTERM)

        stopper = threading.Thread(target=stop)
        stopper.start()
        serve(ServeConfig(bundles={"news": tiny_bundle}, port=0, **PLAIN), stream=log)
        stopper.join()

    once()  # a library may change what it likes once, when it is imported
    assert left_changed(once, whole) == []


def test_without_its_packages_one_message_says_what_to_install(tmp_path: Path) -> None:
    program = (
        "import importlib.util as util, sys; found = util.find_spec\n"
        "util.find_spec = lambda name, *of: None if name == 'fastapi' else found(name, *of)\n"
        "from edgeft.cli import main; main(['serve', sys.argv[1]])"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "fastapi" in done.stderr
    assert "pip install 'edgeft[serve]'" in done.stderr


def command(bundle: object, *arguments: str, port: int = 0) -> list[str]:
    """That of a server with one thread."""
    options = ("--port", str(port), "--threads", "1", "--variant", "fp32")
    return [*EDGEFT, "serve", str(bundle), *options, *arguments]


def test_the_command_answers_reloads_and_ends(tiny_bundle: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("one-key-of-a-client\n\nkey-of-another-client\n")
    named = f"my-model={tiny_bundle}"
    with served_by(command(named, "--api-key-file", str(keys))) as (process, url):
        headers = {"Authorization": "Bearer key-of-another-client"}
        body = {"inputs": ["the cat"] * 500}
        assert httpx.post(f"{url}/v1/predict", json=body).status_code == 401
        process.send_signal(signal.SIGHUP)
        with httpx.Client(headers=headers, timeout=60) as client:
            while 'reloads_total{model="my-model",result="done"} 1' not in client.get(
                f"{url}/metrics"
            ).text.replace(".0", ""):
                time.sleep(0.05)
            assert client.post(f"{url}/v1/predict", json=body).json()["model"] == "my-model"
        url = url.removeprefix("http://")
        host, port = url.split(":")
        with socket.create_connection((host, int(port))) as connection:
            content = json.dumps(body).encode()
            request = HEAD + b"Authorization: Bearer one-key-of-a-client\r\n"
            connection.sendall(request + f"Content-Length: {len(content)}\r\n\r\n".encode())
            connection.sendall(content[:-3])
            time.sleep(0.2)  # admitted
            process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            connection.sendall(content[-3:])
            answer = b""
            while chunk := connection.recv(1 << 16):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"]) == 500
        assert process.wait(30) == 0
        assert '"stopped"' in process.stderr.read()  # type: ignore[union-attr]


def test_a_bundle_that_cannot_be_loaded_ends_the_command(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OutputError, match=str(port)):
            serve(ServeConfig(bundles={"a": Path("a")}, port=port))
    with pytest.raises(UsageError, match="no such host"):
        serve(ServeConfig(bundles={"a": Path("a")}, host="no such host"))


def test_keys_are_read_and_must_not_be_guessed(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("  first-key-of-mine \nsecond-key-of-mine\n")
    both = keys_from(file, {"EDGEFT_API_KEY": "third-key-of-mine"})
    assert both == ("first-key-of-mine", "second-key-of-mine", "third-key-of-mine")
    assert keys_from(None, {}) == ()
    for content in ("", "short", "with a blank in the middle", "schlüssel-aus-vielen"):
        file.write_text(content)
        with pytest.raises(DataError):
            keys_from(file, {})
    with pytest.raises(DataError):
        keys_from(tmp_path / "none", {})


@pytest.mark.parametrize(
    "told",
    [
        {"bundles": {}},
        {"max_requests": 0},
        {"deadline_s": float("nan")},
        {"hang_s": 0.0},
        {"drain_s": -1.0},
        {"port": 70_000},
        {"max_bytes": 10},
        {"certificate": Path("cert.pem")},
        {"admin": True},
    ],
)
def test_what_makes_no_sense_is_told(told: dict[str, Any]) -> None:
    with pytest.raises(EdgeftError):
        ServeConfig(**{"bundles": {"a": Path("a")}, **PLAIN, **told})


def test_a_certificate_that_cannot_be_used_is_told_before_anything_runs(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_text("no certificate\n")
    key.write_text("no key\n")
    log = Kept()
    told = {"certificate": certificate, "certificate_key": key, "port": 0, **PLAIN}
    with pytest.raises(UsageError, match=r"cert\.pem.*key\.pem.*PEM"):
        serve(ServeConfig(bundles={"news": tiny_bundle}, **told), stream=log)
    assert log.events("listening") == []
    told["certificate"] = tmp_path / "none.pem"
    with pytest.raises(UsageError, match=r"none\.pem.*No such file"):
        serve(ServeConfig(bundles={"news": tiny_bundle}, **told), stream=log)


def test_tls_is_what_was_named(tiny_bundle: Path, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        capture_output=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("there is no openssl here")

    async def work() -> None:
        told = {"certificate": certificate, "certificate_key": key}
        async with at_socket({"news": tiny_bundle}, **told) as served:
            trust = ssl.create_default_context(cafile=str(certificate))
            async with httpx.AsyncClient(verify=trust) as client:
                url = served.url.replace("http:", "https:")
                found = await client.post(f"{url}/v1/predict", json={"input": "a"})
                assert found.status_code == 200
        assert served.log.events("listening")[0]["url"].startswith("https://")

    run(work)
