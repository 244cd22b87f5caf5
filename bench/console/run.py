"""How soon is the first picture there, and how soon does everybody know of a kill?

python bench/console/run.py [ROUNDS]
"""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT_DIR = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT_DIR))

from tests.console.conftest import World  # noqa: E402
from tests.parts import chromium  # noqa: E402
from tests.server.api import ROOT  # noqa: E402
from tests.server.process import bearer  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
CLIENT = ROOT_DIR / "console" / "node_modules" / "livekit-client" / "dist"
PEER = """<!doctype html><meta charset="utf-8"><video class="large" autoplay muted></video>
<script type="module">
import { Room, RoomEvent } from "/livekit-client.esm.mjs";
const [url, token] = location.hash.slice(1).split("|").map(decodeURIComponent);
const room = new Room({ adaptiveStream: true });
room.on(RoomEvent.TrackSubscribed, (track) => {
  if (track.kind === "video") track.attach(document.querySelector("video"));
});
await room.connect(url, token);
</script>"""
# Milliseconds from the start of the navigation to the first picture that is shown; and when, in
# milliseconds since 1970, the page said that the stream is over.
LOOKOUT = """
const look = () => {
  const video = document.querySelector("video.large");
  if (!video) return requestAnimationFrame(look);
  video.requestVideoFrameCallback(() => (window.firstPicture = performance.now()));
};
look();
new MutationObserver(() => {
  if (!window.toldAt && document.body?.innerText.includes("The stream has ended"))
    window.toldAt = Date.now();
}).observe(document, { childList: true, subtree: true });
"""


def main() -> None:
    with ExitStack() as stack:
        world = World.begun(stack)
        peer = stack.enter_context(peer_page())
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=[*chromium.FLAGS, "--no-sandbox"]
        )
        stack.callback(browser.close)
        ours, theirs, whole, after = [], [], [], []
        for number in range(ROUNDS):
            host = f"host{number}"
            studio, started = go_live(browser, world, host)
            watchers = []
            for user in ("alice", "bob"):
                watch = visit(browser, world, user, f"/s/{started['streamId']}")
                ours.append(first_picture(watch))
                watchers.append(watch)
                page = visit_peer(browser, peer, world, started, f"{user}2")
                theirs.append(first_picture(page))
                page.context.close()
            began, ended = kill(world, started["streamId"])
            for page in (studio, *watchers):
                told = noted(page, "toldAt") / 1000
                whole.append(told - began)
                after.append(told - ended)
                page.context.close()
        load = os.getloadavg()[0]
        print(f"{len(os.sched_getaffinity(0))} cores, load {load:.1f}, {ROUNDS} rounds")
        say("first picture, the console (ms)", ours)
        say("first picture, the least page (ms)", theirs)
        say("told of a kill, since the command began (s)", whole, 2)
        say("told of a kill, since the command ended (s)", after, 2)


@contextmanager
def peer_page() -> Iterator[str]:
    """The least that shows a room: livekit-client and a token."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "index.html").write_text(PEER)
        (Path(folder) / "livekit-client.esm.mjs").symlink_to(CLIENT / "livekit-client.esm.mjs")

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args, directory=folder)

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def context_of(browser: Browser) -> BrowserContext:
    """With an empty cache, as on a first visit."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_init_script(LOOKOUT)
    return context


def visit(browser: Browser, world: World, user: str, path: str) -> Page:
    page = context_of(browser).new_page()
    token = bearer(user)["Authorization"].removeprefix("Bearer ")
    assert page.request.post(f"{world.url}/api/session", data={"token": token}).ok
    page.goto(f"{world.url}{path}", wait_until="commit")
    return page


def go_live(browser: Browser, world: World, host: str) -> tuple[Page, Any]:
    page = visit(browser, world, host, "/studio")
    page.get_by_label("Title").fill("Morning run")
    with page.expect_response("**/api/live/start") as answer:
        page.get_by_role("button", name="Go live").click()
    expect(page.get_by_test_id("quality")).to_be_visible(timeout=30_000)
    page.wait_for_timeout(3000)  # its bitrate has settled
    return page, answer.value.json()


def visit_peer(browser: Browser, peer: str, world: World, started: Any, user: str) -> Page:
    ticket = world.call("GET", f"/api/live/{started['streamId']}/watch", user)
    page = context_of(browser).new_page()
    page.goto(f"{peer}/#{ticket['url']}|{ticket['token']}", wait_until="commit")
    return page


def first_picture(page: Page) -> float:
    return noted(page, "firstPicture")


def noted(page: Page, name: str) -> float:
    """What the lookout wrote down. Asked again and again, since the pages' policy forbids
    Playwright to wait in the page."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := page.evaluate(f"window.{name}"):
            return float(found)
        page.wait_for_timeout(50)
    raise SystemExit(f"{page.url.partition('#')[0]} noted no {name} within 30 s")


def kill(world: World, stream_id: str) -> tuple[float, float]:
    """When the command began and when it ended, in seconds since 1970."""
    token = bearer(ROOT)["Authorization"].removeprefix("Bearer ")
    command = [sys.executable, "-m", "livectl", "streams", "kill", stream_id, "--yes"]
    server = {"LIVECTL_SERVER": world.url, "LIVECTL_TOKEN": token}
    began = time.time()
    subprocess.run(command, env={**os.environ, **server}, check=True, stdout=subprocess.DEVNULL)
    return began, time.time()


def say(what: str, figures: list[float], digits: int = 0) -> None:
    low, middle, high = min(figures), median(figures), max(figures)
    print(f"{what}: {low:.{digits}f} / {middle:.{digits}f} / {high:.{digits}f} (min/median/max)")


if __name__ == "__main__":
    main()
