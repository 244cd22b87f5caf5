"""Finds what should be a VOD and is not, and makes it one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import msgspec

from livectl.domain.event import event
from livectl.domain.recording import Recording, Storage
from livectl.domain.stream import Stream
from livectl.domain.vod import (
    ARCHIVED,
    is_archived,
    is_recording,
    lacks,
    owners_of,
    stored_by_others,
)
from livectl.errors import Conflict, LivectlError
from livectl.ports.clock import Clock
from livectl.ports.objects import Objects, StoredObject
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import EventQuery, Store
from livectl.ports.streams import StreamQuery
from livectl.services.adoption import Adoption
from livectl.services.batches import (
    Entry,
    Job,
    next_cursor,
    place_of,
    place_of_recording,
    read_cursor,
    read_place,
    work,
)
from livectl.services.bucket import GONE, find_objects, is_ours
from livectl.services.leases import kept_up
from livectl.services.vods import Vods

log = logging.getLogger(__name__)

Source = Literal["recordings", "bucket", "all"]
Result = Literal["published", "repaired", "adopted", "deleted", "failed", "unmatched"]

LEASE = "vod-backfill"
_LEASE_FOR = timedelta(seconds=60)
_PAGE = 500
# First what older versions wrote: then the objects of it are known by their paths.
_PHASES: dict[Source, tuple[str, ...]] = {
    "recordings": ("documents", "recordings"),
    "bucket": ("documents", "objects"),
    "all": ("documents", "recordings", "objects"),
}


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What to look through. `run` names the backfill that this call is a part of, `cursor` where
    the last one ended. `since` (it included) and `until` (it not) are about when the recording was
    asked for, or the object written. At most `limit` things are done, `at_once` at a time."""

    run: str
    source: Source = "all"
    cursor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    owner_id: str | None = None
    stream_id: str | None = None
    limit: int | None = None
    at_once: int = 4
    dry_run: bool = False


