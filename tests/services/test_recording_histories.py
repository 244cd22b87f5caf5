"""Signs and webhooks of recordings in any order, doubled and lost: the end is the same."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from livectl.domain.recording import Recording, Sign, advance
from livectl.domain.webhook import read_notice
from livectl.ports.store import Store
from tests.domain.test_watchdog import NOON, a_recording
from tests.services.conftest import Stage
from tests.services.hooks import hook
from tests.services.recordings import Studio

# How an egress may go, as LiveKit reports it to the end, and what is then in the bucket.
LIVES: dict[str, tuple[list[str], bool, str]] = {
    "whole": (["STARTING", "ACTIVE", "ENDING", "COMPLETE"], True, "completed"),
    "at its limit": (["STARTING", "ACTIVE", "LIMIT_REACHED"], True, "completed"),
    "failed": (["STARTING", "ACTIVE", "FAILED"], False, "failed"),
    "aborted": (["STARTING", "ABORTED"], False, "failed"),
    "without its object": (["STARTING", "ACTIVE", "COMPLETE"], False, "failed"),
    "worker gone, object there": (["STARTING", "ACTIVE"], True, "completed"),
    "worker gone": (["STARTING", "ACTIVE"], False, "failed"),
    "never begun": (["STARTING"], False, "failed"),
}


async def _play(store: Store, life: str, order: list[int], sync_after: int) -> None:
    statuses, there, end = LIVES[life]
    with tempfile.TemporaryDirectory() as directory:
        studio = Studio(store, Path(directory), recorder="egress")
        stream = await studio.stream()
        recording = await studio.recorded(stream)
        studio.host_leaves(stream)
        if there:
            await studio.put(recording)
        at = {number: NOON + timedelta(seconds=number) for number in range(len(statuses))}
        infos = [_info(recording, one, number) for number, one in enumerate(statuses)]
        for number, heard in enumerate(order):
            studio.clock.at = max(studio.clock.at, at[heard % len(infos)])
            info = infos[heard % len(infos)]
            body = hook("egress_updated", stream.room_name, studio.clock.at, egressInfo=info)
            await studio.recordings.hear(stream, read_notice(body))
            if number == sync_after:
                _report(studio, recording, info)
                await studio.sync()
        _report(studio, recording, infos[-1])
        for _ in range(2):
            studio.clock.advance(200)
            await studio.sync()
        found = await studio.now(recording)
        assert found.state == end, (found.error, order)
        assert (found.error is None) == (end == "completed")
        assert await studio.shown(stream) == end
        told = await studio.told(stream)
        assert told.count(f"recording.{end}") == 1
        await studio.sync()
        assert await studio.told(stream) == told
        assert (await studio.now(recording)).rev == found.rev


def _info(recording: Recording, status: str, number: int) -> dict[str, Any]:
    nanos = str(int((NOON.timestamp() + number) * 1e9))
    info = {
        "egressId": recording.egress_id,
        "roomName": recording.room_name,
        "status": f"EGRESS_{status}",
        "updatedAt": nanos,
        "fileResults": [{"filename": recording.path}],
    }
    return {name: value for name, value in info.items() if value != "EGRESS_STARTING"}


def _report(studio: Studio, recording: Recording, info: dict[str, Any]) -> None:
    """What LiveKit's list says at this moment."""
    from livectl.domain.egress import read_egress

    studio.egress.signs[recording.id] = read_egress(info, studio.clock.at)


def test_any_order_doubling_and_loss_of_webhooks_ends_in_the_same_state(stage: Stage) -> None:
    @stage.examples(sqlite=60, mongo=8)
    @given(
        life=st.sampled_from(sorted(LIVES)),
        order=st.lists(st.integers(0, 3), max_size=8),
        sync_after=st.integers(-1, 7),
    )
    def play(life: str, order: list[int], sync_after: int) -> None:
        stage.runner.run(_play(stage.store, life, order, sync_after))

    play()


signs = st.builds(
    Sign,
    state=st.sampled_from(["starting", "recording", "ending", "uploading"]),
    at=st.integers(0, 60).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    started_at=st.none() | st.integers(0, 60).map(lambda s: NOON + timedelta(seconds=s)),
    ended_at=st.none() | st.integers(0, 60).map(lambda s: NOON + timedelta(seconds=s)),
    size=st.none() | st.integers(0, 1000),
    duration=st.none() | st.floats(0, 1000),
)


@given(heard=st.lists(signs, max_size=8), data=st.data())
@settings(max_examples=200, deadline=None, database=None)
def test_signs_lead_to_the_same_recording_in_any_order_and_however_often(
    heard: list[Sign], data: st.DataObject
) -> None:
    def told(order: list[Sign]) -> Recording:
        recording = a_recording()
        for sign in order:
            recording = advance(recording, sign)
        return recording

    again = data.draw(st.permutations(heard + heard[:3]))
    assert told(again) == told(heard)
