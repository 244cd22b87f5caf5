"""What the apps call: going live, the list of live streams, watching, reporting, ending."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from livectl.domain.stream import Stream
from livectl.domain.teardown import STEPS, Step, holds
from livectl.errors import (
    Banned,
    Blocked,
    Conflict,
    FeatureDisabled,
    NotFound,
    Unavailable,
)
from livectl.ports.streams import StreamQuery
from livectl.server.auth import Allow, clean_user_id
from livectl.server.http import Body, Call, Done, Route
from livectl.server.paging import Page, read_cursor
from livectl.services.streams import StartWish

ACTIVE_MAX = 100


CoverUrl = Annotated[
    str, Meta(pattern=r"^https?://[^\s/]", max_length=2048, description="an http(s) URL")
]
Reason = Annotated[str, Meta(max_length=500)]


class Start(Body):
    title: Annotated[str, Meta(description="cut to 120 characters")] | None = None
    tags: Annotated[list[str], Meta(description="the first 10 are kept")] | None = None
    cover_url: CoverUrl | None = None
    enable_recording: bool | None = None
    enable_replay: bool | None = None
    auto_record: Annotated[bool, Meta(description="by itself, when the host is on air")] | None = (
        None
    )

    def wish(self) -> StartWish:
        return StartWish(
            title=printable(self.title or ""),
            tags=[tag for one in self.tags or [] if (tag := printable(one))],
            cover_url=self.cover_url,
            enable_recording=self.enable_recording is not False,
            enable_replay=self.enable_replay is not False,
            auto_record=self.auto_record,
        )


class StartDefaults(Body):
    """What a start comes to that does not say: `auto_record` is its own. `records` is false where
    this server records nothing."""

    records: bool
    auto_record: bool


class Started(Body):
    stream_id: str
    room_name: str
    token: str
    url: str


class Stop(Body):
    stream_id: str


class Stopped(Done, kw_only=True):
    """`held` is false while LiveKit could not be told: the server goes on trying."""

    held: bool = True


class ActiveQuery(Body):
    limit: Annotated[int, Meta(ge=1, le=ACTIVE_MAX)] = ACTIVE_MAX
    cursor: str | None = None
    tag: str | None = None
    owner: str | None = None
    q: Annotated[str, Meta(max_length=120, description="part of the title")] | None = None


class ActiveStream(Body):
    stream_id: str
    owner_id: str
    room_name: str
    title: str
    cover_url: str | None
    tags: list[str]
    viewers: int
    peak_viewers: int
    total_gifts: int
    started_at: datetime


class Active(Page[ActiveStream]):
    pass


class Watching(Body):
    room_name: str
    token: str
    url: str
    title: str
    cover_url: str | None


class About(Body):
    stream_id: str
    owner_id: str
    title: str
    cover_url: str | None
    tags: list[str]
    is_live: bool
    enable_replay: bool
    started_at: datetime


class Status(Body):
    stream_id: str
    is_live: bool
    viewers: int
    peak_viewers: int
    total_gifts: int
    recording_status: str
    vod_status: str
    started_at: datetime
    ended_at: datetime | None


class End(Body):
    reason: Reason | None = None
    ban_seconds: Annotated[int, Meta(ge=1, le=10 * 366 * 86_400)] | None = None


class EndQuery(Body):
    dry_run: bool = False


class Ended(Done, kw_only=True):
    """`held` is false where LiveKit failed a step: the end is stored, and will be enforced."""

    dry_run: bool
    stream_id: str
    room_name: str
    owner_id: str
    title: str
    was_live: bool
    held: bool
    steps: list[Step]


class FileReport(Body):
    type: Annotated[str, Meta(min_length=1, max_length=64)]
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    description: Annotated[str, Meta(max_length=5000)] | None = None
    evidence: list[Annotated[str, Meta(max_length=2048)]] | str | None = None


class Reported(Done, kw_only=True):
    report_id: str
    message: str


def printable(text: str) -> str:
    """Without control characters and outer blanks."""
    return "".join(char for char in text if char.isprintable()).strip()


async def start_defaults(call: Call) -> StartDefaults:
    recordings = call.context.recordings
    return StartDefaults(records=recordings.can_record, auto_record=recordings.auto)


async def start(call: Call, body: Start) -> Started:
    return await start_for(call, call.caller.user_id, body)


async def start_for(call: Call, owner_id: str, body: Start) -> Started:
    key = call.request.headers.get("idempotency-key")
    stream, token = await call.context.streams.start(
        clean_user_id(owner_id, "ownerId"),
        body.wish(),
        by=call.caller,
        key=key[:200] if key else None,
        request_id=call.request_id,
    )
    return _started(call, stream, token)


async def token(call: Call) -> Started:
    return _started(call, call.stream, call.context.streams.host_token(call.stream))


def _started(call: Call, stream: Stream, token: str) -> Started:
    return Started(
        stream_id=stream.id,
        room_name=stream.room_name,
        token=token,
        url=call.context.public_url,
    )


async def stop(call: Call, body: Stop) -> Stopped:
    steps = await call.context.streams.end(
        call.stream, reason="stopped", by=call.caller, request_id=call.request_id
    )
    return Stopped(held=holds(steps))


async def active(call: Call, query: ActiveQuery) -> Active | Response:
    async def make() -> tuple[bytes, str]:
        body = msgspec.json.encode(await _active(call, query))
        return body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'

    body, etag = await call.context.active_rounds.ask(msgspec.structs.astuple(query), make)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in call.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


async def _active(call: Call, query: ActiveQuery) -> Active:
    found = await call.context.streams.find(
        StreamQuery(
            live=True,
            tag=query.tag,
            owner_id=query.owner,
            title=query.q,
            before=read_cursor(query.cursor),
            limit=query.limit + 1,
        )
    )
    return Active.of(found, query.limit, at=lambda one: one.started_at, view=_active_stream)


def _active_stream(stream: Stream) -> ActiveStream:
    return ActiveStream(
        stream_id=stream.id,
        owner_id=stream.owner_id,
        room_name=stream.room_name,
        title=stream.title,
        cover_url=stream.cover_url,
        tags=stream.tags,
        viewers=stream.viewers,
        peak_viewers=stream.peak_viewers,
        total_gifts=stream.total_gifts,
        started_at=stream.started_at,
    )


async def watch(call: Call) -> Watching:
    # An operator at the shell has no user id of the product, and shows up under the name.
    user = call.caller.user_id or call.caller.name
    stream, token = await call.context.streams.watch(call.stream_id, user, call.address)
    return Watching(
        room_name=stream.room_name,
        token=token,
        url=call.context.public_url,
        title=stream.title,
        cover_url=stream.cover_url,
    )


async def about(call: Call) -> About:
    stream = await call.context.streams.get(call.stream_id)
    return About(
        stream_id=stream.id,
        owner_id=stream.owner_id,
        title=stream.title,
        cover_url=stream.cover_url,
        tags=stream.tags,
        is_live=stream.is_live,
        enable_replay=stream.enable_replay,
        started_at=stream.started_at,
    )


async def status(call: Call) -> Status:
    stream = await call.context.streams.get(call.stream_id)
    return Status(
        stream_id=stream.id,
        is_live=stream.is_live,
        viewers=stream.viewers,
        peak_viewers=stream.peak_viewers,
        total_gifts=stream.total_gifts,
        recording_status=stream.recording_status,
        vod_status=stream.vod_status,
        started_at=stream.started_at,
        ended_at=stream.ended_at,
    )


async def end(call: Call, body: End, query: EndQuery) -> Ended:
    stream = await call.context.streams.get(call.stream_id)
    if query.dry_run:
        return await _plan_end(call, stream)
    if body.ban_seconds is not None:
        # First, so that the owner cannot go live again while this one is being ended.
        await call.context.streams.ban(
            stream.owner_id,
            seconds=body.ban_seconds,
            reason=body.reason,
            by=call.caller,
            request_id=call.request_id,
        )
    steps = await call.context.streams.end(
        stream, reason=body.reason or "ended", by=call.caller, request_id=call.request_id
    )
    return _ended(stream, steps, was_live=steps[0].result == "done", held=holds(steps))


async def _plan_end(call: Call, stream: Stream) -> Ended:
    here = await call.context.streams.plan_end(stream)
    found = {"room_deleted": f"{len(here)} in the room"}
    steps = [Step(step=name, result="planned", detail=found.get(name, "")) for name in STEPS]
    return _ended(stream, steps, was_live=stream.is_live, held=False, dry_run=True)


def _ended(
    stream: Stream,
    steps: list[Step],
    *,
    was_live: bool,
    held: bool,
    dry_run: bool = False,
) -> Ended:
    return Ended(
        dry_run=dry_run,
        stream_id=stream.id,
        room_name=stream.room_name,
        owner_id=stream.owner_id,
        title=stream.title,
        was_live=was_live,
        held=held,
        steps=steps,
    )


async def report(call: Call, body: FileReport) -> Reported:
    stream = await call.context.streams.get(call.stream_id)
    filed = await call.context.reports.file(
        stream.id,
        type_=body.type,
        reason=body.reason,
        description=body.description,
        evidence=[body.evidence] if isinstance(body.evidence, str) else body.evidence or [],
        by=call.caller,
        request_id=call.request_id,
    )
    return Reported(report_id=filed.id, message="Thank you. Our moderators will look at it.")


_LIVEKIT = (Unavailable,)
routes = [
    Route(
        "POST",
        "/api/live/start",
        start,
        Allow.USER,
        "Go live: a stream, its room, and the host's token (Idempotency-Key: safe to repeat)",
        errors=(FeatureDisabled, Banned, Conflict, *_LIVEKIT),
    ),
    Route(
        "GET",
        "/api/live/start",
        start_defaults,
        Allow.USER,
        "How a stream is recorded whose start does not say",
    ),
    Route("POST", "/api/live/stop", stop, Allow.OWNER, "End one's own stream", errors=(NotFound,)),
    Route(
        "POST",
        "/api/live/{id}/token",
        token,
        Allow.OWNER,
        "Go on with one's own live stream, from anywhere: a fresh host's token",
        errors=(NotFound,),
    ),
    Route("GET", "/api/live/active", active, Allow.BROWSE, "Streams that are live, newest first"),
    Route(
        "GET",
        "/api/live/{id}/watch",
        watch,
        Allow.USER,
        "A token to watch a live stream",
        errors=(NotFound, Blocked),
    ),
    Route(
        "GET",
        "/api/live/{id}/about",
        about,
        Allow.BROWSE,
        "What a stream is, live or over: its title, host, cover and tags",
        errors=(NotFound,),
    ),
    Route(
        "GET",
        "/api/live/{id}/status",
        status,
        Allow.BROWSE,
        "The numbers of a stream, live or over",
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/api/live/{id}/end",
        end,
        Allow.ADMINISTRATOR,
        "Kill a stream so that it stays dead, and see each step",
        errors=(NotFound, *_LIVEKIT),
    ),
    Route(
        "POST",
        "/api/live/{id}/report",
        report,
        Allow.USER,
        "Report a stream",
        errors=(NotFound,),
    ),
]
