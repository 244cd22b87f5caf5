"""Recordings: begun and ended by their stream's owner, seen to by administrators."""

from __future__ import annotations

from datetime import datetime

from livectl.domain.recording import Format, Layout, RecorderKind, Recording, State, Storage
from livectl.domain.stream import Stream
from livectl.errors import BadInput, Conflict, NotFound, NotReady, Unavailable
from livectl.ports.recordings import RecordingQuery
from livectl.server.auth import Allow
from livectl.server.http import At, Body, Call, Done, Route, object_id
from livectl.server.paging import Page, PageQuery, read_cursor
from livectl.services.recording_watch import Settled

# A client gives one call half a minute.
_WAITED_S = 20.0


class Begun(Body):
    """`egressId` is the name it goes by at its recorder, `recordingId` the one it has here."""

    egress_id: str
    recording_id: str


class RecordingView(Body):
    """`status` is what the stream shows, as old clients know it; `state` says more exactly how far
    it is. `hint` is what to do about `error`; `retryAt` when its file is sent again; `cutShort` why
    the film ends before it should."""

    recording_id: str
    stream_id: str
    owner_id: str
    room_name: str
    state: State
    recorder: RecorderKind
    layout: Layout
    format: Format
    egress_id: str | None
    path: str
    by: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    completed_at: datetime | None
    seen_at: datetime | None
    size: int
    duration: float | None
    stop_asked: bool
    cut_short: str | None
    error: str | None
    hint: str | None
    host: str | None
    restarts: int
    tries: int
    retry_at: datetime | None
    storage: Storage | None
    vod_status: str
    updated_at: datetime


class FindRecordings(PageQuery):
    """`ref` is the start of an id; `since` and `until` are about when it was asked for."""

    stream: str | None = None
    owner: str | None = None
    state: State | None = None
    ref: str | None = None
    since: At | None = None
    until: At | None = None


class RecordingPage(Page[RecordingView]):
    pass


class Sync(Body):
    dry_run: bool = False


class SyncReport(Body):
    dry_run: bool
    items: list[Settled]


async def start(call: Call) -> Begun:
    return await _start(call, call.stream)


async def start_for(call: Call) -> Begun:
    return await _start(call, await call.context.streams.get(call.stream_id))


async def _start(call: Call, stream: Stream) -> Begun:
    begun = await call.context.recordings.start(
        stream, by=call.caller.name, request_id=call.request_id
    )
    return Begun(egress_id=begun.egress_id or "", recording_id=begun.id)


async def stop(call: Call) -> Done:
    return await _stop(call, call.stream)


async def stop_for(call: Call) -> Done:
    return await _stop(call, await call.context.streams.get(call.stream_id))


async def _stop(call: Call, stream: Stream) -> Done:
    await call.context.recordings.stop(stream, by=call.caller.name, request_id=call.request_id)
    return Done()


async def find(call: Call, query: FindRecordings) -> RecordingPage:
    found = await call.context.recordings.find(
        RecordingQuery(
            stream_id=query.stream,
            owner_id=query.owner,
            states=(query.state,) if query.state else (),
            ref=query.ref,
            since=query.since,
            until=query.until,
            before=read_cursor(query.cursor),
            limit=query.limit + 1,
        )
    )
    return RecordingPage.of(found, query.limit, at=lambda one: one.requested_at, view=_view)


async def show(call: Call) -> RecordingView:
    return _view(await _named(call))


async def retry(call: Call) -> RecordingView:
    tried = await call.context.recording_watch.retry(
        await _named(call), by=call.caller.name, within_s=_WAITED_S
    )
    return _view(tried)


async def sync(call: Call, body: Sync) -> SyncReport:
    settled = await call.context.recording_watch.sync(
        dry_run=body.dry_run, by=call.caller.name, within_s=_WAITED_S
    )
    return SyncReport(dry_run=body.dry_run, items=settled)


async def _named(call: Call) -> Recording:
    return await call.context.recordings.get(object_id(call.request.path_params["id"]))


def _view(recording: Recording) -> RecordingView:
    return RecordingView(
        recording_id=recording.id,
        stream_id=recording.stream_id,
        owner_id=recording.owner_id,
        room_name=recording.room_name,
        state=recording.state,
        recorder=recording.recorder,
        layout=recording.layout,
        format=recording.format,
        egress_id=recording.egress_id,
        path=recording.path,
        by=recording.by,
        requested_at=recording.requested_at,
        started_at=recording.started_at,
        ended_at=recording.ended_at,
        completed_at=recording.completed_at,
        seen_at=recording.seen_at,
        size=recording.size,
        duration=recording.duration,
        stop_asked=recording.stop_asked,
        cut_short=recording.cut_short,
        error=recording.error,
        hint=recording.hint,
        host=recording.spool_host,
        restarts=recording.restarts,
        tries=recording.tries,
        retry_at=recording.retry_at,
        storage=recording.storage,
        vod_status=recording.vod.status if recording.vod else "none",
        updated_at=recording.updated_at,
    )


_BEGINNING = (BadInput, NotFound, Conflict, NotReady, Unavailable)
routes = [
    Route(
        "POST",
        "/api/live/{id}/recording/start",
        start,
        Allow.OWNER,
        "Record one's own stream",
        errors=_BEGINNING,
    ),
    Route(
        "POST",
        "/api/live/{id}/recording/stop",
        stop,
        Allow.OWNER,
        "End the recording of one's own stream",
        errors=(BadInput, NotFound),
    ),
    Route(
        "POST",
        "/api/streams/{id}/recording/start",
        start_for,
        Allow.ADMINISTRATOR,
        "Record a stream",
        errors=_BEGINNING,
    ),
    Route(
        "POST",
        "/api/streams/{id}/recording/stop",
        stop_for,
        Allow.ADMINISTRATOR,
        "End the recording of a stream",
        errors=(BadInput, NotFound),
    ),
    Route("GET", "/api/recordings", find, Allow.ADMINISTRATOR, "Find recordings, newest first"),
    Route(
        "POST",
        "/api/recordings/sync",
        sync,
        Allow.ADMINISTRATOR,
        "Settle unfinished recordings with what recorder, room and bucket say",
        errors=(Unavailable,),
    ),
    Route(
        "GET",
        "/api/recordings/{id}",
        show,
        Allow.ADMINISTRATOR,
        "One recording",
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/api/recordings/{id}/retry",
        retry,
        Allow.ADMINISTRATOR,
        "Look again for the file of a recording that failed or waits, and send it",
        errors=(NotFound, Unavailable),
    ),
]
