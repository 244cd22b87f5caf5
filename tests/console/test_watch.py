"""A stream as those who watch it see it: picture, chat, order, the end."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import PHONE, NewVisitor, Visitor, World, serious_findings

pytestmark = pytest.mark.e2e

MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture
def started(world: World) -> Any:
    """A live stream of `host`."""
    return world.start(title="Sunrise over the harbour")


def enter(visitor: Visitor, started: Any) -> Page:
    """In the stream's chat."""
    page = visitor.visit(f"/s/{started['streamId']}")
    expect(page.get_by_role("button", name="React with 🔥")).to_be_enabled()
    return page


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def chat(page: Page) -> Any:
    return page.get_by_role("log", name="Chat")


def moderate(world: World, started: Any, act: str, by: str = "host", **more: Any) -> None:
    body = {"act": act, "streamId": started["streamId"], **more}
    world.call("POST", "/api/moderation", by, body)


def test_two_watch_and_talk_while_the_picture_plays(
    new_visitor: NewVisitor, world: World, started: Any
) -> None:
    world.publish(started)
    alice = enter(new_visitor("alice"), started)
    bob = enter(new_visitor("bob", viewport=PHONE), started)
    for page in (alice, bob):
        expect(page.locator(".stage")).to_have_attribute("data-picture", "playing", timeout=30_000)
        expect(page.locator(".stage .large")).not_to_have_js_property("videoWidth", 0)
    expect(alice.get_by_test_id("viewers")).to_have_text("2 viewers")
    say(alice, "Good morning")
    expect(chat(bob)).to_contain_text("alice Good morning")
    say(bob, "Hello from a phone")
    expect(chat(alice)).to_contain_text("bob Hello from a phone")


def test_sound_starts_on_a_click_where_the_browser_asks_for_one(
    new_visitor: NewVisitor, world: World, started: Any
) -> None:
    world.publish(started, sound=True)
    visitor = new_visitor("alice")
    page = visitor.page
    # Whatever Playwright looks for counts as a click: before the player is in, it may not.
    with page.expect_websocket(lambda socket: "/rtc" in socket.url):
        visitor.visit(f"/s/{started['streamId']}")
    page.wait_for_timeout(3000)
    sound = page.get_by_role("button", name="Turn the sound on")
    sound.click()
    expect(sound).to_have_count(0)


def test_a_reaction_floats_on_every_screen(new_visitor: NewVisitor, started: Any) -> None:
    alice, bob = (enter(new_visitor(user), started) for user in ("alice", "bob"))
    bob.get_by_role("button", name="React with 🔥").click()
    for page in (alice, bob):
        page.locator(".reactions span", has_text="🔥").wait_for(state="attached")


def test_a_large_gift_is_shown_to_everyone_and_counted(
    new_visitor: NewVisitor, started: Any
) -> None:
    alice, bob = (enter(new_visitor(user), started) for user in ("alice", "bob"))
    bob.get_by_role("button", name="Gift").click()
    bob.get_by_text("Fireworks").click()
    bob.get_by_label("A word with it").fill(MARKUP)
    bob.get_by_role("button", name="Give", exact=True).click()
    expect(alice.locator(".highlight")).to_contain_text("bob gave fireworks (100)")
    expect(alice.locator(".highlight")).to_contain_text(MARKUP)
    expect(chat(alice)).to_contain_text("gave fireworks (100)")
    expect(alice.locator(".caption")).to_contain_text("100 in gifts")


