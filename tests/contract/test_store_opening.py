"""A store's life: opened by several at once, checked, closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from livectl.errors import Unavailable
from livectl.ports.store import Store
from tests.contract.conftest import NewHandle, OpenStore
from tests.contract.examples import a_webhook, added, an_event, together


async def test_many_may_open_an_empty_database_at_once(
    new_handle: NewHandle, open_store: OpenStore
) -> None:
    handles = await together(open_store(new_handle) for _ in range(4))
    stream = await added(handles[0])
    for handle in handles:
        assert await handle.stream(stream.id) == stream
        assert all((await handle.check()).indexes.values())


async def test_opening_and_closing_can_be_repeated(store: Store) -> None:
    stream = await added(store)
    await store.open()
    assert await store.stream(stream.id) == stream
    await store.close()
    await store.close()
    await store.open()
    assert await store.stream(stream.id) == stream


async def test_what_is_closed_or_not_yet_open_says_so(new_handle: Callable[[], Store]) -> None:
    handle = new_handle()
    with pytest.raises(Unavailable):
        await handle.stream("0" * 24)
    with pytest.raises(Unavailable):
        await handle.append_event(an_event())


async def test_a_store_that_works_answers_a_ping(store: Store, twin: Store) -> None:
    for _ in range(2):
        await store.ping()
        await twin.ping()


async def test_a_check_tells_the_schema_the_indexes_and_the_counts(store: Store) -> None:
    await added(store)
    check = await store.check()
    assert check.schema_version == check.expected_schema_version > 0
    assert check.indexes
    assert all(check.indexes.values())
    assert check.counts["livestreams"] == 1
    assert sum(check.counts.values()) == 2  # the stream and its event


async def test_a_caller_who_gives_up_breaks_nothing(store: Store) -> None:
    tasks = [asyncio.create_task(store.add_webhook(a_webhook())) for _ in range(20)]
    tasks += [asyncio.create_task(store.ping()) for _ in range(5)]
    for task in tasks[::2]:
        await asyncio.sleep(0)
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(result in (True, None) for result in results[1::2])
    await store.ping()


async def test_what_was_accepted_before_the_end_is_there_after_it(
    store: Store, twin: Store
) -> None:
    entry = a_webhook()
    adding = asyncio.create_task(store.add_webhook(entry))
    await asyncio.sleep(0)
    await store.close()
    assert await adding is True
    assert await twin.webhook(entry.id) == entry
