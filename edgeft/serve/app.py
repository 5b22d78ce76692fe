"""The routes: what is asked over HTTP, and who answers it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from edgeft import __version__
from edgeft.page.facts import FIELDS, facts_of
from edgeft.serve import openapi
from edgeft.serve.admin import reload_asked
from edgeft.serve.asked import example_of, predict_asked, seconds_of
from edgeft.serve.bodies import ClientGoneError, Receive, json_bytes, parsed, read_body
from edgeft.serve.calls import ReadCall, wrong
from edgeft.serve.embeddings import embed_asked, embeddings_asked
from edgeft.serve.front import KIND, NOTE, App, Front, Note, Scope, Send, refused_response
from edgeft.serve.hosted import Hosted, Live
from edgeft.serve.leaving import unless_gone
from edgeft.serve.metrics import CONTENT_TYPE
from edgeft.serve.page import docs_page, try_page
from edgeft.serve.refusals import RefusedError
from edgeft.serve.rerank import rerank_asked, tei_rerank_asked
from edgeft.serve.service import Service
from edgeft.serve.tensors import (
    HEADER_LENGTH,
    VERSION,
    check_version,
    infer_asked,
    infer_body,
    metadata,
)
from edgeft.tasks.columns import columns_of_shown

__all__ = ["Routes", "application"]

Work = Callable[[Request, Note], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

GONE = 499  # what logs call a request whose client left; nobody is told
TIMEOUT = "X-Timeout-Ms"
ASKED = (400, 408, 413, 415, 422, 429, 503, 504)


def application(service: Service) -> App:
    """The ASGI application of a service."""
    return Front(Routes(service), service)


class Routes:
    """All routes of a service, an ASGI application.

    ``app`` has all of them, and describes them. A path without a name in it is answered without
    asking ``app``, which would take longer than all else that is done here for a request.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._plain: dict[tuple[str, str], Endpoint] = {}
        self.app = FastAPI(
            title="edgeft",
            version=__version__,
            summary="Models of text behind HTTP.",
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        self.app.add_exception_handler(HTTPException, self._unknown)
        timeout = openapi.parameter(
            TIMEOUT, "header", {"type": "number", "exclusiveMinimum": 0},
            "Milliseconds that the answer may take.",
        )  # fmt: skip
        its_name = openapi.one_of(list(service.models))
        model = openapi.parameter("model", "query", its_name, "Its name, where there are several.")
        name = openapi.parameter("name", "path", its_name, "The model's name.")
        add = self.add
        asked: dict[str, Any] = {"parameters": [model, timeout]}
        for path, read, summary, body, answer in (
            ("/v1/predict", predict_asked, "Predict one input, or a list of them.", {},
             openapi.OBJECT),
            ("/v1/embeddings", embeddings_asked, "Vectors, as OpenAI's clients ask.",
             openapi.EMBEDDINGS, openapi.OBJECT),
            ("/v1/rerank", rerank_asked, "Texts ranked by a query, as Cohere's and Jina's "
             "clients ask.", openapi.RERANK, openapi.OBJECT),
            ("/embed", embed_asked, "Vectors, as text-embeddings-inference gives them.",
             openapi.TEI_EMBED, openapi.ROWS_OF_NUMBERS),
            ("/rerank", tei_rerank_asked, "The same ranking, as text-embeddings-inference gives "
             "it.", openapi.TEI_RERANK, openapi.TEI_RANKING),
        ):  # fmt: skip
            add("POST", path, self._called(read), summary,
                openapi.answers(404, *ASKED, schema=answer), {**body, **asked})  # fmt: skip
        plain, faulty = openapi.answers(), openapi.answers(503)
        add("GET", "/v1/models", self._models, "What is served, and what it runs on.", plain)
        add("GET", "/v2", self._server, "The server, as the Open Inference Protocol tells it.",
            plain)  # fmt: skip
        add("GET", "/v2/health/live", self._is_live, "Whether models answer: a real inference.",
            faulty)  # fmt: skip
        add("GET", "/v2/health/ready", self._is_ready, "Whether requests are welcome.", faulty)
        version = openapi.parameter("version", "path", openapi.one_of([VERSION]), "There is one.")
        for path, named in (
            ("/v2/models/{name}", [name]),
            ("/v2/models/{name}/versions/{version}", [name, version]),
        ):
            add("GET", path, self._metadata, "A model's inputs and outputs.",
                openapi.answers(404, 503), {"parameters": named})  # fmt: skip
            add("GET", f"{path}/ready", self._model_ready, "Whether a model answers.",
                openapi.answers(404, 503), {"parameters": named})  # fmt: skip
            add("POST", f"{path}/infer", self._infer, "Texts in, answers out, as tensors.",
                openapi.answers(404, *ASKED),
                {**openapi.INFER, "parameters": [*named, timeout]})  # fmt: skip
        add("GET", "/metrics", self._metrics, "For Prometheus.",
            openapi.answers(schema=openapi.TEXT, kind="text/plain"))  # fmt: skip
        add("GET", "/openapi.json", self._openapi, "This document.", plain)
        html = openapi.answers(schema=openapi.TEXT, kind="text/html")
        add("GET", "/", self._page, "A page to try the models by hand.", html)
        add("GET", "/docs", self._docs, "A page that tells this document.", html)
        if service.config.admin:
            add("POST", "/admin/reload", self._reload, "Load bundles anew, all or one.",
                openapi.answers(403, 404, 409), {"parameters": [model]})  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        endpoint = self._plain.get((scope["method"], scope["path"]))
        if endpoint is None:
            await self.app(scope, receive, send)
            return
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    def add(
        self,
        method: str,
        path: str,
        work: Work,
        summary: str,
        responses: Any,
        document: dict[str, Any] | None = None,
    ) -> None:
        """Add a route. ``work`` may raise any error; what a client is told of it is decided here.

        Nothing of a request is checked by the framework, so that bodies are read within bounds.
        """

        async def endpoint(request: Request) -> Response:
            note: Note = request.scope[NOTE]
            note.route = path
            try:
                return await work(request, note)
            except ClientGoneError:
                note.reason = "gone"
                return Response(status_code=GONE)
            except Exception as error:
                return refused_response(request.scope, note, error, self._service)

        if "{" not in path:
            self._plain[method, path] = endpoint
        self.app.add_api_route(
            path, endpoint, methods=[method], summary=summary, responses=responses,
            openapi_extra=document, response_class=Response,
            operation_id=f"{method.lower()}{re.sub('[/{]+', '_', path).replace('}', '')}",
        )  # fmt: skip

    # --- predictions ---------------------------------------------------------------------

    def _called(self, read: ReadCall) -> Work:
        """The work of a route that takes JSON and gives JSON."""

        async def work(request: Request, note: Note) -> Response:
            until = self._until(request)
            with self._service.admission.enter() as ticket:
                body = await self._body(request, note, ticket)
                call = read(parsed(body))
                hosted = self._service.model(_one_name(call.model, _named(request)))
                live = hosted.live()
                inputs = call.inputs(live.model)
                ticket.take_inputs(inputs)
                self._note(note, hosted, inputs)
                found = await self._answered(request, hosted, live, inputs, until, call.seconds)
                return _json(call.told(hosted.name, live.model, found))

        return work

    async def _infer(self, request: Request, note: Note) -> Response:
        until = self._until(request)
        hosted = self._at_path(request)
        with self._service.admission.enter() as ticket:
            body = await self._body(request, note, ticket)
            live = hosted.live()
            task = live.model.task
            columns = columns_of_shown(live.example)
            asked = infer_asked(body, request.headers.get(HEADER_LENGTH), task, columns)
            ticket.take_inputs(asked.inputs)
            self._note(note, hosted, asked.inputs)
            found = await self._answered(request, hosted, live, asked.inputs, until, asked.seconds)
            shown = [task.show(one, asked.scores) for one in found]
            content, head = infer_body(hosted.name, asked, shown, columns)
        if head is None:
            return Response(content, headers=KIND)
        headers = {HEADER_LENGTH: str(head), "Content-Type": "application/octet-stream"}
        return Response(content, headers=headers)

    def _at_path(self, request: Request) -> Hosted:
        """The model that a path names. Raises RefusedError (404)."""
        check_version(request.path_params.get("version"))
        return self._service.model(request.path_params["name"])

    def _until(self, request: Request) -> float:
        """The event loop's time at which a request's time is over, by its header."""
        config, given = self._service.config, request.headers.get(TIMEOUT)
        seconds: float | None = None
        if given is not None:
            try:
                seconds = seconds_of(float(given), TIMEOUT, per_second=1e3)
            except ValueError:
                raise RefusedError(
                    HTTPStatus.UNPROCESSABLE_ENTITY, "input", "It must be a number above 0.",
                    where=TIMEOUT,
                ) from None  # fmt: skip
        begun = asyncio.get_running_loop().time()
        return begun + min(config.deadline_s, seconds or config.deadline_s)

    async def _body(self, request: Request, note: Note, ticket: Any) -> bytes:
        if request.headers.get("content-encoding", "identity") != "identity":
            raise RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoding", "Compressed bodies are not read.",
                hint="Send it without Content-Encoding.",
            )  # fmt: skip
        config = self._service.config
        body = await read_body(
            request.receive, request.headers.get("content-length"), ticket,
            most=config.max_body_bytes, seconds=config.read_s,
        )  # fmt: skip
        note.fields["bytes"] = len(body)
        return body

    def _note(self, note: Note, hosted: Hosted, inputs: list[Any]) -> None:
        quoted = self._service.quoted(inputs)
        note.fields |= {"model": hosted.name, "inputs": len(inputs), "quoted": quoted}

    async def _answered(
        self,
        request: Request,
        hosted: Hosted,
        live: Live,
        inputs: list[Any],
        until: float,
        seconds: float | None,
    ) -> list[Any]:
        if seconds is not None:
            until = min(until, asyncio.get_running_loop().time() + seconds)
        return await unless_gone(request, hosted.answer(live, inputs, until))

    # --- what is served ------------------------------------------------------------------

    async def _page(self, request: Request, note: Note) -> Response:
        body, headers = try_page()
        return Response(body, headers=headers)

    async def _docs(self, request: Request, note: Note) -> Response:
        body, headers = docs_page()
        return Response(body, headers=headers)

    async def _models(self, request: Request, note: Note) -> Response:
        data = [_told(one) for one in self._service.models.values()]
        return _json({"object": "list", "data": data})

    async def _server(self, request: Request, note: Note) -> Response:
        extensions = ["binary_tensor_data"]
        return _json({"name": "edgeft", "version": __version__, "extensions": extensions})

    async def _metadata(self, request: Request, note: Note) -> Response:
        hosted = self._at_path(request)
        live = hosted.live()
        return _json(metadata(hosted.name, live.model.task, columns_of_shown(live.example)))

    async def _is_live(self, request: Request, note: Note) -> Response:
        faults = await self._service.faults()
        return _json({"live": not faults, "faults": faults}, ok=not faults)

    async def _is_ready(self, request: Request, note: Note) -> Response:
        ready = self._service.ready
        models = {one.name: one.told() for one in self._service.models.values()}
        told = {"ready": ready, "draining": self._service.draining, "models": models}
        return _json(told, ok=ready)

    async def _model_ready(self, request: Request, note: Note) -> Response:
        hosted = self._at_path(request)
        ready = hosted.ready and not self._service.draining
        return _json({"name": hosted.name, "ready": ready}, ok=ready)

    async def _metrics(self, request: Request, note: Note) -> Response:
        return Response(self._service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _openapi(self, request: Request, note: Note) -> Response:
        """The document, which tells what the models that are ready take."""
        models = self._service.models
        ready = [one.live().model for one in models.values() if one.ready]
        takes = dict.fromkeys(kind for model in ready for kind in model.task.takes)
        document, path = self.app.openapi(), "/v1/predict"
        body = openapi.predict_body(list(models), takes or FIELDS)
        post = {**document["paths"][path]["post"], **body}
        return _json({**document, "paths": {**document["paths"], path: {"post": post}}})

    async def _reload(self, request: Request, note: Note) -> Response:
        name = _named(request)
        names = list(self._service.models) if name is None else [self._service.model(name).name]
        return _json({"models": await reload_asked(request, self._service, names)})

    async def _unknown(self, request: Request, error: Exception) -> Response:
        """What no route takes: 404 and 405."""
        assert isinstance(error, HTTPException)
        reason = "method" if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else "route"
        refusal = RefusedError(error.status_code, reason, "There is no such route.",
                               hint="GET /openapi.json lists them.",
                               headers=error.headers)  # fmt: skip
        return refused_response(request.scope, request.scope[NOTE], refusal, self._service)


def _named(request: Request) -> str | None:
    """The model that a request's query names."""
    return request.query_params.get("model") if request.scope["query_string"] else None


def _one_name(body: str | None, query: str | None) -> str | None:
    """The model that is asked, by its body or its query. Raises RefusedError (422)."""
    if body is not None and query is not None and body != query:
        raise wrong("model", "The body names one model, the query another.", "Name one.")
    return query if body is None else body


def _told(hosted: Hosted) -> dict[str, Any]:
    """A model as GET /v1/models lists it, in the shape that OpenAI's clients read."""
    told: dict[str, Any] = {"id": hosted.name, "object": "model", "created": 0,
                            "owned_by": "edgeft", **hosted.told()}  # fmt: skip
    if hosted.ready:
        model = hosted.live().model
        told |= {
            **facts_of(model),
            "created": int(hosted.live().when),
            "threads": model.threads,
            "input": example_of(model.task),
        }
    return told


def _json(document: Any, *, ok: bool = True) -> Response:
    status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(json_bytes(document), status_code=int(status), headers=KIND)