def test_what_is_said_pinned_or_called_is_never_markup(
    new_visitor: NewVisitor, world: World
) -> None:
    started = world.start("host", title=MARKUP)
    visitor = new_visitor("<b>bob</b>")
    page = enter(visitor, started)
    say(page, MARKUP)
    expect(chat(page)).to_contain_text(f"<b>bob</b> {MARKUP}")
    pin = {"messageId": "m1", "content": MARKUP}
    world.call("POST", f"/api/live/{started['streamId']}/pin-message", "host", pin)
    expect(page.get_by_role("region", name="Pinned messages")).to_contain_text(MARKUP)
    moderate(world, started, "announce", content=MARKUP)
    moderate(world, started, "warn", userId="<b>bob</b>", content=MARKUP)
    expect(page.locator(".warning")).to_contain_text(MARKUP)
    expect(chat(page).locator(".system")).to_contain_text(MARKUP)
    assert page.locator("main :is(b, i, script, img[src='x'])").count() == 0
    assert page.title() == f"{MARKUP} · livectl"
    world.call("POST", f"/api/live/{started['streamId']}/end", "root", {"reason": MARKUP})
    expect(page.locator(".curtain")).to_contain_text(f"Why: {MARKUP}")
    assert page.locator("main :is(b, i, script, img[src='x'])").count() == 0


def test_moderators_pin_and_delete_beside_the_message(
    new_visitor: NewVisitor, started: Any
) -> None:
    host, bob = (enter(new_visitor(user), started) for user in ("host", "bob"))
    say(bob, "Remember this")
    line = chat(host).get_by_role("listitem").filter(has_text="Remember this")
    line.hover()
    line.get_by_role("button", name="About the message of bob").click()
    host.get_by_role("menuitem", name="Pin").click()
    expect(bob.get_by_role("region", name="Pinned messages")).to_contain_text("Remember this")
    line.hover()
    line.get_by_role("button", name="About the message of bob").click()
    expect(host.get_by_role("menuitem").first).to_be_focused()
    host.keyboard.press("ArrowDown")
    expect(host.get_by_role("menuitem", name="Delete")).to_be_focused()
    host.keyboard.press("Enter")
    expect(chat(bob)).not_to_contain_text("Remember this")


def test_somebody_who_is_blocked_is_out_and_told(
    new_visitor: NewVisitor, world: World, started: Any
) -> None:
    host, troll = (enter(new_visitor(user), started) for user in ("host", "troll"))
    say(troll, "Buy my things")
    line = chat(host).get_by_role("listitem").filter(has_text="Buy my things")
    line.hover()
    line.get_by_role("button", name="About the message of troll").click()
    host.get_by_role("menuitem", name="Block troll").click()
    troll.get_by_text("You were blocked from this stream.").wait_for()
    troll.reload()
    troll.get_by_role("heading", name="You cannot watch this stream").wait_for()
    expect(troll.locator("video")).to_have_count(0)


def test_somebody_who_is_kicked_is_told_and_may_come_back(
    new_visitor: NewVisitor, world: World, started: Any
) -> None:
    bob = enter(new_visitor("bob"), started)
    moderate(world, started, "kick", userId="bob")
    bob.get_by_text("You were put out of this stream").wait_for()
    bob.get_by_role("button", name="Come back").click()
    expect(bob.get_by_role("button", name="React with 🔥")).to_be_enabled()


def test_the_rules_are_told_before_they_are_broken(
    new_visitor: NewVisitor, world: World, started: Any
) -> None:
    bob = enter(new_visitor("bob"), started)
    rules = bob.locator(".composer .rules")
    moderate(world, started, "rules", slowSeconds=30)
    expect(rules).to_have_text("Slow mode: one message in 30 s.")
    say(bob, "One")
    expect(chat(bob)).to_contain_text("One")
    say(bob, "Two")
    bob.get_by_text("Slow mode: one message in 30 s.", exact=True).last.wait_for()
    expect(bob.get_by_label("Message", exact=True)).to_have_value("Two")
    expect(bob.locator(".write button")).to_be_disabled()
    moderate(world, started, "rules", slowSeconds=0, frozen=True)
    expect(rules).to_have_text("The chat is frozen for now.")
    expect(bob.get_by_label("Message", exact=True)).to_be_disabled()
    moderate(world, started, "rules", frozen=False)
    moderate(world, started, "timeout", userId="bob", seconds=90)
    expect(rules).to_contain_text("You were timed out here, for 1:")


