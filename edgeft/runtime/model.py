"""Model: a bundle, loaded on one device, that predicts."""

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Self, overload

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import Manifest
from edgeft.errors import ClosedError, DataError, DeadlineError
from edgeft.runtime.ahead import one_ahead, windows
from edgeft.runtime.batching import plan_batches
from edgeft.runtime.engine import Engine, Rows
from edgeft.runtime.native import kept_by_children, native_call
from edgeft.runtime.providers import Device
from edgeft.runtime.texts import check_list, check_source, check_text, one_by_one
from edgeft.runtime.tokenize import MOST_WINDOWED, TextEncoder
from edgeft.tasks.encoded import Encoded
from edgeft.tasks.outputs import Outputs, in_a_row, picked
from edgeft.tasks.task import LongTexts, Task

if TYPE_CHECKING:
    from edgeft.runtime.sharing import SharedBatches
    from edgeft.tasks.classification import Classification

__all__ = ["WINDOW", "Model", "Serving"]

WINDOW = 1024  # texts that are planned together; bounds the memory of stream()
WINDOW_CHARACTERS = 1 << 21  # the same for long texts
# Padded tokens a batch. On a CPU more than what its caches hold is slower, not faster.
BATCH_TOKENS = {"cpu": 512, "cuda": 32768, "directml": 8192}
OTHER_TOKENS = 4096

LOGITS = "logits"  # the one output so far
Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Serving:
    """How texts are taken and put together; see ``load``.

    alone: every text is a batch of its own. batch_tokens: padded tokens in a batch,
    at most; None for what suits the device. max_rows: texts in a batch, at most.
    """

    on_long: LongTexts = "truncate"
    alone: bool = False
    batch_tokens: int | None = None
    max_rows: int | None = None
    max_waiting: int = 1024
    wait_s: float = 0.001


