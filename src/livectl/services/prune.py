"""What a policy would take away of old VODs. It is only planned here: whoever has seen the plan
deletes or archives what is in it, one by one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from livectl.domain.recording import Recording
from livectl.domain.vod import is_recording, size_of
from livectl.errors import BadInput, Conflict
from livectl.ports.objects import Objects
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import Store
from livectl.services.bucket import find_objects, is_ours
from livectl.services.vods import is_held

Act = Literal["delete", "archive"]
SHARE_MAX = 0.5
_PAGE = 500


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is to go: VODs recorded before a time, and the oldest of what is beyond `max_total`
    bytes. Those of streams with one of `keep_tags`, and those on hold, stay. With `archive_class`
    the old ones are moved to that storage class instead. At most `max_share` of all VODs may
    go."""

    before: datetime | None = None
    keep_tags: tuple[str, ...] = ()
    max_total: int | None = None
    archive_class: str | None = None
    max_share: float = SHARE_MAX


class Doomed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One VOD, and what is to be done with it."""

    vod_id: str
    stream_id: str
    act: Act
    size: int
    recorded_at: datetime


class Plan(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The oldest first; there are `vods` VODs with `total` bytes together."""

    items: list[Doomed]
    vods: int
    total: int


class _Seen(msgspec.Struct, kw_only=True):
    """What was gone through so far, the newest first."""

    items: list[Doomed] = []
    vods: int = 0
    total: int = 0
    kept: int = 0
    full: bool = False
    gone: int = 0


class Prune:
    """`prefix` is the folder in the bucket that recordings lie in."""

    def __init__(self, store: Store, objects: Objects, *, prefix: str) -> None:
        self._store = store
        self._objects = objects
        self._prefix = prefix

    async def plan(self, policy: Policy) -> Plan:
        """Changes nothing. Raises BadInput; Conflict where more would go than may, or where store
        and bucket are not of each other; Unavailable."""
        if policy.before is None and policy.max_total is None:
            raise BadInput("before, maxTotal: expected one of them at least")
        if policy.archive_class is not None and self._objects.type == "Local":
            raise BadInput.of("archiveClass", "none: a directory has no storage classes")
        seen = _Seen()
        async for recordings in self._pages():
            await self._go_through(recordings, policy, seen)
        seen.items.reverse()
        await self._refuse_if_strange(seen)
        _refuse_if_many(seen, policy)
        return Plan(items=seen.items, vods=seen.vods, total=seen.total)

    async def _pages(self) -> AsyncIterator[list[Recording]]:
        query = RecordingQuery(has_vod=True, deleting=False, limit=_PAGE)
        while page := await self._store.recordings(query):
            yield [one for one in page if is_ours(self._objects, one.storage)]
            place = (page[-1].requested_at, page[-1].id)
            query = msgspec.structs.replace(query, before=place)

    async def _go_through(
        self, recordings: Sequence[Recording], policy: Policy, seen: _Seen
    ) -> None:
        there = await find_objects(self._objects, [_path(one) for one in recordings])
        streams = await self._store.streams_by_id(sorted({one.stream_id for one in recordings}))
        tagged = {one.id for one in streams if not set(policy.keep_tags).isdisjoint(one.tags)}
        for recording in recordings:
            size, stored = size_of(recording), there.get(_path(recording))
            seen.vods += 1
            seen.total += size
            seen.gone += stored is None
            stays = is_held(recording) or recording.stream_id in tagged
            old = policy.before is not None and recording.requested_at < policy.before
            # From the first that is too much on, all that is older goes.
            seen.full |= policy.max_total is not None and seen.kept + size > policy.max_total
            if not stays and (seen.full or (old and policy.archive_class is None)):
                seen.items.append(_doomed(recording, "delete"))
                continue
            seen.kept += size
            archived = stored is None or stored.storage_class == policy.archive_class
            if old and not stays and not archived:
                seen.items.append(_doomed(recording, "archive"))

    async def _refuse_if_strange(self, seen: _Seen) -> None:
        """A database that was lost, or is another one's, must not cost anybody a recording: a tool
        that trusted an empty one deleted them all (frigate#7838)."""
        if seen.gone * 2 > seen.vods:
            raise Conflict(
                f"{seen.gone} of {seen.vods} VODs have no object here: is this their bucket?",
                hint="see `livectl vod verify`; nothing was pruned",
            )
        known, unknown = await self._count_stored()
        if unknown > known:
            raise Conflict(
                f"the bucket holds {unknown} recordings that this store does not know, and only "
                f"{known} that it does: is this its database?",
                hint="`livectl vod backfill --source bucket` takes them over, where it is",
            )

    async def _count_stored(self) -> tuple[int, int]:
        """How many recordings there are in the bucket that the store knows, and does not know."""
        known = unknown = 0
        async for page in self._objects.pages(f"{self._prefix}/"):
            paths = tuple(one.path for one in page if is_recording(one.path))
            if not paths:
                continue
            query = RecordingQuery(paths=paths, limit=2 * len(paths))
            found = await self._store.recordings(query)
            theirs = {one.path for one in found} | {_path(one) for one in found if one.storage}
            known += len(theirs.intersection(paths))
            unknown += len(set(paths) - theirs)
        return known, unknown


def _refuse_if_many(seen: _Seen, policy: Policy) -> None:
    doomed = sum(one.act == "delete" for one in seen.items)
    if doomed > policy.max_share * seen.vods:
        raise Conflict(
            f"that would delete {doomed} of {seen.vods} VODs, more than {policy.max_share:.0%}",
            hint="if that is meant, allow it with --max-share",
        )


def _doomed(recording: Recording, act: Act) -> Doomed:
    return Doomed(
        vod_id=recording.id,
        stream_id=recording.stream_id,
        act=act,
        size=size_of(recording),
        recorded_at=recording.requested_at,
    )


def _path(recording: Recording) -> str:
    return recording.storage.path if recording.storage else recording.path
