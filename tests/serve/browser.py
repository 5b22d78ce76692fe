"""A real headless Chromium with hands and eyes: keys, sizes, colours, pictures."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgeft.deploy.web.chromium import Chromium, chromium_here

__all__ = ["Browser", "browser", "needs_browser"]

FOUND = chromium_here()
needs_browser = pytest.mark.skipif(FOUND is None, reason="there is no Chromium here")


class Browser(Chromium):
    """One page of a browser."""

    def look(self, *, width: int, dark: bool = False, height: int = 900) -> None:
        """Be of a size and of light or dark colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

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


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own, which ends with it."""
    assert FOUND is not None, "there is no Chromium here"
    with Browser.started(FOUND) as page:
        yield page
