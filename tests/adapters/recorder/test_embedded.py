"""The embedded recorder with a real livekit-server and real publishers."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from livekit import api

from livectl.adapters.recorder.embedded import EmbeddedRecorder
from livectl.domain.ids import new_id
from livectl.domain.presence import is_viewer
from livectl.domain.recording import Recording, Sign, State
from livectl.errors import Conflict, NotFound, Unavailable
from tests.adapters.recorder.clapper import Clapper, Claps, watch
from tests.parts.livekit import LiveKit

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

OWNER = "5f0000000000000000000001"
HOST = "this-host"


@pytest_asyncio.fixture
async def rooms(livekit: LiveKit) -> AsyncIterator[api.room_service.RoomService]:
    async with api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as client:
        yield client.room


@pytest_asyncio.fixture
async def room(rooms: api.room_service.RoomService) -> AsyncIterator[str]:
    name = f"live_{OWNER}_{secrets.randbelow(10**13)}"
    await rooms.create_room(api.CreateRoomRequest(name=name))
    yield name
    await rooms.delete_room(api.DeleteRoomRequest(room=name))


@pytest.fixture
def recorder(livekit: LiveKit, tmp_path: Path) -> EmbeddedRecorder:
    return EmbeddedRecorder(livekit.url, livekit.key, livekit.secret, data_dir=tmp_path, host=HOST)


@pytest.fixture
def recording(room: str) -> Recording:
    now = datetime.now(UTC)
    return Recording(
        id=new_id(),
        stream_id=new_id(),
        owner_id=OWNER,
        room_name=room,
        recorder="embedded",
        spool_host=HOST,
        requested_at=now,
        updated_at=now,
    )


async def sign_of(
    recorder: EmbeddedRecorder, recording: Recording, *states: State, within: float = 10
) -> Sign:
    """Its sign, once it is in one of these states."""
    deadline = time.monotonic() + within
    sign = None
    while time.monotonic() < deadline:
        sign = (await recorder.look([recording])).get(recording.id)
        if sign is not None and sign.state in states:
            return sign
        await asyncio.sleep(0.1)
    raise AssertionError(f"not {states}: {sign}")


async def film_of(recorder: EmbeddedRecorder, recording: Recording) -> Claps:
    """What was recorded, after a stop."""
    await recorder.stop(recording)
    return await film_left(await sign_of(recorder, recording, "uploading"))


async def film_left(sign: Sign) -> Claps:
    assert sign.local is not None
    return await asyncio.to_thread(watch, Path(sign.local))


def in_step(film: Claps) -> bool:
    """Whether picture and sound are within 80 ms, but for one clap: a busy machine may hold a
    picture back."""
    return sum(abs(step) < 0.08 for step in film.steps) >= max(1, len(film.steps) - 1)


def pids_of(folder: Path) -> list[int]:
    """The processes that work on a folder of the spool."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(int(process.name))
    return found


async def test_a_recording_has_what_the_host_showed_and_said_in_step(
    livekit: LiveKit,
    rooms: api.room_service.RoomService,
    room: str,
    recorder: EmbeddedRecorder,
    recording: Recording,
    tmp_path: Path,
) -> None:
    async with Clapper(livekit, room, OWNER) as host, Clapper(livekit, room, f"{OWNER[:-1]}2"):
        await host.show()
        await host.speak()

        assert await recorder.start(recording) == f"EM_{recording.id}"
        sign = await sign_of(recorder, recording, "recording")
        there = await rooms.list_participants(api.ListParticipantsRequest(room=room))
        await asyncio.sleep(5)
        growing = await sign_of(recorder, recording, "recording")
        await recorder.stop(recording)
        await recorder.stop(recording)
        ended = await sign_of(recorder, recording, "uploading")

    viewers = [
        one.identity
        for one in there.participants
        if is_viewer(
            one.identity,
            OWNER,
            kind="STANDARD",
            hidden=one.permission.hidden,
            recorder=one.permission.recorder,
        )
    ]
    assert viewers == [f"{OWNER[:-1]}2"]
    assert growing.size is not None
    assert growing.size > (sign.size or 0)
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert ended.duration == pytest.approx(
        (ended.ended_at - ended.started_at).total_seconds(), abs=0.3
    )
    film = await film_left(ended)
    assert film.size == (320, 180)
    assert film.seconds == pytest.approx((ended.duration, ended.duration), abs=0.2)
    assert len(film.flashes) >= 5
    assert len(film.steps) >= 4
    assert in_step(film), film.steps

    await recorder.discard(recording)
    assert await recorder.look([recording]) == {}
    assert list((tmp_path / "spool").iterdir()) == []