class Item(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was found and done: a VOD published, repaired, or adopted with the object that nobody
    knew; failed, with `why`; unmatched, an object that belongs to no stream, and is left alone. A
    dry run says what would be done in the same words."""

    result: Result
    path: str
    recording_id: str | None = None
    stream_id: str | None = None
    why: str | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`scanned` counts what was looked at, `tried` what something was done about."""

    items: list[Item]
    scanned: int
    tried: int
    next_cursor: str | None = None


class Backfill:
    """`prefix` is the folder in the bucket that is looked through."""

    def __init__(
        self, store: Store, objects: Objects, vods: Vods, clock: Clock, *, prefix: str
    ) -> None:
        self._store = store
        self._objects = objects
        self._vods = vods
        self._adoption = Adoption(store, objects, clock)
        self._clock = clock
        self._prefix = prefix

    async def page(self, wish: Wish, *, by: str) -> Page:
        """One part of the work. Safe to repeat, and to give up at any point. Raises Conflict while
        another run is at it, BadInput, Unavailable."""
        if wish.dry_run:
            return await self._page(wish, by)
        # Kept between the pages of a run as well, until it is over or given up.
        async with kept_up(self._store, self._clock, LEASE, wish.run, _LEASE_FOR) as ours:
            if not ours:
                raise await self._taken()
            if wish.cursor is None:
                started = event("vod.backfill_started", self._clock.now(), by, run=wish.run)
                await self._store.append_event(started)
            page = await self._page(wish, by)
        if page.next_cursor is None:
            await self.give_up(wish.run)
        return page

    async def give_up(self, run: str) -> None:
        """Another run may begin."""
        await self._store.drop_lease(LEASE, run)

    async def _page(self, wish: Wish, by: str) -> Page:
        phases = _PHASES[wish.source]
        phase, place = read_cursor(wish.cursor, phases)
        look = {
            "documents": self._documents,
            "recordings": self._recordings,
            "objects": self._stored,
        }[phase]
        entries, more = await look(wish, place, by)
        worked = await work(entries, at_once=wish.at_once, at_most=wish.limit, before=place)
        last = worked.last
        if last is None and more and entries:
            last = entries[-1].place
        return Page(
            items=worked.items,
            scanned=worked.looked,
            tried=worked.done,
            next_cursor=next_cursor(phases, phase, last),
        )

    async def _documents(self, wish: Wish, place: str, by: str) -> tuple[list[Entry[Item]], bool]:
        """Streams of older versions, whose recording has no document of its own."""
        streams = await self._streams(wish, place)
        old = {
            stream.id: storage
            for stream in streams
            if (storage := stored_by_others(stream, self._objects.type, self._objects.bucket))
        }
        paths = [storage.path for storage in old.values()]
        known = await self._known(paths)
        there = await find_objects(self._objects, paths)

        def entry(stream: Stream) -> Entry[Item]:
            storage = old.get(stream.id)
            at = place_of(stream.started_at, stream.id)
            if storage is None or storage.path in known:
                return Entry(place=at)
            stored = there.get(storage.path)
            if stored is None:
                return Entry(place=at, job=_failing(storage.path, GONE, stream_id=stream.id))
            return Entry(place=at, job=self._adopting(stream, storage, stored, wish, by))

        return [entry(stream) for stream in streams], len(streams) == _PAGE

    async def _streams(self, wish: Wish, place: str) -> list[Stream]:
        if wish.stream_id is not None:
            stream = await self._store.stream(wish.stream_id)
            return [stream] if stream is not None and not place else []
        query = StreamQuery(
            live=False,
            owner_id=wish.owner_id,
            since=wish.since,
            until=wish.until,
            before=read_place(place),
            limit=_PAGE,
        )
        return await self._store.find_streams(query)

    async def _recordings(self, wish: Wish, place: str, by: str) -> tuple[list[Entry[Item]], bool]:
        """Finished recordings: those without a VOD, or with one that lacks something."""
        recordings = await self._store.recordings(
            RecordingQuery(
                states=("completed",),
                owner_id=wish.owner_id,
                stream_id=wish.stream_id,
                since=wish.since,
                until=wish.until,
                before=read_place(place),
                limit=_PAGE,
            )
        )
        ours = [one for one in recordings if is_ours(self._objects, one.storage)]
        paths = [one.storage.path for one in ours if one.storage]
        there = await find_objects(self._objects, paths)
        streams = await self._store.streams_by_id(sorted({one.stream_id for one in ours}))
        replayed = {stream.id for stream in streams if stream.enable_replay}

        def entry(recording: Recording) -> Entry[Item]:
            at = place_of_recording(recording)
            storage = recording.storage
            if storage is None or not is_ours(self._objects, storage):
                return Entry(place=at)
            stored = there.get(storage.path)
            if not _wanted(recording, stored, offered=recording.stream_id in replayed):
                return Entry(place=at)
            return Entry(place=at, job=self._mending(recording, storage, stored, wish, by))

        return [entry(one) for one in recordings], len(recordings) == _PAGE

    async def _stored(self, wish: Wish, place: str, by: str) -> tuple[list[Entry[Item]], bool]:
        """Objects that no recording knows."""
        pages = self._objects.pages(f"{self._prefix}/", after=place or None)
        page = await anext(pages, None)
        if page is None:
            return [], False
        asked = [one for one in page if is_recording(one.path) and _within(one.modified_at, wish)]
        known = await self._known([owner for one in asked for owner in owners_of(one.path)])
        of_interest = {one.path for one in asked}
        owners = known.keys() | of_interest

        def job(stored: StoredObject) -> Job[Item] | None:
            if stored.path not in of_interest or not owners.isdisjoint(owners_of(stored.path)[1:]):
                return None  # no recording, or a segment of one
            if stored.path in known:
                return _told(stored.path, known[stored.path])
            return self._matching(stored, wish, by)

        return [Entry(place=one.path, job=job(one)) for one in page], True

    async def _known(self, paths: Sequence[str]) -> dict[str, Recording]:
        if not paths:
            return {}
        query = RecordingQuery(paths=tuple(paths), limit=2 * len(paths))
        known: dict[str, Recording] = {}
        for one in await self._store.recordings(query):
            known |= dict.fromkeys([one.path, *([one.storage.path] if one.storage else [])], one)
        return known

    def _mending(
        self,
        recording: Recording,
        storage: Storage,
        stored: StoredObject | None,
        wish: Wish,
        by: str,
    ) -> Job[Item]:
        vod = recording.vod
        item = partial(_item, storage.path, recording.id, recording.stream_id)

        async def mend() -> Item | None:
            if vod is not None and vod.deleting:
                if not wish.dry_run:
                    await self._vods.finish_deletion(recording, by=by)
                return item("deleted")
            if wish.dry_run:
                if stored is None:
                    return item("failed", GONE)
                return item("published" if vod is None else "repaired")
            after = await self._vods.publish(recording, by=by)
            if after.vod is None:
                return None
            if after.vod.status == "failed":
                return item("failed", after.vod.error)
            if after.vod == vod:
                return None
            return item("published" if vod is None else "repaired")

        return _safely(mend, item)

    def _matching(self, stored: StoredObject, wish: Wish, by: str) -> Job[Item]:
        item = partial(_item, stored.path, None, None)

        async def match() -> Item | None:
            stream = await self._adoption.stream_named_in(stored.path)
            if stream is None:
                if wish.stream_id or wish.owner_id:
                    return None
                return item("unmatched", "its path names no stream that there is")
            of_stream = wish.stream_id in {None, stream.id}
            if not of_stream or wish.owner_id not in {None, stream.owner_id}:
                return None
            storage = Storage(
                type=self._objects.type,
                path=stored.path,
                bucket=self._objects.bucket,
                format="hls" if stored.path.endswith(".m3u8") else "mp4",
            )
            return await self._adopting(stream, storage, stored, wish, by)()

        return _safely(match, item)

    def _adopting(
        self, stream: Stream, storage: Storage, stored: StoredObject, wish: Wish, by: str
    ) -> Job[Item]:
        item = partial(_item, storage.path, None, stream.id)

        async def adopt() -> Item | None:
            if wish.dry_run:
                return item("adopted")
            adopted = await self._adoption.adopt(stream, storage, stored, by=by)
            if adopted is None:
                return None
            after = await self._vods.publish(adopted, by=by)
            failed = after.vod is not None and after.vod.status == "failed"
            return Item(
                result="failed" if failed else "adopted",
                path=storage.path,
                recording_id=adopted.id,
                stream_id=stream.id,
                why=after.vod.error if after.vod else None,
            )

        return _safely(adopt, item)

    async def _taken(self) -> Conflict:
        since = self._clock.now() - timedelta(days=1)
        begun = await self._store.events(EventQuery(type="vod.backfill_started", since=since))
        told = f"since {begun[-1].at:%H:%M:%S} UTC, by {begun[-1].actor}" if begun else "already"
        return Conflict(
            f"a backfill is running {told}",
            hint="if it was ended, the next may begin a minute later",
        )


def _wanted(recording: Recording, stored: StoredObject | None, *, offered: bool) -> bool:
    """Whether something is to be done about a finished recording."""
    vod = recording.vod
    if vod is None:
        return offered
    if vod.deleting or vod.status != "available" or stored is None:
        return True
    if stored.storage_class in ARCHIVED:
        return False  # nothing of it can be read
    if is_archived(vod):
        return True  # it was brought back
    changed = vod.format != "hls" and vod.size not in {None, stored.size}
    return changed or lacks(vod)


def _within(at: datetime, wish: Wish) -> bool:
    return (wish.since is None or at >= wish.since) and (wish.until is None or at < wish.until)


def _item(
    path: str,
    recording_id: str | None,
    stream_id: str | None,
    result: Result,
    why: str | None = None,
) -> Item:
    return Item(result=result, path=path, recording_id=recording_id, stream_id=stream_id, why=why)


def _failing(path: str, why: str, *, stream_id: str) -> Job[Item]:
    async def fail() -> Item:
        return _item(path, None, stream_id, "failed", why)

    return fail


def _told(path: str, recording: Recording) -> Job[Item] | None:
    """Of an object that is there, of a recording that failed: it has to be looked at again."""
    if recording.state != "failed":
        return None
    why = f"its recording failed, and it is there: `livectl recordings retry {recording.id}`"

    async def tell() -> Item:
        return _item(path, recording.id, recording.stream_id, "failed", why)

    return tell


def _safely(job: Job[Item], item: Callable[[Result, str], Item]) -> Job[Item]:
    """One that fails keeps none of the others from being done."""

    async def safely() -> Item | None:
        try:
            return await job()
        except LivectlError as error:
            return item("failed", error.message)

    return safely
