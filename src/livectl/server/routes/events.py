"""The event log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import StreamingResponse

from livectl.domain.event import Event
from livectl.ports.store import EventQuery
from livectl.server.auth import Allow
from livectl.server.http import At, Body, Call, Route, object_id


class ReadEvents(Body):
    """From after a place in the log; `follow` keeps the answer open, one event a line."""

    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    stream: str | None = None
    type: str | None = None
    since: At | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    follow: bool = False


class EventPage(Body):
    items: list[Event]
    last: int


async def events(call: Call, query: ReadEvents) -> EventPage | StreamingResponse:
    wanted = EventQuery(
        after=query.after,
        stream_id=None if query.stream is None else object_id(query.stream, "stream"),
        type=query.type,
        since=query.since,
        limit=query.limit,
    )
    if query.follow:
        lines = _lines(call.context.events.follow(wanted))
        return StreamingResponse(lines, media_type="application/x-ndjson")
    page, last = await call.context.events.read(wanted)
    return EventPage(items=page, last=last)


async def _lines(found: AsyncIterator[Event | None]) -> AsyncIterator[bytes]:
    async for one in found:
        yield b"\n" if one is None else msgspec.json.encode(one) + b"\n"


routes = [
    Route("GET", "/api/events", events, Allow.ADMINISTRATOR, "The event log, once or as it grows"),
]
