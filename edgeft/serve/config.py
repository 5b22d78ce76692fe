"""What a server is told once: bundles and their names, where it listens, and its bounds."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from edgeft.errors import DataError, UsageError
from edgeft.tasks.task import LongTexts

__all__ = ["KEY_VARIABLE", "ServeConfig", "keys_from"]

KEY_VARIABLE = "EDGEFT_API_KEY"
LEAST_KEY = 16  # characters: fewer can be guessed


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """All that ``edgeft serve`` can be told. Raises UsageError where it makes no sense.

    bundles: name to folder, in the order they were named; the first is the default only where it
        is the only one.
    device, variant, threads, on_long, batch_invariant: as ``edgeft.load`` takes them.
    max_requests, max_inputs, max_characters, max_bytes: of all requests together that are being
        read or answered; what is beyond is told to come again. Characters stand for tokens, which
        are known only once the batcher has tokenized. max_body_bytes: of one request.
    max_connections: open at a time; one more is closed.
    deadline_s: that a request may take, at most; a client may ask for less.
    read_s: that a client may take to send a request's head, and its body; and in which it must take
        something of its answer.
    check_every_s: between two inferences that show that a model still answers. hang_s: without
        any batch done, after which its engine counts as hanging.
    restart_s: before the second restart of an engine; each further one waits twice as long.
    drain_s: that it still takes requests, not ready any more, once it is told to stop. grace_s:
        that what was admitted then has to be answered.
    keys: of which a client must show one; none are asked for where there are none.
    admin: whether POST /admin/reload is there, which takes keys. log_inputs: whether logs quote
        what is asked.
    """

    bundles: Mapping[str, Path]
    host: str = "127.0.0.1"
    port: int = 8000
    device: str = "auto"
    variant: str = "auto"
    threads: int | None = None
    on_long: LongTexts | None = None
    batch_invariant: bool = False
    max_requests: int = 256
    max_inputs: int = 1024
    max_characters: int = 4 << 20
    max_body_bytes: int = 1 << 20
    max_bytes: int = 64 << 20
    max_connections: int = 1024
    deadline_s: float = 30.0
    read_s: float = 10.0
    check_every_s: float = 5.0
    hang_s: float = 10.0
    restart_s: float = 1.0
    drain_s: float = 0.0
    grace_s: float = 30.0
    keys: tuple[str, ...] = field(default=(), repr=False)
    admin: bool = False
    log_inputs: bool = False
    certificate: Path | None = None
    certificate_key: Path | None = None

    def __post_init__(self) -> None:
        if not self.bundles:
            raise UsageError("No bundle is named.", hint="Try: edgeft serve BUNDLE")
        for one in fields(self):
            found = getattr(self, one.name)
            if one.name.startswith("max_") and not (isinstance(found, int) and found >= 1):
                raise UsageError(f"{one.name} is {found}; it must be 1 or more.")
            if one.name.endswith("_s"):
                least = 0.0 if one.name in ("drain_s", "grace_s") else 1e-3
                if not (math.isfinite(found) and found >= least):
                    raise UsageError(f"{one.name} is {found}; it must be {least:g} s or more.")
        if not 0 <= self.port <= 65535:
            raise UsageError(f"The port {self.port} is none: they go from 0 to 65535.")
        if self.max_body_bytes > self.max_bytes:
            raise UsageError(
                f"A request may have {self.max_body_bytes:,} bytes, and all together "
                f"{self.max_bytes:,}.",
                hint="Raise the bound on all together.",
            )
        if self.admin and not self.keys:
            raise UsageError(
                "POST /admin/reload is for those with a key, and there is none.",
                hint=f"Give --api-key-file or {KEY_VARIABLE}; SIGHUP reloads without.",
            )
        if (self.certificate is None) != (self.certificate_key is None):
            raise UsageError("TLS needs both a certificate and its key.")


def keys_from(file: Path | None, variables: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The API keys in a file, one a line, and in the variable EDGEFT_API_KEY.

    Raises DataError where the file cannot be read or has none, and for a key that is too short.
    """
    found: list[str] = []
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise DataError(f"The file of keys {file} cannot be read: {why}.") from None
        found = [line.strip() for line in lines if line.strip()]
        if not found:
            raise DataError(f"The file of keys {file} has none.", hint="Write one key a line.")
    if variable := variables.get(KEY_VARIABLE, "").strip():
        found.append(variable)
    for key in found:
        if len(key) < LEAST_KEY or not key.isascii() or not key.isprintable() or " " in key:
            raise DataError(
                f"An API key must have {LEAST_KEY} characters or more, of ASCII and without "
                "blanks.",
                hint='Make one: python -c "import secrets; print(secrets.token_urlsafe())"',
            )
    return tuple(found)
