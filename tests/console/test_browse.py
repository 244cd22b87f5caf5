"""Who is live: the list as a visitor sees it change."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import PHONE, NewVisitor, World, serious_findings

pytestmark = pytest.mark.e2e

MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def test_a_stream_is_shown_with_what_one_chooses_by(new_visitor: NewVisitor, world: World) -> None:
    world.start("mara", title="Sunrise over the harbour", tags=["outdoors", "calm"])
    page = new_visitor("alice").visit("/")
    card = page.get_by_role("listitem").filter(has_text="Sunrise over the harbour")
    for shown in ("mara", "Live", "0 viewers", "just now", "outdoors · calm"):
        expect(card).to_contain_text(shown)
    card.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/s/[0-9a-f]{24}$"))


def test_streams_come_and_go_within_five_seconds_and_nobody_loses_their_place(
    new_visitor: NewVisitor, world: World
) -> None:
    started = [world.start(f"host{number}", title=f"Stream {number}") for number in range(9)]
    page = new_visitor("alice", viewport=PHONE).visit("/")
    third = page.get_by_role("link", name="Stream 3")
    third.scroll_into_view_if_needed()
    page.mouse.wheel(0, 300)
    page.wait_for_timeout(200)
    before = third.bounding_box()
    began = time.monotonic()
    world.start("late", title="The newest")
    page.get_by_role("link", name="The newest").wait_for(state="attached")
    world.stop(started[0], "host0")
    page.get_by_role("link", name="Stream 0").wait_for(state="detached")
    assert time.monotonic() - began < 10, "each within five seconds"
    after = third.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 2


def test_titles_are_searched_and_tags_filter(new_visitor: NewVisitor, world: World) -> None:
    world.start("mara", title="Sunrise", tags=["calm"])
    world.start("li", title="Chess at night", tags=["games"])
    page = new_visitor("alice").visit("/")
    cards = page.locator(".grid .card")
    expect(cards).to_have_count(2)
    page.get_by_label("Search titles").fill("chess")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("Chess at night")
    page.get_by_label("Search titles").fill("")
    page.get_by_role("button", name="calm", exact=True).click()
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("Sunrise")
    page.get_by_label("Search titles").fill("nothing like it")
    page.get_by_text("Nothing live fits.").wait_for()


def test_titles_tags_and_names_are_never_markup(new_visitor: NewVisitor, world: World) -> None:
    world.start("<i>mallory</i>", title=MARKUP, tags=["<b>bold</b>"])
    page = new_visitor("alice").visit("/")
    expect(page.get_by_role("heading", name="<img src=x")).to_be_visible()
    expect(page.get_by_role("button", name="<b>bold</b>")).to_be_visible()
    assert page.locator("main :is(i, b, script)").count() == 0
    assert page.title() == "Live · livectl"


def test_a_cover_that_cannot_be_loaded_leaves_a_drawn_one(
    new_visitor: NewVisitor, world: World
) -> None:
    world.start("mara", title="Sunrise", coverUrl=f"{world.url}/no-such-picture.jpg")
    page = new_visitor("alice").visit("/")
    expect(page.locator(".grid .poster.drawn")).to_have_text("M")


def test_neither_player_nor_chat_are_loaded_to_browse(
    new_visitor: NewVisitor, world: World
) -> None:
    visitor = new_visitor("alice")
    loaded: list[str] = []
    visitor.page.on("request", lambda request: loaded.append(request.url))
    page = visitor.visit("/")
    page.get_by_text("Nobody is live right now.").wait_for()
    scripts = [url for url in loaded if url.endswith(".js")]
    assert len(scripts) == 1
    assert not [url for url in loaded if "socket.io" in url or "livekit" in url]


@pytest.mark.parametrize("width", [360, 768, 1280, 3840])
def test_the_list_fits_every_screen(new_visitor: NewVisitor, world: World, width: int) -> None:
    world.start("mara", title="W" * 120, tags=["t" * 80, "outdoors"])
    page = new_visitor("alice", viewport={"width": width, "height": 800}).visit("/")
    page.locator(".grid .card").wait_for()
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert over <= 0


def test_the_list_shuts_nobody_out(new_visitor: NewVisitor, world: World) -> None:
    world.start("mara", title="Sunrise over the harbour", tags=["outdoors", "calm"])
    page = new_visitor("alice").visit("/")
    page.locator(".grid .card").wait_for()
    assert serious_findings(page) == []
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_a_replay_is_shown_by_its_cover_else_by_its_poster(
    new_visitor: NewVisitor, world: World
) -> None:
    icon, nothing = f"{world.url}/icon.svg", f"{world.url}/no-such-picture.jpg"
    covers = {"With a cover": icon, "With a bad cover": nothing, "Without": None}
    for title, cover in covers.items():
        started = world.start("mara", title=title, coverUrl=cover)
        world.stop(started, "mara")
        world.put_film(started)
    page = new_visitor("alice").visit("/")
    expect(picture_of(page, "With a cover")).to_have_attribute("src", icon)
    for title in ("With a bad cover", "Without"):
        picture = picture_of(page, title)
        expect(picture).to_have_attribute("src", re.compile(r"\.poster\.jpg\?"))
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 0


def picture_of(page: Page, title: str) -> Locator:
    heading = page.get_by_role("heading", name=title, exact=True)
    return page.locator(".row .card").filter(has=heading).locator("img")


def test_a_poster_is_loaded_once_however_often_it_is_linked_to_anew(
    new_visitor: NewVisitor, world: World
) -> None:
    started = world.start("mara", title="Loaded once")
    world.stop(started, "mara")
    world.put_film(started)
    visitor = new_visitor("alice")
    page = visitor.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response(re.compile(r"/api/live/replays$")) as first:
        visitor.visit("/")
    picture = picture_of(page, "Loaded once")
    expect(picture).to_have_js_property("complete", True)
    time.sleep(1.1)  # links are signed by the second
    with page.expect_response(re.compile(r"/api/live/replays$")) as second:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    links = [answer.value.json()["items"][0]["thumbnailUrl"] for answer in (first, second)]
    assert links[0] != links[1]
    page.wait_for_timeout(500)
    expect(picture).to_have_attribute("src", links[0])
    assert links[0] in asked
    assert links[1] not in asked
