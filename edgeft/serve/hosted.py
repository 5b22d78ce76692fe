"""One bundle behind HTTP: loaded, warmed, watched by real inferences, restarted, swapped."""

import asyncio
import ctypes
import os
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from edgeft.errors import DeadlineError, EdgeftError, OverloadError, RunError, UsageError
from edgeft.inputs import Input, size_of
from edgeft.runtime.load import load
from edgeft.runtime.model import Model
from edgeft.serve.config import ServeConfig
from edgeft.serve.logs import Log
from edgeft.serve.metrics import Metrics, ModelMetrics, ModelState
from edgeft.serve.refusals import RETRY, RefusedError

__all__ = ["Hosted", "Live", "Loader", "in_thread"]

Result = TypeVar("Result")
Loader = Callable[[Path, ModelMetrics], Model]

SPARE = 16  # inputs of checks, which wait beside those of requests
MOST_RESTART_S = 60.0  # between two attempts to start an engine
CALM_S = 60.0  # after which an engine that was restarted counts as sound
FRESH_S = 1.0  # that the result of a check is told again
CLOSE_S = 5.0  # that a batch which still runs has to end


@dataclass(eq=False)
class Live:
    """A model that is loaded, and who uses it.

    example: the JSON of a prediction. begun: when it was loaded, by a clock for spans; when: the
    same in seconds since 1970.
    """

    model: Model
    seen: ModelMetrics
    example: Mapping[str, Any]
    begun: float = field(default_factory=time.monotonic)
    when: float = field(default_factory=time.time)
    users: int = 0
    retired: bool = False

    @property
    def probe(self) -> Input:
        """What it is asked to see that it answers: the shortest golden input that says anything."""
        return min(filter(size_of, self.model.task.golden), key=size_of)


