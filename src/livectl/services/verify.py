"""Compares VODs with what lies in the bucket, in both directions."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import BinaryIO, Literal

import msgspec

from livectl.domain.recording import Recording, Storage
from livectl.domain.vod import ARCHIVED, owners_of
from livectl.errors import LivectlError
from livectl.ports.objects import Objects, StoredObject
from livectl.ports.prober import Prober
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import Store
from livectl.services.batches import (
    Entry,
    next_cursor,
    place_of_recording,
    read_cursor,
    read_place,
    work,
)
from livectl.services.bucket import GONE, find_objects, is_ours, look

Kind = Literal["gone", "broken", "failed", "sha256", "size", "pictures", "unknown", "unchecked"]
_PHASES = ("recordings", "objects")
_PAGE = 200
_PIECE = 4 * 1024 * 1024


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One thing that is not as it should be. `gone`: no object where there should be one;
    `broken`: it cannot be played; `size`, `sha256`: it is not what was stored; `pictures`: poster,
    sprite or thumbnails are not there; `failed`: the VOD itself says so; `unknown`: an object
    that no recording knows; `unchecked`: the bucket did not answer about it."""

    kind: Kind
    path: str
    why: str
    recording_id: str | None = None
    stream_id: str | None = None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """`deep` reads all of every file and decodes parts of it. `since` (it included) and `until`
    (it not) are about when the recording was asked for, or the object written."""

    cursor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    deep: bool = False
    at_once: int = 4


class Page(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    items: list[Problem]
    scanned: int
    next_cursor: str | None = None


class Verify:
    """`prefix` is the folder in the bucket that is looked through."""

    def __init__(self, store: Store, objects: Objects, prober: Prober, *, prefix: str) -> None:
        self._store = store
        self._objects = objects
        self._prober = prober
        self._prefix = prefix

    async def page(self, wish: Wish) -> Page:
        """One part of the work; changes nothing. Raises BadInput, Unavailable."""
        phase, place = read_cursor(wish.cursor, _PHASES)
        see = self._recordings if phase == "recordings" else self._stored
        entries, more = await see(wish, place)
        worked = await work(entries, at_once=wish.at_once, at_most=None, before=place)
        last = worked.last
        if last is None and more and entries:
            last = entries[-1].place
        return Page(
            items=[problem for found in worked.items for problem in found],
            scanned=worked.looked,
            next_cursor=next_cursor(_PHASES, phase, last),
        )

    async def _recordings(self, wish: Wish, place: str) -> tuple[list[Entry[list[Problem]]], bool]:
        recordings = await self._store.recordings(
            RecordingQuery(
                states=("completed",),
                since=wish.since,
                until=wish.until,
                before=read_place(place),
                limit=_PAGE,
            )
        )
        ours = [one for one in recordings if is_ours(self._objects, one.storage)]
        there = await find_objects(self._objects, [path for one in ours for path in _paths(one)])

        def entry(recording: Recording) -> Entry[list[Problem]]:
            place = place_of_recording(recording)
            storage = recording.storage
            if storage is None or not is_ours(self._objects, storage):
                return Entry(place=place)

            async def check() -> list[Problem]:
                return await self._check(recording, storage, there, deep=wish.deep)

            return Entry(place=place, job=check)

        return [entry(one) for one in recordings], len(recordings) == _PAGE

    async def _check(
        self,
        recording: Recording,
        storage: Storage,
        there: dict[str, StoredObject],
        *,
        deep: bool,
    ) -> list[Problem]:
        def problem(kind: Kind, why: str, path: str = storage.path) -> Problem:
            return Problem(
                kind=kind,
                path=path,
                why=why,
                recording_id=recording.id,
                stream_id=recording.stream_id,
            )

        stored = there.get(storage.path)
        if stored is None:
            return [problem("gone", GONE)]
        vod = recording.vod
        found = [
            problem("pictures", "it is gone", path)
            for path in _paths(recording)
            if path != storage.path and path not in there
        ]
        if vod is not None and vod.status == "failed":
            found.append(problem("failed", vod.error or "no reason is known"))
        if storage.format != "hls" and storage.size not in {None, stored.size}:
            why = f"it has {stored.size} bytes, and {storage.size} were stored"
            return [*found, problem("size", why)]
        if stored.storage_class in ARCHIVED:
            return found
        try:
            wrong = await self._read(storage, deep=deep)
        except LivectlError as error:
            return [*found, problem("unchecked", error.message)]
        already = vod is not None and vod.status == "failed" and wrong and wrong[1] == vod.error
        return [*found, problem(*wrong)] if wrong and not already else found

    async def _read(self, storage: Storage, *, deep: bool) -> tuple[Kind, str] | None:
        """What is wrong with what is in the file, if anything is."""
        seen = await look(self._objects, self._prober, storage)
        if seen.problem is not None:
            return "broken", seen.problem
        if storage.sha256 is not None and seen.sha256 not in {None, storage.sha256}:
            return "sha256", "the bucket says that it has another SHA-256 than what was stored"
        if not deep or seen.file is None:
            return None
        whole = storage.sha256 is not None and storage.format != "hls"
        if whole and await asyncio.to_thread(_sha256, seen.file) != storage.sha256:
            return "sha256", "it has another SHA-256 than what was stored"
        why = await self._prober.decode(seen.file)
        return ("broken", why) if why is not None else None

    async def _stored(self, wish: Wish, place: str) -> tuple[list[Entry[list[Problem]]], bool]:
        """Objects whose recording nobody knows."""
        pages = self._objects.pages(f"{self._prefix}/", after=place or None)
        page = await anext(pages, None)
        if page is None:
            return [], False
        known = await self._known([owner for one in page for owner in owners_of(one.path)])

        def entry(stored: StoredObject) -> Entry[list[Problem]]:
            owners = owners_of(stored.path)
            asked = (wish.since is None or stored.modified_at >= wish.since) and (
                wish.until is None or stored.modified_at < wish.until
            )
            if not owners or not asked or not known.isdisjoint(owners):
                return Entry(place=stored.path)

            async def tell() -> list[Problem]:
                why = "no recording knows it; `livectl vod backfill --source bucket` looks whose"
                return [Problem(kind="unknown", path=stored.path, why=why)]

            return Entry(place=stored.path, job=tell)

        return [entry(one) for one in page], True

    async def _known(self, paths: Sequence[str]) -> set[str]:
        if not paths:
            return set()
        query = RecordingQuery(paths=tuple(dict.fromkeys(paths)), limit=2 * len(paths))
        found = await self._store.recordings(query)
        return {
            path for one in found for path in (one.path, one.storage and one.storage.path) if path
        }


def _paths(recording: Recording) -> list[str]:
    """Where something should lie."""
    vod, storage = recording.vod, recording.storage
    made = (vod.poster, vod.sprite, vod.thumbnails) if vod else ()
    return [path for path in (storage and storage.path, *made) if path]


def _sha256(open_file: Callable[[], BinaryIO]) -> str:
    digest = hashlib.sha256()
    with open_file() as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
