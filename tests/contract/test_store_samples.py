"""The product's numbers over time, on every store."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from livectl.domain.chat import ChatEntry
from livectl.domain.ids import new_id
from livectl.domain.sample import Sample
from livectl.ports.store import Store
from tests.contract.examples import NOON


def sample(minute: int, *, viewers: int = 3) -> Sample:
    return Sample(
        at=NOON + timedelta(minutes=minute),
        live=1,
        viewers=viewers,
        messages=7,
        seconds=15.25,
        webhooks_waiting=2,
        webhook_lag_ms=1500,
    )


async def test_samples_come_back_oldest_first_from_a_time_on(store: Store) -> None:
    for minute in (2, 0, 1):
        await store.add_sample(sample(minute))
    assert await store.samples(since=NOON + timedelta(minutes=1)) == [sample(1), sample(2)]


async def test_a_second_sample_of_the_same_moment_replaces_the_first(store: Store) -> None:
    await store.add_sample(sample(0))
    await store.add_sample(sample(0, viewers=4))
    assert await store.samples(since=NOON) == [sample(0, viewers=4)]


async def test_old_samples_are_removed(store: Store) -> None:
    for minute in range(3):
        await store.add_sample(sample(minute))
    assert await store.prune_samples(before=NOON + timedelta(minutes=2)) == 2
    assert await store.samples(since=NOON) == [sample(2)]


async def test_messages_of_a_time_are_counted_and_gifts_are_not(store: Store) -> None:
    said = ChatEntry(
        id=new_id(), stream_id=new_id(), kind="message", user_id="anna", content="hi", at=NOON
    )
    others = [
        msgspec.structs.replace(said, id=new_id(), at=NOON + timedelta(seconds=10)),
        msgspec.structs.replace(said, id=new_id(), at=NOON + timedelta(seconds=20)),
        msgspec.structs.replace(said, id=new_id(), kind="gift", gift_type="rose", value=1),
    ]
    await store.add_entries([said, *others])
    count = await store.count_messages(since=NOON, until=NOON + timedelta(seconds=20))
    assert count == 2
