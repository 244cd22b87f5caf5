"""The pages of administrators: what they show, and what their buttons do."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import PHONE, NewVisitor, World, serious_findings
from tests.server.api import ROOT
from tests.server.process import bearer

pytestmark = pytest.mark.e2e

MARKUP = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
PARTS = ("", "/streams", "/reports", "/recordings", "/vods", "/webhooks", "/events")


def say(world: World, started: dict[str, str], user: str, content: str) -> str:
    """A message in the stream's chat; its id."""
    body = {"act": "announce", "streamId": started["streamId"], "content": content}
    world.call("POST", "/api/moderation", ROOT, body)
    found = world.call("GET", f"/api/live/{started['streamId']}/messages", user)["items"]
    return str(next(one["id"] for one in found if one["content"] == content))


def report(world: World, started: dict[str, str], **more: object) -> None:
    body = {"type": "spam", "reason": "buys followers", **more}
    world.call("POST", f"/api/live/{started['streamId']}/report", "alice", body)


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text)


def test_a_kill_asks_once_and_shows_that_it_held(new_visitor: NewVisitor, world: World) -> None:
    started = world.start(title="To be ended")
    viewer = new_visitor("alice").visit(f"/s/{started['streamId']}")
    viewer.get_by_role("heading", name="To be ended").wait_for()
    page = new_visitor(ROOT).visit("/ops/streams")
    page.get_by_role("button", name="End To be ended").click()
    dialog = page.get_by_role("dialog", name="End “To be ended”?")
    dialog.get_by_label("Why").fill("against the rules")
    dialog.get_by_label("Keep host from going live again").select_option("For an hour")
    dialog.get_by_role("button", name="End the stream").click()
    dialog.get_by_text("It is over, and it holds.").wait_for()
    steps = dialog.get_by_role("listitem")
    assert steps.count() >= 4
    expect(steps.last).to_contain_text("The room stays gone")
    assert dialog.get_by_role("img", name="Failed").count() == 0
    viewer.get_by_text("against the rules").wait_for()
    dialog.get_by_role("button", name="Done").click()
    row(page, "To be ended").wait_for(state="detached")
    page.get_by_role("button", name="Ended").click()
    expect(row(page, "To be ended").first).to_contain_text(f"against the rules · user:{ROOT}")
    refused = httpx.post(f"{world.url}/api/live/start", json={}, headers=bearer("host"))
    assert refused.json()["code"] == "banned"
    httpx.delete(f"{world.url}/api/bans/host", headers=bearer(ROOT))


def test_escape_ends_nothing(new_visitor: NewVisitor, world: World) -> None:
    world.start(title="Spared")
    page = new_visitor(ROOT).visit("/ops/streams")
    end = page.get_by_role("button", name="End Spared")
    end.focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    expect(end).to_be_focused()
    expect(row(page, "Spared")).to_contain_text("Live")


def test_a_stream_is_ended_by_keyboard_alone(new_visitor: NewVisitor, world: World) -> None:
    world.start(title="Typed away")
    page = new_visitor(ROOT).visit("/ops/streams")
    page.get_by_role("button", name="End Typed away").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Why")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    dialog.get_by_text("It is over, and it holds.").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("Nobody is live right now.").wait_for()


def test_streams_come_into_the_table_by_themselves(new_visitor: NewVisitor, world: World) -> None:
    page = new_visitor(ROOT).visit("/ops/streams")
    page.get_by_text("Nobody is live right now.").wait_for()
    world.start(title="Just begun")
    expect(row(page, "Just begun")).to_contain_text("0 of 0")


def test_a_report_shows_its_evidence_and_one_click_sees_to_it(
    new_visitor: NewVisitor, world: World
) -> None:
    started = world.start(title="Reported")
    message = say(world, started, "alice", "cheap followers here")
    report(world, started, evidence=[message, "https://proof.test/1"], description="All day long")
    page = new_visitor(ROOT).visit("/ops/reports")
    card = page.get_by_role("listitem", name="buys followers")
    for shown in ("spam", "by alice", "All day long", "cheap followers here", "proof.test/1"):
        expect(card).to_contain_text(shown)
    card.get_by_role("button", name="Delete the message").click()
    page.get_by_text("Resolved: messages deleted.").wait_for()
    page.get_by_role("button", name="Resolved").click()
    expect(page.get_by_role("listitem", name="buys followers").first).to_contain_text(
        f"messages deleted, user:{ROOT}"
    )
    found = world.call("GET", f"/api/live/{started['streamId']}/messages", "alice")["items"]
    assert message not in [one["id"] for one in found]


def test_a_report_ends_its_stream_in_the_same_way(new_visitor: NewVisitor, world: World) -> None:
    started = world.start(title="Reported too")
    report(world, started, reason="danger")
    page = new_visitor(ROOT).visit("/ops/reports")
    card = page.get_by_role("listitem", name="danger")
    card.get_by_role("button", name="End the stream…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Why")).to_have_value("spam")
    dialog.get_by_role("button", name="End the stream").click()
    dialog.get_by_role("button", name="Done").click()
    page.get_by_text("Resolved: stream ended.").wait_for()
    card.wait_for(state="detached")
    assert world.call("GET", "/api/live/active", "alice")["items"] == []
    assert world.call("GET", "/api/bans", ROOT)["items"] == [], "nobody asked for that"


