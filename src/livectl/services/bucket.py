"""What of a recording lies in the bucket, and what the file says of itself."""

from __future__ import annotations

import asyncio
import bisect
import io
import itertools
from collections.abc import Callable, Collection, Sequence
from os.path import commonprefix
from typing import BinaryIO

import msgspec

from livectl.domain.hls import Playlist, path_of, read_playlist
from livectl.domain.recording import Storage
from livectl.errors import NotFound, NotReady
from livectl.ports.objects import Objects, StoredObject
from livectl.ports.prober import MediaFacts, Prober

GONE = "its object is gone"
_HEADS_AT_ONCE = 8
_LIST_PAGE = 1000


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A recording as it lies in the bucket. `problem` says why it cannot be played; `facts` are
    None where nothing here can read media files. `file` opens all of it as one file."""

    size: int = 0
    sha256: str | None = None
    storage_class: str | None = None
    facts: MediaFacts | None = None
    problem: str | None = None
    file: Callable[[], BinaryIO] | None = None


def is_ours(objects: Objects, storage: Storage | None) -> bool:
    """Whether it lies in the bucket that this server has."""
    return storage is not None and storage.type == objects.type and storage.bucket == objects.bucket


async def look(objects: Objects, prober: Prober, storage: Storage) -> Seen:
    """Raises Unavailable where the bucket cannot be asked."""
    stored = await objects.head(storage.path)
    if stored is None:
        return Seen(problem=GONE)
    if storage.path.endswith(".m3u8"):
        seen = await _look_at_hls(objects, storage.path)
    elif storage.size is not None and stored.size != storage.size:
        return Seen(
            size=stored.size,
            sha256=stored.sha256,
            problem=f"it has {stored.size} bytes, and {storage.size} were stored",
        )
    else:
        seen = Seen(size=stored.size, sha256=stored.sha256, file=lambda: objects.open(storage.path))
    seen = msgspec.structs.replace(seen, storage_class=stored.storage_class)
    return await _read(prober, seen, storage.format)


async def segments_of(objects: Objects, path: str) -> list[str]:
    """The paths of what an HLS playlist names; none where it is not there (any more)."""
    try:
        playlist = read_playlist((await objects.get(path)).decode(errors="replace"))
    except NotFound:
        return []
    return _paths(path, playlist) if playlist else []


async def find_objects(objects: Objects, paths: Collection[str]) -> dict[str, StoredObject]:
    """Those of the paths that there are. The stretch of the bucket that they lie in is listed,
    which is a call for a thousand; where others lie between them in masses, each is asked for."""
    if not paths:
        return {}
    first, last = min(paths), max(paths)
    wanted = set(paths)
    found: dict[str, StoredObject] = {}
    listed = 0
    prefix = commonprefix([first, last])  # noqa: RUF071 (a bucket has no folders, only texts)
    async for page in objects.pages(prefix, after=first[:-1]):
        found |= {one.path: one for one in page if one.path in wanted}
        listed += len(page)
        if page[-1].path >= last:
            return found
        if listed > 4 * len(paths) + _LIST_PAGE:
            rest = [path for path in wanted if path > page[-1].path]
            return found | await _heads(objects, rest)
    return found


async def _heads(objects: Objects, paths: Sequence[str]) -> dict[str, StoredObject]:
    gate = asyncio.Semaphore(_HEADS_AT_ONCE)

    async def head(path: str) -> StoredObject | None:
        async with gate:
            return await objects.head(path)

    found = await asyncio.gather(*map(head, paths))
    return {one.path: one for one in found if one is not None}


async def _read(prober: Prober, seen: Seen, format_: str) -> Seen:
    if seen.problem is not None or seen.file is None:
        return seen
    try:
        facts = await prober.facts(seen.file, format_)
    except NotReady:
        return seen
    if seen.facts is not None and facts.problem is None:  # a playlist knows better how long it is
        facts = msgspec.structs.replace(facts, duration=seen.facts.duration)
    return msgspec.structs.replace(seen, facts=facts, problem=facts.problem)


async def _look_at_hls(objects: Objects, path: str) -> Seen:
    raw = await objects.get(path)
    playlist = read_playlist(raw.decode(errors="replace"))
    if playlist is None or not playlist.segments:
        return Seen(size=len(raw), problem="it is no HLS media playlist, or an empty one")
    paths = _paths(path, playlist)
    stored = await find_objects(objects, paths)
    missing = [one for one in paths if one not in stored]
    size = len(raw) + sum(one.size for one in stored.values())
    if missing:
        problem = f"{len(missing)} of its {len(paths)} segments are missing, {missing[0]} first"
    elif not playlist.ended:
        problem = "its playlist has no end: it was never finished"
    else:
        problem = None
    parts = [(one, stored[one].size) for one in paths if one in stored]
    return Seen(
        size=size,
        problem=problem,
        facts=MediaFacts(format="hls", duration=playlist.duration),
        file=lambda: io.BufferedReader(_Joined(objects, parts)),
    )


def _paths(path: str, playlist: Playlist) -> list[str]:
    named = [*([playlist.init] if playlist.init else []), *playlist.segments]
    found = (path_of(path, uri) for uri in named)
    return list(dict.fromkeys(one for one in found if one is not None))


class _Joined(io.RawIOBase):
    """Objects, one after another, as one file: the segments of HLS are such a file in pieces."""

    def __init__(self, objects: Objects, parts: Sequence[tuple[str, int]]) -> None:
        super().__init__()
        self._objects = objects
        self._paths = [path for path, _ in parts]
        self._starts = [0, *itertools.accumulate(size for _, size in parts)]
        self._at = 0
        self._open: tuple[int, BinaryIO] | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._at, self._starts[-1])[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._at >= self._starts[-1]:
            return 0
        number = bisect.bisect_right(self._starts, self._at) - 1
        part = self._part(number)
        part.seek(self._at - self._starts[number])
        piece = part.read(min(len(buffer), self._starts[number + 1] - self._at))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
        super().close()

    def _part(self, number: int) -> BinaryIO:
        if self._open is None or self._open[0] != number:
            if self._open is not None:
                self._open[1].close()
            self._open = number, self._objects.open(self._paths[number])
        return self._open[1]
