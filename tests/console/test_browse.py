"""Who is live: the list as a visitor sees it change."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import DESKTOP, PHONE, NewVisitor, World, serious_findings

pytestmark = pytest.mark.e2e

PROMISED_MS = 5000
MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def test_a_stream_is_shown_with_what_one_chooses_by(new_visitor: NewVisitor, world: World) -> None:
    world.start("mara", title="Sunrise over the harbour", tags=["outdoors", "calm"])
    page = new_visitor("alice").visit("/")
    card = page.get_by_role("listitem").filter(has_text="Sunrise over the harbour")
    for shown in ("mara", "Live", "0 viewers", "just now", "outdoors · calm"):
        expect(card).to_contain_text(shown)
    card.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/s/[0-9a-f]{24}$"))


Place = tuple[float, float, float, float]


def begin_many(world: World) -> list[Any]:
    return [world.start(f"host{number}", title=f"Stream {number}") for number in range(14)]


def link(page: Page, title: str) -> Locator:
    heading = page.get_by_role("heading", name=title, exact=True)
    return page.get_by_role("link").filter(has=heading)


def places(page: Page) -> dict[str, Place]:
    """Where each card lies in the window."""
    found: dict[str, Place] = page.evaluate("""() => Object.fromEntries(
        [...document.querySelectorAll(".grid .card:not(.over)")].map((card) => {
            const { x, y, width, height } = card.getBoundingClientRect();
            return [card.querySelector("h2").textContent, [x, y, width, height]];
        }))""")
    return found


@pytest.mark.parametrize("scrolled", [0, 250])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_streams_come_and_go_within_five_seconds_and_nobody_loses_their_place(
    new_visitor: NewVisitor, world: World, viewport: dict[str, int], scrolled: int
) -> None:
    started = begin_many(world)
    page = new_visitor("alice", viewport=viewport).visit("/")
    kept = link(page, "Stream 7")
    kept.wait_for()
    page.evaluate("(y) => scrollTo(0, y)", scrolled)
    kept.evaluate("(card) => card.focus({ preventScroll: true })")
    before = places(page)
    assert page.evaluate("scrollY") == scrolled
    world.start("late", title="The newest")
    expect(link(page, "The newest")).to_be_attached(timeout=PROMISED_MS)
    for number in (13, 9, 2):
        world.stop(started[number], f"host{number}")
        expect(link(page, f"Stream {number}")).to_have_count(0, timeout=PROMISED_MS)
    world.start("later", title="In its place")
    expect(link(page, "In its place")).to_be_attached(timeout=PROMISED_MS)
    after = places(page)
    stay = before.keys() - {"Stream 13", "Stream 9", "Stream 2"}
    assert {title: after[title] for title in stay} == {title: before[title] for title in stay}
    assert after["In its place"] == before["Stream 13"]
    assert page.evaluate("scrollY") == scrolled
    expect(kept).to_be_focused()


def test_the_keyboard_goes_on_from_where_a_stream_has_ended(
    new_visitor: NewVisitor, world: World
) -> None:
    started = begin_many(world)
    page = new_visitor("alice").visit("/")
    link(page, "Stream 7").focus()
    world.stop(started[7], "host7")
    expect(link(page, "Stream 7")).to_have_count(0, timeout=PROMISED_MS)
    page.keyboard.press("Tab")
    expect(link(page, "Stream 6")).to_be_focused()


def test_a_list_that_is_left_alone_has_the_newest_first_and_no_gaps(
    new_visitor: NewVisitor, world: World
) -> None:
    visitor = new_visitor("alice")
    started = begin_many(world)
    visitor.page.clock.install()
    page = visitor.visit("/")
    link(page, "Stream 13").wait_for()
    world.stop(started[13], "host13")
    expect(link(page, "Stream 13")).to_have_count(0)
    world.start("one", title="In its place")
    expect(link(page, "In its place")).to_be_attached()
    world.start("late", title="The newest")
    expect(link(page, "The newest")).to_be_attached()
    world.stop(started[12], "host12")
    expect(link(page, "Stream 12")).to_have_count(0)
    page.clock.fast_forward(60_000)
    cards = page.locator(".grid .card")
    expect(cards.first).to_contain_text("The newest")
    expect(cards).to_have_count(14)


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
