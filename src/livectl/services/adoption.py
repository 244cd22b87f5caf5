"""Objects in the bucket that no recording knows become recordings of their streams."""

from __future__ import annotations

import hashlib

import msgspec

from livectl.domain.event import event
from livectl.domain.recording import Recording, Storage
from livectl.domain.stream import Stream
from livectl.domain.vod import named_in, recording_id_in
from livectl.errors import Conflict
from livectl.ports.clock import Clock
from livectl.ports.objects import Objects, StoredObject
from livectl.ports.store import Store


class Adoption:
    def __init__(self, store: Store, objects: Objects, clock: Clock) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock

    async def stream_named_in(self, path: str) -> Stream | None:
        """The stream whose id, or whose room, is in a path."""
        ids, rooms = named_in(path)
        for id_ in ids:
            if (stream := await self._store.stream(id_)) is not None:
                return stream
        for room in rooms:
            if (stream := await self._store.stream_in_room(room)) is not None:
                return stream
        return None

    async def adopt(
        self, stream: Stream, storage: Storage, stored: StoredObject, *, by: str
    ) -> Recording | None:
        """The recording that it is from now on. None where it has been deleted meanwhile, or
        somebody else was quicker. Raises Unavailable."""
        if await self._objects.head(storage.path) is None:
            return None
        id_ = await self._free_id(storage.path)
        recording = self._recording(id_, stream, storage, stored, by)
        found = event(
            "recording.found",
            recording.updated_at,
            by,
            stream_id=stream.id,
            recording=recording.id,
            path=storage.path,
        )
        try:
            await self._store.add_recording(recording, found)
        except Conflict:
            return None
        return recording

    async def _free_id(self, path: str) -> str:
        """The same for the same path, so that an object is adopted once: the one in it, unless
        that is of a recording elsewhere, of which this is a copy."""
        named = recording_id_in(path)
        if named is not None and await self._store.recording(named) is None:
            return named
        return hashlib.sha256(path.encode()).hexdigest()[:24]

    def _recording(
        self, id_: str, stream: Stream, storage: Storage, stored: StoredObject, by: str
    ) -> Recording:
        now = self._clock.now()
        hls = storage.format == "hls"
        return Recording(
            id=id_,
            stream_id=stream.id,
            owner_id=stream.owner_id,
            room_name=stream.room_name,
            recorder="found",
            format="hls" if hls else "mp4",
            state="completed",
            path=storage.path,
            by=by,
            requested_at=stream.started_at,
            started_at=stream.started_at,
            ended_at=stream.ended_at,
            completed_at=stored.modified_at,
            size=stored.size,
            duration=storage.duration,
            storage=msgspec.structs.replace(
                storage,
                url=storage.url or self._objects.locator(storage.path),
                # What lies there is the truth, whatever an older version wrote.
                size=None if hls else stored.size,
            ),
            updated_at=now,
        )
