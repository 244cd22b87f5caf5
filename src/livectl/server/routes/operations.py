"""What operators ask of the server as a whole: reconcile, events, tokens, doctor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import StreamingResponse

from livectl.domain.event import Event
from livectl.errors import Unavailable
from livectl.ports import EventQuery
from livectl.server.auth import Allow, clean_user_id
from livectl.server.http import At, Body, Call, Route, object_id
from livectl.services.doctor import Finding
from livectl.services.reconcile import Report


class ReconcileQuery(Body):
    dry_run: bool = False


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


class IssueToken(Body):
    user_id: str
    administrator: bool = False
    ttl_seconds: Annotated[int, Meta(ge=1, le=366 * 86_400)] = 3600


class IssuedToken(Body):
    token: str
    user_id: str
    administrator: bool
    expires_at: datetime


class Findings(Body):
    checks: list[Finding]


async def reconcile(call: Call, query: ReconcileQuery) -> Report:
    return await call.context.reconcile.run(dry_run=query.dry_run, by=call.caller.name)


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


async def issue_token(call: Call, body: IssueToken) -> IssuedToken:
    user_id = clean_user_id(body.user_id)
    token = call.context.sign_user_token(user_id, body.administrator, body.ttl_seconds)
    return IssuedToken(
        token=token,
        user_id=user_id,
        administrator=body.administrator,
        expires_at=call.context.clock.now() + timedelta(seconds=body.ttl_seconds),
    )


async def doctor(call: Call) -> Findings:
    return Findings(checks=await call.context.doctor.examine())


routes = [
    Route(
        "POST",
        "/api/reconcile",
        reconcile,
        Allow.ADMINISTRATOR,
        "Compare the store with LiveKit, and mend what differs",
        errors=(Unavailable,),
    ),
    Route("GET", "/api/events", events, Allow.ADMINISTRATOR, "The event log, once or as it grows"),
    Route("POST", "/api/tokens", issue_token, Allow.ADMINISTRATOR, "A bearer token for a user"),
    Route("GET", "/api/doctor", doctor, Allow.ADMINISTRATOR, "Is everything in order?"),
]
