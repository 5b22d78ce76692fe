"""A small service that embeds edgeft: one model, loaded once, behind POST /predict.

    python app.py BUNDLE                  serve on http://127.0.0.1:8080
    python app.py BUNDLE --lines < FILE   one text a line in, one JSON object a line out

It needs nothing but the base install of edgeft and one build of onnxruntime.
"""

import argparse
import json
import signal
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import edgeft
from edgeft.data import read_texts

MAX_BODY_BYTES = 1 << 20
MAX_TEXTS = 256  # in one request
MAX_REQUESTS = 16  # at a time; more are told to come again
READ_TIMEOUT_S = 10.0  # for a client that stops sending


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
        try:
            texts = self._texts()
            predictions = self.server.model.predict(texts)
            answer = {"predictions": [as_json(one) for one in predictions]}
            self._answer(HTTPStatus.OK, answer)
        except BadRequestError as error:
            self._answer(error.status, {"error": str(error)})
        except edgeft.EdgeftError as error:
            print(f"Error: {error}", file=sys.stderr, flush=True)
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "the prediction failed"})
        finally:
            self.server.places.release()

    def _texts(self) -> list[str]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise BadRequestError(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        if len(length) > 12 or int(length) > MAX_BODY_BYTES:
            raise BadRequestError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes a request"
            )
        return parse_texts(self.rfile.read(int(length)))

    def _answer(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status != HTTPStatus.OK:  # the body of a refused request may still be on its way
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log the request line and the status, and never a text."""
        print(format % args, file=sys.stderr, flush=True)


def parse_texts(body: bytes) -> list[str]:
    """The texts of a request: {"texts": ["…", …]}. Raises BadRequestError."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "the body is not JSON in UTF-8") from None
    texts = document.get("texts") if isinstance(document, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadRequestError(HTTPStatus.BAD_REQUEST, 'the body must be {"texts": ["…", …]}')
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise BadRequestError(
            HTTPStatus.BAD_REQUEST, f"1 to {MAX_TEXTS} texts a request, not {len(texts)}"
        )
    return texts


def as_json(prediction: edgeft.Classification) -> dict[str, Any]:
    """The part of a prediction that the service's clients see."""
    return {
        "label": prediction.label,
        "score": round(prediction.score, 6),
        "truncated": prediction.truncated,
    }


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
    for prediction in model.stream(read_texts(sys.stdin.buffer)):
        print(json.dumps(as_json(prediction), ensure_ascii=False), flush=True)
    return 0


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