def test_characters_are_counted_as_the_server_counts_them(
    new_visitor: NewVisitor, started: Any
) -> None:
    bob = enter(new_visitor("bob"), started)
    bob.get_by_label("Message", exact=True).fill("😀" * 1001)
    expect(bob.locator(".count")).to_have_text("1001/1000")
    expect(bob.get_by_role("button", name="Send")).to_be_disabled()
    say(bob, "😀" * 1000)
    expect(chat(bob)).to_contain_text("😀" * 1000)


def test_a_lost_server_is_told_and_come_back_to_by_itself(
    new_visitor: NewVisitor, world: World, started: Any
) -> None:
    visitor = new_visitor("bob")
    bob = enter(visitor, started)
    say(bob, "Before")
    expect(chat(bob)).to_contain_text("Before")
    world.server.stop()
    expect(bob.locator(".composer .rules")).to_have_text("The chat is reconnecting…")
    world.server.start()
    expect(bob.locator(".composer .rules")).to_have_text("")
    visitor.forgive("ERR_CONNECTION_REFUSED")
    say(bob, "After")
    expect(chat(bob)).to_contain_text("After")
    expect(chat(bob).get_by_text("Before")).to_have_count(1)


def test_the_end_is_told_to_everyone_with_its_reason(
    new_visitor: NewVisitor, world: World, started: Any
) -> None:
    alice, bob = (enter(new_visitor(user), started) for user in ("alice", "bob"))
    body = {"reason": "not for this place"}
    world.call("POST", f"/api/live/{started['streamId']}/end", "root", body)
    for page in (alice, bob):
        page.get_by_role("heading", name="The stream has ended").wait_for()
        page.get_by_text("Why: not for this place").wait_for()
        expect(page.locator("video")).to_have_count(0)


def test_a_stream_that_never_was_is_told(new_visitor: NewVisitor) -> None:
    page = new_visitor("alice").visit(f"/s/{'0' * 24}")
    page.get_by_role("heading", name="There is no such stream").wait_for()


def test_a_message_is_reported_with_itself_as_evidence(
    new_visitor: NewVisitor, world: World, started: Any
) -> None:
    alice, bob = (enter(new_visitor(user), started) for user in ("alice", "bob"))
    say(bob, "Something bad")
    line = chat(alice).get_by_role("listitem").filter(has_text="Something bad")
    line.hover()
    line.get_by_role("button", name="About the message of bob").click()
    alice.get_by_role("menuitem", name="Report").click()
    alice.get_by_label("What is it").select_option("harassment")
    alice.get_by_label("In a few words").fill("It is")
    alice.get_by_role("button", name="Send the report").click()
    alice.get_by_text("Our moderators will look at it.").wait_for()
    reports = world.call("GET", "/api/reports", "root")["items"]
    mine = next(one for one in reports if one["streamId"] == started["streamId"])
    assert (mine["type"], mine["reason"]) == ("harassment", "It is")


def test_a_busy_chat_keeps_a_bounded_number_of_lines_and_the_place_of_who_reads_back(
    new_visitor: NewVisitor, started: Any
) -> None:
    host, bob = (enter(new_visitor(user), started) for user in ("host", "bob"))
    for number in range(40):
        say(host, f"Line {number}")
    expect(chat(bob)).to_contain_text("Line 39")
    chat(bob).evaluate("box => box.scrollTo(0, 0)")
    say(host, "The newest")
    bob.get_by_role("button", name="1 new message").click()
    expect(bob.get_by_text("The newest")).to_be_in_viewport()


@pytest.mark.parametrize("width", [360, 1280])
def test_watching_shuts_nobody_out_and_fits(
    new_visitor: NewVisitor, world: World, started: Any, width: int
) -> None:
    page = enter(new_visitor("alice", viewport={"width": width, "height": 740}), started)
    say(page, "Good morning " + "x" * 300)
    pin = {"messageId": "m1", "content": "Look here"}
    world.call("POST", f"/api/live/{started['streamId']}/pin-message", "host", pin)
    page.get_by_role("region", name="Pinned messages").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert serious_findings(page) == []
    page.get_by_role("button", name="Gift").click()
    page.get_by_role("dialog", name="Give a gift").wait_for()
    assert serious_findings(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
