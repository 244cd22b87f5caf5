"""VODs: the replay that apps play, and all of them as administrators keep them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta
from starlette.responses import Response

from livectl.domain.recording import Format, Hold, Recording, VodStatus
from livectl.domain.vod import is_archived, size_of
from livectl.errors import BadInput, Blocked, Conflict, Forbidden, NotFound, Unavailable
from livectl.ports.recordings import RecordingQuery
from livectl.server.auth import Allow
from livectl.server.http import At, Body, Call, Done, Route, object_id
from livectl.server.paging import Page, PageQuery, read_cursor
from livectl.services.replays import Replay
from livectl.services.vods import statuses

# The link itself is the permission, so that pages of any origin may play it.
_OPEN = {"Access-Control-Allow-Origin": "*", "Cache-Control": "private, no-store"}


class ReplayOf(Body):
    vod: Replay


class FindVods(PageQuery):
    """`ref` is the start of an id; `since` and `until` are about when the recording was asked
    for."""

    owner: str | None = None
    stream: Annotated[str, Meta(pattern="^[0-9a-f]{24}$")] | None = None
    status: VodStatus | None = None
    hold: bool | None = None
    since: At | None = None
    until: At | None = None
    ref: str | None = None


class VodView(Body):
    """`archived` while nothing of it can be read where it lies: `storageClass`, which is null while
    that is the one that it was sent to."""

    vod_id: str
    stream_id: str
    owner_id: str
    status: VodStatus
    error: str | None
    format: Format
    duration: float | None
    size: int
    width: int | None
    height: int | None
    video_codec: str | None
    audio_codec: str | None
    storage: str
    bucket: str | None
    path: str
    sha256: str | None
    poster: str | None
    sprite: str | None
    thumbnails: str | None
    recorded_at: datetime
    uploaded_at: datetime | None
    hold: Hold | None
    deleting: bool
    storage_class: str | None
    archived: bool


class VodPage(Page[VodView]):
    pass


class LinkQuery(Body):
    """With `download` it makes browsers save the file."""

    download: bool = False


class LinkView(Body):
    """`expires_at` is null for what is open to everyone."""

    vod_id: str
    url: str
    expires_at: datetime | None
    size: int
    sha256: str | None


class HoldVod(Body):
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class ArchiveVod(Body):
    storage_class: Annotated[str, Meta(min_length=1, max_length=64)]


class Signed(Body):
    """The two that a link of this server ends with; `expires` in seconds since 1970."""

    expires: int = 0
    signature: str = ""


async def replay(call: Call) -> ReplayOf:
    stream = await call.context.streams.get(call.stream_id)
    if not call.caller.is_administrator:
        await call.context.moderation.check_watcher(stream, call.caller.user_id, call.address)
    return ReplayOf(vod=await call.context.replays.of_stream(stream, call.base))


async def find(call: Call, query: FindVods) -> VodPage:
    found = await call.context.vods.find(
        RecordingQuery(
            owner_id=query.owner,
            stream_id=query.stream,
            vod_statuses=statuses(query.status),
            since=query.since,
            until=query.until,
            ref=query.ref,
            before=read_cursor(query.cursor),
            limit=query.limit + 1,
        ),
        on_hold=query.hold,
    )
    return VodPage.of(found, query.limit, at=lambda one: one.requested_at, view=_view)


async def show(call: Call) -> VodView:
    return _view(await call.context.vods.get(_vod_id(call)))


async def link(call: Call, query: LinkQuery) -> LinkView:
    recording = await call.context.vods.get(_vod_id(call))
    made = call.context.replays.link(recording, call.base, download=query.download)
    return LinkView(
        vod_id=recording.id,
        url=made.url,
        expires_at=made.expires_at,
        size=size_of(recording),
        sha256=recording.storage.sha256 if recording.storage else None,
    )


async def remake_pictures(call: Call) -> VodView:
    return _view(await call.context.vods.remake_pictures(_vod_id(call), by=call.caller))


async def hold(call: Call, body: HoldVod) -> VodView:
    held = await call.context.vods.hold(
        _vod_id(call), reason=body.reason, by=call.caller, request_id=call.request_id
    )
    return _view(held)


async def let_go(call: Call) -> VodView:
    free = await call.context.vods.let_go(_vod_id(call), by=call.caller, request_id=call.request_id)
    return _view(free)


async def archive(call: Call, body: ArchiveVod) -> VodView:
    archived = await call.context.vods.archive(
        _vod_id(call), body.storage_class, by=call.caller, request_id=call.request_id
    )
    return _view(archived)


async def delete(call: Call) -> Done:
    await call.context.vods.delete(_vod_id(call), by=call.caller, request_id=call.request_id)
    return Done()


async def playlist(call: Call, query: Signed) -> Response:
    text = await call.context.replays.playlist(
        _vod_id(call), expires=query.expires, signature=query.signature, base=call.base
    )
    return Response(text, headers=_OPEN, media_type="application/vnd.apple.mpegurl")


async def thumbnails(call: Call, query: Signed) -> Response:
    text = await call.context.replays.thumbnails(
        _vod_id(call), expires=query.expires, signature=query.signature, base=call.base
    )
    return Response(text, headers=_OPEN, media_type="text/vtt")


def _vod_id(call: Call) -> str:
    return object_id(call.request.path_params["id"])


def _view(recording: Recording) -> VodView:
    vod, storage = recording.vod, recording.storage
    assert vod is not None, "only such are found"  # noqa: S101
    return VodView(
        vod_id=recording.id,
        stream_id=recording.stream_id,
        owner_id=recording.owner_id,
        status=vod.status,
        error=vod.error,
        format=recording.format,
        duration=vod.duration,
        size=size_of(recording),
        width=vod.width,
        height=vod.height,
        video_codec=vod.video_codec,
        audio_codec=vod.audio_codec,
        storage=storage.type if storage else "none",
        bucket=storage.bucket if storage else None,
        path=storage.path if storage else recording.path,
        sha256=storage.sha256 if storage else None,
        poster=vod.poster,
        sprite=vod.sprite,
        thumbnails=vod.thumbnails,
        recorded_at=recording.requested_at,
        uploaded_at=vod.uploaded_at,
        hold=vod.hold,
        deleting=vod.deleting,
        storage_class=vod.storage_class,
        archived=is_archived(vod),
    )


routes = [
    Route(
        "GET",
        "/api/live/{id}/vod",
        replay,
        Allow.BROWSE,
        "The replay of a stream, with links that are good for some hours",
        errors=(NotFound, Blocked),
    ),
    Route("GET", "/api/vods", find, Allow.ADMINISTRATOR, "Find VODs, newest first"),
    Route(
        "GET",
        "/api/vods/{id}",
        show,
        Allow.ADMINISTRATOR,
        "One VOD",
        errors=(BadInput, NotFound),
    ),
    Route(
        "GET",
        "/api/vods/{id}/link",
        link,
        Allow.ADMINISTRATOR,
        "A link to the media itself",
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/api/vods/{id}/thumbnails",
        remake_pictures,
        Allow.ADMINISTRATOR,
        "Make poster, sprite and thumbnails anew",
        errors=(BadInput, NotFound, Unavailable),
    ),
    Route(
        "POST",
        "/api/vods/{id}/hold",
        hold,
        Allow.ADMINISTRATOR,
        "Let nothing delete a VOD",
        errors=(NotFound, Conflict),
    ),
    Route(
        "DELETE",
        "/api/vods/{id}/hold",
        let_go,
        Allow.ADMINISTRATOR,
        "Let go of a VOD that is on hold",
        errors=(BadInput, NotFound),
    ),
    Route(
        "POST",
        "/api/vods/{id}/archive",
        archive,
        Allow.ADMINISTRATOR,
        "Move a VOD to another storage class",
        errors=(NotFound, Conflict, Unavailable),
    ),
    Route(
        "DELETE",
        "/api/vods/{id}",
        delete,
        Allow.ADMINISTRATOR,
        "Delete a VOD with all that was made of it, or nothing",
        errors=(BadInput, NotFound, Conflict, Unavailable),
    ),
    Route(
        "GET",
        "/api/vods/{id}/hls/index.m3u8",
        playlist,
        Allow.EVERYONE,
        "The playlist behind a link, its segments linked as well",
        errors=(Forbidden, NotFound),
    ),
    Route(
        "GET",
        "/api/vods/{id}/thumbnails.vtt",
        thumbnails,
        Allow.EVERYONE,
        "The thumbnails behind a link, their sprite linked as well",
        errors=(Forbidden, NotFound),
    ),
]
