"""Streams as administrators see them: all of them, whole, with their history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from livectl.domain.stream import Stream
from livectl.errors import Banned, Conflict, FeatureDisabled, NotFound, Unavailable
from livectl.ports.streams import StreamQuery
from livectl.server.auth import Allow
from livectl.server.http import At, Body, Call, Route
from livectl.server.paging import Page, PageQuery, read_cursor
from livectl.server.routes.live import Start, Started, start_for
from livectl.server.routes.messages import PinnedMessage, pinned_view
from livectl.services.timeline import Moment


class FindStreams(PageQuery):
    """`ref` is the start of an id, or a room's name; `teardownOwed` finds those that have ended
    here, and not at LiveKit yet."""

    live: bool | None = None
    owner: str | None = None
    tag: str | None = None
    title: str | None = None
    since: At | None = None
    until: At | None = None
    ref: str | None = None
    teardown_owed: bool | None = None


class IngressView(Body):
    """An ingress without its key."""

    ingress_id: str | None
    rtmp_url: str | None
    enabled: bool


class StreamView(Body):
    stream_id: str
    owner_id: str
    room_name: str
    title: str
    cover_url: str | None
    is_live: bool
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    ended_by: str | None
    teardown_owed: bool
    viewers: int
    peak_viewers: int
    total_gifts: int
    tags: list[str]
    blocked_user_ids: list[str]
    pinned_messages: list[PinnedMessage]
    enable_recording: bool
    enable_replay: bool
    recording_status: str
    vod_status: str
    ingress: IngressView | None
    created_at: datetime
    updated_at: datetime


class StreamPage(Page[StreamView]):
    pass


class StartFor(Start, kw_only=True):
    owner_id: str


class Moments(Body):
    items: list[Moment]


async def find(call: Call, query: FindStreams) -> StreamPage:
    found = await call.context.streams.find(
        StreamQuery(
            live=query.live,
            owner_id=query.owner,
            tag=query.tag,
            title=query.title,
            since=query.since,
            until=query.until,
            ref=query.ref,
            teardown_owed=query.teardown_owed,
            before=read_cursor(query.cursor),
            limit=query.limit + 1,
        )
    )
    return StreamPage.of(found, query.limit, at=lambda one: one.started_at, view=_view)


async def show(call: Call) -> StreamView:
    return _view(await call.context.streams.get(call.stream_id))


async def start(call: Call, body: StartFor) -> Started:
    return await start_for(call, body.owner_id, body)


async def timeline(call: Call) -> Moments:
    stream = await call.context.streams.get(call.stream_id)
    return Moments(items=await call.context.timeline.of(stream))


def _view(stream: Stream) -> StreamView:
    return StreamView(
        stream_id=stream.id,
        owner_id=stream.owner_id,
        room_name=stream.room_name,
        title=stream.title,
        cover_url=stream.cover_url,
        is_live=stream.is_live,
        started_at=stream.started_at,
        ended_at=stream.ended_at,
        end_reason=stream.end_reason,
        ended_by=stream.ended_by,
        teardown_owed=stream.teardown_owed,
        viewers=stream.viewers,
        peak_viewers=stream.peak_viewers,
        total_gifts=stream.total_gifts,
        tags=stream.tags,
        blocked_user_ids=stream.blocked_user_ids,
        pinned_messages=[pinned_view(one) for one in stream.pinned_messages],
        enable_recording=stream.enable_recording,
        enable_replay=stream.enable_replay,
        recording_status=stream.recording_status,
        vod_status=stream.vod_status,
        ingress=_ingress(stream.ingress),
        created_at=stream.created_at,
        updated_at=stream.updated_at,
    )


def _ingress(kept: dict[str, Any] | None) -> IngressView | None:
    if not kept:
        return None
    return IngressView(
        ingress_id=kept.get("ingressId"),
        rtmp_url=kept.get("rtmpUrl"),
        enabled=kept.get("enabled") is True,
    )


routes = [
    Route("GET", "/api/streams", find, Allow.ADMINISTRATOR, "Find streams, newest first"),
    Route(
        "POST",
        "/api/streams",
        start,
        Allow.ADMINISTRATOR,
        "Start a stream for a user",
        errors=(FeatureDisabled, Banned, Conflict, Unavailable),
    ),
    Route("GET", "/api/streams/{id}", show, Allow.ADMINISTRATOR, "One stream", errors=(NotFound,)),
    Route(
        "GET",
        "/api/streams/{id}/timeline",
        timeline,
        Allow.ADMINISTRATOR,
        "Everything known of a stream, in order",
        errors=(NotFound,),
    ),
]
