import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

import edgeft
from edgeft.inputs import Question
from tests.deploy.service import TIMEOUT_S, ask, serving

ROOT = Path(__file__).parents[2]
APP = ROOT / "deploy" / "example" / "app.py"
TEXTS = ["the cat fell", "good bread", "中文 [/b]", ""]


CONTEXT = "The dog ran 👍🏽 to the river. " * 20
ASKED = [{"question": "who ran?", "context": CONTEXT}, {"question": "who?", "context": ""}]


def _served(bundle: Path) -> Iterator[int]:
    command = [sys.executable, str(APP), str(bundle), "--port", "0", "--device", "cpu"]
    with serving(command, ROOT) as (_, port):
        yield port


@pytest.fixture(scope="module")
def port(tiny_bundle: Path) -> Iterator[int]:
    yield from _served(tiny_bundle)


@pytest.fixture(scope="module")
def tagger_port(tagger_bundle: Path) -> Iterator[int]:
    yield from _served(tagger_bundle)


@pytest.fixture(scope="module")
def answerer_port(answerer_bundle: Path) -> Iterator[int]:
    yield from _served(answerer_bundle)


def post(port: int, document: object) -> tuple[int, dict[str, object]]:
    return ask(port, "POST", "/predict", json.dumps(document).encode())


def lines(bundle: Path, text: bytes, *more: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(APP), str(bundle), "--lines", "--device", "cpu", *more]
    return subprocess.run(command, input=text, capture_output=True, cwd=ROOT, check=False)


def test_it_answers_what_the_model_predicts(port: int, tiny_bundle: Path) -> None:
    status, answer = post(port, {"texts": TEXTS})
    with edgeft.load(tiny_bundle, device="cpu") as model:
        expected = model.predict(TEXTS)
    assert status == 200
    predictions = answer["predictions"]
    assert isinstance(predictions, list)
    assert [one["label"] for one in predictions] == [one.label for one in expected]
    assert [one["score"] for one in predictions] == pytest.approx(
        [one.score for one in expected], abs=1e-5
    )


def test_it_answers_pairs(port: int) -> None:
    status, answer = post(port, {"texts": [["the cat fell", "a cat"], "the cat fell"]})
    assert status == 200
    predictions = answer["predictions"]
    assert isinstance(predictions, list)
    assert predictions[0]["score"] != predictions[1]["score"]


def test_it_answers_with_entities(tagger_port: int, tagger_bundle: Path) -> None:
    texts = [*TEXTS, CONTEXT]
    status, answer = post(tagger_port, {"texts": texts})
    with edgeft.load(tagger_bundle, device="cpu") as model:
        expected = model.predict(texts)
    assert status == 200
    predictions = answer["predictions"]
    assert isinstance(predictions, list)
    assert [[(one["label"], one["start"], one["end"]) for one in some["entities"]]
            for some in predictions] == [
        [(one.label, one.start, one.end) for one in some] for some in expected
    ]  # fmt: skip
    told = [(text, one) for text, some in zip(texts, predictions, strict=True)
            for one in some["entities"]]  # fmt: skip
    assert told
    assert all(text[one["start"] : one["end"]] == one["text"] for text, one in told)


def test_it_answers_questions(answerer_port: int, answerer_bundle: Path) -> None:
    status, answer = post(answerer_port, {"questions": ASKED})
    with edgeft.load(answerer_bundle, device="cpu") as model:
        expected = model.predict([Question(**one) for one in ASKED])
    assert status == 200
    predictions = answer["predictions"]
    assert isinstance(predictions, list)
    assert [(one["text"], one["start"], one["end"]) for one in predictions] == [
        (one.text, one.start, one.end) for one in expected
    ]
    assert CONTEXT[predictions[0]["start"] : predictions[0]["end"]] == predictions[0]["text"]


