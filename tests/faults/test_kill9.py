"""The server is killed while webhooks come in: none that it acknowledged is lost or counts twice.

LiveKit is away the whole time, so that nothing but the webhooks says who watches.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from livectl.adapters.sqlite.store import SqliteStore
from livectl.ports.inbox import InboxQuery
from livectl.ports.store import Store
from tests.faults.conftest import NewServer
from tests.faults.crowd import Crowd, crowd, live_streams, post
from tests.server.process import Server
from tests.services.hooks import SECRET, id_of

KILLS = 6
ROOMS = 5
PEOPLE = 60


@asynccontextmanager
async def opened(server: Server) -> AsyncIterator[Store]:
    """The server's store, seen from outside."""
    store = SqliteStore(server.dir / "livectl.db")
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def kept(store: Store) -> dict[str, str]:
    """The status of every webhook in the store, by its id."""
    entries = await store.webhooks(InboxQuery(limit=100_000))
    assert len({entry.id for entry in entries}) == len(entries)
    return {entry.id: entry.status for entry in entries}


async def all_handled(store: Store, within: float) -> None:
    """What a killed server held comes back after half a minute."""
    deadline = time.monotonic() + within
    while (depth := await store.inbox_depth()).pending:
        assert time.monotonic() < deadline, depth
        await asyncio.sleep(0.1)
    assert depth.parked == 0


async def viewers_are_right(store: Store, people: Crowd) -> None:
    for stream in people.streams:
        found = await store.stream(stream.id)
        assert found is not None
        assert found.is_live
        assert found.viewers == people.viewers[stream.id]
        assert found.peak_viewers >= found.viewers
        assert len(await store.sightings(stream.id)) == PEOPLE


@pytest.mark.timeout(180)
async def test_no_acknowledged_webhook_is_lost_or_counts_twice_when_the_server_is_killed(
    new_server: NewServer,
) -> None:
    chance = random.Random(9)  # noqa: S311
    server = new_server()
    async with opened(server) as store:
        people = crowd(await live_streams(store, ROOMS), PEOPLE, chance)
        acknowledged: set[str] = set()
        waiting = list(people.hooks)
        interrupted = 0
        share = len(people.hooks) // KILLS
        await asyncio.to_thread(server.start)
        for _ in range(KILLS):
            # LiveKit sends again what was not acknowledged, and now and then what was.
            again = [one for one in people.hooks if id_of(one) in acknowledged][:20]
            burst = [*waiting[:share], *again]
            posting = asyncio.create_task(post(server, burst, SECRET, at_once=40))
            await asyncio.sleep(chance.uniform(0.02, 0.25))
            await asyncio.to_thread(server.kill)
            answered = await posting
            interrupted += len(answered) < len(burst)
            acknowledged |= answered
            assert acknowledged <= set(await kept(store))
            waiting = [one for one in waiting if id_of(one) not in acknowledged]
            await asyncio.to_thread(server.start)
        assert interrupted > KILLS / 2, "the server was too quick for its killer"
        acknowledged |= await post(server, waiting, SECRET, at_once=40)
        assert acknowledged == set(map(id_of, people.hooks))
        await all_handled(store, within=60)
        assert await kept(store) == dict.fromkeys(acknowledged, "done")
        await viewers_are_right(store, people)


@pytest.mark.timeout(120)
async def test_a_server_that_is_stopped_answers_all_that_it_accepted(
    new_server: NewServer,
) -> None:
    chance = random.Random(15)  # noqa: S311
    server = new_server()
    async with opened(server) as store:
        people = crowd(await live_streams(store, ROOMS), PEOPLE, chance)
        await asyncio.to_thread(server.start)
        posting = asyncio.create_task(post(server, people.hooks, SECRET, at_once=40))
        while not await kept(store):  # noqa: ASYNC110 (it is another process that fills it)
            await asyncio.sleep(0.005)
        await asyncio.to_thread(server.stop)
        acknowledged = await posting
        assert 0 < len(acknowledged) < len(people.hooks)
        assert set(await kept(store)) == acknowledged
        await asyncio.to_thread(server.start)
        rest = [one for one in people.hooks if id_of(one) not in acknowledged]
        await post(server, rest, SECRET, at_once=40)
        await all_handled(store, within=60)
        await viewers_are_right(store, people)