class Hosted:
    """A bundle under a name. All methods are for one event loop.

    ``fault`` says why it does not answer, "" where it does: to anybody, so without what names files
    of this machine, which only the log has. Its model is replaced when its engine dies or hangs
    (after a check by a real inference), and by ``reload``.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        config: ServeConfig,
        metrics: Metrics,
        log: Log,
        loader: Loader | None = None,
    ) -> None:
        self.name, self._folder, self._config = name, folder, config
        self._metrics, self._log = metrics, log
        self._loader = loader or self._load
        self._live: Live | None = None
        self.fault = "It is being loaded."
        self._loaded = asyncio.Event()  # once
        self._answers = asyncio.Event()  # set while there is a model
        self._doubted = asyncio.Event()
        self._changing = asyncio.Lock()  # held while another model is loaded
        self._check: asyncio.Task[str] | None = None
        self._checked = -FRESH_S
        self._failures = 0
        self._watcher: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    # --- what runs -----------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether it answers."""
        return self._live is not None and not self.fault

    @property
    def loaded(self) -> bool:
        """Whether it was ever loaded."""
        return self._loaded.is_set()

    def live(self) -> Live:
        """What answers now. Raises RefusedError (503)."""
        live = self._live
        if live is None:
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "not_ready",
                f"The model {self.name} is not ready: {self.fault}",
                hint="Try again later.",
                headers=RETRY,
            )
        return live

    def state(self) -> ModelState:
        """What a scrape reads."""
        live, told = self._live, self.told()
        if live is None:
            return ModelState(self.name, False, 0, 0, {})
        return ModelState(self.name, self.ready, live.model.waiting, live.users, told)

    def told(self) -> dict[str, Any]:
        """What a client is told: whether it is ready, and what really runs."""
        live = self._live
        told: dict[str, Any] = {"ready": self.ready}
        if self.fault:
            told["fault"] = self.fault
        if live is not None:
            model = live.model
            told |= {
                "task": model.task.name,
                "variant": model.variant,
                "device": model.device.name,
                "provider": model.device.provider,
                "digest": model.manifest.digest,
            }
        return told

    async def start(self) -> None:
        """Load the bundle for the first time, and watch it from then on. Raises EdgeftError."""
        async with self._changing:
            self._go_live(await self._made())
        self._watcher = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Let go of all models. One whose engine hangs is given up."""
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        live, self._live = self._live, None
        self._answers.clear()
        self.fault = self.fault or "The server stops."
        if live is not None:
            live.retired = True
            self._end(live)
        await asyncio.gather(*self._ending)

    # --- answers -------------------------------------------------------------------------

    async def answer(self, live: Live, inputs: Sequence[Input], until: float) -> list[Any]:
        """The predictions of ``live``. ``until``: the event loop's time of the deadline.

        Raises DeadlineError, RunError, ClosedError where its engine was given up meanwhile, and
        DataError. A cancelled call takes its inputs out of the queue.
        """
        begin = time.perf_counter()
        live.users += len(inputs)
        try:
            async with asyncio.timeout_at(until):
                if len(inputs) == 1:
                    found = [await live.model.apredict(inputs[0])]
                else:
                    found = await _together(live.model.apredict(one) for one in inputs)
        except TimeoutError:
            self._doubted.set()
            raise DeadlineError("No answer within the time that the request has.") from None
        except OverloadError:
            raise
        except RunError:  # perhaps of these inputs alone: a check will tell
            self._doubted.set()
            raise
        finally:
            live.users -= len(inputs)
            if live.retired and not live.users:
                self._end(live)
        live.seen.seconds.observe(time.perf_counter() - begin)
        live.seen.predicted(found)
        return found

    async def check(self) -> str:
        """Why it does not answer, "" where it does: by a real inference, or one of just now."""
        if self._live is None or time.monotonic() - self._checked < FRESH_S:
            return self.fault
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._try(self._live))
        return await asyncio.shield(self._check)

    # --- watched -------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Check now and then, and whenever a request makes one doubt; restart what fails."""
        while True:
            with suppress(TimeoutError):  # wait_for may lose a cancel, on Python 3.11
                async with asyncio.timeout(self._config.check_every_s):
                    await self._doubted.wait()
            self._doubted.clear()
            live = self._live
            if live is None:
                continue
            self._checked = -FRESH_S
            fault = await self.check()
            if fault and self._live is live:
                await self._restart(live, fault)
            elif time.monotonic() - live.begun > CALM_S:
                self._failures = 0

    async def _try(self, live: Live) -> str:
        """Ask for one answer. It fails on an error, or where nothing at all is answered for long.

        A check that only waits behind others' inputs goes on waiting: the batches that run
        meanwhile show that the engine works.
        """
        asking = asyncio.ensure_future(live.model.apredict(live.probe))
        try:
            while True:
                runs = live.seen.runs
                done, _ = await asyncio.wait({asking}, timeout=self._config.hang_s)
                if done or live.seen.runs == runs:
                    break
            fault = ""
            if not asking.done():
                fault = f"Nothing was answered for {self._config.hang_s:g} s."
            elif (error := asking.exception()) and not isinstance(error, OverloadError):
                fault = f"Its engine failed: {_kind(error)}"
                self._log.tell("check failed", level="error", model=self.name, fault=_told(error))
        finally:
            asking.cancel()
        if live is self._live:
            self.fault, self._checked = fault, time.monotonic()
        self._metrics.checks.labels(self.name, "failed" if fault else "passed").inc()
        return fault

    async def _restart(self, live: Live, fault: str) -> None:
        """Give an engine up, failing all that wait for it, and load the bundle until that works.

        Between two attempts a reload may come first, which ends the waiting.
        """
        self._log.tell("engine failed", level="error", model=self.name, fault=fault)
        self._live, self.fault = None, fault
        self._answers.clear()
        live.retired = True
        live.model.abandon()
        self._end(live)
        while self._live is None:
            if self._failures:
                wait_s = self._config.restart_s * 2 ** (self._failures - 1)
                await self._rested(min(wait_s, MOST_RESTART_S))
            async with self._changing:
                if self._live is None:
                    await self._start_anew()

    async def _rested(self, seconds: float) -> None:
        """Wait for so long, or until there is a model."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._answers.wait()

    async def _start_anew(self) -> None:
        self._failures += 1
        self._metrics.restarts.labels(self.name).inc()
        try:
            self._go_live(await self._made())
        except Exception as error:
            self.fault = f"It cannot be loaded: {_kind(error)}"
            self._log.tell("restart failed", level="error", model=self.name, fault=_told(error))

    # --- loaded and swapped --------------------------------------------------------------

    async def reload(self) -> Live:
        """Load the bundle anew, verify and warm it, and let it take over.

        What the old model was asked it still answers. Raises EdgeftError, and then the old model
        stays. A bundle that is loaded for the first time is waited for.
        """
        await self._loaded.wait()
        async with self._changing:
            try:
                new = await self._made()
                old = self._live  # which may have failed meanwhile
                if old is not None and new.model.task.name != old.model.task.name:
                    await in_thread(new.model.close)
                    raise UsageError(
                        f"The bundle {self.name} now is for {new.model.task.name}; it was for "
                        f"{old.model.task.name}.",
                        hint="Start the server anew for it.",
                    )
            except Exception as error:
                self._metrics.reloads.labels(self.name, "failed").inc()
                self._log.tell("reload failed", level="error", model=self.name, fault=_told(error))
                raise
            self._go_live(new)
            self._metrics.reloads.labels(self.name, "done").inc()
            if old is not None:
                old.retired = True
                if not old.users:
                    self._end(old)
            return new

    def _go_live(self, live: Live) -> None:
        self._live, self.fault = live, ""
        self._loaded.set()
        self._answers.set()
        self._checked = time.monotonic()
        model = live.model
        self._log.tell(
            "model ready", model=self.name, variant=model.variant, device=str(model.device),
            digest=model.manifest.digest,
        )  # fmt: skip

    async def _made(self) -> Live:
        """A model, verified, and warmed on the way that requests take."""
        seen = ModelMetrics(self._metrics, self.name)
        model = await in_thread(lambda: self._loader(self._folder, seen))
        try:
            found = await _together(model.apredict(one) for one in model.task.golden)
        except BaseException:
            model.abandon()
            raise
        return Live(model, seen, model.task.show(found[0], False))

    def _load(self, folder: Path, seen: ModelMetrics) -> Model:
        config = self._config
        return load(
            folder,
            device=config.device,
            variant=config.variant,
            threads=config.threads,
            on_long=config.on_long,
            batch_invariant=config.batch_invariant,
            max_waiting=config.max_inputs + SPARE,
            observer=seen,
        )

    def _end(self, live: Live) -> None:
        """Free a model that nobody uses, beside what goes on."""
        task = asyncio.create_task(_ended(live.model))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _ended(model: Model) -> None:
    """Close a model, or give it up where its engine hangs."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await in_thread(model.close)
    except TimeoutError:
        model.abandon()
    else:
        await in_thread(trim)


def trim() -> None:
    """Give memory that was freed back to the system, where the C library is glibc.

    It keeps by itself what was freed beneath anything in use, so that each reload would leave a
    model's size behind (malloc_trim(3)).
    """
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if give_back is not None:
        give_back(ctypes.c_size_t(0))


async def _together(calls: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """The results of all calls; where one fails, the others are given up."""
    tasks = [asyncio.ensure_future(one) for one in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _told(error: BaseException) -> str:
    """An error, for the log."""
    return error.message if isinstance(error, EdgeftError) else type(error).__name__


def _kind(error: BaseException) -> str:
    """An error, for whoever asks."""
    return f"{type(error).__name__}. The server's log says why."


def in_thread(work: Callable[[], Result]) -> Awaitable[Result]:
    """What ``work`` gives, from a thread that nobody waits for as the process ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is gone, and who waited with it
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="edgeft-load", daemon=True).start()
    return future
