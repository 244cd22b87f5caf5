"""The row of what can be watched again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from livectl.backends import open_store
from livectl.domain.event import event
from livectl.domain.ids import new_id
from livectl.domain.stream import Stream
from tests.parts.livekit import LiveKit
from tests.server.api import ROOT, Api, block, good, wrong_fields
from tests.server.conftest import NewApi, settings_for

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
VOD = {"status": "available", "duration": 61.5, "thumbnailUrl": "recordings/a.poster.jpg"}
BLOCK_TROLL = {"act": "block", "userId": "troll"}


async def add_over(
    tmp_path: Path, livekit: LiveKit, count: int, since: int = 0, **more: Any
) -> list[str]:
    """Streams that are over, each started a minute after the one before, the first of them `since`
    minutes after NOW; their ids."""
    streams = [
        Stream(
            id=new_id(),
            owner_id="alice",
            room_name=f"live_alice_{minute}",
            started_at=NOW + timedelta(minutes=minute),
            **{"vod": VOD, **more},
        )
        for minute in range(since, since + count)
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


async def test_older_streams_with_a_replay_are_found_behind_any_number_without(
    api: Api, tmp_path: Path, livekit: LiveKit
) -> None:
    await add_over(tmp_path, livekit, 300, vod=None)
    (first, *_) = await add_over(tmp_path, livekit, 1, since=-1)
    assert await ids(api) == [first]


async def posters(api: Api, by: str | None) -> list[str | None]:
    answer = good(await api.get("/api/live/replays", by))
    return [one["thumbnailUrl"] for one in answer["items"]]


async def test_a_poster_is_linked_to_for_those_who_may_watch_the_replay(
    new_api: NewApi, tmp_path: Path, livekit: LiveKit
) -> None:
    api = await new_api(LIVECTL_PUBLIC_BROWSE="true")
    over = await add_over(tmp_path, livekit, 3, vod=VOD)
    await block(api, over[0], "alice", "mallory")
    good(await api.post("/api/moderation", "alice", json={**BLOCK_TROLL, "ownerId": "alice"}))
    for by, seen in (
        ("bob", [True, True, True]),
        (None, [True, True, True]),
        ("alice", [True, True, True]),
        ("mallory", [True, True, False]),
        ("troll", [False, False, False]),
        (ROOT, [True, True, True]),
    ):
        assert [one is not None for one in await posters(api, by)] == seen, by
        answers = [await api.get(f"/api/live/{id_}/vod", by) for id_ in reversed(over)]
        assert [one.status_code == 200 for one in answers] == seen, by


@pytest.mark.parametrize(
    ("named", "link"),
    [
        (None, None),
        (7, None),
        ("", None),
        ("https://cdn.example/a.jpg", "https://cdn.example/a.jpg"),
    ],
)
async def test_a_poster_is_as_older_versions_named_it_or_null(
    api: Api, tmp_path: Path, livekit: LiveKit, named: Any, link: str | None
) -> None:
    await add_over(tmp_path, livekit, 1, vod={"status": "available", "thumbnailUrl": named})
    assert await posters(api, "bob") == [link]


async def test_the_row_is_of_24_at_most(api: Api) -> None:
    answer = await api.get("/api/live/replays", "bob", params={"limit": 25})
    assert wrong_fields(answer) == ["limit"]
