"""What is over and can be watched again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from livectl.domain.stream import Stream
from livectl.ports.streams import StreamQuery
from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route

REPLAYS_MAX = 24
# A row of the latest, not an archive: they are looked for among so many streams.
_AMONG = 200


class ReplaysQuery(Body):
    limit: Annotated[int, Meta(ge=1, le=REPLAYS_MAX)] = 12


class PastStream(Body):
    """`duration` in seconds, where it is known."""

    stream_id: str
    owner_id: str
    title: str
    cover_url: str | None
    tags: list[str]
    started_at: datetime
    duration: float | None


class Replays(Body):
    items: list[PastStream]


async def latest(call: Call, query: ReplaysQuery) -> Replays:
    over = await call.context.streams.find(StreamQuery(live=False, limit=_AMONG))
    found = [one for one in over if one.enable_replay and one.vod_status == "available"]
    return Replays(items=[_replay(stream) for stream in found[: query.limit]])


def _replay(stream: Stream) -> PastStream:
    duration = (stream.vod or {}).get("duration")
    return PastStream(
        stream_id=stream.id,
        owner_id=stream.owner_id,
        title=stream.title,
        cover_url=stream.cover_url,
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
