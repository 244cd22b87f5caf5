"""A recording with its chat, played in a real browser."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.console.conftest import PHONE, NewVisitor, Visitor, World, serious_findings
from tests.console.film import SECONDS
from tests.console.test_watch import chat, enter, say

pytestmark = pytest.mark.e2e

APART_S = 4


@pytest.fixture
def over(request: pytest.FixtureRequest, world: World, new_visitor: NewVisitor) -> Any:
    """A stream that is over, in which something was said at once and `APART_S` later; its replay is
    an MP4, or what the test is parametrized with."""
    started = world.start(title="Sunrise over the harbour")
    bob = enter(new_visitor("bob"), started)
    say(bob, "At once")
    expect(chat(bob)).to_contain_text("At once")
    time.sleep(APART_S)
    say(bob, "Later <b>on</b>")
    expect(chat(bob)).to_contain_text("Later <b>on</b>")
    world.stop(started)
    world.put_film(started, kind=getattr(request, "param", "mp4"))
    return started


def replay(visitor: Visitor, over: Any, at: str = "") -> Page:
    return visitor.visit(f"/v/{over['streamId']}{at}")


def offsets(world: World, over: Any) -> list[float]:
    """Seconds from the stream's start at which something was said."""
    path = f"/api/live/{over['streamId']}/messages?order=oldest"
    return [one["offsetMs"] / 1000 for one in world.call("GET", path, "bob")["items"]]


def seek(page: Page, seconds: float) -> None:
    page.get_by_label("Position").fill(str(int(seconds)))


@pytest.mark.parametrize("over", ["mp4", "hls"], indirect=True)
def test_the_recording_plays_and_seeks_with_the_chat_in_step(
    new_visitor: NewVisitor, world: World, over: Any
) -> None:
    _, later = offsets(world, over)
    assert later + 1 < SECONDS, "this machine is too slow for this film"
    page = replay(new_visitor("alice"), over)
    expect(page.locator(".time")).to_contain_text(f"0:00 / 0:{SECONDS}")
    seek(page, later + 1)
    expect(chat(page)).to_contain_text("bob Later <b>on</b>")
    expect(page.get_by_label("The recording")).to_have_js_property("currentTime", int(later + 1))
    seek(page, 0)
    expect(chat(page)).not_to_contain_text("Later")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".time")).to_contain_text("0:02 /")
    page.get_by_role("button", name="Pause").click()
    assert page.locator("main :is(b, i, script)").count() == 0


@pytest.mark.parametrize("over", ["hls"], indirect=True)
def test_hls_is_left_to_a_browser_without_media_source_extensions(
    new_visitor: NewVisitor, world: World, over: Any
) -> None:
    visitor = new_visitor("alice")
    visitor.page.add_init_script("delete window.MediaSource")
    page = replay(visitor, over)
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".time")).to_contain_text("0:02 /")
    source = page.get_by_label("The recording").evaluate("one => one.currentSrc")
    assert source.startswith(f"{world.url}/api/vods/")


def test_a_link_to_a_moment_opens_at_that_moment(
    new_visitor: NewVisitor, world: World, over: Any
) -> None:
    visitor = new_visitor("alice", permissions=["clipboard-read", "clipboard-write"])
    page = replay(visitor, over, at="?t=5")
    expect(page.get_by_label("The recording")).to_have_js_property("currentTime", 5)
    seek(page, 7)
    expect(page.locator(".time")).to_contain_text("0:07")
    page.get_by_role("button", name="Copy a link to this moment").click()
    page.get_by_text("The link to 0:07 is on the clipboard.").wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert re.fullmatch(rf"{world.url}/v/{over['streamId']}\?t=7", copied)


def test_the_keyboard_plays_and_seeks(new_visitor: NewVisitor, world: World, over: Any) -> None:
    page = replay(new_visitor("alice"), over)
    expect(page.locator(".time")).to_contain_text("/ 0:12")
    video = page.get_by_label("The recording")
    video.focus()
    page.keyboard.press("ArrowRight")
    expect(video).to_have_js_property("currentTime", 5)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_pictures_show_where_one_might_go(new_visitor: NewVisitor, world: World, over: Any) -> None:
    page = replay(new_visitor("alice"), over)
    expect(page.locator(".time")).to_contain_text("/ 0:12")
    page.locator(".scrubber").hover()
    glimpse = page.locator(".glimpse")
    expect(glimpse).to_have_text(re.compile("0:0[56]"))
    expect(glimpse.locator("div")).to_have_css(
        "background-position", re.compile("-(320|480)px 0px")
    )


def test_a_link_that_has_run_out_is_asked_for_anew(
    new_visitor: NewVisitor, world: World, over: Any
) -> None:
    visitor = new_visitor("alice")
    links = iter([403])

    def refused_once(route: Route) -> None:
        status = next(links, None)
        route.fulfill(status=status) if status else route.continue_()

    visitor.page.route("**/*.mp4?*", refused_once)
    page = replay(visitor, over)
    expect(page.get_by_label("The recording")).to_have_js_property("duration", SECONDS)
    asked = page.evaluate(
        "() => performance.getEntriesByType('resource').filter(one => one.name.endsWith('/vod'))"
        ".length"
    )
    assert asked == 2
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".time")).to_contain_text("0:02 /")


def test_a_recording_that_is_gone_is_told(new_visitor: NewVisitor, world: World, over: Any) -> None:
    for film in (world.server.dir / "objects").rglob(f"{over['streamId']}/*.mp4"):
        film.unlink()
    page = replay(new_visitor("alice"), over)
    page.get_by_text("The recording cannot be played.").wait_for()


def test_what_has_no_replay_is_told_kindly(new_visitor: NewVisitor, world: World) -> None:
    started = world.start()
    world.stop(started)
    page = new_visitor("alice").visit(f"/v/{started['streamId']}")
    page.get_by_role("heading", name="There is no replay of this stream").wait_for()


def test_a_replay_that_is_being_made_is_told(
    new_visitor: NewVisitor, world: World, over: Any
) -> None:
    visitor = new_visitor("alice")

    def not_yet(route: Route) -> None:
        vod = route.fetch().json()["vod"]
        route.fulfill(json={"vod": {**vod, "status": "uploading", "url": None}})

    visitor.page.route("**/api/live/*/vod", not_yet)
    page = replay(visitor, over)
    page.get_by_role("heading", name="This replay is being made").wait_for()


def test_an_archived_recording_is_told(new_visitor: NewVisitor, world: World, over: Any) -> None:
    visitor = new_visitor("alice")

    def archived(route: Route) -> None:
        vod = route.fetch().json()["vod"]
        route.fulfill(json={"vod": {**vod, "url": None}})

    visitor.page.route("**/api/live/*/vod", archived)
    page = replay(visitor, over)
    page.get_by_text("This recording is archived").wait_for()


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}])
def test_a_replay_shuts_nobody_out_and_fits(
    new_visitor: NewVisitor, world: World, over: Any, viewport: dict[str, int]
) -> None:
    page = replay(new_visitor("alice", viewport=viewport), over)
    expect(page.locator(".time")).to_contain_text("/ 0:12")
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    found = serious_findings(page)
    assert found == [], json.dumps(found)
