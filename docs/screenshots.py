"""Make docs/screens/ from the real thing: `make screenshots`.

A server with a livekit-server of its own, synthetic hosts, and people in browsers.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from tests.console.conftest import World
from tests.console.test_watch import chat, say
from tests.parts import chromium
from tests.server.api import ROOT
from tests.server.process import bearer

from livectl.dev.synthetic import SyntheticHost

SCREENS = Path(__file__).with_name("screens")
SIZE: ViewportSize = {"width": 1280, "height": 800}
FILM_AT_S = 6
SHOWS: list[tuple[str, str, list[str], int]] = [
    ("anna", "Sunrise over the harbour", ["outdoors", "calm"], 210),
    ("marek", "Building a cedar-strip canoe, day 12", ["craft"], 30),
    ("yuki", "Late piano", ["music", "calm"], 280),
]
SAID = [
    ("bob", "Good morning from Lisbon!"),
    ("chen", "the light today is unreal"),
    ("dora", "First time here. Is this every day?"),
    ("bob", "every day but Sunday"),
    ("emil", "👏👏👏"),
]


def main() -> None:
    SCREENS.mkdir(exist_ok=True)
    with ExitStack() as stack:
        world = World.begun(stack)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=[*chromium.FLAGS, "--no-sandbox"]
        )
        stack.callback(browser.close)
        over = world.start("marek", title="Steaming the ribs", tags=["craft"])
        talk(browser, world, over)
        world.stop(over, "marek")
        world.put_film(over)
        first, *_ = [go_live(stack, world, *show) for show in SHOWS]
        talk(browser, world, first)
        watch = visit(browser, world, "dora", f"/s/{first['streamId']}")
        plays(watch)
        shoot(watch, "watch")
        browse = visit(browser, world, "bob", "/")
        expect(browse.get_by_role("link", name="Late piano").first).to_be_visible()
        shoot(browse, "browse")
        shoot(in_the_studio(browser, world), "studio")
        replay = visit(browser, world, "dora", f"/v/{over['streamId']}?t={FILM_AT_S}")
        plays(replay)
        shoot(replay, "replay")
        ops = visit(browser, world, ROOT, "/ops/streams")
        expect(ops.get_by_role("row").nth(len(SHOWS))).to_be_visible()
        shoot(ops, "ops")


def go_live(
    stack: ExitStack, world: World, host: str, title: str, tags: list[str], hue: int
) -> Any:
    started = world.start(host, title=title, tags=tags)
    command = [sys.executable, "-m", "docs.screenshots", started["url"], str(hue)]
    publisher = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603
    stack.callback(publisher.wait)
    stack.callback(publisher.kill)
    assert publisher.stdin is not None  # noqa: S101
    publisher.stdin.write(started["token"].encode() + b"\n")
    publisher.stdin.close()
    return started


async def publish(url: str, hue: int) -> None:
    """A host in a process of its own, until it is killed; its token comes on standard input."""
    host = SyntheticHost(url, sys.stdin.readline().strip(), hue=hue, audio=False)
    await host.connect()
    await host.gone.wait()


def talk(browser: Browser, world: World, started: Any) -> None:
    for user, content in SAID:
        page = visit(browser, world, user, f"/s/{started['streamId']}")
        say(page, content)
        expect(chat(page)).to_contain_text(content)
        page.context.close()


def visit(browser: Browser, world: World, user: str, path: str) -> Page:
    page = browser.new_context(viewport=SIZE, color_scheme="dark").new_page()
    token = bearer(user)["Authorization"].removeprefix("Bearer ")
    page.request.post(f"{world.url}/api/session", data={"token": token})
    page.goto(f"{world.url}{path}")
    return page


def plays(page: Page) -> None:
    expect(page.locator(".large")).not_to_have_js_property("videoWidth", 0)


def in_the_studio(browser: Browser, world: World) -> Page:
    page = visit(browser, world, "olga", "/studio")
    page.get_by_label("Title").fill("Evening run")
    page.get_by_role("button", name="Go live").click()
    expect(page.get_by_test_id("quality")).to_be_visible()
    return page


def shoot(page: Page, name: str) -> None:
    page.wait_for_timeout(5000)  # pictures sharpen, numbers come in
    page.screenshot(path=SCREENS / f"{name}.png")


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(publish(sys.argv[1], int(sys.argv[2])))
    else:
        main()