def test_events_come_as_they_happen_and_can_be_searched(
    new_visitor: NewVisitor, world: World
) -> None:
    page = new_visitor(ROOT).visit("/ops/events")
    log = page.get_by_role("list", name="Events, newest first")
    log.get_by_role("listitem").first.wait_for()
    started = world.start(title="An event")
    newest = log.get_by_role("listitem").filter(has_text=started["streamId"])
    expect(newest.first).to_contain_text("stream.started")
    page.get_by_label("Only events with").fill(started["streamId"])
    expect(log.get_by_role("listitem").first).to_contain_text(started["streamId"])
    page.get_by_role("button", name="Hold").click()
    world.stop(started)
    page.wait_for_timeout(1000)
    assert log.get_by_text("stream.ended").count() == 0
    page.get_by_role("button", name="Go on").click()
    log.get_by_text("stream.ended").wait_for()


def test_a_webhook_is_shown_and_handled_again(new_visitor: NewVisitor, world: World) -> None:
    sample = world.call(
        "POST", "/api/webhooks/sample", ROOT, {"event": "room_started", "room": "live_nobody_1"}
    )
    headers = {"Authorization": sample["authorization"], "Content-Type": sample["contentType"]}
    sent = httpx.post(f"{world.url}/api/webhooks/livekit", content=sample["body"], headers=headers)
    assert sent.status_code == 200
    page = new_visitor(ROOT).visit("/ops/webhooks")
    mine = row(page, "live_nobody_1").first
    mine.get_by_role("button", name="room_started", exact=True).click()
    dialog = page.get_by_role("dialog", name="room_started")
    expect(dialog).to_contain_text('"name": "live_nobody_1"')
    page.keyboard.press("Escape")
    mine.get_by_role("button", name="Handle room_started again").click()
    page.get_by_text("1 webhook will be handled again.").wait_for()


def test_the_overview_tells_whether_all_parts_work(new_visitor: NewVisitor, world: World) -> None:
    world.start(title="Counted")
    page = new_visitor(ROOT).visit("/ops")
    parts = page.get_by_role("region", name="Health")
    for part in ("Store", "LiveKit"):
        expect(parts.get_by_role("listitem").filter(has_text=part)).to_contain_text(
            re.compile(r"\d+ ms")
        )
    expect(page.get_by_role("link", name="1 live")).to_be_visible()
    parts.get_by_text(re.compile(r"\d+ checks are fine")).click(timeout=30_000)
    expect(parts.get_by_role("definition").first).to_be_visible()


@pytest.mark.parametrize("part", PARTS)
def test_the_pages_shut_nobody_out(new_visitor: NewVisitor, world: World, part: str) -> None:
    started = world.start(title="Looked at")
    report(world, started, reason="to look at")
    for options in ({}, {"viewport": PHONE}):
        page = new_visitor(ROOT, **options).visit(f"/ops{part}")
        page.get_by_role("navigation", name="Operate").wait_for()
        page.wait_for_timeout(500)
        found = serious_findings(page)
        assert found == [], json.dumps(found)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, "nothing sticks out to the side"


def test_the_dialog_of_a_kill_shuts_nobody_out(new_visitor: NewVisitor, world: World) -> None:
    world.start(title="Looked at")
    page = new_visitor(ROOT).visit("/ops/streams")
    page.get_by_role("button", name="End Looked at").click()
    found = serious_findings(page)
    assert found == [], json.dumps(found)


def test_nothing_that_people_typed_becomes_markup(new_visitor: NewVisitor, world: World) -> None:
    started = world.start(title=MARKUP, tags=[MARKUP[:40]])
    message = say(world, started, "alice", MARKUP)
    evidence = [message, MARKUP, f"javascript:{MARKUP}"]
    report(world, started, type=MARKUP[:60], reason=MARKUP, description=MARKUP, evidence=evidence)
    world.call("POST", f"/api/live/{started['streamId']}/end", ROOT, {"reason": MARKUP})
    page = new_visitor(ROOT).visit("/ops/streams")
    page.get_by_role("button", name="Ended").click()
    row(page, "document.title").first.wait_for()
    for part in ("/ops/reports", "/ops/events"):
        page.goto(f"{world.url}{part}")
        page.get_by_text("document.title").first.wait_for()
        page.wait_for_timeout(300)
        assert page.locator("main img").count() == 0
        assert page.locator("main script").count() == 0
        assert page.get_by_role("link", name=re.compile("javascript")).count() == 0
        assert "owned" not in page.title()
    for one in world.call("GET", "/api/reports?status=open", ROOT)["items"]:
        body = {"resolution": "seen"}
        world.call("POST", f"/api/reports/{one['reportId']}/resolve", ROOT, body)
