"""The event log: one order for everyone, and a reader who goes on from a number misses nothing."""

from __future__ import annotations

import asyncio

import msgspec

from livectl.domain.event import Event
from livectl.domain.ids import new_id
from livectl.ports.store import EventQuery, Store
from tests.contract.examples import added, an_event, at

STREAM = new_id()


async def log(store: Store, **query: object) -> list[Event]:
    return await store.events(EventQuery(**query))  # type: ignore[arg-type]


def without_seq(events: list[Event]) -> list[Event]:
    return [msgspec.structs.replace(event, seq=0) for event in events]


async def test_an_entry_is_read_back_as_it_was_appended(store: Store, twin: Store) -> None:
    full = an_event(
        "stream.ended",
        at=at(1.001),
        actor="operator:eve",
        stream_id=STREAM,
        request_id="req-1",
        reason="é",
        steps=[{"step": "room_gone", "ms": 3}],
        before={"viewers": 1},
    )
    bare = an_event("test.bare")
    await store.append_event(full)
    await store.append_event(bare)
    entries = await log(twin)
    assert without_seq(entries) == [full, bare]
    assert 0 < entries[0].seq < entries[1].seq == await twin.last_event_seq()


async def test_an_empty_log_ends_at_zero(store: Store) -> None:
    assert await store.last_event_seq() == 0
    assert await log(store) == []


async def test_entries_are_filtered_and_paged(store: Store) -> None:
    events = [
        an_event("a", at=at(1), stream_id=STREAM),
        an_event("b", at=at(2), stream_id=STREAM),
        an_event("a", at=at(3), stream_id=new_id()),
        an_event("b", at=at(2)),
    ]
    for event in events:
        await store.append_event(event)
    first, second, third, fourth = events
    seqs = [entry.seq for entry in await log(store)]
    for query, expected in (
        ({}, events),
        ({"limit": 2}, [first, second]),
        ({"after": seqs[1]}, [third, fourth]),
        ({"after": seqs[3]}, []),
        ({"stream_id": STREAM}, [first, second]),
        ({"stream_id": STREAM, "after": seqs[0]}, [second]),
        ({"type": "b"}, [second, fourth]),
        ({"type": "b", "stream_id": STREAM}, [second]),
        ({"types": ("a",)}, [first, third]),
        ({"types": ("b", "a"), "after": seqs[0], "limit": 2}, [second, third]),
        ({"types": ("a", "c"), "stream_id": STREAM}, [first]),
        ({"types": ("a", "b"), "type": "b"}, [second, fourth]),
        ({"types": ("b", "c"), "since": at(2)}, [second, fourth]),
        ({"types": ("c",)}, []),
        ({"since": at(2)}, [second, third, fourth]),
        ({"since": at(2.001)}, [third]),
        ({"since": at(4)}, []),
        ({"since": at(2), "after": seqs[1], "limit": 1}, [third]),
        ({"since": at(2), "type": "a"}, [third]),
    ):
        assert without_seq(await log(store, **query)) == expected, query


async def test_a_change_and_its_entry_are_seen_together(store: Store, twin: Store) -> None:
    stream = await added(store)
    change = an_event("user.blocked", stream_id=stream.id)
    await store.block_user(stream.id, "bob", change)
    entries = await log(twin, stream_id=stream.id)
    assert [entry.type for entry in entries] == ["stream.started", "user.blocked"]
    assert without_seq(entries)[1] == change


async def test_a_reader_who_goes_on_from_the_last_number_misses_nothing(
    store: Store, twin: Store
) -> None:
    stream = await added(store)
    appended: list[str] = []
    writing = True

    async def write(handle: Store, who: int) -> None:
        for number in range(20):
            entry = an_event("test.appended", number=number, who=who)
            if number % 3:
                await handle.append_event(entry)
            else:
                await handle.block_user(stream.id, f"{who}-{number}", entry)
            appended.append(entry.id)

    async def tail(handle: Store) -> list[Event]:
        seen: list[Event] = []
        last = False
        while not last:
            last = not writing
            while page := await log(handle, after=seen[-1].seq if seen else 0, limit=7):
                seen += page
            await asyncio.sleep(0)
        return seen

    readers = [asyncio.create_task(tail(handle)) for handle in (store, twin)]
    await asyncio.gather(*(write(handle, who) for who, handle in enumerate((store, twin) * 2)))
    writing = False
    for seen in await asyncio.gather(*readers):
        own = [entry for entry in seen if entry.type == "test.appended"]
        assert sorted(entry.id for entry in own) == sorted(appended)
        assert [entry.seq for entry in seen] == sorted({entry.seq for entry in seen})
        for who in range(4):  # what one caller did one after the other stands so in the log
            numbers = [entry.data["number"] for entry in own if entry.data["who"] == who]
            assert numbers == list(range(20))
    assert await store.last_event_seq() == (await log(twin, limit=1000))[-1].seq
