"""The files of a bundle while it is loaded: open, and compared with their records meanwhile."""

import threading
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Self

from edgeft.bundle.integrity import AGAIN, FileRecord, Verify, check_open, open_file
from edgeft.errors import IntegrityError

__all__ = ["SealedFiles"]


class SealedFiles:
    """Opens files and hands each out only after it was found to be the recorded one.

    A thread of its own hashes every file, the small ones first, while the
    caller imports and parses; ``finish`` waits for the rest. What is handed out
    is the very file that was hashed, not another look at its path.
    """

    def __init__(self, folder: Path, records: Mapping[str, FileRecord], verify: Verify) -> None:
        self._folder, self._records, self._verify = folder, records, verify
        self._open: dict[str, BufferedReader] = {}
        self._done = {name: threading.Event() for name in records}
        self._errors: dict[str, BaseException] = {}
        self._checked: set[str] = set()
        self._stop = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._verify != "off":
            self._thread = threading.Thread(target=self._check_all, name="edgeft-sealed")
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        if self._thread is not None:
            self._thread.join()
        for stream in self._open.values():
            stream.close()

    def open(self, name: str) -> BufferedReader:
        """A checked file, open at its beginning until the block ends.

        Raises BundleError, IntegrityError.
        """
        if name not in self._records or self._thread is None:
            self._check(name)
        else:
            self._done[name].wait()
        self._hold(name)
        stream = self._open[name]
        stream.seek(0)
        return stream

    def read(self, name: str) -> bytes:
        """The content of a checked file. Raises BundleError, IntegrityError."""
        return self.open(name).read()

    def finish(self) -> None:
        """Wait until every file is checked. Raises BundleError, IntegrityError."""
        if self._thread is not None:
            self._thread.join()
            for name in self._records:
                self._hold(name)

    def _hold(self, name: str) -> None:
        if name in self._errors:
            raise self._errors[name]
        if name not in self._checked:  # the thread ended before it came to this one
            raise IntegrityError(f"{self._folder / name} was not checked.", hint=AGAIN)

    def _check_all(self) -> None:
        try:
            for name in sorted(self._records, key=lambda name: self._records[name].bytes):
                if self._stop:
                    break
                self._check(name)
                self._done[name].set()
        finally:  # whatever happened, nobody is left waiting
            for done in self._done.values():
                done.set()

    def _check(self, name: str) -> None:
        path = self._folder / name
        try:
            stream = self._open[name] = open_file(self._folder, name)
            check_open(stream, path, self._records.get(name), verify=self._verify)
        except BaseException as error:  # raised to the thread that asks, not in this one
            self._errors[name] = error
        else:
            self._checked.add(name)
