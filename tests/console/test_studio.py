"""Going live from the browser, with a camera and a microphone that are not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import httpx
import pytest
from livekit import api
from playwright.sync_api import Page, expect

from tests.console.conftest import PHONE, NewVisitor, Visitor, World, serious_findings
from tests.console.test_watch import MARKUP, chat, enter, say
from tests.parts.livekit import LiveKit
from tests.server.api import ROOT
from tests.server.process import bearer

pytestmark = pytest.mark.e2e

COVER: Any = {"body": "<svg xmlns='http://www.w3.org/2000/svg'/>", "content_type": "image/svg+xml"}
NO_MARKUP = "main :is(b, i, script, img[src='x'])"


def studio(visitor: Visitor) -> Page:
    """Before going live, with a camera that shows something."""
    page = visitor.visit("/studio")
    shows(page, ".preview .large")
    return page


def shows(page: Page, video: str) -> None:
    expect(page.locator(video)).not_to_have_js_property("videoWidth", 0, timeout=30_000)


def go_live(page: Page, title: str = "Morning run") -> dict[str, Any]:
    """The stream, once it is on the air."""
    page.get_by_label("Title").fill(title)
    with page.expect_response("**/api/live/start") as answer:
        page.get_by_role("button", name="Go live").click()
    on_air(page)
    started: dict[str, Any] = answer.value.json()
    return started


def on_air(page: Page) -> None:
    expect(page.get_by_test_id("quality")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("button", name="React with 🔥")).to_be_enabled()


def choose(page: Page, line: str, choice: str) -> None:
    """Of what can be done about a line of the chat."""
    item = chat(page).get_by_role("listitem").filter(has_text=line)
    item.hover()
    item.get_by_role("button").click()
    page.get_by_role("menuitem", name=choice).click()


def watched(visitor: Visitor, started: Any) -> Page:
    page = enter(visitor, started)
    shows(page, ".stage .large")
    return page


def test_a_host_goes_live_and_others_see_it_and_talk_with_them(new_visitor: NewVisitor) -> None:
    host = studio(new_visitor("host"))
    started = go_live(host)
    alice = watched(new_visitor("alice"), started)
    expect(alice.get_by_role("heading", level=1)).to_have_text("Morning run")
    expect(host.get_by_test_id("viewers")).to_have_text("1 viewer")
    expect(host.get_by_test_id("bitrate")).to_have_text(re.compile(r"[1-9].* kbit/s"))
    say(alice, "Good morning")
    expect(chat(host)).to_contain_text("alice Good morning")
    say(host, "Hello alice")
    expect(chat(alice)).to_contain_text("host Hello alice")
    choose(host, "Good morning", "Pin")
    expect(alice.get_by_role("region", name="Pinned messages")).to_contain_text("Good morning")
    alice.get_by_role("button", name="Gift").click()
    alice.get_by_text("Fireworks").click()
    alice.get_by_role("button", name="Give", exact=True).click()
    expect(host.locator(".highlight")).to_contain_text("alice gave fireworks (100)")
    expect(host.locator(".numbers")).to_contain_text("100 in gifts")
    host.get_by_role("button", name="Share a screen").click()
    expect(alice.locator(".stage .small")).to_be_visible()  # and the screen is large
    host.get_by_role("button", name="Stop sharing").click()
    expect(alice.locator(".stage .small")).to_be_hidden()
    host.get_by_role("button", name="End the stream").click()
    host.get_by_role("button", name="End it now").click()
    for page in (host, alice):
        expect(page.get_by_role("heading", name="The stream has ended")).to_be_visible()
    host.get_by_role("button", name="Go live again").click()
    shows(host, ".preview .large")


def test_a_blocked_viewer_is_out_and_told_and_can_be_let_in_again(new_visitor: NewVisitor) -> None:
    host = studio(new_visitor("host"))
    started = go_live(host)
    mallory = watched(new_visitor("mallory"), started)
    host.get_by_role("tab", name="Viewers (1)").click()
    host.get_by_role("button", name="About mallory").click()
    host.get_by_role("menuitem", name="Block").click()
    expect(mallory.get_by_role("alert")).to_contain_text("You were blocked from this stream")
    expect(host.get_by_role("tab", name="Viewers (0)")).to_be_visible()
    mallory.reload()
    expect(mallory.get_by_role("alert")).to_contain_text("You cannot watch this stream")
    host.get_by_role("button", name="Let mallory in again").click()
    expect(host.get_by_role("button", name="Let mallory in again")).to_have_count(0)
    watched(Visitor(mallory, mallory.url.split("/s/")[0], []), started)


def test_one_who_is_put_out_may_come_back(new_visitor: NewVisitor) -> None:
    host = studio(new_visitor("host"))
    started = go_live(host)
    bob = watched(new_visitor("bob"), started)
    host.get_by_role("tab", name="Viewers (1)").click()
    host.get_by_role("button", name="About bob").click()
    host.get_by_role("menuitem", name="Put out").click()
    expect(bob.get_by_role("alert")).to_contain_text("You were put out of this stream")
    bob.get_by_role("button", name="Come back").click()
    expect(bob.get_by_role("button", name="React with 🔥")).to_be_enabled()


def test_a_kill_from_a_shell_is_told_to_all_and_the_studio_cannot_bring_it_back(
    new_visitor: NewVisitor, world: World
) -> None:
    host = studio(new_visitor("host"))
    started = go_live(host)
    alice = watched(new_visitor("alice"), started)
    kill(world, started["streamId"], "stolen match")
    for page in (host, alice):
        expect(page.get_by_role("heading", name="The stream has ended")).to_be_visible(timeout=3000)
        expect(page.locator(".curtain")).to_contain_text("Why: stolen match")
    host.reload()
    expect(host.get_by_role("button", name="Go live")).to_be_visible()
    with pytest.raises(AssertionError, match="not live"):
        world.call("POST", f"/api/live/{started['streamId']}/token", "host")
    assert world.call("GET", "/api/live/active", "alice")["items"] == []


def kill(world: World, stream_id: str, why: str) -> None:
    token = bearer(ROOT)["Authorization"].removeprefix("Bearer ")
    command = [sys.executable, "-m", "livectl", "streams", "kill", stream_id, "--yes"]
    server = {"LIVECTL_SERVER": world.url, "LIVECTL_TOKEN": token}
    subprocess.run([*command, "--reason", why], env={**os.environ, **server}, check=True)


def test_a_reload_goes_on_with_the_same_stream_as_muted_and_hidden_as_before(
    new_visitor: NewVisitor,
) -> None:
    host = studio(new_visitor("host"))
    started = go_live(host)
    alice = watched(new_visitor("alice"), started)
    host.get_by_role("button", name="Mute the microphone").click()
    host.reload()
    on_air(host)
    shows(host, ".preview .large")
    expect(host.get_by_role("button", name="Mute the microphone")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(alice.locator(".stage")).to_have_attribute("data-picture", "playing", timeout=30_000)
    host.get_by_role("button", name="Hide the camera").click()
    expect(alice.locator(".stage")).to_have_attribute("data-picture", "waiting")
    host.reload()
    on_air(host)
    expect(host.locator(".preview")).to_contain_text("Your camera is off")
    expect(alice.locator(".stage")).to_have_attribute("data-picture", "waiting")
    host.get_by_role("button", name="Hide the camera").click()
    expect(alice.locator(".stage")).to_have_attribute("data-picture", "playing", timeout=30_000)


def test_a_host_whose_connection_ends_is_back_by_itself(
    new_visitor: NewVisitor, world: World
) -> None:
    host = studio(new_visitor("host"))
    started = go_live(host)
    alice = watched(new_visitor("alice"), started)
    put_out_at_livekit(world.livekit, started["roomName"], "host")
    expect(alice.locator(".stage")).to_have_attribute("data-picture", "waiting")
    expect(alice.locator(".stage")).to_have_attribute("data-picture", "playing", timeout=30_000)
    on_air(host)


def put_out_at_livekit(livekit: LiveKit, room: str, identity: str) -> None:
    may = api.VideoGrants(room_admin=True, room=room)
    token = api.AccessToken(livekit.key, livekit.secret).with_grants(may).to_jwt()
    answer = httpx.post(
        f"{livekit.url}/twirp/livekit.RoomService/RemoveParticipant",
        json={"room": room, "identity": identity},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.text


def test_another_window_takes_over_only_when_it_is_told_to(new_visitor: NewVisitor) -> None:
    first = studio(new_visitor("host"))
    go_live(first)
    second = studio(new_visitor("host"))
    expect(second.locator(".go-on")).to_contain_text("You are live with Morning run")
    second.get_by_role("button", name="Go on with it here").click()
    on_air(second)
    expect(first.get_by_role("alert")).to_contain_text("open in another window")
    first.get_by_role("button", name="Go on here instead").click()
    on_air(first)
    expect(second.get_by_role("alert")).to_contain_text("open in another window")


def test_the_rules_of_the_chat_are_at_hand(new_visitor: NewVisitor) -> None:
    host = studio(new_visitor("host"))
    started = go_live(host)
    alice = enter(new_visitor("alice"), started)
    host.get_by_role("tab", name="Rules").click()
    host.get_by_label("Slow mode").select_option("30")
    expect(alice.locator(".rules")).to_contain_text("one message in 30 s")
    host.get_by_label("Freeze the chat").check()
    expect(alice.locator(".rules")).to_contain_text("frozen")
    host.get_by_label("Announce to everybody").fill("A short break")
    host.get_by_role("button", name="Announce").click()
    expect(chat(alice)).to_contain_text("A short break")


def test_going_live_with_an_encoder_shows_settings_whose_key_is_hidden_until_asked_for(
    new_visitor: NewVisitor,
) -> None:
    visitor = new_visitor("host")
    page = visitor.visit("/studio")
    page.get_by_label("An encoder").check()
    expect(page.locator(".preview")).to_contain_text("Nothing comes from your encoder yet")
    go_live(page)
    page.get_by_role("button", name="Use an encoder").click()
    page.get_by_role("button", name="WHIP").click()
    expect(page.get_by_label("Server", exact=True)).to_have_value(f"{visitor.url}/whip")
    secret = page.get_by_label("Bearer token", exact=True)
    expect(secret).to_have_attribute("type", "password")
    page.get_by_role("button", name="Show: Bearer token").click()
    expect(secret).to_have_attribute("type", "text")
    first = secret.input_value()
    page.get_by_role("button", name="Make a new key").click()
    expect(secret).not_to_have_value(first)
    expect(secret).to_have_attribute("type", "password")


def test_what_cannot_be_done_is_told_in_the_words_of_the_server_and_what_to_do(
    new_visitor: NewVisitor,
) -> None:
    visitor = new_visitor("host")
    page = visitor.visit("/studio")
    page.get_by_label("An encoder").check()
    go_live(page)
    page.get_by_role("button", name="Record", exact=True).click()
    told = "Nobody publishes yet. Try it again when the host is on air"
    expect(page.get_by_text(told)).to_be_visible()
    page.get_by_role("button", name="Use an encoder").click()
    page.get_by_role("button", name="RTMP").click()
    expect(page.get_by_role("alert")).to_contain_text("Ingress")
    visitor.forgive("503")  # there is no Ingress service


def test_fields_take_no_markup(new_visitor: NewVisitor) -> None:
    host, viewer = new_visitor("<b>host</b>"), new_visitor("alice")
    for one in (host, viewer):
        one.page.route("https://pictures.test/**", lambda route: route.fulfill(**COVER))
    page = studio(host)
    page.get_by_label("Tags").fill(f"{MARKUP}, <b>bold</b>")
    page.get_by_label("Cover").fill('https://pictures.test/"><b>')
    started = go_live(page, MARKUP[:120])
    alice = enter(viewer, started)
    say(page, MARKUP)
    expect(chat(alice)).to_contain_text(MARKUP)
    page.get_by_role("tab", name="Rules").click()
    page.get_by_label("Announce to everybody").fill(MARKUP)
    page.get_by_role("button", name="Announce").click()
    expect(chat(alice).locator(".system")).to_contain_text(MARKUP)
    for seen in (page, alice):
        assert seen.locator(NO_MARKUP).count() == 0
        assert seen.title().endswith(" · livectl")


def test_the_keyboard_alone_goes_live_and_ends_it(new_visitor: NewVisitor) -> None:
    page = studio(new_visitor("host"))
    page.get_by_label("Title").focus()
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    on_air(page)
    page.get_by_role("tab", name="Chat").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Viewers")).to_be_focused()
    page.get_by_role("button", name="End the stream").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="End it now").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The stream has ended")).to_be_visible()


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desktop", "phone"])
def test_the_studio_shuts_nobody_out(
    new_visitor: NewVisitor, viewport: dict[str, int] | None
) -> None:
    options = {"viewport": viewport} if viewport else {}
    page = studio(new_visitor("host", **options))
    assert serious_findings(page) == []
    go_live(page)
    say(page, "Hello")
    expect(chat(page)).to_contain_text("Hello")
    assert serious_findings(page) == []
    page.get_by_role("tab", name="Rules").click()
    assert serious_findings(page) == []
    page.get_by_role("button", name="Use an encoder").click()
    assert serious_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
