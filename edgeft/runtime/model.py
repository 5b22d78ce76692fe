"""Model: a bundle, loaded on one device, that predicts."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from edgeft.bundle import Manifest, Verify, check_files, read_manifest
from edgeft.errors import BundleError, EdgeftError, UsageError
from edgeft.runtime.batching import plan_batches
from edgeft.runtime.cpu import cpu_features, usable_cores
from edgeft.runtime.decode import classifications
from edgeft.runtime.session import open_session, resolve_device
from edgeft.runtime.tokenize import Encoded, TextEncoder
from edgeft.runtime.variants import choose_variant
from edgeft.tasks import Classification

__all__ = ["Model", "load"]

WINDOW = 1024  # texts that are planned together; bounds the memory of stream()
BATCH_TOKENS = {"cpu": 1024, "cuda": 32768}  # padded tokens a batch


def load(
    path: str | os.PathLike[str],
    *,
    device: str = "auto",
    variant: str = "auto",
    threads: int | None = None,
    verify: Verify = "full",
) -> "Model":
    """Load a bundle.

    device: "auto", "cpu", "cuda" or "cuda:N". A named device that cannot run
        the model is an error; "auto" chooses, and ``Model.device`` says what.
    variant: "auto" or a name such as "fp32", "int8", "fp16".
    threads: CPU threads; by default as many as the process may use.
    verify: how files are compared with the manifest before they are parsed:
        "full" by sha256, "fast" by size, "off" not at all.

    Raises BundleError, FormatError, IntegrityError, DeviceError,
    DependencyError, UsageError.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    if threads is not None and threads < 1:
        raise UsageError(f"{threads} threads cannot run a model.", hint="Use 1 or more.")
    if verify not in ("full", "fast", "off"):
        raise UsageError(f"There is no verify={verify!r}.", hint="Choose full, fast or off.")
    chosen = resolve_device(device)
    name = choose_variant(manifest.model.variants, variant, chosen[0], cpu_features())
    return Model(folder, manifest, name, chosen, threads or usable_cores(), verify)


class Model:
    """A loaded bundle. Made by ``load``; safe to use from many threads.

    Attributes say what runs: ``device`` ("cpu", "cuda:0"), ``variant``,
    ``threads``, ``labels``, ``max_length`` (tokens), ``manifest``.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        variant: str,
        device: tuple[str, int],
        threads: int,
        verify: Verify,
    ) -> None:
        record = manifest.model
        chosen = record.variants[variant]
        self.manifest = manifest
        self.labels = manifest.labels
        self.variant = variant
        self.device = device[0] if device[0] == "cpu" else f"{device[0]}:{device[1]}"
        self.threads = threads
        self.max_length = record.max_length
        check_files(folder, manifest, (record.tokenizer, *chosen.files.values()), verify=verify)
        self._inputs = [one.name for one in chosen.inputs]
        self._fill = {"input_ids": record.pad_id, "token_type_ids": record.pad_type_id}
        unknown = set(self._inputs) - {"input_ids", "attention_mask", "token_type_ids"}
        if unknown:
            raise BundleError(f"The graph wants inputs that are not known: {sorted(unknown)}.")
        self._encoder = TextEncoder(
            (folder / record.tokenizer).read_bytes(), record.max_length, record.normalize
        )
        self._session = open_session(folder / chosen.files["model"], device, threads)
        self._budget = BATCH_TOKENS[device[0]]
        self._closed = False

    @overload
    def predict(self, texts: str) -> Classification: ...  # type: ignore[overload-overlap]
    @overload
    def predict(self, texts: Sequence[str]) -> list[Classification]: ...
    def predict(self, texts: str | Sequence[str]) -> Classification | list[Classification]:
        """Predict one text, or a list of texts in the same order.

        A text longer than ``max_length`` tokens is cut, and its prediction says
        so. Raises TypeError for anything but texts.
        """
        if isinstance(texts, str):
            return self._classify([texts])[0]
        if isinstance(texts, Sequence):
            return list(self.stream(texts))
        raise TypeError(
            f"predict takes a str or a list of str, not {type(texts).__name__}; "
            "stream takes any iterable"
        )

    def stream(self, texts: Iterable[str]) -> Iterator[Classification]:
        """Predict any iterable of texts, in order and in bounded memory."""
        if isinstance(texts, str):
            raise TypeError("stream takes an iterable of texts, not one str")
        source = iter(texts)
        while window := list(islice(source, WINDOW)):
            yield from self._classify(window)

    def logits(self, texts: Sequence[str], *, alone: bool = False) -> NDArray[np.float32]:
        """The (N, C) float32 logits of N texts, in order, C being the labels.

        ``alone`` runs every text by itself, so that no neighbour in a batch can
        touch its answer.
        """
        parts = [
            self._run(self._encoder.encode(texts[at : at + WINDOW]), alone=alone)
            for at in range(0, len(texts), WINDOW)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), np.float32)

    def close(self) -> None:
        """Free the session; the model cannot be used any more."""
        self._closed = True
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Model(variant={self.variant!r}, device={self.device!r}, labels={len(self.labels)})"

    def _classify(self, texts: Sequence[str]) -> list[Classification]:
        encoded = self._encoder.encode(texts)
        return classifications(self._run(encoded), self.labels, encoded)

    def _run(self, encoded: Sequence[Encoded], *, alone: bool = False) -> NDArray[np.float32]:
        session = self._session
        if session is None:
            raise EdgeftError("The model is closed.", hint="Load it again with edgeft.load.")
        lengths = [len(one.ids) for one in encoded]
        plan = (
            [[i] for i in range(len(lengths))]
            if alone
            else plan_batches(lengths, budget=self._budget)
        )
        logits = np.empty((len(encoded), len(self.labels)), np.float32)  # (N, C)
        for rows in plan:
            feed = self._feed([encoded[i].ids for i in rows])
            logits[rows] = session.run(None, feed)[0]
        return logits

    def _feed(self, ids: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
        """Pad the ids of one batch to its longest text; every array is (B, T) int64."""
        longest = max(map(len, ids))
        feed = {
            name: np.full((len(ids), longest), self._fill.get(name, 0), np.int64)
            for name in self._inputs
        }
        for row, one in enumerate(ids):
            feed["input_ids"][row, : len(one)] = one
            if "attention_mask" in feed:
                feed["attention_mask"][row, : len(one)] = 1
            if "token_type_ids" in feed:
                feed["token_type_ids"][row, : len(one)] = 0
        return feed
