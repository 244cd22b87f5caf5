"""A browser, and a server with a real livekit-server behind it, for the tests of the console.

Playwright is synchronous here: its loop stays in this thread until the package's tests are over,
so that none of them may be a coroutine.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from livectl.domain.ids import new_id
from livectl.server.console import pages
from tests.conftest import skipped_if_missing
from tests.console import film
from tests.e2e import clients
from tests.parts import PartMissing, axe, chromium
from tests.parts.livekit import LiveKit
from tests.server.api import ROOT
from tests.server.process import Server, bearer
from tests.shell import livekit_settings

# Answers that a page has to cope with; Chromium writes a line for each of them.
_AN_ANSWER = re.compile(r"Failed to load resource: the server responded with a status of (4\d\d)")
# What livekit-client writes where LiveKit puts somebody out.
_PUT_OUT = re.compile(r"^DataChannel error|data channel '.*' closed unexpectedly")
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
DARK_AND_LIGHT = ("dark", "light")
PATIENCE_MS = 20_000

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class World:
    """The server, and what users do to it without a browser."""

    server: Server
    livekit: LiveKit
    _publishers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def begun(cls, stack: ExitStack, **livekit: Any) -> Self:
        """With a livekit-server of its own that tells it, for as long as the stack is open."""
        server = Server({})
        hook = f"{server.url}/api/webhooks/livekit"
        media = stack.enter_context(LiveKit(webhook_urls=[hook], **livekit))
        server.settings |= livekit_settings(media)
        return cls(stack.enter_context(server), media)

    @property
    def url(self) -> str:
        return self.server.url

    def call(self, method: str, path: str, by: str, body: Any = None) -> Any:
        url = f"{self.url}{path}"
        answer = httpx.request(method, url, json=body, headers=bearer(by), timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def start(self, by: str = "host", **wish: Any) -> Any:
        return self.call("POST", "/api/live/start", by, wish)

    def stop(self, started: Any, by: str = "host") -> None:
        self.call("POST", "/api/live/stop", by, {"streamId": started["streamId"]})

    def put_film(self, started: Any, *, kind: str = "mp4", seconds: int = film.SECONDS) -> None:
        """A replay of a stream that is over, of what is found where recordings lie: an MP4, or
        `hls`."""
        stream, id_ = started["streamId"], new_id()
        with tempfile.TemporaryDirectory() as made:
            film.make(Path(made, film.NAMES[kind].format(id_)), seconds=seconds)
            self.keep(Path(made), f"recordings/2026/05/{stream}")
        wish, found = {"run": id_, "source": "bucket", "stream": stream}, []
        while True:
            page = self.call("POST", "/api/vods/backfill", ROOT, wish)
            found += page["items"]
            if page.get("nextCursor") is None:
                break
            wish["cursor"] = page["nextCursor"]
        assert [one["result"] for one in found] == ["adopted"], found

    def keep(self, folder: Path, prefix: str) -> None:
        """All that is in a folder becomes recordings."""
        shutil.copytree(folder, self.server.dir / "objects" / prefix)

    def publish(self, started: Any, *, sound: bool = False) -> None:
        """A picture in the stream's room, until the test is over."""
        role = "publish-sound" if sound else "publish"
        command = [sys.executable, str(clients.__file__), role, "--insist", started["url"]]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert process.stdin is not None
        process.stdin.write(started["token"].encode() + b"\n")
        process.stdin.close()
        self._publishers.append(process)

    def end_publishers(self) -> None:
        for process in self._publishers:
            process.kill()
            process.wait()
        self._publishers.clear()


@dataclass
class Visitor:
    """One person's browser window, and what went wrong in it."""

    page: Page
    url: str
    wrong: list[str]

    def sign_in(self, user: str) -> None:
        token = bearer(user)["Authorization"].removeprefix("Bearer ")
        answer = self.page.request.post(f"{self.url}/api/session", data={"token": token})
        assert answer.ok, answer.text()

    def forgive(self, what: str) -> None:
        """Errors that the test itself brings about."""
        self.wrong[:] = [one for one in self.wrong if what not in one]

    def visit(self, path: str) -> Page:
        self.page.goto(f"{self.url}{path}")
        return self.page


@pytest.fixture(scope="package")
def built() -> None:
    if not (pages.DIST / "index.html").is_file():
        with skipped_if_missing():
            raise PartMissing("the console", "build it: make console")


@pytest.fixture(scope="package")
def servers(built: None) -> Iterator[World]:
    with ExitStack() as stack:
        with skipped_if_missing():
            world = World.begun(stack, auto_create=True)
        yield world


@pytest.fixture
def world(servers: World) -> Iterator[World]:
    """With no stream left from the test before."""
    yield servers
    servers.end_publishers()
    for one in servers.call("GET", "/api/live/active", "root")["items"]:
        servers.call("POST", f"/api/live/{one['streamId']}/end", "root", {})


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with skipped_if_missing():
        executable = chromium.find()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=executable, args=[*chromium.FLAGS, "--no-sandbox"]
        )
        yield launched
        launched.close()


NewVisitor = Callable[..., Visitor]


@pytest.fixture
def new_visitor(browser: Browser, world: World) -> Iterator[NewVisitor]:
    """`new_visitor("alice", viewport=PHONE)`: a window of their own, signed in where a user is
    given. No error may be in any window's console when the test is over: what breaks the
    Content-Security-Policy is one."""
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def make(user: str | None = None, **options: Any) -> Visitor:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        visitor = Visitor(context.new_page(), world.url, [])
        listen(visitor)
        visitors.append(visitor)
        if user:
            visitor.sign_in(user)
        return visitor

    yield make
    for context in contexts:
        context.close()
    for visitor in visitors:
        assert not visitor.wrong


def listen(visitor: Visitor) -> None:
    def heard(message: ConsoleMessage) -> None:
        expected = _AN_ANSWER.search(message.text) or _PUT_OUT.search(message.text)
        if message.type == "error" and not expected:
            visitor.wrong.append(message.text)

    visitor.page.on("console", heard)
    visitor.page.on("pageerror", lambda error: visitor.wrong.append(str(error)))


def serious_findings(page: Page) -> list[str]:
    """What axe-core finds in the page as it is now, in both colour schemes."""
    with skipped_if_missing():
        script = Path(axe.find()).read_text()
    found = []
    for scheme in DARK_AND_LIGHT:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.evaluate(script)
        results = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found += [
            f"{scheme}: {one['id']}: {[node['target'] for node in one['nodes']]}"
            for one in results["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
    return found
