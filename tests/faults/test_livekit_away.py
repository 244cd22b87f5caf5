"""LiveKit stops and comes back while the server runs: nothing is forgotten meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from livectl.adapters.livekit import LiveKit as LiveKitClient
from livectl.app import create_app
from tests.parts.livekit import LiveKit
from tests.server.api import ROOT, Api, entered, good, refused
from tests.server.conftest import settings_for
from tests.services.hooks import hook, participant, sign

BACK_WITHIN_S = 30


@pytest.fixture
def livekit(new_livekit: Callable[..., LiveKit]) -> LiveKit:
    """One that these tests may stop."""
    return new_livekit()


@pytest.fixture
async def api(livekit: LiveKit, tmp_path: Path) -> AsyncIterator[Api]:
    settings = settings_for(
        tmp_path, livekit, LIVECTL_RECONCILE_SECONDS="1", LIVECTL_START_GRACE_SECONDS="5"
    )
    async with entered(create_app(settings, background=True)) as running:
        yield running


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + BACK_WITHIN_S
    while not await holds():
        assert time.monotonic() < deadline, "it did not come to that"
        await asyncio.sleep(0.1)


async def rooms(livekit: LiveKit, *, make: str | None = None) -> list[str]:
    """The rooms that LiveKit has; `make` is one that somebody makes before."""
    async with livekit.calls() as calls:
        client = LiveKitClient(calls, public_url="")
        if make:
            await client.create_room(make)
        return [room.name for room in await client.rooms()]


async def test_a_kill_while_livekit_is_away_is_kept_and_enforced_when_it_is_back(
    api: Api, livekit: LiveKit
) -> None:
    started = await api.start("alice")
    stream_id = started["streamId"]
    await asyncio.to_thread(livekit.stop)
    ended = good(await api.post(f"/api/live/{stream_id}/end", ROOT, json={"reason": "rules"}))
    assert not ended["held"]
    results = {step["step"]: step["result"] for step in ended["steps"]}
    assert results.pop("stream_ended") == "done"
    assert set(results.values()) == {"failed"}
    assert "could not be reached" in ended["steps"][-1]["detail"]
    shown = await api.shown(stream_id)
    assert not shown["isLive"]
    assert shown["teardownOwed"]
    owed = good(await api.get("/api/streams?teardownOwed=true", ROOT))["items"]
    assert [one["streamId"] for one in owed] == [stream_id]
    refused(await api.get(f"/api/live/{stream_id}/watch", "bob"), 404, "not_found")

    await asyncio.to_thread(livekit.start)
    await rooms(livekit, make=started["roomName"])  # the host's encoder is back as well

    async def enforced() -> bool:
        owed = (await api.shown(stream_id))["teardownOwed"]
        return not owed and started["roomName"] not in await rooms(livekit)

    await until(enforced)
    shown = await api.shown(stream_id)
    assert (shown["endReason"], shown["endedBy"]) == ("rules", f"user:{ROOT}")


async def test_a_kill_is_answered_soon_while_livekit_hangs_and_enforced_when_it_goes_on(
    api: Api, livekit: LiveKit
) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    await asyncio.to_thread(livekit.freeze)
    try:
        ended = good(await api.post(f"/api/live/{stream_id}/end", ROOT, json={}))
    finally:
        await asyncio.to_thread(livekit.thaw)
    assert not ended["held"]
    assert {step["result"] for step in ended["steps"][1:]} == {"failed"}
    assert "did not answer within" in ended["steps"][-1]["detail"]
    assert sum(step["ms"] for step in ended["steps"]) < 30_000

    async def enforced() -> bool:
        return not (await api.shown(stream_id))["teardownOwed"]

    await until(enforced)


async def test_a_stop_while_livekit_is_away_succeeds_and_says_that_it_does_not_hold_yet(
    api: Api, livekit: LiveKit
) -> None:
    started = await api.start("alice")
    await asyncio.to_thread(livekit.stop)
    body = {"streamId": started["streamId"]}
    stopped = good(await api.post("/api/live/stop", "alice", json=body))
    assert stopped == {"success": True, "held": False}
    await asyncio.to_thread(livekit.start)

    async def settled() -> bool:
        return not (await api.shown(started["streamId"]))["teardownOwed"]

    await until(settled)


async def test_a_start_while_livekit_is_away_fails_and_leaves_no_live_stream(
    api: Api, livekit: LiveKit
) -> None:
    await asyncio.to_thread(livekit.stop)
    answer = await api.post("/api/live/start", "alice", json={})
    assert answer.status_code in {502, 504}
    assert good(await api.get("/api/live/active", "bob"))["items"] == []
    (stream,) = good(await api.get("/api/streams", ROOT))["items"]
    assert (stream["isLive"], stream["endReason"]) == (False, "start_failed")
    await asyncio.to_thread(livekit.start)

    async def settled() -> bool:
        return not (await api.shown(stream["streamId"]))["teardownOwed"]

    await until(settled)
    assert await api.start("alice")


async def test_a_start_that_failed_succeeds_when_it_is_tried_again_with_the_same_key(
    api: Api, livekit: LiveKit
) -> None:
    headers = {"Idempotency-Key": "one"}
    await asyncio.to_thread(livekit.stop)
    refused(await api.post("/api/live/start", "alice", headers=headers), 502, "unavailable")

    await asyncio.to_thread(livekit.start)
    good(await api.post("/api/live/start", "alice", headers=headers))


async def test_streams_whose_rooms_went_with_livekit_are_ended(api: Api, livekit: LiveKit) -> None:
    started = [await api.start(f"user{n}") for n in range(3)]
    await asyncio.to_thread(livekit.restart)  # without Redis it forgets its rooms

    async def all_over() -> bool:
        shown = [await api.shown(one["streamId"]) for one in started]
        return not any(one["isLive"] or one["teardownOwed"] for one in shown)

    await until(all_over)
    for one in started:
        shown = await api.shown(one["streamId"])
        assert (shown["endReason"], shown["endedBy"]) == ("room_gone", "reconcile")


async def test_a_stream_is_not_ended_because_livekit_does_not_answer(
    api: Api, livekit: LiveKit
) -> None:
    started = await api.start("alice")
    await asyncio.to_thread(livekit.stop)
    await asyncio.sleep(7)  # out of its grace, with several reconciles that fail
    assert (await api.shown(started["streamId"]))["isLive"]
    readyz = await api.get("/readyz")
    assert readyz.status_code == 503
    await asyncio.to_thread(livekit.start)


async def test_webhooks_count_while_livekit_is_away(api: Api, livekit: LiveKit) -> None:
    started = await api.start("alice")
    await asyncio.to_thread(livekit.stop)
    now = datetime.now(UTC)
    person: dict[str, Any] = participant("PA_1", "bob", now)
    body = hook("participant_joined", started["roomName"], now, participant=person)
    headers = {"Authorization": sign(body, livekit.key, livekit.secret)}
    good(await api.post("/api/webhooks/livekit", content=body, headers=headers))

    async def counted() -> bool:
        return bool((await api.shown(started["streamId"]))["viewers"] == 1)

    await until(counted)
    await asyncio.to_thread(livekit.start)