class Model:
    """A loaded bundle. Made by ``load``; safe to use from many threads.

    Attributes say what runs: ``task``, ``device`` (its name, provider and nodes),
    ``variant``, ``threads``, ``labels``, ``head`` (how outputs become answers),
    ``max_length`` (tokens), ``manifest``.
    It stays in the process that loaded it: one that is forked or spawned loads
    its own, after the fork; it is neither pickled nor copied. Dropping it frees what
    ``close`` frees.
    """

    def __init__(
        self,
        *,
        task: Task,
        manifest: Manifest,
        variant: str,
        device: Device,
        threads: int,
        encoder: TextEncoder,
        engine: Engine,
        serving: Serving,
    ) -> None:
        self.task = task
        self.manifest = manifest
        self.labels = manifest.model.labels
        self.variant = variant
        self.device = device
        self.threads = threads
        self.max_length = manifest.model.max_length
        self.head = manifest.model.head_of(variant)
        self._encoder = encoder
        self._engine: Engine | None = engine
        self._serving = serving
        suits = BATCH_TOKENS.get(device.name.partition(":")[0], OTHER_TOKENS)
        self._budget = 1 if serving.alone else serving.batch_tokens or suits
        # More calls at a time than threads only fight for caches, and each holds its own buffers.
        self._turns = threading.BoundedSemaphore(threads)
        self._shared: SharedBatches[Classification] | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()
        kept_by_children(engine)

    @overload
    def predict(self, texts: str) -> "Classification": ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, texts: Sequence[str]) -> "list[Classification]": ...
    def predict(self, texts: str | Sequence[str]) -> "Classification | list[Classification]":
        """Predict one text, or a list of texts in the same order.

        A text longer than ``max_length`` tokens is treated as ``load`` was told.
        Raises TypeError for anything but texts, DataError for a text that is too
        long, RunError.
        """
        self._usable()
        if isinstance(texts, str):
            encoded = self._encoder.encode_one(texts)
            if encoded.truncated or len(encoded.parts) > 1:
                outputs = self._outputs((encoded,))
            else:
                outputs = {LOGITS: self._run_batch((encoded.ids,))}
            return self._decode(outputs, (encoded,), (texts,))[0]
        check_list(texts, "predict", wanted="a str or a list of str")
        return list(self.stream(texts))

    def stream(self, texts: Iterable[str], *, window: int = WINDOW) -> "Iterator[Classification]":
        """Predict any iterable of texts, in order and in bounded memory.

        ``window`` texts are planned together. The next window is read before this
        one is run, and tokenized meanwhile: from a slow source take a small one.
        Raises what ``predict`` raises; where the source fails, the answers to all
        texts before are given first.
        """
        self._usable()
        check_source(texts, "stream")
        for inputs, encoded, outputs in self._windows(texts, window):
            yield from self._decode(outputs, encoded, inputs)

    async def apredict(self, text: str, *, timeout_s: float | None = None) -> "Classification":
        """Predict one text; concurrent callers, of any event loop, share batches.

        Raises DeadlineError after ``timeout_s`` seconds, OverloadError where too
        many texts wait, and what ``predict`` raises; each at once, as where the
        engine fails. A cancelled call takes its text out of the queue.
        """
        import asyncio  # which takes longer to import than many a program needs to predict

        check_text(text, "what apredict gets")
        future = self._sharing().submit(text)
        if timeout_s is None:
            return await future
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise DeadlineError(
                f"No answer within {timeout_s:g} s.",
                hint="Allow more time, or send fewer texts at once.",
            ) from None

    def outputs(
        self, texts: Sequence[Any], *, alone: bool = False, cut: bool = False
    ) -> tuple[list[Encoded], Outputs]:
        """What the tokenizer makes of N texts, and what the graph gives for them, by name.

        ``alone`` runs every text by itself, so that no neighbour in a batch can
        touch its answer. ``cut`` truncates long texts whatever ``load`` was told.
        Raises what ``predict`` raises.
        """
        self._usable()
        check_list(texts, "outputs")
        if cut:
            texts = list(one_by_one(texts))
            encoded = self._encoder.encode(texts) if texts else []
            return encoded, {LOGITS: self._run([one.ids for one in encoded], alone=alone)}
        windows = list(self._windows(texts, WINDOW, alone=alone))
        if not windows:
            return [], {LOGITS: self._run([])}
        encoded = [one for _, some, _ in windows for one in some]
        return encoded, in_a_row([outputs for _, _, outputs in windows])

    def close(self) -> None:
        """Free the session; callers that wait, and later ones, get ClosedError."""
        if os.getpid() != self._process:
            return  # freeing a session without its threads, which stayed there, can hang
        with self._lock:
            shared, self._shared = self._shared, None
            self._engine = None
        if shared is not None:
            shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A Model can be neither pickled nor copied: its session is open in process "
            f"{self._process}. Threads share it as it is; another process gets the bundle's "
            "path, and calls edgeft.load with it."
        )

    def __repr__(self) -> str:
        return f"Model(variant={self.variant!r}, device={self.device}, labels={len(self.labels)})"

    # --- texts to answers --------------------------------------------------------------

    def _windows(
        self, texts: Iterable[str], size: int, *, alone: bool = False
    ) -> Iterator[tuple[list[str], list[Encoded], Outputs]]:
        """Texts, encoded, and their joined outputs, window by window."""
        begin = 0
        checked = one_by_one(texts)
        source = windows(checked, most=size, most_characters=WINDOW_CHARACTERS)
        for window, places, unique in one_ahead(self._encode_window, source):
            outputs = self._outputs(unique, first=begin, places=places, alone=alone)  # of U texts
            yield window, [unique[at] for at in places], picked(outputs, places)
            begin += len(places)

    def _encode_window(self, texts: list[str]) -> tuple[list[str], list[int], list[Encoded]]:
        """Texts, the place of each among the different ones, and those encoded: equal ones once."""
        index: dict[str, int] = {}
        places = [index.setdefault(text, len(index)) for text in texts]
        return texts, places, self._encoder.encode(list(index))

    def _decode(
        self, outputs: Outputs, encoded: Sequence[Encoded], inputs: Sequence[str]
    ) -> "list[Classification]":
        return self.task.decode(outputs, encoded, inputs, self.labels, self.head)

    def _outputs(
        self,
        encoded: Sequence[Encoded],
        *,
        first: int = 0,
        places: Sequence[int] | None = None,
        alone: bool = False,
    ) -> Outputs:
        """The joined outputs of encoded texts.

        ``first`` and ``places`` tell which texts of the caller's they are, for
        the message about one that is too long.
        """
        if self._serving.on_long != "truncate":
            for at, one in enumerate(encoded):
                if one.truncated:
                    place = None if places is None else first + places.index(at)
                    raise self._too_long(one, place)
        rows = [part.ids for one in encoded for part in one.parts]
        return self.task.join({LOGITS: self._run(rows, alone=alone)}, encoded)

    def _run(self, rows: Rows, *, alone: bool = False) -> Logits:
        """The (R, C) float32 logits of R rows of ids, in batches of like length."""
        plan = (
            [[at] for at in range(len(rows))]
            if alone
            else plan_batches(
                [len(ids) for ids in rows], budget=self._budget, most=self._serving.max_rows
            )
        )
        logits = np.empty((len(rows), len(self.labels)), np.float32)  # (R, C)
        for batch in plan:
            logits[batch] = self._run_batch([rows[at] for at in batch])
        return logits

    def _run_batch(self, rows: Rows) -> Logits:
        self._usable()
        with native_call(), self._turns:
            engine = self._usable()  # it may have been closed while others had their turn
            return engine.run(rows)

    def _usable(self) -> Engine:
        if os.getpid() != self._process:
            raise ClosedError(
                f"The model was loaded by process {self._process}, and its threads stayed there.",
                hint="Call edgeft.load after the fork, in each process that predicts.",
            )
        engine = self._engine
        if engine is None:
            raise ClosedError("The model is closed.", hint="Load it again with edgeft.load.")
        return engine

    def _too_long(self, one: Encoded, at: int | None = None) -> DataError:
        which = "The text" if at is None else f"Text {at}"
        if self._serving.on_long == "window":
            return DataError(
                f"{which} has more than {MOST_WINDOWED:,} characters, which is too long for "
                "windows.",
                hint='Split it, or load with on_long="truncate".',
            )
        size = f"{'more than ' * (one.unread > 0)}{len(one.ids) + one.cut}"
        return DataError(
            f"{which} has {size} tokens; the model reads {self.max_length}.",
            hint='Shorten it, or load with on_long="truncate" or on_long="window".',
        )

    # --- shared batches ----------------------------------------------------------------

    def _sharing(self) -> "SharedBatches[Classification]":
        from edgeft.runtime.sharing import SharedBatches

        self._usable()
        with self._lock:
            self._usable()  # it may have been closed before the lock was had
            if self._shared is None:
                self._shared = SharedBatches(
                    encode=self._encoder.encode,
                    run=_while_it_lives(self._run_batch),
                    answer=_while_it_lives(self._answer),
                    most=self._serving.max_waiting,
                    budget=self._budget,
                    max_rows=self._serving.max_rows,
                    wait_s=self._serving.wait_s,
                )
                weakref.finalize(self, self._shared.stop).atexit = False
            return self._shared

    def _answer(self, text: str, encoded: Encoded, logits: Sequence[Logits]) -> "Classification":
        if self._serving.on_long != "truncate" and encoded.truncated:
            raise self._too_long(encoded)
        joined = self.task.join({LOGITS: np.stack(logits)}, (encoded,))
        return self._decode(joined, (encoded,), (text,))[0]


def _while_it_lives(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that keeps no model alive: a thread that waits for texts must not."""
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        living = reference()
        if living is None:
            raise ClosedError("The model is gone.", hint="Load it again with edgeft.load.")
        return living(*arguments)

    return call
