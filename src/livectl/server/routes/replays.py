"""What is over and can be watched again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from livectl.domain.stream import Stream
from livectl.ports.streams import StreamQuery
from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route

REPLAYS_MAX = 24


class ReplaysQuery(Body):
    limit: Annotated[int, Meta(ge=1, le=REPLAYS_MAX)] = 12


class PastStream(Body):
    """`duration` in seconds, where it is known. `thumbnail_url` is the poster of the replay, null
    where there is none and for those who may not watch it."""

    stream_id: str
    owner_id: str
    title: str
    cover_url: str | None
    thumbnail_url: str | None
    tags: list[str]
    started_at: datetime
    duration: float | None


class Replays(Body):
    items: list[PastStream]


async def latest(call: Call, query: ReplaysQuery) -> Replays:
    found = await call.context.streams.find(
        StreamQuery(live=False, with_replay=True, limit=query.limit)
    )
    watchable = await _watchable(call, found)
    return Replays(items=[_replay(call, one, may_watch=one.id in watchable) for one in found])


async def _watchable(call: Call, streams: Sequence[Stream]) -> set[str]:
    """The ids of those whose replay the caller would get."""
    if call.caller.is_administrator:
        return {stream.id for stream in streams}
    return await call.context.moderation.watchable(streams, call.caller.user_id, call.address)


def _replay(call: Call, stream: Stream, *, may_watch: bool) -> PastStream:
    duration = (stream.vod or {}).get("duration")
    return PastStream(
        stream_id=stream.id,
        owner_id=stream.owner_id,
        title=stream.title,
        cover_url=stream.cover_url,
        thumbnail_url=call.context.replays.poster(stream, call.base) if may_watch else None,
        tags=stream.tags,
        started_at=stream.started_at,
        duration=float(duration) if isinstance(duration, int | float) else None,
    )


routes = [
    Route(
        "GET",
        "/api/live/replays",
        latest,
        Allow.BROWSE,
        "The latest streams that can be watched again, newest first",
    ),
]
