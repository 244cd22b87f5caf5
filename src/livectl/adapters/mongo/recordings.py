"""Recordings with their VOD, in MongoDB.

A change that comes with an event leaves the event in the recording's outbox. What the document of
the stream is to show of it is brought there before that is told, by whoever tells it: so a crash
in between leaves both to whoever comes next.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from livectl.adapters.mongo.connection import RECORDINGS, Document, call
from livectl.adapters.mongo.documents import OUTBOX_AT, whole_document
from livectl.adapters.mongo.log import IN_FORCE
from livectl.adapters.mongo.revised import RevisedPart
from livectl.domain.event import Event
from livectl.domain.recording import Recording, parts_after
from livectl.errors import Conflict
from livectl.ports.recordings import RecordingQuery

_FIELDS = {field.encode_name for field in msgspec.structs.fields(Recording)} - {"id"}
_NEWEST = [("requestedAt", -1), ("_id", -1)]
_WITH_VOD = {"vod": {"$ne": None}, "storage": {"$ne": None}}


class RecordingsPart(RevisedPart):
    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._before_telling[RECORDINGS] = self._show_recording

    @call
    async def add_recording(self, recording: Recording, event: Event) -> None:
        await self._add_revised(
            RECORDINGS, recording_document(recording), event, taken=_taken(recording)
        )

    @call
    async def recording(self, recording_id: str) -> Recording | None:
        return await self._newest_recording({"_id": recording_id})

    @call
    async def recordings(self, query: RecordingQuery) -> list[Recording]:
        wanted = {"$and": [IN_FORCE, *_conditions(query)]}
        found = self._in(RECORDINGS).find(wanted).sort(_NEWEST).limit(query.limit)
        return [recording_of(raw) async for raw in found]

    @call
    async def save_recording(self, recording: Recording, event: Event | None) -> Recording | None:
        saved = msgspec.structs.replace(recording, rev=recording.rev + 1)
        changed = await self._save_revised(
            RECORDINGS, recording_document(saved), event, names=_FIELDS, taken=_taken(recording)
        )
        return saved if changed else None

    @call
    async def remove_recording(self, recording: Recording, event: Event) -> bool:
        return await self._remove_revised(RECORDINGS, recording.id, recording.rev, event)

    async def _show_recording(self, recording_id: str) -> None:
        """Let its stream show what it is to show after a change of a recording."""
        raw = await self._in(RECORDINGS).find_one({"_id": recording_id})
        if raw is None or OUTBOX_AT not in raw:
            return  # whoever told of the change has seen to this before
        changed = recording_of(raw)
        of_stream = {"streamId": changed.stream_id}

        async def parts_of(document: Document) -> Document:
            newest = await self._newest_recording(of_stream)
            replayed = await self._newest_recording({**of_stream, **_WITH_VOD})
            return parts_after(document, changed, newest, replayed)

        await self._show_parts(changed.stream_id, raw[OUTBOX_AT], parts_of)

    async def _newest_recording(self, which: Document) -> Recording | None:
        raw = await self._in(RECORDINGS).find_one({**IN_FORCE, **which}, sort=_NEWEST)
        return recording_of(raw) if raw else None


def recording_of(raw: Document) -> Recording:
    return msgspec.convert({**raw, "id": raw["_id"]}, Recording)


def recording_document(recording: Recording) -> Document:
    fields = whole_document(recording)
    return {"_id": fields.pop("id"), **fields, "slot": recording.slot}


def _taken(recording: Recording) -> Conflict:
    return Conflict(
        f"There is a recording {recording.id} already, or one of stream {recording.stream_id} that"
        " runs."
    )


def _conditions(query: RecordingQuery) -> Iterable[Document]:
    if query.stream_id is not None:
        yield {"streamId": query.stream_id}
    if query.owner_id is not None:
        yield {"ownerId": query.owner_id}
    if query.states:
        yield {"state": {"$in": list(query.states)}}
    if query.vod_statuses:
        yield {"vod.status": {"$in": list(query.vod_statuses)}}
    if query.has_vod is not None:
        yield {"vod": {"$ne": None} if query.has_vod else None}
    if query.deleting is not None:
        yield {"vod.deleting": True if query.deleting else {"$ne": True}}
    if query.ref is not None:
        # "g" follows the last hex digit: the range holds just the ids that start so.
        yield {"_id": {"$gte": query.ref, "$lt": query.ref + "g"}}
    if query.egress_id is not None:
        yield {"egressId": query.egress_id}
    if query.paths:
        either = {"$in": list(query.paths)}
        yield {"$or": [{"path": either}, {"storage.path": either}]}
    if query.since is not None:
        yield {"requestedAt": {"$gte": query.since}}
    if query.until is not None:
        yield {"requestedAt": {"$lt": query.until}}
    if query.before is not None:
        at, id_ = query.before
        yield {"$or": [{"requestedAt": {"$lt": at}}, {"requestedAt": at, "_id": {"$lt": id_}}]}
