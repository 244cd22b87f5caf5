from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from livectl.domain.event import event
from livectl.domain.ids import new_id
from livectl.domain.stream import Stream
from livectl.domain.webhook import read_notice
from livectl.ports.store import Store
from livectl.services.presence import Presence
from tests.services.conftest import NOON, TestClock
from tests.services.hooks import hook, participant

LATER = NOON + timedelta(seconds=10)


class Slow:
    """A process that stops for a while between its count and its writing: `gate` lets it go on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.counted = asyncio.Event()
        self.gate = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def set_audience(self, stream_id: str, **values: Any) -> bool:
        self.counted.set()
        await self.gate.wait()
        return await self._store.set_audience(stream_id, **values)


@pytest.fixture
async def stream(store: Store) -> Stream:
    stream_id = new_id()
    stream = Stream(
        id=stream_id,
        owner_id="alice",
        room_name=f"live_alice_17{stream_id[-11:]}",
        is_live=True,
        started_at=NOON,
    )
    await store.add_stream(stream, event("stream.started", NOON, "test"))
    return stream


async def hear(presence: Presence, stream: Stream, *told: tuple[str, str]) -> None:
    """Each told as (join or leave, user), in one batch."""
    notices = []
    for what, user in told:
        person = participant(f"PA_{user}", user, NOON)
        type_ = {"join": "participant_joined", "leave": "participant_left"}[what]
        at = NOON if what == "join" else LATER
        notices.append(read_notice(hook(type_, stream.room_name, at, participant=person)))
    await presence.hear(stream, notices)


async def audience(store: Store, stream: Stream) -> tuple[int, int]:
    found = await store.stream(stream.id)
    assert found is not None
    return found.viewers, found.peak_viewers


async def test_joins_and_leaves_are_counted_as_they_come(store: Store, stream: Stream) -> None:
    presence = Presence(store, TestClock(LATER))
    await hear(presence, stream, ("join", "bob"), ("join", "carol"), ("join", "alice"))
    assert await audience(store, stream) == (2, 2)
    await hear(presence, stream, ("leave", "bob"), ("leave", "alice"))
    assert await audience(store, stream) == (1, 2)


async def test_the_same_told_again_changes_nothing(store: Store, stream: Stream) -> None:
    presence = Presence(store, TestClock(LATER))
    for _ in range(3):
        await hear(presence, stream, ("leave", "bob"), ("join", "bob"), ("join", "carol"))
        assert await audience(store, stream) == (1, 1)


async def test_the_exact_peak_sees_what_came_and_went_in_one_batch(
    store: Store, stream: Stream
) -> None:
    presence = Presence(store, TestClock(LATER))
    await hear(presence, stream, ("join", "bob"), ("join", "carol"), ("leave", "bob"))
    await presence.recount(stream.id, exact_peak=True)
    assert await audience(store, stream) == (1, 2)


async def test_a_count_that_is_written_late_does_not_undo_a_newer_one(
    store: Store, stream: Stream
) -> None:
    clock = TestClock(LATER)
    quick, slow = Presence(store, clock), Slow(store)
    await hear(quick, stream, ("join", "bob"))
    late = asyncio.create_task(
        hear(Presence(slow, clock), stream, ("join", "carol"))  # type: ignore[arg-type]
    )
    await slow.counted.wait()  # two are watching, and it is about to say so
    await hear(quick, stream, ("leave", "carol"))  # one is again, as the store has it already
    slow.gate.set()
    await late
    assert (await audience(store, stream))[0] == 1


async def test_many_who_count_at_once_end_in_the_truth(store: Store, stream: Stream) -> None:
    presences = [Presence(store, TestClock(LATER)) for _ in range(4)]
    told = [("join", f"user{n}") for n in range(20)] + [("leave", f"user{n}") for n in range(7)]
    await asyncio.gather(
        *(hear(presences[n % 4], stream, one) for n, one in enumerate(told)),
    )
    viewers, peak = await audience(store, stream)
    assert viewers == 13
    assert peak >= viewers
