"""A headless Chromium, told what to do over its own pipe: no driver, no further package."""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from edgeft.errors import RunError

__all__ = ["Chromium", "chromium_here"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WAIT_S = 60.0  # for an answer
END_S = 10.0
# Chromium reads commands from file 3 and writes to file 4.
BEGIN = (
    "import fcntl, os, sys; kept = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in "
    "sys.argv[1:3]]; os.dup2(kept[0], 3); os.dup2(kept[1], 4); os.execvp(sys.argv[3], sys.argv[3:])"
)
# Without its sandbox, which containers and root lack: it opens nothing but pages made here.
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--remote-debugging-pipe", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update", "--mute-audio",
         "--hide-scrollbars", "--lang=en-US")  # fmt: skip


def chromium_here() -> str | None:
    """The program, where there is one that this can talk to."""
    if sys.platform == "win32":  # whose processes inherit no such pipes
        return None
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One page of a browser. All methods raise RunError where it fails or says nothing."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self._session: str | None = None
        self.product = str(self.call("Browser.getVersion")["product"])
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    @classmethod
    @contextmanager
    def started(cls, program: str) -> Iterator[Self]:
        """A browser with a profile of its own, which ends with the block."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            commands, writes = os.pipe()
            reads, answers = os.pipe()
            command = [sys.executable, "-c", BEGIN, str(commands), str(answers), program, *FLAGS]
            process = subprocess.Popen(
                [*command, f"--user-data-dir={profile}", "about:blank"],
                pass_fds=(commands, answers), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                env={**os.environ, "HOME": profile},
            )  # fmt: skip
            os.close(commands)
            os.close(answers)
            try:
                yield cls(reads, writes)
            finally:
                os.close(writes)  # whereupon it ends
                try:
                    process.wait(END_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                os.close(reads)

    def call(self, method: str, **given: Any) -> Any:
        """What a command of the DevTools protocol gives."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given}
        if self._session is not None:
            message["sessionId"] = self._session
        self._write(json.dumps(message).encode() + b"\0")
        while True:
            found = self._read()
            if found.get("id") != self._number:
                self.events.append(found)
            elif "error" in found:
                raise RunError(f"The browser refused {method}: {found['error']}.")
            else:
                return found["result"]

    def _write(self, message: bytes) -> None:
        try:
            while message:
                message = message[os.write(self._writes, message) :]
        except OSError:
            raise RunError("The browser has ended.") from None

    def _read(self) -> Any:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._reads], [], [], WAIT_S)
            if not ready:
                raise RunError(f"The browser says nothing for {WAIT_S:g} s.")
            chunk = os.read(self._reads, 1 << 16)
            if not chunk:
                raise RunError("The browser has ended.")
            self._rest += chunk
        one, _, self._rest = self._rest.partition(b"\0")
        return json.loads(one)

    def run(self, script: str) -> Any:
        """The value of an expression, or of the promise that it is."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                          awaitPromise=True)  # fmt: skip
        if "exceptionDetails" in found:
            raise RunError(f"A script failed in the browser: {found}")
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + WAIT_S
        while not self.run(f"Boolean({script})"):
            if time.monotonic() > end:
                text = self.run("document.body.innerText")
                raise RunError(f"In the browser {script} stays false:\n{text}")
            time.sleep(0.02)

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)
        self.until(f"location.href.startsWith({json.dumps(url)}) && document.readyState"
                   " === 'complete'")  # fmt: skip

    @property
    def requested(self) -> list[str]:
        """Every address that the page asked for."""
        return [one["params"]["request"]["url"] for one in self._named("Network.requestWillBeSent")]

    @property
    def complaints(self) -> list[str]:
        """What it logged as wrong: scripts that fail, what a policy does not let in."""
        logged = [one["params"]["entry"] for one in self._named("Log.entryAdded")]
        thrown = self._named("Runtime.exceptionThrown")
        return [str(one) for one in (*logged, *thrown)]

    def _named(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one.get("method") == name]
