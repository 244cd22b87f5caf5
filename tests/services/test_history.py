"""What is said becomes durable, also when the store was away for a while."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from livectl.adapters.sqlite.store import SqliteStore
from livectl.adapters.system_clock import SystemClock
from livectl.domain.chat import ChatEntry, entry_id
from livectl.errors import NotReady, Unavailable
from livectl.ports.chat import ChatQuery
from livectl.services import history as history_module
from livectl.services.history import History
from tests.contract.examples import a_stream, an_event

STREAM = "a" * 24


def an_entry(content: str, stream_id: str = STREAM) -> ChatEntry:
    now = SystemClock().now()
    return ChatEntry(
        id=entry_id(now),
        stream_id=stream_id,
        kind="message",
        user_id="vera",
        content=content,
        at=now,
    )


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """Not open: to the history it is away."""
    return SqliteStore(tmp_path / "livectl.db")


async def contents(store: SqliteStore) -> list[str]:
    query = ChatQuery(stream_ids=(STREAM,), oldest_first=True, limit=1000)
    return [one.content for one in await store.entries(query)]


async def test_what_waits_while_the_store_is_away_is_stored_when_it_is_back(
    store: SqliteStore,
) -> None:
    history = History(store, SystemClock())
    history.keep(an_entry("one"))
    with pytest.raises(Unavailable):
        await history.flush()
    history.keep(an_entry("two"))

    await store.open()
    await history.flush()

    assert await contents(store) == ["one", "two"]
    await store.close()


async def test_it_is_stored_by_itself_within_a_moment_of_the_stores_return(
    store: SqliteStore,
) -> None:
    history = History(store, SystemClock())
    running = asyncio.create_task(history.run())
    history.keep(an_entry("one"))
    await asyncio.sleep(0.3)
    await store.open()
    async with asyncio.timeout(5):
        while not await contents(store):  # noqa: ASYNC110 (the store has no event for it)
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()


async def test_when_too_much_waits_nothing_more_is_taken(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "_WAITING_MAX", 3)
    history = History(store, SystemClock())
    for number in range(3):
        history.keep(an_entry(f"{number}"))
    with pytest.raises(NotReady):
        history.keep(an_entry("one too many"))


async def test_reading_shows_what_was_said_a_moment_ago(store: SqliteStore) -> None:
    await store.open()
    history = History(store, SystemClock())
    history.keep(an_entry("just now"))
    found = await history.read(ChatQuery(stream_ids=(STREAM,)))
    assert [one.content for one in found] == ["just now"]
    await store.close()


async def test_old_chat_of_ended_streams_is_let_go(store: SqliteStore) -> None:
    await store.open()
    history = History(store, SystemClock())
    live = a_stream(id="b" * 24)
    await store.add_stream(live, an_event())
    for stream_id in (STREAM, live.id):
        history.keep(an_entry("old", stream_id))
    await history.flush()
    await asyncio.sleep(0.01)

    assert await history.prune(timedelta(0)) == 1

    assert await contents(store) == []
    assert await history.read(ChatQuery(stream_ids=(live.id,)))
    await store.close()
