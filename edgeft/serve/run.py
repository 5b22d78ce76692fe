"""A server in one process: it listens, loads, answers, reloads on SIGHUP and drains on SIGTERM."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TextIO

import uvicorn

from edgeft.errors import OutputError, UsageError
from edgeft.serve.app import application
from edgeft.serve.config import ServeConfig
from edgeft.serve.connections import bounded
from edgeft.serve.hosted import Loader
from edgeft.serve.logs import Log
from edgeft.serve.open_files import room_for
from edgeft.serve.service import Service
from edgeft.serve.tls import check_certificate

__all__ = ["engines_stuck", "run"]

KEEP_ALIVE_S = 75  # longer than load balancers keep theirs, so that none is closed under them
BACKLOG = 1024


def run(config: ServeConfig, *, stream: TextIO | None = None, loader: Loader | None = None) -> None:
    """Serve until SIGTERM or SIGINT, and end once what was admitted is answered.

    ``stream`` gets the log, by default stderr. Raises EdgeftError where it cannot listen, or a
    bundle cannot be loaded at the start.
    """
    listening = _listen(config)
    log = Log(stream)
    try:
        server = _Server(_uvicorn(config), config, log, loader)
        loop_factory = server.config.get_loop_factory()
        with (
            room_for(config.max_connections),
            _told_by(log),
            asyncio.Runner(loop_factory=loop_factory) as runner,
        ):
            runner.run(server.run_all(listening))
    finally:
        listening.close()
        log.close()


def engines_stuck() -> bool:
    """Whether a thread of an engine that hangs is left, which would keep the process from ending.

    For a process that has closed all its models.
    """
    return any(one.name == "edgeft-batches" for one in threading.enumerate())


class _Server(uvicorn.Server):
    """uvicorn's server with a service of our own around it."""

    def __init__(
        self, config: uvicorn.Config, told: ServeConfig, log: Log, loader: Loader | None
    ) -> None:
        super().__init__(config)
        self._told, self._log, self._loader = told, log, loader
        self._again = False  # whether bundles are to be loaded anew, or once more
        self._reloading: asyncio.Task[None] | None = None

    async def run_all(self, listening: socket.socket) -> None:
        """Listen, load, and answer until told to stop. Raises EdgeftError."""
        self._service = Service(self._told, log=self._log, loader=self._loader)
        self.config.app = application(self._service)
        with self._signals():
            serving = asyncio.create_task(self.serve(sockets=[listening]))
            loading = asyncio.create_task(self._service.start())
            self._log.tell("listening", url=_url(self._told, listening))
            await asyncio.wait({serving, loading}, return_when=asyncio.FIRST_COMPLETED)
            failed = loading.done() and loading.exception()
            if failed:
                self.should_exit = True
            elif loading.done():
                self._log.tell("ready", models=sorted(self._service.models))
            await asyncio.wait({serving})
            ending = {one for one in (loading, self._reloading) if one is not None}
            for one in ending:
                one.cancel()
            await asyncio.wait(ending)
            await self._service.stop()
            self._log.tell("stopped")
        if failed:
            raise failed
        await serving

    def capture_signals(self) -> "nullcontext[None]":  # type: ignore[override]
        """Leave signals to ``_signals``."""
        return nullcontext()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, reload on SIGHUP; all three are as before afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        does: dict[str, Callable[[], None]] = {
            "SIGTERM": self._stop, "SIGINT": self._stop, "SIGHUP": self._reload
        }  # fmt: skip
        before = {}
        for name, work in does.items():
            if (number := getattr(signal, name, None)) is not None:
                before[number] = signal.getsignal(number)
                loop.add_signal_handler(number, work)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _stop(self) -> None:
        """First drain; told once more, end at once."""
        if self._service.draining:
            self.should_exit = self.force_exit = True
            return
        self._service.draining = True
        self._log.tell("draining", requests=self._service.admission.inside.requests)
        loop = asyncio.get_running_loop()
        loop.call_later(self._told.drain_s, setattr, self, "should_exit", True)

    def _reload(self) -> None:
        """Load bundles anew; told so meanwhile, once more: what is read may be older than that."""
        self._again = True
        self._log.tell("reload asked")
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._reload_all())

    async def _reload_all(self) -> None:
        while self._again:
            self._again = False
            await self._service.reload([*self._service.models])  # what fails is in the log


def _uvicorn(config: ServeConfig) -> uvicorn.Config:
    """Raises UsageError where the certificate cannot be used."""
    if config.certificate is not None and config.certificate_key is not None:
        check_certificate(config.certificate, config.certificate_key)
    return uvicorn.Config(
        app=lambda: None,  # until there is one
        http=bounded(config.max_connections, config.read_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(config.grace_s)),
        backlog=BACKLOG,
        ssl_certfile=config.certificate,
        ssl_keyfile=config.certificate_key,
    )


def _listen(config: ServeConfig) -> socket.socket:
    """A socket that listens. Raises OutputError; UsageError for a host that is none."""
    try:
        found = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise UsageError(f"The host {config.host!r} cannot be found: {error}.") from None
    family, _, _, _, address = found[0]
    try:
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise OutputError(
            f"Nothing can listen on {config.host}, port {config.port}: {error.strerror}.",
            hint="Name another port: --port 0 takes any that is free.",
        ) from None


def _url(config: ServeConfig, listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    where = f"[{host}]" if ":" in host else host
    return f"http{'s' * (config.certificate is not None)}://{where}:{port}"


class _Told(logging.Handler):
    """Hands uvicorn's warnings to our log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Without the traceback, whose last line may quote a text."""
        self._log.tell("server", level=record.levelname.lower(), message=record.getMessage())


@contextmanager
def _told_by(log: Log) -> Iterator[None]:
    """Send what uvicorn logs to ``log``, and nowhere else."""
    logger = logging.getLogger("uvicorn.error")
    before, handler = logger.propagate, _Told(log)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