async def test_a_late_track_and_a_mute_leave_silence_and_stay_in_step(
    livekit: LiveKit, room: str, recorder: EmbeddedRecorder, recording: Recording
) -> None:
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await recorder.start(recording)
        await asyncio.sleep(2.5)
        sound = await host.speak()
        await asyncio.sleep(2.5)
        sound.track.mute()
        await asyncio.sleep(2)
        sound.track.unmute()
        await asyncio.sleep(2.5)
        film = await film_of(recorder, recording)

    assert film.seconds[0] == pytest.approx(film.seconds[1], abs=0.2)
    assert film.beeps[0] > 1
    assert len(film.beeps) < len(film.flashes) - 2
    assert in_step(film), film.steps


async def test_a_camera_that_goes_and_comes_back_leaves_its_last_picture(
    livekit: LiveKit, room: str, recorder: EmbeddedRecorder, recording: Recording
) -> None:
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await host.speak()
        await recorder.start(recording)
        await asyncio.sleep(2.4)  # between two claps: a flash that is kept would count again
        await host.hide("video")
        await asyncio.sleep(2)
        await host.show()
        await asyncio.sleep(3)
        film = await film_of(recorder, recording)

    assert max(b - a for a, b in pairwise(film.pictures)) < 0.6
    assert len(film.beeps) >= 6
    assert 3 <= len(film.flashes) < len(film.beeps)
    assert in_step(film), film.steps


async def test_a_picture_that_changes_its_size_goes_on_in_the_same_film(
    livekit: LiveKit, room: str, recorder: EmbeddedRecorder, recording: Recording
) -> None:
    async with Clapper(livekit, room, OWNER, width=640, height=360) as host:
        await host.show()
        await host.speak()
        await recorder.start(recording)
        await sign_of(recorder, recording, "recording")
        await asyncio.sleep(2)
        host.resize(180, 320)
        await asyncio.sleep(3)
        film = await film_of(recorder, recording)

    assert film.size == (640, 360)
    assert len(film.flashes) >= 4
    assert in_step(film), film.steps


async def test_a_host_who_drops_and_comes_back_is_in_the_same_film(
    livekit: LiveKit, room: str, recorder: EmbeddedRecorder, recording: Recording
) -> None:
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await host.speak()
        await recorder.start(recording)
        await asyncio.sleep(2)
    await asyncio.sleep(1.5)
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await host.speak()
        await asyncio.sleep(3)
        film = await film_of(recorder, recording)

    assert film.seconds[0] > 6
    assert film.flashes[-1] > 5
    assert film.beeps[-1] > 5
    assert in_step(film), film.steps


async def test_nobody_but_the_host_is_recorded(
    livekit: LiveKit, room: str, recorder: EmbeddedRecorder, recording: Recording
) -> None:
    async with Clapper(livekit, room, f"{OWNER[:-1]}2") as other:
        await other.show()
        await recorder.start(recording)
        await asyncio.sleep(1.5)
        assert (await sign_of(recorder, recording, "starting")).started_at is None
        await recorder.stop(recording)
        failed = await sign_of(recorder, recording, "failed")

    assert failed.error == "nothing was recorded: it was stopped"
    assert failed.local is None


async def test_a_room_that_is_closed_ends_the_recording_at_once(
    livekit: LiveKit,
    rooms: api.room_service.RoomService,
    room: str,
    recorder: EmbeddedRecorder,
    recording: Recording,
) -> None:
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await host.speak()
        await recorder.start(recording)
        await sign_of(recorder, recording, "recording")
        await asyncio.sleep(2)
        await rooms.delete_room(api.DeleteRoomRequest(room=room))
        ended = await sign_of(recorder, recording, "uploading", within=5)
    await rooms.create_room(api.CreateRoomRequest(name=room))

    assert ended.duration is not None
    assert ended.duration > 1.5
    assert (await film_left(ended)).flashes


async def test_a_livekit_that_comes_back_without_the_room_ends_the_recording(
    new_livekit: Callable[[], LiveKit], recording: Recording, tmp_path: Path
) -> None:
    livekit = new_livekit()
    recorder = EmbeddedRecorder(
        livekit.url, livekit.key, livekit.secret, data_dir=tmp_path, host=HOST
    )
    async with api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as client:
        await client.room.create_room(api.CreateRoomRequest(name=recording.room_name))
    async with Clapper(livekit, recording.room_name, OWNER) as host:
        await host.show()
        await host.speak()
        await recorder.start(recording)
        await sign_of(recorder, recording, "recording")
        await asyncio.sleep(1.5)
        await asyncio.to_thread(livekit.kill)
        await asyncio.to_thread(livekit.start)
        ended = await sign_of(recorder, recording, "uploading", within=40)

    assert (await film_left(ended)).flashes


