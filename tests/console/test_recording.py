"""From the studio's button to a replay in another browser, with the embedded recorder."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.console.conftest import NewVisitor, World
from tests.console.test_replay import offsets, seek
from tests.console.test_studio import go_live, studio
from tests.console.test_watch import chat, enter, say
from tests.server.api import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

MADE_WITHIN_S = 60


def made(world: World, stream: str) -> Any:
    """The replay of a stream, once it can be played."""
    until = time.monotonic() + MADE_WITHIN_S
    while time.monotonic() < until:
        found = world.call("GET", f"/api/vods?stream={stream}", ROOT)["items"]
        if found and found[0]["status"] == "available":
            return world.call("GET", f"/api/live/{stream}/vod", "vera")["vod"]
        time.sleep(0.5)
    recordings = world.call("GET", f"/api/recordings?stream={stream}", ROOT)["items"]
    raise AssertionError(f"no replay was made: {recordings}")


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_a_recording_started_in_the_studio_ends_as_a_replay_with_its_chat_in_step(
    new_visitor: NewVisitor, world: World
) -> None:
    page = studio(new_visitor("host"))
    started = go_live(page, "To be kept")
    alice = enter(new_visitor("alice"), started)
    say(alice, "Before the recording")
    expect(chat(page)).to_contain_text("Before the recording")
    page.get_by_role("button", name="Record", exact=True).click()
    stop = page.get_by_role("button", name="Stop recording")
    expect(stop).to_be_visible(timeout=30_000)
    page.wait_for_timeout(5000)
    say(alice, "In the recording")
    expect(chat(page)).to_contain_text("In the recording")
    page.wait_for_timeout(4000)
    stop.click()
    expect(page.get_by_text("it is being stored")).to_be_visible()
    page.get_by_role("button", name="End the stream").click()
    page.get_by_role("button", name="End it now").click()
    vod = made(world, started["streamId"])
    about = world.call("GET", f"/api/live/{started['streamId']}/about", "vera")
    into = seconds_between(about["startedAt"], vod["startedAt"])
    before, during = (offset - into for offset in offsets(world, started))
    assert before < 0 < during < vod["duration"]

    replay = new_visitor("vera").visit(f"/v/{started['streamId']}")
    video = replay.get_by_label("The recording")
    expect(video).not_to_have_js_property("videoWidth", 0)
    expect(chat(replay)).to_contain_text("Before the recording")
    seek(replay, during - 1)
    expect(video).to_have_js_property("currentTime", int(during - 1))
    expect(chat(replay)).not_to_contain_text("In the recording")
    replay.get_by_role("button", name="Play").click()
    expect(chat(replay)).to_contain_text("In the recording")
    assert during - 1 < video.evaluate("video => video.currentTime") < during + 3


def recordings(world: World, stream: str) -> list[str]:
    found = world.call("GET", f"/api/recordings?stream={stream}", ROOT)["items"]
    return [str(one["state"]) for one in found]


def test_with_its_switch_on_a_stream_is_recorded_by_itself_and_without_the_other_not_offered(
    new_visitor: NewVisitor, world: World
) -> None:
    page = studio(new_visitor("host"))
    page.get_by_label("Record it").check()
    page.get_by_label("Offer the replay").uncheck()
    stream = go_live(page, "Kept to oneself")["streamId"]
    viewer = new_visitor("vera").visit(f"/s/{stream}")
    expect(page.get_by_role("button", name="Stop recording")).to_be_visible(timeout=30_000)
    page.wait_for_timeout(4000)
    page.get_by_role("button", name="End the stream").click()
    page.get_by_role("button", name="End it now").click()
    for one in (page, viewer):
        expect(one.get_by_role("heading", name="The stream has ended")).to_be_visible()
        expect(one.get_by_text("The replay is being made")).to_have_count(0)
    until = time.monotonic() + MADE_WITHIN_S
    while recordings(world, stream) != ["completed"]:
        assert time.monotonic() < until, recordings(world, stream)
        time.sleep(0.5)
    for one in (page, viewer):
        one.wait_for_timeout(3500)  # by then it has looked again
        expect(one.get_by_role("link", name="Watch the replay")).to_have_count(0)
    viewer.goto(f"{world.url}/v/{stream}")
    expect(viewer.get_by_role("heading", name="There is no replay")).to_be_visible()


def test_with_its_switch_off_a_stream_is_recorded_when_its_host_says_so(
    new_visitor: NewVisitor, world: World
) -> None:
    page = studio(new_visitor("host"))
    expect(page.get_by_label("Record it")).not_to_be_checked()
    stream = go_live(page)["streamId"]
    expect(page.get_by_test_id("bitrate")).to_have_text(re.compile(r"[1-9].* kbit/s"))
    assert recordings(world, stream) == []
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("button", name="Stop recording")).to_be_visible(timeout=30_000)
    assert len(recordings(world, stream)) == 1
