"""Recordings, from the first wish to the object in the bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from livectl.domain.recording import Vod
from livectl.domain.webhook import read_notice
from livectl.errors import BadInput, Conflict, NotFound, NotReady, Unavailable
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import EventQuery, Store
from tests.services.conftest import NOON
from tests.services.hooks import hook
from tests.services.recordings import AWAY, Studio

NewStudio = Callable[..., Studio]


@pytest.fixture
def new_studio(store: Store, tmp_path: Path) -> NewStudio:
    return lambda **more: Studio(store, tmp_path, **more)


@pytest.fixture
def studio(new_studio: NewStudio) -> Studio:
    return new_studio()


@pytest.fixture
def egress(new_studio: NewStudio) -> Studio:
    """One that records with the Egress service."""
    return new_studio(recorder="egress")


async def test_a_recording_is_stored_before_its_recorder_begins(studio: Studio) -> None:
    stream = await studio.stream()
    recording = await studio.recorded(stream)
    assert (recording.state, recording.recorder) == ("starting", "embedded")
    assert recording.egress_id == f"EG_{recording.id}"
    assert recording.spool_host == "here"
    assert recording.path == f"recordings/2026/03/{stream.id}/{recording.id}.mp4"
    assert await studio.shown(stream) == "recording"
    assert await studio.told(stream) == ["recording.starting", "recording.accepted"]


async def test_what_may_not_be_recorded_is_refused_with_the_reason(
    studio: Studio, new_studio: NewStudio
) -> None:
    for stream, error in (
        (await studio.stream(is_live=False), BadInput),
        (await studio.stream(enable_recording=False), Conflict),
        (await studio.stream(on_air=False), Conflict),
    ):
        with pytest.raises(error):
            await studio.recorded(stream)
        assert await studio.recordings.latest(stream.id) is None
    off = new_studio(recorder=None)
    with pytest.raises(NotReady, match="no recorder"):
        await off.recorded(await off.stream())


async def test_of_many_starts_at_once_one_begins_and_the_others_are_told(studio: Studio) -> None:
    stream = await studio.stream()
    begun = await asyncio.gather(
        *(studio.recorded(stream) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, Conflict) for one in begun) == 7
    assert len(studio.embedded.signs) == 1


async def test_a_start_that_fails_says_why_and_leaves_the_stream_free_for_the_next(
    studio: Studio,
) -> None:
    stream = await studio.stream()
    studio.embedded.fails = NotReady("no media extra", hint="install it")
    with pytest.raises(NotReady):
        await studio.recorded(stream)
    failed = await studio.recordings.latest(stream.id)
    assert failed is not None
    assert (failed.state, failed.error, failed.hint) == ("failed", "no media extra", "install it")
    assert await studio.shown(stream) == "failed"
    studio.embedded.fails = None
    assert (await studio.recorded(stream)).running


async def test_a_stop_is_stored_and_asked_again_until_the_recorder_has_heard_it(
    studio: Studio,
) -> None:
    stream = await studio.stream()
    with pytest.raises(BadInput):
        await studio.recordings.stop(stream, by="user:alice")
    recording = await studio.recorded(stream)
    studio.embedded.says(recording, "recording", NOON)
    studio.embedded.fails = AWAY
    stopped = await studio.recordings.stop(stream, by="user:alice")
    assert (stopped.state, stopped.stop_asked) == ("ending", True)
    studio.embedded.fails = None
    await studio.recordings.stop(stream, by="user:alice")
    await studio.tick()
    assert studio.embedded.stopped == [recording.id] * 2
    assert (await studio.told(stream)).count("recording.stopping") == 1


async def test_a_file_on_this_hosts_disk_is_sent_and_only_then_let_go_of(studio: Studio) -> None:
    stream = await studio.stream()
    recording = await studio.recorded(stream)
    studio.embedded.says(recording, "recording", NOON, started_at=NOON, size=3)
    await studio.tick()
    assert (await studio.now(recording)).state == "recording"
    local = studio.file(recording)
    studio.embedded.says(recording, "uploading", NOON, local=local, duration=4.5)
    await studio.tick()
    done = await studio.now(recording)
    assert done.state == "completed"
    assert done.storage is not None
    assert (done.storage.type, done.storage.path) == ("Local", recording.path)
    assert (done.storage.size, done.storage.duration) == (6, 4.5)
    assert await studio.objects.get(recording.path) == b"a film"
    assert studio.embedded.discarded == [recording.id]
    assert studio.published == [recording.id]
    assert await studio.shown(stream) == "completed"
    assert await studio.told(stream) == [
        "recording.starting",
        "recording.accepted",
        "recording.started",
        "recording.ended",
        "recording.completed",
    ]
    assert studio.meter.counted == ["accepted", "started", "ended", "completed"]


async def test_a_bucket_that_is_away_costs_nothing_but_time(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await studio.stream()
    recording = await studio.recorded(stream)
    studio.embedded.says(recording, "uploading", NOON, local=studio.file(recording))

    async def refuse(*_: Any, **__: Any) -> None:
        raise Unavailable("the bucket is away")

    with monkeypatch.context() as broken:
        broken.setattr(studio.objects, "send_file", refuse)
        for _ in range(10):
            await studio.tick()
            studio.clock.advance(601)
    waiting = await studio.now(recording)
    assert (waiting.state, waiting.tries) == ("uploading", 10)
    assert waiting.error == "the bucket is away"
    assert (await studio.told(stream)).count("recording.upload_failed") == 2
    assert await studio.shown(stream) == "uploading"
    second = await studio.recorded(stream)  # what waits keeps nothing from beginning
    await studio.tick()
    assert (await studio.now(recording)).state == "completed"
    assert (await studio.now(recording)).error is None
    assert (await studio.now(second)).running


async def test_an_upload_waits_longer_after_each_failure(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await studio.recorded(await studio.stream())
    studio.embedded.says(recording, "uploading", NOON, local=str(studio.spool / "gone"))
    pauses = []
    for _ in range(9):
        await studio.tick()
        known = await studio.now(recording)
        assert known.retry_at is not None
        pauses.append((known.retry_at - studio.clock.now()).total_seconds())
        await studio.tick()
        assert (await studio.now(recording)).tries == known.tries
        studio.clock.at = known.retry_at
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]


async def test_what_egress_sent_is_looked_for_in_the_bucket(egress: Studio) -> None:
    stream = await egress.stream()
    recording = await egress.recorded(stream)
    egress.egress.says(recording, "uploading", NOON, ended_at=NOON, duration=7)
    await egress.sync()
    assert (await egress.now(recording)).state == "uploading"
    await egress.put(recording)
    await egress.sync()
    done = await egress.now(recording)
    assert done.state == "completed"
    assert done.storage is not None
    assert done.storage.duration == 7


async def test_an_object_that_never_comes_is_a_failure_that_says_what_to_do(
    egress: Studio,
) -> None:
    stream = await egress.stream()
    recording = await egress.recorded(stream)
    egress.egress.says(recording, "uploading", NOON, ended_at=NOON)
    egress.clock.advance(121)
    await egress.sync()
    failed = await egress.now(recording)
    assert failed.state == "failed"
    assert recording.path in (failed.error or "")
    assert "retry" in (failed.hint or "")
    await egress.put(recording)
    assert (await egress.watch.retry(failed, by="test", within_s=5)).state == "completed"


async def test_a_webhook_of_an_egress_is_a_sign_of_its_recording(egress: Studio) -> None:
    stream = await egress.stream()
    recording = await egress.recorded(stream)
    info = {"egressId": recording.egress_id, "roomName": stream.room_name}
    for status, state in (("EGRESS_ACTIVE", "recording"), ("EGRESS_FAILED", "failed")):
        body = hook(
            "egress_updated",
            stream.room_name,
            NOON,
            egressInfo={**info, "status": status, "error": "no room on the disk"},
        )
        await egress.recordings.hear(stream, read_notice(body))
        assert (await egress.now(recording)).state == state
    failed = await egress.now(recording)
    assert "no room on the disk" in (failed.error or "")
    assert failed.hint


async def test_a_webhook_finds_its_recording_by_where_it_writes_to(
    egress: Studio,
) -> None:
    stream = await egress.stream()
    egress.egress.fails = Unavailable("no answer")
    with pytest.raises(Unavailable):
        await egress.recorded(stream)
    egress.egress.fails = None
    given_up = await egress.recordings.latest(stream.id)
    assert given_up is not None
    info = {
        "egressId": "EG_late",
        "roomName": stream.room_name,
        "status": "EGRESS_ACTIVE",
        "fileResults": [{"filename": given_up.path}],
    }
    body = hook("egress_started", stream.room_name, NOON, egressInfo=info)
    await egress.recordings.hear(stream, read_notice(body))
    assert egress.egress.stopped == [given_up.id]
    other = {**info, "fileResults": [{"filename": "somebody/else.mp4"}]}
    body = hook("egress_started", stream.room_name, NOON, egressInfo=other)
    await egress.recordings.hear(stream, read_notice(body))
    assert egress.egress.stopped == [given_up.id]


async def test_a_recording_that_is_not_there_is_not_found(studio: Studio) -> None:
    with pytest.raises(NotFound):
        await studio.recordings.get("0" * 24)
    assert await studio.recordings.find(RecordingQuery()) == []


async def test_a_recording_that_was_given_up_is_completed_when_egress_has_it_after_all(
    egress: Studio,
) -> None:
    stream = await egress.stream()
    egress.egress.fails = Unavailable("no answer")
    with pytest.raises(Unavailable):
        await egress.recorded(stream)
    egress.egress.fails = None
    given_up = await egress.recordings.latest(stream.id)
    assert given_up is not None
    files = [{"filename": given_up.path}]
    await egress.put(given_up)
    told = {"egressId": "EG_late", "status": "EGRESS_COMPLETE", "fileResults": files}
    await egress.hears(stream, given_up, **told)
    await egress.delivery.idle()
    done = await egress.now(given_up)
    assert (done.state, done.egress_id, done.error) == ("completed", "EG_late", None)
    assert egress.published == [given_up.id]
    await egress.hears(stream, given_up, **told)
    assert await egress.now(given_up) == msgspec.structs.replace(done, vod=Vod(status="available"))


async def test_what_keeps_a_recording_from_beginning_by_itself_is_told_once(
    new_studio: NewStudio,
) -> None:
    off = new_studio(recorder=None)
    stream = await off.stream(auto_record=True)
    not_wanted = await off.stream()
    for _ in range(3):
        await off.sync()
    assert await off.told(stream) == ["recording.refused"]
    assert await off.told(not_wanted) == []
    (told,) = await off.store.events(EventQuery(stream_id=stream.id, type="recording.refused"))
    assert told.data["error"] == "this server has no recorder"
    assert "LIVECTL_RECORDER" in told.data["hint"]


async def test_the_playlist_of_hls_does_not_say_how_large_the_recording_is(
    egress: Studio,
) -> None:
    recording = await egress.recorded(await egress.stream())
    hls = msgspec.structs.replace(await egress.now(recording), format="hls")
    assert await egress.store.save_recording(hls, None)
    egress.egress.says(recording, "uploading", NOON, size=123_456)
    await egress.put(recording, b"#EXTM3U")
    await egress.sync()
    done = await egress.now(recording)
    assert (done.state, done.size) == ("completed", 123_456)
    assert done.storage is not None
    assert done.storage.size is None


async def test_a_film_that_was_cut_short_says_so_when_it_is_completed(studio: Studio) -> None:
    stream = await studio.stream()
    recording = await studio.recorded(stream)
    full = "the disk is full: 60 MiB are free"
    local = studio.file(recording)
    studio.embedded.says(recording, "uploading", NOON, local=local, error=full)
    await studio.tick()
    done = await studio.now(recording)
    assert (done.state, done.error, done.cut_short) == ("completed", None, full)
    (told,) = await studio.store.events(EventQuery(stream_id=stream.id, type="recording.ended"))
    assert told.data["cut_short"] == full