def test_health_says_what_runs(port: int) -> None:
    status, answer = ask(port, "GET", "/health")
    assert status == 200
    assert answer["device"] == "cpu"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'["text"]', "must be"),
        (b'{"texts": "text"}', "must be"),
        (b'{"texts": ["a", 1]}', "must be"),
        (b'{"texts": []}', "1 to 256 texts a request, not 0"),
        (json.dumps({"texts": ["a"] * 257}).encode(), "1 to 256 texts a request, not 257"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(port: int, body: bytes, message: str) -> None:
    status, answer = ask(port, "POST", "/predict", body)
    assert status == 400
    assert message in answer["error"]


@pytest.mark.parametrize(
    "found",
    [
        "the cat",
        ["the", "cat"],
        None,
        {"question": "who?"},
        {"question": "who?", "context": 1},
        {"question": ["who?"], "context": "x"},
    ],
)
def test_what_is_no_question_is_told_what_one_is(answerer_port: int, found: object) -> None:
    status, answer = post(answerer_port, {"questions": [ASKED[0], found]})
    assert status == 400
    assert '{"questions": [{"question": "…", "context": "…"}, …]}' in str(answer["error"])


def test_another_tasks_inputs_are_told_the_right_ones(answerer_port: int, tagger_port: int) -> None:
    assert post(answerer_port, {"texts": ["the cat"]})[0] == 400
    for wrong in ({"questions": ASKED}, {"texts": [["a", "b"]]}, {"texts": [ASKED[0]]}):
        status, answer = post(tagger_port, wrong)
        assert (status, answer["error"]) == (400, 'the body must be {"texts": ["…", …]}')


def test_other_methods_are_answered_as_json(port: int) -> None:
    status, answer = ask(port, "PUT", "/predict", b"{}")
    assert status == 501
    assert "PUT" in answer["error"]


def test_a_client_that_sends_all_of_too_large_a_body_is_answered(port: int) -> None:
    # Closing while it still sends would reset the connection under the answer.
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
        size = 4 << 20
        client.sendall(f"POST /predict HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode())
        client.sendall(b" " * size)
        answer = b"".join(iter(lambda: client.recv(1 << 16), b""))
    assert answer.split()[1] == b"413"
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_a_lone_surrogate_is_answered(port: int) -> None:
    status, answer = ask(port, "POST", "/predict", b'{"texts": ["\\ud800"]}')
    assert (status, len(answer["predictions"])) == (200, 1)


def test_too_large_a_body_is_refused_unread(port: int) -> None:
    # Only the header says so; the body is never sent.
    status, answer = ask(port, "POST", "/predict", headers={"Content-Length": str((1 << 20) + 1)})
    assert (status, answer["error"]) == (413, "at most 1048576 bytes a request")
    status, _ = ask(port, "POST", "/predict", headers={"Content-Length": "9" * 5000})
    assert status == 413


def test_a_body_without_a_length_is_refused(port: int) -> None:
    status, _ = ask(port, "POST", "/predict", b"", headers={"Content-Length": "-1"})
    assert status == 411
    status, _ = ask(port, "POST", "/predict", headers={"Transfer-Encoding": "chunked"})
    assert status == 411


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/"), ("GET", "/predict")])
def test_other_paths_are_told_the_right_ones(port: int, method: str, path: str) -> None:
    status, answer = ask(port, method, path, b"")
    assert status == 404
    assert "/predict" in answer["error"]


def test_requests_side_by_side_each_get_their_own_answers(port: int) -> None:
    answers: dict[int, tuple[int, dict[str, object]]] = {}

    def send(count: int) -> None:
        answers[count] = post(port, {"texts": TEXTS[:1] * count})

    senders = [threading.Thread(target=send, args=(count,)) for count in range(1, 9)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    for count, (status, answer) in answers.items():
        predictions = answer["predictions"]
        assert isinstance(predictions, list)
        assert (status, len(predictions)) == (200, count)


def test_more_requests_than_places_are_told_to_come_again(port: int) -> None:
    # Each of these announces a body that it never sends, and so holds a place.
    idle = [HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S) for _ in range(16)]
    try:
        for one in idle:
            one.request("POST", "/predict", headers={"Content-Length": "10"})
        for _ in range(100):  # the last of them may not have been accepted yet
            status, answer = post(port, {"texts": ["a"]})
            if status != 200:
                break
        assert (status, answer["error"]) == (503, "busy, try again")
    finally:
        for one in idle:
            one.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tiny_bundle: Path, number: signal.Signals) -> None:
    command = [sys.executable, str(APP), str(tiny_bundle), "--port", "0", "--device", "cpu"]
    with serving(command, ROOT) as (process, _):
        process.send_signal(number)
        assert process.wait(TIMEOUT_S) == 0


def test_lines_come_out_as_json_in_order(tiny_bundle: Path) -> None:
    done = lines(tiny_bundle, "\n".join(TEXTS[:3]).encode())
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    with edgeft.load(tiny_bundle, device="cpu") as model:
        assert [one["label"] for one in answers] == [one.label for one in model.predict(TEXTS[:3])]


def test_lines_are_questions_where_the_model_answers_such(answerer_bundle: Path) -> None:
    given = "".join(json.dumps(one) + "\n" for one in ASKED).encode()
    done = lines(answerer_bundle, given)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    with edgeft.load(answerer_bundle, device="cpu") as model:
        expected = model.predict([Question(**one) for one in ASKED])
    assert [one["text"] for one in answers] == [one.text for one in expected]
    done = lines(answerer_bundle, given + b"who ran?\n")
    assert done.returncode == 1
    assert b"stdin, line 3: it is no question" in done.stderr
    assert b"Traceback" not in done.stderr


def test_what_cannot_start_says_why(tiny_bundle: Path, tmp_path: Path, port: int) -> None:
    done = lines(tmp_path, b"text\n")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"is no bundle" in done.stderr
    assert b"Traceback" not in done.stderr
    done = lines(tiny_bundle, b"caf\xe9\n")
    assert done.returncode == 1
    assert b"stdin, line 1: the text is not UTF-8" in done.stderr
    command = [sys.executable, str(APP), str(tiny_bundle), "--port", str(port), "--device", "cpu"]
    taken = subprocess.run(command, capture_output=True, cwd=ROOT, check=False, timeout=TIMEOUT_S)
    assert taken.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}".encode() in taken.stderr
