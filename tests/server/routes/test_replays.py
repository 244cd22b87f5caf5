"""The row of what can be watched again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from livectl.backends import open_store
from livectl.domain.event import event
from livectl.domain.stream import Stream
from tests.parts.livekit import LiveKit
from tests.server.api import Api, good, wrong_fields
from tests.server.conftest import settings_for

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def add_over(tmp_path: Path, livekit: LiveKit, count: int, **more: Any) -> list[str]:
    """Streams that are over, each started a minute after the one before; their ids."""
    streams = [
        Stream(
            id=f"{number:024x}",
            owner_id="alice",
            room_name=f"live_alice_{number}",
            started_at=NOW + timedelta(minutes=number),
            **{"vod": {"status": "available", "duration": 61.5}, **more},
        )
        for number in range(count)
    ]
    async with open_store(settings_for(tmp_path, livekit)) as store:
        for stream in streams:
            await store.add_stream(stream, event("stream.started", NOW, "tester"))
    return [stream.id for stream in streams]


async def ids(api: Api, **query: Any) -> list[str]:
    answer = good(await api.get("/api/live/replays", "bob", params=query))
    return [one["streamId"] for one in answer["items"]]


async def test_the_latest_come_first_and_no_more_than_asked_for(
    api: Api, tmp_path: Path, livekit: LiveKit
) -> None:
    over = await add_over(tmp_path, livekit, 4, title="Chess", tags=["games"])
    assert await ids(api, limit=3) == over[:0:-1]
    first = good(await api.get("/api/live/replays", "bob"))["items"][0]
    assert (first["title"], first["ownerId"], first["tags"]) == ("Chess", "alice", ["games"])
    assert (first["duration"], first["startedAt"]) == (61.5, "2026-05-01T12:03:00Z")


async def test_what_is_not_to_be_watched_again_is_not_among_them(
    api: Api, tmp_path: Path, livekit: LiveKit
) -> None:
    await api.start()  # live
    await add_over(tmp_path, livekit, 1, enable_replay=False)
    assert await ids(api) == []


async def test_a_replay_that_is_being_made_is_not_among_them(
    api: Api, tmp_path: Path, livekit: LiveKit
) -> None:
    await add_over(tmp_path, livekit, 1, vod={"status": "uploading"})
    assert await ids(api) == []


async def test_the_row_is_of_24_at_most(api: Api) -> None:
    answer = await api.get("/api/live/replays", "bob", params={"limit": 25})
    assert wrong_fields(answer) == ["limit"]
