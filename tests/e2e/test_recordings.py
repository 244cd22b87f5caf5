"""From a host on air to a film in the bucket: a real livekit-server, MinIO, the embedded
recorder."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.shows import Show, gone, settled
from tests.parts.livekit import LiveKit
from tests.parts.minio import MinIO
from tests.server.api import ROOT
from tests.server.live.client import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture(params=[True], ids=["webhooks"])
def told(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def show(new_livekit: Callable[..., LiveKit], minio: MinIO, told: bool) -> Iterator[Show]:
    prepared = Show.prepared(new_livekit, minio, told=told)
    with prepared.server:
        yield prepared


async def test_a_recording_is_in_the_bucket_and_plays_and_was_no_viewer(show: Show) -> None:
    await show.go_live(title="Evening")
    async with await show.on_air():
        recording_id = await show.record()
        await show.films(3)
        status = await show.call("GET", f"/api/live/{show.stream_id}/status", "bob")
        assert (status["viewers"], status["peakViewers"]) == (0, 0)
        assert status["recordingStatus"] == "recording"
        await show.stop()
        done = await show.is_("completed")
    assert done["recordingId"] == recording_id
    assert done["storage"]["type"] == "S3"
    seconds, pictures = show.film(done["path"])
    assert seconds >= 3
    assert pictures > 5
    assert abs(seconds - done["duration"]) < 0.5
    await gone(show.spool)
    status = await show.call("GET", f"/api/live/{show.stream_id}/status", "bob")
    assert status["recordingStatus"] == "completed"


@pytest.mark.parametrize("told", [True, False], indirect=True, ids=["webhooks", "no webhooks"])
async def test_a_stream_that_asks_for_it_is_recorded_until_it_ends(show: Show) -> None:
    await show.go_live(autoRecord=True)
    await settled()
    assert await show.recordings() == []
    async with await show.on_air():
        await show.is_("recording")
        await show.films(2)
        killed = await show.call("POST", f"/api/live/{show.stream_id}/end", ROOT, json={})
    step = next(one for one in killed["steps"] if one["step"] == "recording_stopped")
    assert (killed["held"], step["result"]) == (True, "done"), killed
    done = await show.is_("completed", within=20)
    assert show.film(done["path"])[0] >= 2
    assert len(await show.recordings()) == 1


async def test_everyone_in_the_room_hears_when_the_owner_records(show: Show) -> None:
    await show.go_live()
    stage = Stage(show.server.url, show.stream_id, show.room, "alice", [], ["websocket"])
    host, viewer = await stage.enter("alice"), await stage.enter("vera")
    async with await show.on_air():
        begun = await host.send("live:record:start")
        assert begun["ok"], begun
        starting = {"recordingId": begun["recordingId"]}
        assert await viewer.hears("live:record:starting") == [starting]
        assert (await host.send("live:record:start"))["code"] == "conflict"
        await show.films(1)
        assert (await host.send("live:record:stop"))["ok"]
        assert await viewer.hears("live:record:stopping") == [starting]
        await show.is_("completed")
    for user in stage.users:
        await user.leave()