async def test_a_killed_recorder_leaves_a_film_that_is_finished_by_whoever_looks(
    livekit: LiveKit,
    room: str,
    recorder: EmbeddedRecorder,
    recording: Recording,
    tmp_path: Path,
) -> None:
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await host.speak()
        await recorder.start(recording)
        await sign_of(recorder, recording, "recording")
        await asyncio.sleep(4)
        killed_at = datetime.now(UTC)
        for pid in pids_of(tmp_path / "spool" / recording.id):
            os.kill(pid, signal.SIGKILL)

        looks = await asyncio.gather(*(recorder.look([recording]) for _ in range(4)))
        ended = await sign_of(recorder, recording, "uploading")

    assert {look[recording.id].state for look in looks} <= {"recording", "ending"}
    assert ended.started_at is not None
    assert ended.duration is not None
    assert ended.duration > (killed_at - ended.started_at).total_seconds() - 2
    film = await film_left(ended)
    assert min(film.seconds) > ended.duration - 0.7
    assert in_step(film), film.steps


async def test_a_recording_outlives_the_process_that_started_it(
    livekit: LiveKit,
    room: str,
    recorder: EmbeddedRecorder,
    recording: Recording,
    tmp_path: Path,
) -> None:
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await host.speak()
        program = f"""
import asyncio, msgspec, os, pathlib, signal, sys
from livectl.adapters.recorder.embedded import EmbeddedRecorder
from livectl.domain.recording import Recording
key, secret, recording = sys.stdin.read().split("\\n")
recorder = EmbeddedRecorder(
    {livekit.url!r}, key, secret, data_dir=pathlib.Path({str(tmp_path)!r}), host={HOST!r}
)
asyncio.run(recorder.start(msgspec.json.decode(recording, type=Recording)))
os.kill(os.getpid(), signal.SIGKILL)
"""
        told = f"{livekit.key}\n{livekit.secret}\n{msgspec.json.encode(recording).decode()}"
        ended = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", program], input=told, text=True, check=False
        )
        assert ended.returncode == -signal.SIGKILL
        await asyncio.sleep(2)
        film = await film_of(recorder, recording)

    assert film.flashes


async def test_no_secret_is_in_the_childs_arguments_surroundings_or_files(
    livekit: LiveKit,
    room: str,
    recorder: EmbeddedRecorder,
    recording: Recording,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIVEKIT_API_SECRET", livekit.secret)
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await recorder.start(recording)
        folder = tmp_path / "spool" / recording.id
        (pid,) = pids_of(folder)
        seen = [(Path(f"/proc/{pid}") / name).read_bytes() for name in ("cmdline", "environ")]
        await sign_of(recorder, recording, "recording")
        await film_of(recorder, recording)

    assert folder.stat().st_mode & 0o777 == 0o700
    seen += [path.read_bytes() for path in folder.iterdir()]
    assert not any(livekit.secret.encode() in each or b"eyJ" in each for each in seen)


async def test_a_room_that_is_not_there_cannot_be_recorded(
    recorder: EmbeddedRecorder, recording: Recording, tmp_path: Path
) -> None:
    gone = msgspec.structs.replace(recording, room_name="live_nobody_1700000000000")

    with pytest.raises(NotFound):
        await recorder.start(gone)
    assert not (tmp_path / "spool" / recording.id).exists()


async def test_a_refused_join_says_why_without_the_token(
    livekit: LiveKit, recording: Recording, tmp_path: Path
) -> None:
    stranger = EmbeddedRecorder(livekit.url, livekit.key, "x" * 40, data_dir=tmp_path, host=HOST)

    with pytest.raises(Unavailable, match="401") as refused:
        await stranger.start(recording)
    assert "eyJ" not in str(refused.value)


async def test_the_same_recording_is_not_started_twice(
    livekit: LiveKit, room: str, recorder: EmbeddedRecorder, recording: Recording
) -> None:
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await recorder.start(recording)
        with pytest.raises(Conflict):
            await recorder.start(recording)
        assert await recorder.look([recording])
        await recorder.stop(recording)


async def test_a_recording_of_another_host_is_left_alone(
    recorder: EmbeddedRecorder, recording: Recording, tmp_path: Path
) -> None:
    folder = tmp_path / "spool" / recording.id
    folder.mkdir(parents=True)
    elsewhere = msgspec.structs.replace(recording, spool_host="another-host")

    assert await recorder.look([elsewhere]) == {}
    await recorder.stop(elsewhere)
    await recorder.discard(elsewhere)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small disk")
async def test_a_disk_that_fills_ends_the_recording_and_keeps_it(
    livekit: LiveKit, room: str, recording: Recording, small_disk: Path
) -> None:
    recorder = EmbeddedRecorder(
        livekit.url, livekit.key, livekit.secret, data_dir=small_disk, host=HOST
    )
    async with Clapper(livekit, room, OWNER) as host:
        await host.show()
        await host.speak()
        await recorder.start(recording)
        await sign_of(recorder, recording, "recording")
        await asyncio.sleep(2)
        (small_disk / "ballast").write_bytes(bytes(16 << 20))
        ended = await sign_of(recorder, recording, "uploading")

    assert ended.error is not None
    assert ended.error.startswith("the disk is full")
    assert (await film_left(ended)).flashes


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=72m", "livectl-test", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk could not be mounted")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
