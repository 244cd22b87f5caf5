"""The numbers over time, as one process takes them."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from livectl.domain.chat import ChatEntry
from livectl.domain.ids import new_id
from livectl.ports.store import Store
from livectl.services.stats import EVERY, KEPT_FOR, Stats
from tests.services.conftest import TestClock


async def test_a_sample_is_taken_each_fifteen_seconds_however_often_it_is_asked_for(
    store: Store, clock: TestClock
) -> None:
    stats = Stats(store, clock)
    for _ in range(61):
        await stats.sample()
        clock.advance(0.5)
    taken = await stats.last(1)
    assert [one.at - taken[0].at for one in taken] == [EVERY * number for number in range(3)]
    assert [one.seconds for one in taken] == [15.0] * 3


async def test_every_message_is_in_one_sample(store: Store, clock: TestClock) -> None:
    stats = Stats(store, clock)
    await stats.sample()
    said = ChatEntry(
        id=new_id(), stream_id=new_id(), kind="message", user_id="anna", content="hi", at=clock.at
    )
    for seconds in (0, 5, 15, 16):
        at = clock.at + timedelta(seconds=seconds)
        await store.add_entries([msgspec.structs.replace(said, id=new_id(), at=at)])
    for _ in range(2):
        clock.advance(15)
        await stats.sample()
    assert [one.messages for one in await stats.last(1)] == [0, 2, 2]


async def test_samples_of_another_process_are_shown_and_old_ones_go(
    store: Store, clock: TestClock
) -> None:
    await Stats(store, clock).sample()
    clock.advance(60)
    stats = Stats(store, clock)
    await stats.sample()
    assert len(await stats.last(1)) == 2
    clock.advance(KEPT_FOR.total_seconds() - 30)
    assert await stats.prune() == 1
    assert len(await stats.last(48)) == 1
