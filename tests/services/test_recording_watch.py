"""What sees to recordings that nobody looks at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from livectl.errors import NotReady
from livectl.ports.store import EventQuery, Store
from tests.services.conftest import NOON
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
    return new_studio(recorder="egress")


async def test_an_egress_whose_worker_is_gone_ends_by_what_is_in_the_bucket(
    egress: Studio,
) -> None:
    stream = await egress.stream()
    recording = await egress.recorded(stream)
    egress.worker_comes(stream, recording)
    egress.egress.says(recording, "recording", NOON, started_at=NOON)
    egress.clock.advance(3600)
    await egress.sync()
    assert (await egress.now(recording)).state == "recording"
    del egress.media.people[stream.room_name]["PA_eg"]
    await egress.sync()
    egress.clock.advance(30)
    egress.worker_comes(stream, recording)
    await egress.sync()
    del egress.media.people[stream.room_name]["PA_eg"]
    egress.clock.advance(31)
    await egress.sync()
    assert (await egress.now(recording)).state == "recording"
    egress.clock.advance(61)
    await egress.sync()
    failed = await egress.now(recording)
    assert failed.state == "failed"
    assert "livekit#1717" in (failed.error or "")

    other = await egress.stream()
    second = await egress.recorded(other)
    egress.egress.says(second, "recording", egress.clock.now())
    await egress.put(second)
    for _ in range(2):
        egress.clock.advance(61)
        await egress.sync()
    assert (await egress.now(second)).state == "completed"
    assert egress.published == [second.id]
    assert {recording.id, second.id} <= set(egress.egress.stopped)


async def test_an_egress_that_never_begins_is_stopped_and_begun_once_more(
    egress: Studio,
) -> None:
    stream = await egress.stream()
    first = await egress.recorded(stream)
    egress.clock.advance(31)
    await egress.sync()
    assert (await egress.now(first)).state == "failed"
    assert egress.egress.stopped == [first.id]
    second = await egress.recordings.latest(stream.id)
    assert second is not None
    assert (second.running, second.restarts) == (True, 1)
    egress.clock.advance(31)
    await egress.sync()
    assert (await egress.now(second)).state == "failed"
    assert await egress.recordings.latest(stream.id) == await egress.now(second)
    assert egress.meter.counted.count("restarted") == 1


async def test_an_egress_that_waits_for_a_host_who_left_is_a_failure_that_says_so(
    egress: Studio,
) -> None:
    stream = await egress.stream()
    recording = await egress.recorded(stream)
    egress.host_leaves(stream)
    egress.clock.advance(31)
    await egress.sync()
    failed = await egress.now(recording)
    assert failed.error == "it did not begin within 30 s: nobody published"
    assert await egress.recordings.latest(stream.id) == failed


async def test_an_egress_that_livekit_forgot_ends_by_what_is_in_the_bucket(
    egress: Studio,
) -> None:
    recording = await egress.recorded(await egress.stream())
    lost = await egress.recorded(await egress.stream())
    egress.egress.signs.clear()
    await egress.put(recording)
    for _ in range(2):
        egress.clock.advance(61)
        await egress.sync()
    assert (await egress.now(recording)).state == "completed"
    assert (await egress.now(lost)).error == "LiveKit knows nothing of its egress"


async def test_a_start_that_a_crash_cut_off_is_settled(egress: Studio, studio: Studio) -> None:
    for one in (egress, studio):
        stream = await one.stream()
        recording = await one.recorded(stream)
        cut_off = msgspec.structs.replace(await one.now(recording), egress_id=None)
        assert await one.store.save_recording(cut_off, None)
        one.egress.signs.clear()
        one.embedded.signs.clear()
        for _ in range(2):
            one.clock.advance(61)
            await one.sync()
        failed = await one.now(recording)
        assert failed.state == "failed"
        assert failed.error
        assert failed.hint


async def test_a_dry_run_tells_and_changes_nothing(egress: Studio) -> None:
    recording = await egress.recorded(await egress.stream())
    before = await egress.now(recording)
    egress.clock.advance(31)
    (planned,) = await egress.watch.sync(dry_run=True, by="test")
    assert (planned.was, planned.now, planned.result) == ("starting", "failed", "planned")
    assert await egress.now(recording) == before
    assert egress.egress.stopped == []


async def test_a_recorder_that_cannot_be_asked_keeps_the_others_from_nothing(
    new_studio: NewStudio,
) -> None:
    egress, studio = new_studio(recorder="egress"), new_studio()
    by_egress = await egress.recorded(await egress.stream())
    recording = await studio.recorded(await studio.stream())
    studio.embedded.says(recording, "uploading", NOON, local=studio.file(recording))
    studio.egress.fails = AWAY
    settled = await studio.watch.sync(dry_run=False, by="test", within_s=10)
    told = {one.recording_id: (one.result, one.now) for one in settled}
    assert told == {by_egress.id: ("failed", "starting"), recording.id: ("done", "completed")}


async def test_the_recorder_of_a_stream_that_is_over_is_stopped(studio: Studio) -> None:
    stream = await studio.stream()
    recording = await studio.recorded(stream)
    studio.embedded.says(recording, "recording", NOON)
    await studio.store.end_stream(
        stream.id,
        at=NOON,
        reason="test",
        by="test",
        event=(await studio.store.events(EventQuery(limit=1)))[0],
    )
    await studio.tick()
    assert studio.embedded.stopped == [recording.id]
    assert (await studio.now(recording)).stop_asked


async def test_a_host_that_is_silent_is_given_up_and_its_file_is_saved_when_it_is_back(
    new_studio: NewStudio,
) -> None:
    there, here = new_studio(host="there"), new_studio(host="here")
    stream = await there.stream()
    here.host_comes(stream)
    recording = await there.recorded(stream)
    await here.tick()
    here.clock.advance(181)
    await here.sync()
    failed = await here.now(recording)
    assert failed.error == "nothing was heard of there, which records it"
    second = await here.recordings.latest(stream.id)
    assert second is not None
    assert (second.id, second.spool_host) != (recording.id, "there")
    assert second.restarts == 1

    there.embedded.says(recording, "uploading", NOON, local=there.file(recording))
    await there.tick()
    assert (await there.now(recording)).state == "completed"
    assert (await there.now(recording)).error is None


async def test_what_a_crash_left_on_the_disk_of_a_completed_recording_is_let_go_of(
    studio: Studio, new_studio: NewStudio
) -> None:
    recording = await studio.recorded(await studio.stream())
    studio.embedded.says(recording, "uploading", NOON, local=studio.file(recording))
    await studio.tick()
    started_anew = new_studio()
    started_anew.embedded.says(recording, "uploading", NOON, local="left")
    await started_anew.tick()
    assert started_anew.embedded.discarded == [recording.id]
    assert (await studio.now(recording)).state == "completed"


async def test_a_replay_that_a_crash_prevented_is_made_by_the_next_sync(
    studio: Studio, new_studio: NewStudio
) -> None:
    recording = await studio.recorded(await studio.stream())
    await studio.put(recording)
    there = await studio.delivery.is_there(recording)
    assert there is not None
    await studio.delivery.complete(recording, there)
    started_anew = new_studio()
    await started_anew.sync()
    assert started_anew.published == [recording.id]


async def test_a_file_that_does_not_grow_while_the_host_is_on_air_is_told_once(
    studio: Studio,
) -> None:
    stream = await studio.stream()
    recording = await studio.recorded(stream)
    for second in range(60):
        studio.clock.advance(1)
        size = min(second, 5)
        studio.embedded.says(recording, "recording", studio.clock.now(), size=size)
        await studio.tick()
    assert (await studio.told(stream)).count("recording.stalled") == 1
    studio.host_leaves(stream)
    studio.embedded.says(recording, "recording", studio.clock.now(), size=9)
    for _ in range(30):
        studio.clock.advance(1)
        await studio.tick()
    assert (await studio.told(stream)).count("recording.stalled") == 1
    assert studio.meter.counted.count("stalled") == 1


async def test_signs_of_life_are_stored_now_and_then(studio: Studio) -> None:
    recording = await studio.recorded(await studio.stream())
    for second in range(20):
        studio.clock.advance(1)
        studio.embedded.says(recording, "recording", studio.clock.now(), size=second)
        await studio.tick()
    known = await studio.now(recording)
    assert known.seen_at is not None
    assert (studio.clock.now() - known.seen_at).total_seconds() < 5
    assert known.rev < 8


async def test_a_stream_that_is_to_be_recorded_is_as_soon_as_its_host_is_on_air(
    new_studio: NewStudio,
) -> None:
    studio = new_studio(auto=True)
    late = await studio.stream(on_air=False)
    not_wanted = await studio.stream(auto_record=False)
    forbidden = await studio.stream(enable_recording=False)
    await studio.sync()
    for stream in (late, not_wanted, forbidden):
        assert await studio.recordings.latest(stream.id) is None
    studio.host_comes(late)
    await studio.sync()
    found = await studio.recordings.latest(late.id)
    assert found is not None
    assert (found.by, found.restarts) == ("livectl", 0)


async def test_a_stream_may_ask_to_be_recorded_by_itself(studio: Studio) -> None:
    stream = await studio.stream(auto_record=True)
    studio.recordings.consider_soon(stream, on_air=True)
    studio.recordings.consider_soon(stream, on_air=True)
    await studio.recordings.idle()
    assert await studio.recordings.latest(stream.id) is not None
    assert len(studio.embedded.signs) == 1


async def test_what_somebody_stopped_does_not_begin_by_itself(new_studio: NewStudio) -> None:
    studio = new_studio(auto=True)
    stream = await studio.stream()
    await studio.sync()
    recording = await studio.recordings.latest(stream.id)
    assert recording is not None
    await studio.recordings.stop(stream, by="user:alice")
    studio.embedded.says(recording, "uploading", NOON, local=studio.file(recording))
    await studio.tick()
    for _ in range(3):
        studio.clock.advance(700)
        await studio.sync()
    assert await studio.recordings.latest(stream.id) == await studio.now(recording)


async def test_what_cannot_begin_by_itself_is_tried_again_with_growing_pauses(
    new_studio: NewStudio,
) -> None:
    studio = new_studio(auto=True)
    stream = await studio.stream()
    studio.embedded.fails = NotReady("no media extra")
    for _ in range(60):
        await studio.sync()
        studio.clock.advance(10)
    tries = (await studio.told(stream)).count("recording.failed")
    assert 5 < tries < 9
    studio.embedded.fails = None
    studio.clock.advance(601)
    await studio.sync()
    latest = await studio.recordings.latest(stream.id)
    assert latest is not None
    assert latest.running


async def test_a_recording_that_broke_off_goes_on_in_another(studio: Studio) -> None:
    stream = await studio.stream()
    first = await studio.recorded(stream)
    ended = {"local": studio.file(first), "started_at": NOON, "ended_at": NOON}
    studio.embedded.says(first, "uploading", NOON, **ended)
    for _ in range(2):
        studio.clock.advance(1)
        await studio.sync()
    second = await studio.recordings.latest(stream.id)
    assert second is not None
    assert (second.id != first.id, second.restarts) == (True, 1)
    assert (await studio.now(first)).state == "completed"


async def test_while_egress_sends_one_recording_the_next_may_begin(egress: Studio) -> None:
    stream = await egress.stream()
    first = await egress.recorded(stream)
    egress.worker_comes(stream, first)
    egress.egress.says(first, "ending", NOON, started_at=NOON, ended_at=NOON)
    await egress.sync()
    assert (await egress.now(first)).state == "ending"
    del egress.media.people[stream.room_name]["PA_eg"]
    egress.clock.advance(1800)
    await egress.sync()
    assert (await egress.now(first)).state == "uploading"
    await egress.hears(stream, first, status="EGRESS_ENDING")
    await egress.put(first, b"a part of it")
    await egress.sync()
    assert (await egress.now(first)).state == "uploading"
    second = await egress.recordings.latest(stream.id)
    assert second is not None
    assert (second.id != first.id, second.running) == (True, True)
    egress.egress.says(first, "uploading", egress.clock.now(), ended_at=NOON)
    await egress.sync()
    assert (await egress.now(first)).state == "completed"


async def test_what_egress_never_finishes_to_send_is_a_failure(egress: Studio) -> None:
    stream = await egress.stream()
    recording = await egress.recorded(stream)
    egress.egress.says(recording, "ending", NOON, ended_at=NOON)
    await egress.sync()
    egress.clock.advance(3500)
    await egress.sync()
    assert (await egress.now(recording)).state == "uploading"
    egress.clock.advance(101)
    await egress.sync()
    failed = await egress.now(recording)
    assert failed.state == "failed"
    assert "Egress" in (failed.hint or "")


async def test_a_film_on_a_host_that_does_not_come_back_says_whom_it_waits_for(
    new_studio: NewStudio,
) -> None:
    there, here = new_studio(host="there"), new_studio(host="here")
    stream = await there.stream()
    recording = await there.recorded(stream)
    sign = there.embedded.says(recording, "uploading", NOON, local=there.file(recording))
    await there.book.take(recording, sign, by="test")
    here.clock.advance(179)
    await here.sync()
    assert (await here.now(recording)).error is None
    here.clock.advance(2)
    for _ in range(3):
        await here.sync()
    waiting = await here.now(recording)
    assert waiting.error == "it waits for there, which is silent since 2026-03-01T12:00:00.000Z"
    assert (await here.told(stream)).count("recording.waiting") == 1
    assert here.meter.counted == ["waiting"]
    retried = await here.watch.retry(waiting, by="test")
    assert (retried.state, retried.error) == ("uploading", waiting.error)

    await there.tick()
    done = await there.now(recording)
    assert (done.state, done.error, done.hint) == ("completed", None, None)


async def test_nobody_is_said_to_be_silent_while_it_sends(new_studio: NewStudio) -> None:
    there, here = new_studio(host="there"), new_studio(host="here")
    recording = await there.recorded(await there.stream())
    sign = there.embedded.says(recording, "uploading", NOON)
    await there.book.take(recording, sign, by="test")
    here.clock.advance(181)
    now = here.clock.now()
    lease = f"upload {recording.id}"
    assert await here.store.take_lease(lease, "there", now=now, until=now + timedelta(seconds=30))
    await here.sync()
    assert (await here.now(recording)).error is None


async def test_a_recorder_of_this_host_that_hangs_is_given_up_and_its_film_is_kept(
    studio: Studio,
) -> None:
    stream = await studio.stream()
    recording = await studio.recorded(stream)
    studio.embedded.says(recording, "recording", NOON, started_at=NOON)
    await studio.tick()
    studio.clock.advance(181)
    await studio.tick()
    failed = await studio.now(recording)
    assert (failed.state, failed.error) == ("failed", "its recorder hangs")
    assert studio.embedded.stopped == [recording.id]
    second = await studio.recordings.latest(stream.id)
    assert second is not None
    assert (second.running, second.restarts) == (True, 1)

    studio.embedded.says(recording, "uploading", NOON, local=studio.file(recording))
    studio.clock.advance(600)
    studio.embedded.says(second, "recording", studio.clock.now())
    await studio.tick()
    assert (await studio.now(recording)).state == "completed"


async def test_a_retry_does_not_forget_why_a_recorder_failed(
    studio: Studio, egress: Studio
) -> None:
    why = "nothing that plays was recorded: its recorder was killed"
    for one, recorder in ((studio, studio.embedded), (egress, egress.egress)):
        recording = await one.recorded(await one.stream())
        recorder.says(recording, "failed", NOON, error=why)
        await one.sync()
        retried = await one.watch.retry(await one.now(recording), by="test", within_s=5)
        assert (retried.state, retried.error) == ("failed", why)
        assert recorder.retried == [recording.id]
        await one.put(recording)
        retried = await one.watch.retry(retried, by="test", within_s=5)
        assert retried.state == "completed"


async def test_a_retry_of_what_is_nowhere_tells_what_to_do_on_its_host(studio: Studio) -> None:
    recording = await studio.recorded(await studio.stream())
    failed = await studio.book.fail(recording, "test", by="test")
    studio.embedded.signs.clear()
    studio.clock.advance(121)
    retried = await studio.watch.retry(failed, by="test", within_s=5)
    assert retried.state == "failed"
    assert "livectl doctor" in (retried.hint or "")


async def test_a_livekit_that_is_away_keeps_no_recording_from_being_settled(
    studio: Studio,
) -> None:
    ended = await studio.recorded(await studio.stream())
    studio.clock.advance(1)
    growing_not = await studio.recorded(await studio.stream())
    for second in range(25):
        studio.clock.advance(1)
        studio.embedded.says(growing_not, "recording", studio.clock.now(), size=5)
        if second == 0:
            await studio.tick()
    studio.embedded.says(ended, "uploading", studio.clock.now(), local=studio.file(ended))
    studio.media.away = True
    await studio.tick()
    assert (await studio.now(ended)).state == "completed"
    assert (await studio.now(growing_not)).state == "recording"


async def test_what_failed_without_a_film_is_let_go_of_after_a_month(
    studio: Studio, new_studio: NewStudio
) -> None:
    without, with_film = [await studio.recorded(await studio.stream()) for _ in range(2)]
    studio.embedded.says(without, "failed", NOON, error="nothing that plays")
    studio.embedded.says(with_film, "failed", NOON, error="cannot be finished", local="a film")
    await studio.tick()
    studio.clock.advance(29 * 86_400)
    await studio.tick()
    assert studio.embedded.discarded == []
    studio.clock.advance(2 * 86_400)
    await studio.tick()
    assert studio.embedded.discarded == [without.id]
