"""Every page by the keyboard alone: all of it is reached, and one sees where one is."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import NewVisitor, World
from tests.console.test_ops import report, say
from tests.console.test_studio import go_live, studio
from tests.server.api import ROOT

pytestmark = pytest.mark.e2e

# What can be pressed or filled in and is shown. Of radio buttons Tab stops at the chosen one.
_LIST = """() => {
    const kinds = "a[href], button, input, select, textarea, summary, [tabindex]";
    window.stops = [...document.querySelectorAll(kinds)].filter((one) =>
        one.tabIndex >= 0 && !one.disabled && (one.type !== "radio" || one.checked)
        && one.checkVisibility({ visibilityProperty: true }));
    return window.stops.length;
}"""
_HERE = """() => {
    const here = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(here);
    const box = here.getBoundingClientRect();
    const isSeen = box.bottom > 0 && box.top < innerHeight;
    return {
        at: window.stops.indexOf(here),
        what: here.outerHTML.slice(0, 120),
        isBody: here === document.body,
        isMarked: outlineStyle !== "none" && parseFloat(outlineWidth) > 0 && isSeen,
    };
}"""


def walk(page: Page) -> list[str]:
    """Goes through the page with Tab; what is wrong with it."""
    count = page.evaluate(_LIST)
    reached: set[int] = set()
    wrong = []
    for _ in range(count * 2 + 10):
        page.keyboard.press("Tab")
        here: Any = page.evaluate(_HERE)
        if here["at"] in reached:
            break
        if here["isBody"]:
            continue  # in the browser's own frame, from which it goes on at the top
        if not here["isMarked"]:
            wrong.append(f"one does not see that one is at {here['what']}")
        if here["at"] >= 0:
            reached.add(here["at"])
    for missed in sorted(set(range(count)) - reached):
        what = page.evaluate("(at) => window.stops[at].outerHTML.slice(0, 160)", missed)
        wrong.append(f"not reached: {what}")
    return wrong


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/studio",
        "/ops",
        "/ops/streams",
        "/ops/reports",
        "/ops/recordings",
        "/ops/vods",
        "/ops/webhooks",
        "/ops/events",
    ],
)
def test_all_of_a_page_is_reached_and_one_sees_where_one_is(
    new_visitor: NewVisitor, world: World, path: str
) -> None:
    over = world.start("marek", title="Steaming the ribs", tags=["craft"])
    message = say(world, over, "alice", "cheap followers here")
    report(world, over, reason="for the walk", evidence=[message])
    world.stop(over, "marek")
    for number in range(4):
        world.start(f"host{number}", title=f"Stream {number}", tags=["music"])
    page = new_visitor(ROOT).visit(path)
    page.wait_for_timeout(3000)  # all of it is there
    assert walk(page) == []


def test_all_of_the_door_is_reached(new_visitor: NewVisitor) -> None:
    page = new_visitor().visit("/sign-in")
    page.get_by_role("textbox").first.wait_for()
    assert walk(page) == []


def test_all_of_a_live_studio_is_reached_and_its_dialogs_keep_the_focus_and_give_it_back(
    new_visitor: NewVisitor,
) -> None:
    page = studio(new_visitor("host"))
    go_live(page)
    assert walk(page) == []
    for name in ("Use an encoder", "End the stream"):
        keeps_focus(page, page.get_by_role("button", name=name))


def test_dialogs_of_operators_keep_the_focus_and_give_it_back(
    new_visitor: NewVisitor, world: World
) -> None:
    world.start(title="Looked at")
    page = new_visitor(ROOT).visit("/ops/streams")
    keeps_focus(page, page.get_by_role("button", name="End Looked at"))
    page.goto(f"{world.url}/ops/webhooks")
    keeps_focus(page, page.get_by_role("row").get_by_role("button", name="room_started").first)


def keeps_focus(page: Page, opener: Locator) -> None:
    """The dialog that `opener` opens."""
    opener.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        # Between its last control and its first lies the browser's own frame.
        assert page.evaluate(
            "document.activeElement === document.body"
            " || document.activeElement.closest('dialog') !== null"
        )
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()
