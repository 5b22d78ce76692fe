"""A small service that embeds edgeft: one model, loaded once, behind POST /predict.

    python app.py BUNDLE                  serve on http://127.0.0.1:8080
    python app.py BUNDLE --lines < FILE   one text a line in, one JSON object a line out

A bundle of any task will do. One that answers questions takes objects with "question" and
"context" where others take texts. It needs nothing but the base install of edgeft and one build of
onnxruntime.
"""

import argparse
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import edgeft
from edgeft.data import read_texts
from edgeft.errors import DataError
from edgeft.inputs import Input, Question, input_from
from edgeft.tasks.task import Task

MAX_BODY_BYTES = 1 << 20
MAX_INPUTS = 256  # in one request
MAX_REQUESTS = 16  # at a time; more are told to come again
READ_TIMEOUT_S = 10.0  # for a client that stops sending
LINGER_S = 5.0  # for what a client still sends that was refused already


class BadRequestError(Exception):
    """What the client did wrong, in words for the client."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Server(ThreadingHTTPServer):
    """Holds the model that all requests share."""

    daemon_threads = False  # so that closing waits for the requests that are being answered

    def __init__(self, address: tuple[str, int], model: edgeft.Model) -> None:
        super().__init__(address, Handler)
        self.model = model
        self.places = threading.BoundedSemaphore(MAX_REQUESTS)


class Handler(BaseHTTPRequestHandler):
    """GET /health and POST /predict; every answer is JSON."""

    server: Server
    timeout = READ_TIMEOUT_S
    server_version = "edgeft-example"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path != "/health":
            return self._answer(HTTPStatus.NOT_FOUND, {"error": "use GET /health, POST /predict"})
        model = self.server.model
        self._answer(HTTPStatus.OK, {"variant": model.variant, "device": str(model.device)})

    def do_POST(self) -> None:
        if self.path != "/predict":
            return self._answer(HTTPStatus.NOT_FOUND, {"error": "use POST /predict"})
        if not self.server.places.acquire(blocking=False):
            return self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "busy, try again"})
        model = self.server.model
        try:
            predictions = model.predict(parse_inputs(self._body(), model.task))
            answer = {"predictions": [model.task.show(one, False) for one in predictions]}
            self._answer(HTTPStatus.OK, answer)
        except BadRequestError as error:
            self._answer(error.status, {"error": str(error)})
        except DataError as error:  # an input that is too long
            self._answer(HTTPStatus.BAD_REQUEST, {"error": error.message})
        except ConnectionError:  # there is nobody to answer
            self.close_connection = True
        except Exception as error:  # its message may quote a text, so it is not for the log
            told = error if isinstance(error, edgeft.EdgeftError) else type(error).__name__
            print(f"Error: {told}", file=sys.stderr, flush=True)
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "the prediction failed"})
        finally:
            self.server.places.release()

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise BadRequestError(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        if len(length) > 12 or int(length) > MAX_BODY_BYTES:
            raise BadRequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes a request"
            )
        try:
            return self.rfile.read(int(length))
        except TimeoutError:
            raise BadRequestError(
                HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive in time"
            ) from None

    def _answer(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = to_json(document)
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status != HTTPStatus.OK:  # the body of a refused request may still be on its way
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer as JSON what the base class refuses: other methods, and what is no HTTP."""
        self._answer(HTTPStatus(code), {"error": message or HTTPStatus(code).phrase})

    def finish(self) -> None:
        """Close, once the client has sent its rest: else it may never see what it was answered."""
        super().finish()
        end = time.monotonic() + LINGER_S
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(LINGER_S)
            while self.connection.recv(1 << 16) and time.monotonic() < end:
                pass

    def log_message(self, format: str, *args: object) -> None:
        """Log the request line and the status, and never a text."""
        print(format % args, file=sys.stderr, flush=True)


def parse_inputs(body: bytes, task: Task) -> list[Input]:
    """The inputs of a request: {"texts": ["…", …]}, or {"questions": [{…}, …]} of such a model.

    Raises BadRequestError.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "the body is not JSON in UTF-8") from None
    key = task.asks.many
    found = document.get(key) if isinstance(document, dict) else None
    try:
        inputs = [parse_input(one, task) for one in found] if isinstance(found, list) else None
    except ValueError:
        inputs = None
    if inputs is None:
        wanted = f'the body must be {{"{key}": [{example_of(task)}, …]}}'
        raise BadRequestError(HTTPStatus.BAD_REQUEST, wanted)
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST, f"1 to {MAX_INPUTS} {key} a request, not {len(inputs)}"
        )
    return inputs


def parse_input(found: Any, task: Task) -> Input:
    """What a model of this task is asked, from JSON. Raises ValueError for anything else."""
    one = input_from(found)
    if not isinstance(one, task.takes):
        raise ValueError(f"is no {task.asks.one}")
    return one


def example_of(task: Task) -> str:
    """How one of its inputs is written in JSON."""
    return '{"question": "…", "context": "…"}' if Question in task.takes else '"…"'


def to_json(document: dict[str, Any]) -> bytes:
    """As UTF-8; half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes "?"."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def serve(model: edgeft.Model, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    try:
        server = Server((host, port), model)
    except (OSError, OverflowError) as error:
        print(f"Error: cannot listen on {host}:{port}: {error}", file=sys.stderr)
        return 1

    def stop(*_: object) -> None:  # shutdown() waits for the loop that this thread runs
        threading.Thread(target=server.shutdown).start()

    # Process 1 of a container ignores signals that it does not handle itself.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    where = f"http://{host}:{server.server_address[1]}"
    print(f"Serving {model.variant} on {model.device} at {where}", file=sys.stderr, flush=True)
    with server:
        server.serve_forever()
    return 0


def predict_lines(model: edgeft.Model) -> int:
    """Predict standard input line by line, in bounded memory; return the exit status."""
    lines = sys.stdin.buffer
    inputs = read_texts(lines) if str in model.task.takes else read_objects(lines, model.task)
    for prediction in model.stream(inputs):
        sys.stdout.buffer.write(to_json(model.task.show(prediction, False)) + b"\n")
        sys.stdout.buffer.flush()
    return 0


def read_objects(lines: BinaryIO, task: Task) -> Iterator[Input]:
    """The input that stands as JSON in each line. Raises DataError."""
    for number, line in enumerate(lines, start=1):
        try:
            yield parse_input(json.loads(line), task)
        except (ValueError, RecursionError):
            raise DataError(
                f"stdin, line {number}: it is no {task.asks.one}.",
                hint=f"Give a line such as {example_of(task)}.",
            ) from None


def main() -> int:
    """Load the model, then do what the command line asks; return the exit status."""
    parser = argparse.ArgumentParser(description="A small service that embeds edgeft.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--lines", action="store_true", help="predict lines of standard input")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 for any free one")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--variant", default="auto")
    options = parser.parse_args()
    try:
        with edgeft.load(options.bundle, device=options.device, variant=options.variant) as model:
            if options.lines:
                return predict_lines(model)
            return serve(model, options.host, options.port)
    except edgeft.EdgeftError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
