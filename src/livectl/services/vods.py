"""VOD: made of finished recordings, held, and deleted whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from livectl.domain.event import Event, event
from livectl.domain.people import Caller
from livectl.domain.recording import Hold, Recording, Storage, Vod, VodStatus
from livectl.domain.vod import companions, poster_path, sprite_path, thumbnails_path
from livectl.errors import BadInput, Conflict, NotFound, NotReady, Unavailable
from livectl.ports.clock import Clock
from livectl.ports.objects import Objects
from livectl.ports.prober import Pictures, Prober
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import Store
from livectl.services.bucket import Seen, is_ours, look, segments_of

_PAGE = 500


class Vods:
    def __init__(self, store: Store, objects: Objects, prober: Prober, clock: Clock) -> None:
        self._store = store
        self._objects = objects
        self._prober = prober
        self._clock = clock

    async def publish(self, recording: Recording, *, by: str = "livectl") -> Recording:
        """Make the VOD of a completed recording, where its stream offers a replay: `available`, or
        `failed` with the reason; what is there already is completed. Safe to repeat and to race.

        Without the media extra nothing is read from the file, and a backfill where it is there
        completes the VOD. Raises Unavailable where the bucket or the store is away: nothing has
        changed then.
        """
        storage = await self._to_publish(recording)
        if storage is None:
            return recording
        seen = await look(self._objects, self._prober, storage)
        pictures = None
        if recording.vod is None or None in _made_of(recording.vod):
            with suppress(NotReady):
                seen, pictures = await self._pictures(storage.path, seen)
        if pictures is not None:
            await self._put(storage.path, pictures)
        return await self._settle(recording, seen, storage, pictures, by=by)

    async def _to_publish(self, recording: Recording) -> Storage | None:
        """Where it lies, if it should be a VOD."""
        storage = recording.storage
        if recording.state != "completed" or storage is None or not is_ours(self._objects, storage):
            return None
        if recording.vod is not None:
            return None if recording.vod.deleting else storage
        stream = await self._store.stream(recording.stream_id)
        return storage if stream is not None and stream.enable_replay else None

    async def _pictures(self, path: str, seen: Seen) -> tuple[Seen, Pictures | None]:
        if seen.problem is not None or seen.file is None:
            return seen, None
        sprite = sprite_path(path).rpartition("/")[2]
        try:
            return seen, await self._prober.pictures(seen.file, sprite)
        except BadInput as error:
            return msgspec.structs.replace(seen, problem=error.message), None

    async def _put(self, path: str, pictures: Pictures) -> None:
        """Beside the recording. What names the others comes last."""
        await self._objects.put(poster_path(path), pictures.poster, content_type="image/jpeg")
        await self._objects.put(sprite_path(path), pictures.sprite, content_type="image/jpeg")
        await self._objects.put(
            thumbnails_path(path), pictures.thumbnails.encode(), content_type="text/vtt"
        )

    async def _settle(
        self,
        recording: Recording,
        seen: Seen,
        storage: Storage,
        pictures: Pictures | None,
        *,
        by: str,
    ) -> Recording:
        """Write what was found, over what others may have written meanwhile."""
        while True:
            latest = await self._store.recording(recording.id)
            if latest is None or (latest.vod and latest.vod.deleting):
                if pictures is not None:  # whoever deletes it may have been there before them
                    await self._objects.delete(companions(storage.path))
                return recording
            vod = self._made(latest.vod, seen, storage, pictures)
            if vod == latest.vod:
                return latest
            told = self._event(f"vod.{vod.status}", latest, by, error=vod.error)
            changed = msgspec.structs.replace(latest, vod=vod, updated_at=told.at)
            if (saved := await self._store.save_recording(changed, told)) is not None:
                return saved

    def _made(
        self, known: Vod | None, seen: Seen, storage: Storage, pictures: Pictures | None
    ) -> Vod:
        before = known or Vod(status="uploading", format=storage.format)
        if seen.problem is not None:
            return msgspec.structs.replace(before, status="failed", error=seen.problem)
        path, facts = storage.path, seen.facts
        vod = msgspec.structs.replace(
            before,
            status="available",
            error=None,
            size=seen.size,
            storage_class=seen.storage_class,
            duration=before.duration or storage.duration,
            uploaded_at=before.uploaded_at or self._clock.now(),
        )
        if facts is not None:
            vod = msgspec.structs.replace(
                vod,
                duration=facts.duration,
                width=facts.width,
                height=facts.height,
                video_codec=facts.video_codec,
                audio_codec=facts.audio_codec,
            )
        if pictures is not None:
            vod = msgspec.structs.replace(
                vod,
                poster=poster_path(path),
                sprite=sprite_path(path),
                thumbnails=thumbnails_path(path),
            )
        return vod

    async def get(self, vod_id: str) -> Recording:
        """The recording, with its VOD. Raises NotFound."""
        recording = await self._store.recording(vod_id)
        if recording is None or recording.vod is None:
            raise NotFound("there is no such VOD")
        return recording

    async def find(self, query: RecordingQuery, *, on_hold: bool | None = None) -> list[Recording]:
        """Those with a VOD, newest first."""
        query = msgspec.structs.replace(query, has_vod=True)
        if on_hold is None:
            return await self._store.recordings(query)
        found: list[Recording] = []
        page = msgspec.structs.replace(query, limit=_PAGE)
        while recordings := await self._store.recordings(page):
            found += [one for one in recordings if is_held(one) is on_hold]
            if len(found) >= query.limit or len(recordings) < _PAGE:
                break
            last = recordings[-1]
            page = msgspec.structs.replace(page, before=(last.requested_at, last.id))
        return found[: query.limit]

    async def remake_pictures(self, vod_id: str, *, by: Caller) -> Recording:
        """Poster, sprite and thumbnails anew. Raises NotFound, BadInput (nothing can be decoded),
        NotReady (no media extra), Unavailable."""
        recording = await self.get(vod_id)
        storage = _storage(recording)
        seen = await look(self._objects, self._prober, storage)
        seen, pictures = await self._pictures(storage.path, seen)
        if pictures is None:
            raise BadInput(f"no pictures can be made of it: {seen.problem}")
        await self._put(storage.path, pictures)
        return await self._settle(recording, seen, storage, pictures, by=by.name)

    async def hold(
        self, vod_id: str, *, reason: str, by: Caller, request_id: str | None = None
    ) -> Recording:
        """Nothing deletes it until it is let go. Raises NotFound, Conflict (it is being
        deleted)."""
        hold = Hold(by=by.name, at=self._clock.now(), reason=reason)
        return await self._set_hold(vod_id, hold, "vod.held", by, request_id)

    async def let_go(self, vod_id: str, *, by: Caller, request_id: str | None = None) -> Recording:
        """Raises NotFound where it is not on hold."""
        if not is_held(await self.get(vod_id)):
            raise NotFound("this VOD is not on hold")
        return await self._set_hold(vod_id, None, "vod.let_go", by, request_id)

    async def _set_hold(
        self, vod_id: str, hold: Hold | None, what: str, by: Caller, request_id: str | None
    ) -> Recording:
        while True:
            recording = await self.get(vod_id)
            vod = _vod_of(recording)
            if vod.deleting:
                raise Conflict("this VOD is being deleted")
            reason = hold.reason if hold else None
            told = self._event(what, recording, by.name, request_id=request_id, reason=reason)
            kept = msgspec.structs.replace(vod, hold=hold)
            changed = msgspec.structs.replace(recording, vod=kept, updated_at=told.at)
            if (saved := await self._store.save_recording(changed, told)) is not None:
                return saved

    async def delete(self, vod_id: str, *, by: Caller, request_id: str | None = None) -> None:
        """The recording with all that was made of it, or nothing. Raises NotFound, Conflict (on
        hold; stored elsewhere), Unavailable: nothing is gone, or, where some is, what is left goes
        with the next backfill."""
        recording = await self.get(vod_id)
        self._refuse_deletion(recording)
        first, *rest = await self._doomed(_storage(recording))
        recording = await self._mark(vod_id, by, request_id)
        try:
            await self._objects.delete(first)
        except Unavailable:
            await self._unmark(recording, first[0], by)
            raise
        await self._remove(recording, rest, by.name, request_id)

    async def archive(
        self, vod_id: str, storage_class: str, *, by: Caller, request_id: str | None = None
    ) -> Recording:
        """Move the recording to another storage class; its pictures stay where they are. Raises
        NotFound, Conflict (stored elsewhere), BadInput (no such class), Unavailable."""
        recording = await self.get(vod_id)
        if not is_ours(self._objects, recording.storage):
            raise Conflict("its object is not in this server's bucket")
        path = _storage(recording).path
        # A playlist stays where it can be read: it is what tells the segments.
        for one in await segments_of(self._objects, path) if path.endswith(".m3u8") else [path]:
            await self._objects.set_storage_class(one, storage_class)
        while True:
            told = self._event(
                "vod.archived",
                recording,
                by.name,
                request_id=request_id,
                storage_class=storage_class,
            )
            vod = msgspec.structs.replace(_vod_of(recording), storage_class=storage_class)
            changed = msgspec.structs.replace(recording, vod=vod, updated_at=told.at)
            if (saved := await self._store.save_recording(changed, told)) is not None:
                return saved
            recording = await self.get(vod_id)

    async def finish_deletion(self, recording: Recording, *, by: str) -> None:
        """Of one that was cut off. Raises Unavailable."""
        await self._remove(recording, await self._doomed(_storage(recording)), by, None)

    async def _mark(self, vod_id: str, by: Caller, request_id: str | None) -> Recording:
        while True:
            recording = await self.get(vod_id)
            self._refuse_deletion(recording)
            if _vod_of(recording).deleting:
                return recording
            told = self._event("vod.deleting", recording, by.name, request_id=request_id)
            if (saved := await self._set_deleting(recording, told, deleting=True)) is not None:
                return saved

    def _refuse_deletion(self, recording: Recording) -> None:
        hold = _vod_of(recording).hold
        if hold is not None:
            raise Conflict(
                f"it is on hold: {hold.reason} ({hold.by})",
                hint=f"`livectl vod unhold {recording.id}` first",
            )
        if not is_ours(self._objects, recording.storage):
            raise Conflict("its object is not in this server's bucket")

    async def _unmark(self, recording: Recording, path: str, by: Caller) -> None:
        """The deletion failed. What it took away after all, a backfill sees to."""
        try:
            if await self._objects.head(path) is None:
                return
        except Unavailable:
            pass  # then nothing of it was deleted either
        told = self._event("vod.kept", recording, by.name, error="it could not be deleted")
        latest = await self._store.recording(recording.id)
        while latest is not None and latest.vod is not None:
            if await self._set_deleting(latest, told, deleting=False) is not None:
                return
            latest = await self._store.recording(recording.id)

    async def _set_deleting(
        self, recording: Recording, told: Event, *, deleting: bool
    ) -> Recording | None:
        vod = msgspec.structs.replace(_vod_of(recording), deleting=deleting)
        changed = msgspec.structs.replace(recording, vod=vod, updated_at=told.at)
        return await self._store.save_recording(changed, told)

    async def _doomed(self, storage: Storage) -> list[list[str]]:
        """What is to be deleted, in this order; the first is one thing, which is gone or not. The
        playlist of HLS goes last, since it names the others."""
        path = storage.path
        if not path.endswith(".m3u8"):
            return [[path], companions(path)]
        segments = await segments_of(self._objects, path)
        first, others = segments[:1], [*segments[1:], *companions(path)]
        return [*([first] if first else []), others, [path]]

    async def _remove(
        self, recording: Recording, doomed: Sequence[list[str]], by: str, request_id: str | None
    ) -> None:
        for paths in doomed:
            await self._objects.delete(paths)
        told = self._event("vod.deleted", recording, by, request_id=request_id)
        latest = await self._store.recording(recording.id)
        while latest is not None and not await self._store.remove_recording(latest, told):
            latest = await self._store.recording(recording.id)

    def _event(
        self,
        type_: str,
        recording: Recording,
        by: str,
        *,
        request_id: str | None = None,
        **data: str | None,
    ) -> Event:
        return event(
            type_,
            self._clock.now(),
            by,
            stream_id=recording.stream_id,
            request_id=request_id,
            vod=recording.id,
            **data,
        )


def is_held(recording: Recording) -> bool:
    return recording.vod is not None and recording.vod.hold is not None


def statuses(status: VodStatus | None) -> tuple[VodStatus, ...]:
    return (status,) if status else ()


def _made_of(vod: Vod) -> tuple[str | None, ...]:
    return vod.poster, vod.sprite, vod.thumbnails


def _vod_of(recording: Recording) -> Vod:
    assert recording.vod is not None, "get() gives only such"  # noqa: S101
    return recording.vod


def _storage(recording: Recording) -> Storage:
    if recording.storage is None:
        raise Conflict("nobody knows where its file is")
    return recording.storage
