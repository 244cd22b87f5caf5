"""What /ops shows and does while something outside is away, and when it is back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import skipped_if_missing
from tests.console.conftest import NewVisitor, World
from tests.console.test_ops import row
from tests.parts import Part
from tests.parts.ferretdb import FerretDB
from tests.parts.livekit import LiveKit
from tests.parts.minio import MinIO
from tests.parts.redis import Redis
from tests.server.api import ROOT
from tests.server.process import Server, bearer
from tests.services.films import film
from tests.shell import livekit_settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

# A kill asks LiveKit for three things, and waits four seconds for each.
STEPS_MS = 40_000


class Outside:
    """All that a server of production has around it."""

    def __init__(self) -> None:
        self.store, self.s3, self.redis = FerretDB(), MinIO(), Redis()
        self.bucket = ""

    def settings(self) -> dict[str, str]:
        self.bucket = self.s3.bucket()
        # Where the recorder is Egress, and there is none, each recording fails.
        return {
            "DATABASE_URL": self.store.uri,
            "REDIS_URL": self.redis.url,
            "LIVECTL_RECORDER": "egress",
            "LIVECTL_WEBHOOK_TRIES": "1",
            **self.s3.settings(self.bucket),
        }


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with ExitStack() as stack:
        with skipped_if_missing():
            found = Outside()
        for part in (found.store, found.s3, found.redis):
            stack.enter_context(part)
        yield found


@pytest.fixture(scope="module")
def servers(outside: Outside) -> Iterator[World]:
    server = Server(outside.settings())
    with skipped_if_missing():
        livekit = LiveKit(webhook_urls=[f"{server.url}/api/webhooks/livekit"], auto_create=True)
    with livekit:
        server.settings |= livekit_settings(livekit)
        with server:
            yield World(server, livekit)


def part_of(page: Page, name: str) -> Locator:
    parts = page.get_by_role("region", name="Health").get_by_role("listitem")
    return parts.filter(has_text=re.compile(rf"^\s*{name}\b"))


@pytest.mark.parametrize("down", ["Store", "LiveKit", "Redis", "S3"])
def test_health_tells_which_part_is_away_and_when_it_is_back(
    new_visitor: NewVisitor, world: World, outside: Outside, down: str
) -> None:
    parts: dict[str, Part] = {
        "Store": outside.store,
        "LiveKit": world.livekit,
        "Redis": outside.redis,
        "S3": outside.s3,
    }
    visitor = new_visitor(ROOT)
    page = visitor.visit("/ops")
    for name in parts:
        expect(part_of(page, name).get_by_role("img", name="Works")).to_be_visible()
    parts[down].stop()
    try:
        wrong = part_of(page, down).get_by_role("img", name="Does not work")
        expect(wrong).to_be_visible(timeout=40_000)
        for name in parts.keys() - {down}:
            # Who asks is looked up in the store before the bucket is.
            state = "Not known" if (down, name) == ("Store", "S3") else "Works"
            seen = part_of(page, name).get_by_role("img", name=state)
            expect(seen).to_be_visible(timeout=40_000)
    finally:
        parts[down].start()
    expect(part_of(page, down).get_by_role("img", name="Works")).to_be_visible(timeout=40_000)
    visitor.forgive("status of 50")


def test_a_kill_that_does_not_hold_yet_says_so_and_then_when_it_holds(
    new_visitor: NewVisitor, world: World
) -> None:
    world.start(title="Hard to end")
    page = new_visitor(ROOT).visit("/ops/streams")
    page.get_by_role("button", name="End Hard to end").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("stolen match")
    world.livekit.freeze()
    try:
        dialog.get_by_role("button", name="End the stream").click()
        said = dialog.get_by_role("alert")
        expect(said).to_contain_text("it does not hold yet", timeout=STEPS_MS)
        expect(dialog.get_by_role("img", name="Failed").first).to_be_visible()
        expect(dialog.get_by_text("it holds", exact=True)).to_have_count(0)
        page.keyboard.press("Escape")
        owed = row(page, "Hard to end")
        expect(owed).to_contain_text("not all off yet")
        owed.get_by_role("button", name="End Hard to end").click()
        dialog.get_by_role("button", name="End the stream").click()
        expect(said).to_contain_text("it does not hold yet", timeout=STEPS_MS)
    finally:
        world.livekit.thaw()
    expect(dialog.get_by_role("status")).to_contain_text("it holds now", timeout=60_000)
    dialog.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Ended").click()
    expect(row(page, "Hard to end").first).to_contain_text("stolen match")
    expect(row(page, "Hard to end").first).not_to_contain_text("not all off yet")


def test_a_webhook_that_was_parked_is_handled_when_it_is_sent_again(
    new_visitor: NewVisitor, world: World
) -> None:
    started = world.start(title="Over")
    world.stop(started)
    world.livekit.stop()
    try:
        send(world, "room_started", started["roomName"])  # whose room it cannot delete
        page = new_visitor(ROOT).visit("/ops/webhooks")
        page.get_by_role("button", name="Failed", exact=True).click()
        mine = row(page, started["roomName"]).filter(has_text="room_started")
        parked = mine.filter(has_text="failed")
        expect(parked).to_contain_text("LiveKit")
    finally:
        world.livekit.start()
    parked.get_by_role("button", name="Handle room_started again").click()
    page.get_by_text("1 webhook will be handled again.").wait_for()
    expect(mine).to_have_count(0)
    page.get_by_role("button", name="Handled", exact=True).click()
    expect(mine.filter(has_text="handled")).to_have_count(2)  # LiveKit's own, and this one


def send(world: World, event: str, room: str) -> None:
    sample = world.call("POST", "/api/webhooks/sample", ROOT, {"event": event, "room": room})
    headers = {"Authorization": sample["authorization"], "Content-Type": sample["contentType"]}
    url = f"{world.url}/api/webhooks/livekit"
    assert httpx.post(url, content=sample["body"], headers=headers).status_code == 200


def test_a_recording_that_failed_is_completed_where_its_file_is_found_and_its_replay_deleted(
    new_visitor: NewVisitor, world: World, outside: Outside
) -> None:
    started = world.start(title="Kept after all")
    world.publish(started)
    recording = failed(world, started["streamId"])
    world.stop(started)
    visitor = new_visitor(ROOT)
    page = visitor.visit("/ops/recordings")
    mine = row(page, recording["recordingId"])
    expect(mine).to_contain_text("failed")
    with outside.s3.client() as bucket:
        bucket.put_object(Bucket=outside.bucket, Key=recording["path"], Body=film())
    mine.get_by_role("button", name="Retry").click()
    expect(mine).to_contain_text("completed")
    expect(mine.get_by_role("button", name="Retry")).to_have_count(0)
    page.get_by_role("link", name="Replays").click()
    expect(mine).to_contain_text("available")
    mine.get_by_role("button", name="Hold").click()
    page.get_by_role("dialog").get_by_label("Why").fill("case 31")
    page.get_by_role("dialog").get_by_role("button", name="Hold it").click()
    expect(mine).to_contain_text("On hold: case 31")
    expect(mine.get_by_role("button", name="Delete")).to_have_count(0)
    mine.get_by_role("button", name="Let go").click()
    mine.get_by_role("button", name="Delete").click()
    (vod,) = world.call("GET", "/api/vods", ROOT)["items"]
    hold = f"/api/vods/{vod['vodId']}/hold"
    world.call("POST", hold, ROOT, {"reason": "case 32"})
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("hold")
    visitor.forgive("status of 409")
    world.call("DELETE", hold, ROOT)
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    page.get_by_text("The replay is deleted.").wait_for()
    expect(mine).to_have_count(0)
    assert world.call("GET", "/api/vods", ROOT)["items"] == []


def failed(world: World, stream: str) -> Any:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        httpx.post(
            f"{world.url}/api/streams/{stream}/recording/start", headers=bearer(ROOT), timeout=30
        )
        found = world.call("GET", f"/api/recordings?stream={stream}", ROOT)["items"]
        if found and found[0]["state"] == "failed":
            return found[0]
        time.sleep(0.5)
    raise AssertionError("the recording did not fail")
