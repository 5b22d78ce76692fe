"""A real headless Chromium, told what to do over its own pipe: no driver, no further package."""

import base64
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
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Browser", "browser", "needs_browser"]

FOUND = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
needs_browser = pytest.mark.skipif(not FOUND, reason="there is no Chromium here")

WAIT_S = 30.0
# Chromium reads commands from file 3 and writes to file 4.
BEGIN = (
    "import fcntl, os, sys; kept = [fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in "
    "sys.argv[1:3]]; os.dup2(kept[0], 3); os.dup2(kept[1], 4); os.execvp(sys.argv[3], sys.argv[3:])"
)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--remote-debugging-pipe", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update", "--mute-audio",
         "--hide-scrollbars", "--lang=en-US")  # fmt: skip


class Browser:
    """One page of a browser. ``requested``: every address that it asked for."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._rest = b""
        self._number = 0
        self._events: list[dict[str, Any]] = []
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> Any:
        """What a command of the DevTools protocol gives."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        while True:
            found = self._read()
            if found.get("id") == self._number:
                assert "error" not in found, found
                return found["result"]
            self._events.append(found)

    def _read(self) -> Any:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._reads], [], [], WAIT_S)
            assert ready, "the browser says nothing"
            chunk = os.read(self._reads, 1 << 16)
            assert chunk, "the browser has ended"
            self._rest += chunk
        one, _, self._rest = self._rest.partition(b"\0")
        return json.loads(one)

    def run(self, script: str) -> Any:
        """The value of an expression, or of the promise that it is."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                          awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + WAIT_S
        while not self.run(f"Boolean({script})"):
            text = self.run("document.body.innerText")
            assert time.monotonic() < end, f"{script} stays false:\n{text}"
            time.sleep(0.02)

    def look(self, *, width: int, dark: bool = False, height: int = 900) -> None:
        """Be of a size and of light or dark colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)
        self.until(f"location.href.startsWith({json.dumps(url)}) && document.readyState"
                   " === 'complete'")  # fmt: skip

    def key(self, key: str, *, code: int, ctrl: bool = False, text: str = "") -> None:
        """Press a key."""
        told = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 2 * ctrl}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **told)
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def tab(self) -> str:
        """Go to the next thing by keyboard; its id, or its tag."""
        self.key("Tab", code=9)
        found: str = self.run("document.activeElement.id || document.activeElement.tagName")
        return found

    def type(self, text: str) -> None:
        """Type a text, wherever the focus is."""
        self.call("Input.insertText", text=text)

    def picture(self, to: Path) -> None:
        """Write what the whole page looks like."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        found = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        to.write_bytes(base64.b64decode(found["data"]))

    @property
    def requested(self) -> list[str]:
        return [one["params"]["request"]["url"] for one in self._named("Network.requestWillBeSent")]

    @property
    def complaints(self) -> list[str]:
        """What it logged as wrong: scripts that fail, what a policy does not let in."""
        logged = [one["params"]["entry"] for one in self._named("Log.entryAdded")]
        thrown = self._named("Runtime.exceptionThrown")
        return [str(one) for one in (*logged, *thrown)]

    def _named(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self._events if one.get("method") == name]


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own, which ends with it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        commands, writes = os.pipe()
        reads, answers = os.pipe()
        command = [sys.executable, "-c", BEGIN, str(commands), str(answers), FOUND, *FLAGS]
        process = subprocess.Popen(
            [*command, f"--user-data-dir={profile}", "about:blank"], pass_fds=(commands, answers),
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        try:
            yield Browser(reads, writes)
        finally:
            os.close(writes)  # whereupon it ends
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(reads)
