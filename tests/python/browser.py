"""A headless Chromium that shows a page and tells what it logged and asked for.

It is spoken to by the Chrome DevTools Protocol, through pipes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]
LOAD_SECONDS = 60


@dataclass
class Page:
    """A tab of the browser."""

    read: int
    write: int
    session: str = ""
    last: int = 0
    rest: bytes = b""

    def __post_init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a command; events that come before it are kept."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.last:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            got = os.read(self.read, 1 << 16)
            assert got, "the browser ended"
            self.rest += got
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def show(self, url: str, scheme: str, width: int = 1_100, height: int = 1_400) -> None:
        """Loads a page, in a `light` or a `dark` scheme of colours."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.events.clear()
        self.ask("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def evaluate(self, expression: str) -> Any:
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """The whole page as PNG."""
        picture = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(picture["data"])

    def logged(self) -> list[dict[str, Any]]:
        kinds = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"}
        return [event["params"] for event in self.events if event["method"] in kinds]

    def requested(self) -> list[str]:
        sent = [event for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]


@contextlib.contextmanager
def page(folder: Path) -> Iterator[Page]:
    """A tab of a browser that keeps its files in `folder`."""
    assert PROGRAM is not None
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    command = [PROGRAM, *OPTIONS, f"--user-data-dir={folder / 'profile'}"]
    with (folder / "browser.log").open("w") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {shlex.join(command)} 3<&{in_read} 4>&{out_write}"],
            pass_fds=(in_read, out_write),
            stdout=log,
            stderr=log,
        )
    os.close(in_read)
    os.close(out_write)
    try:
        yield Page(out_read, in_write)
    finally:
        os.close(in_write)
        os.close(out_read)
        process.terminate()
        process.wait(LOAD_SECONDS)
