"""Two server processes on one store, each asked the same at the same moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from livectl.adapters.livekit import LiveKit as LiveKitClient
from tests.faults.conftest import NewServer
from tests.faults.crowd import crowd, post
from tests.parts.livekit import LiveKit
from tests.server.api import ROOT, good
from tests.server.process import Server, sqlite_url
from tests.services.hooks import id_of

ROUNDS = 8


@pytest.fixture(params=["sqlite", "mongo"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url: str = request.getfixturevalue("mongodb").fresh_uri()
    return url


@pytest.fixture
def livekit(new_livekit: Callable[..., LiveKit]) -> LiveKit:
    """One of its own: rooms that other tests left behind would be corrections as well."""
    return new_livekit()


@pytest.fixture
def new_pair(
    new_server: NewServer, livekit: LiveKit, database_url: str
) -> Callable[..., tuple[Server, Server]]:
    """Two servers on one empty store and one LiveKit, not started; the first starts first."""

    def make(**settings: str) -> tuple[Server, Server]:
        shared = {
            "DATABASE_URL": database_url,
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.key,
            "LIVEKIT_API_SECRET": livekit.secret,
            **settings,
        }
        return new_server(**shared), new_server(**shared)

    return make


Pair = tuple[httpx.AsyncClient, httpx.AsyncClient]


@asynccontextmanager
async def clients(pair: tuple[Server, Server], by: str) -> AsyncIterator[Pair]:
    async with pair[0].client(by) as one, pair[1].client(by) as other:
        yield one, other


async def started(pair: tuple[Server, Server]) -> None:
    for server in pair:
        await asyncio.to_thread(server.start)


async def events(pair: tuple[Server, Server], **query: Any) -> list[dict[str, Any]]:
    async with pair[1].client(ROOT) as http:
        found = good(await http.get("/api/events", params={"limit": 1000, **query}))["items"]
    return list(found)


async def until(holds: Callable[[], Awaitable[bool]], within: float) -> None:
    deadline = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.1)


async def test_two_servers_that_are_asked_the_same_at_once_do_it_once(
    new_pair: Callable[..., tuple[Server, Server]], livekit: LiveKit
) -> None:
    pair = new_pair(LIVECTL_RECONCILE_SECONDS="3600")
    await started(pair)
    async with clients(pair, "alice") as alice, clients(pair, ROOT) as root:
        streams = [await _start_twice(alice, number) for number in range(ROUNDS)]
        active = good(await alice[1].get("/api/live/active"))["items"]
        assert sorted(one["streamId"] for one in active) == sorted(streams)
        await _webhooks_to_both(pair, root, streams[0], livekit)
        for stream_id in streams:
            await _end_four_times(alice, root, stream_id)
        assert good(await alice[0].get("/api/live/active"))["items"] == []
    ends = [event["streamId"] for event in await events(pair, type="stream.ended")]
    assert sorted(ends) == sorted(streams)
    starts = [event["streamId"] for event in await events(pair, type="stream.started")]
    assert sorted(starts) == sorted(streams)


async def _start_twice(alice: Pair, number: int) -> str:
    headers = {"Idempotency-Key": f"key-{number}"}
    wish = {"title": f"No {number}"}
    answers = await asyncio.gather(
        *(one.post("/api/live/start", json=wish, headers=headers) for one in alice * 2)
    )
    (stream_id,) = {good(answer)["streamId"] for answer in answers}
    return str(stream_id)


async def _webhooks_to_both(
    pair: tuple[Server, Server], root: Pair, stream_id: str, livekit: LiveKit
) -> None:
    shown = good(await root[0].get(f"/api/streams/{stream_id}"))
    people = crowd([_Named(stream_id, shown["roomName"])], 30, random.Random(2))  # noqa: S311
    both = await asyncio.gather(
        *(post(server, people.hooks, livekit.secret, at_once=10) for server in pair)
    )
    assert both[0] == both[1] == set(map(id_of, people.hooks))

    async def handled() -> bool:
        return not good(await root[1].get("/api/webhooks"))["pending"]

    await until(handled, within=60)
    status = good(await root[1].get(f"/api/live/{stream_id}/status"))
    assert status["viewers"] == people.viewers[stream_id]


class _Named:
    """As much of a stream as a crowd needs."""

    def __init__(self, id_: str, room_name: str) -> None:
        self.id = id_
        self.room_name = room_name


async def _end_four_times(alice: Pair, root: Pair, stream_id: str) -> None:
    """The owner stops it and an operator kills it, on both servers at once."""
    answers = await asyncio.gather(
        *(one.post("/api/live/stop", json={"streamId": stream_id}) for one in alice),
        *(one.post(f"/api/live/{stream_id}/end", json={"reason": "kill"}) for one in root),
    )
    ended = [good(answer) for answer in answers]
    assert [one["held"] for one in ended] == [True] * 4, ended
    shown = good(await root[0].get(f"/api/streams/{stream_id}"))
    assert shown["endReason"] in {"stopped", "kill"}
    assert sum(one.get("wasLive", False) for one in ended) == (shown["endReason"] == "kill")
    assert not shown["teardownOwed"]


@pytest.mark.timeout(180)
async def test_one_server_reconciles_at_a_time_and_the_other_takes_over_when_it_is_killed(
    new_pair: Callable[..., tuple[Server, Server]], livekit: LiveKit
) -> None:
    pair = new_pair(LIVECTL_RECONCILE_SECONDS="1", LIVECTL_START_GRACE_SECONDS="5")
    await started(pair)
    async with clients(pair, "alice") as alice:
        together = [await _start(alice[1]) for _ in range(4)]
        await asyncio.sleep(5.5)  # out of their grace
        await _lose_rooms(livekit, together)
        await until(lambda: _none_active(alice[1]), within=30)
        await asyncio.sleep(2)  # what is told of the last, and what should not be told again
        mended = await events(pair, type="reconcile.corrected")
        # Each once: two at a time would have seen and told each of them twice.
        assert sorted(event["streamId"] for event in mended) == sorted(
            one["streamId"] for one in together
        )
        await asyncio.to_thread(pair[0].kill)  # it came first, so the lease is its own
        late = [await _start(alice[1])]
        await asyncio.sleep(5.5)
        await _lose_rooms(livekit, late)
        await until(lambda: _none_active(alice[1]), within=30)
    reasons = [event["data"]["reason"] for event in await events(pair, type="stream.ended")]
    assert reasons == ["room_gone"] * 5


async def _start(alice: httpx.AsyncClient) -> dict[str, Any]:
    return good(await alice.post("/api/live/start", json={}))


async def _none_active(alice: httpx.AsyncClient) -> bool:
    return not good(await alice.get("/api/live/active"))["items"]


async def _lose_rooms(livekit: LiveKit, streams: list[dict[str, Any]]) -> None:
    async with livekit.calls() as calls:
        for one in streams:
            assert await LiveKitClient(calls, public_url="").delete_room(one["roomName"])
