"""Links to VODs, made when somebody asks for them and never stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec

from livectl.domain.hls import path_of, with_links
from livectl.domain.recording import Recording, Vod
from livectl.domain.signature import Signer
from livectl.domain.stream import Stream, read_time
from livectl.domain.vod import (
    is_archived,
    path_in,
    stored_by_others,
    thumbnails_path,
    with_sprite,
)
from livectl.errors import BadInput, Conflict, Forbidden, NotFound
from livectl.ports.clock import Clock
from livectl.ports.objects import Objects
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import Store
from livectl.services.bucket import is_ours

# What this server gives out itself, since what is in it has to be signed as well.
Signed = Literal["hls", "thumbnails"]
_NAMES: dict[Signed, str] = {"hls": "hls/index.m3u8", "thumbnails": "thumbnails.vtt"}


class Replay(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A VOD as apps get it (contract, REST). `url` is None while it is not available, or archived
    where nothing can be read. `started_at` is when the recording began, which may be later than the
    stream did; None where nobody knows."""

    vod_id: str
    url: str | None
    thumbnail_url: str | None
    duration: float | None
    format: str
    size: int | None
    uploaded_at: datetime | None
    status: str
    sprite_url: str | None = None
    thumbnails_url: str | None = None
    started_at: datetime | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`expires_at` is None for what is open to everyone."""

    url: str
    expires_at: datetime | None


class Replays:
    """`cdn` is what stands in front of the bucket, or empty; links are good for `seconds`. `base`
    is in all calls where this server is reached: what it gives out itself is linked to there."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        clock: Clock,
        signer: Signer,
        *,
        cdn: str,
        seconds: int,
    ) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._signer = signer
        self._cdn = cdn
        self._seconds = seconds

    async def of_stream(self, stream: Stream, base: str) -> Replay:
        """The newest one that can be watched, otherwise the newest. Raises NotFound where there is
        none, or none is offered."""
        if not stream.enable_replay:
            raise NotFound("no replay of this stream is offered")
        query = RecordingQuery(stream_id=stream.id, has_vod=True, deleting=False)
        found = await self._store.recordings(query)
        if not found:
            return self._of_document(stream, base)
        recording = next((one for one in found if _plays(one)), found[0])
        return self._replay(recording, base)

    def poster(self, stream: Stream, base: str) -> str | None:
        """The picture of the replay that the stream's document shows: named there by its path in
        the bucket, or by an older version with its address."""
        named = (stream.vod or {}).get("thumbnailUrl")
        if isinstance(named, str) and "://" not in named:
            return self._picture(named, base)
        return self._known(named, base)

    def link(self, recording: Recording, base: str, *, download: bool = False) -> Link:
        """To the media itself. Raises BadInput where that is no single file to download, Conflict
        where it is archived."""
        storage, vod = recording.storage, _vod_of(recording)
        if is_archived(vod):
            raise Conflict(
                f"it is archived in {vod.storage_class}",
                hint="nothing of it can be read until it is brought back to another storage class",
            )
        if storage is None:
            raise NotFound("nobody knows where its file is")
        if not is_ours(self._objects, storage):
            if storage.url is None:
                raise NotFound("its file is elsewhere, and nobody knows its address")
            return Link(url=storage.url, expires_at=None)
        if not download:
            return self._link_to(recording.id, storage.path, base)
        if storage.path.endswith(".m3u8"):
            raise BadInput(
                "HLS is many files, not one to download",
                hint=f'ffmpeg -i "$(livectl vod url {recording.id})" -c copy {recording.id}.mp4',
            )
        return self._signed(storage.path, base, download_as=f"{recording.id}.mp4")

    async def playlist(self, vod_id: str, *, expires: int, signature: str, base: str) -> str:
        """The playlist of HLS with its segments as links. Raises Forbidden, NotFound."""
        path = await self._path_behind(vod_id, "hls", expires, signature)
        text = (await self._objects.get(path)).decode(errors="replace")

        def link(uri: str) -> str:
            segment = path_of(path, uri)
            return uri if segment is None else self._until(segment, base, expires)

        return with_links(text, link)

    async def thumbnails(self, vod_id: str, *, expires: int, signature: str, base: str) -> str:
        """The WebVTT with a link to its sprite. Raises Forbidden, NotFound."""
        path = await self._path_behind(vod_id, "thumbnails", expires, signature)
        vod = _vod_of(await self._recording(vod_id))
        text = (await self._objects.get(thumbnails_path(path))).decode()
        return with_sprite(text, self._until(vod.sprite or "", base, expires))

    async def _path_behind(self, vod_id: str, what: Signed, expires: int, signature: str) -> str:
        now = self._clock.now().timestamp()
        if not self._signer.holds(signature, now, expires, "vod", vod_id, what):
            raise Forbidden("this link is not good, or no longer", hint="ask for a new one")
        recording = await self._recording(vod_id)
        storage = recording.storage
        if storage is None or not is_ours(self._objects, storage):
            raise NotFound("there is no such VOD")
        return storage.path

    async def _recording(self, vod_id: str) -> Recording:
        recording = await self._store.recording(vod_id)
        if recording is None or recording.vod is None:
            raise NotFound("there is no such VOD")
        return recording

    def _replay(self, recording: Recording, base: str) -> Replay:
        vod = _vod_of(recording)
        return Replay(
            vod_id=recording.id,
            url=self.link(recording, base).url if _plays(recording) else None,
            thumbnail_url=self._picture(vod.poster, base),
            duration=vod.duration,
            format=vod.format,
            size=vod.size,
            uploaded_at=vod.uploaded_at,
            status=vod.status,
            sprite_url=self._picture(vod.sprite, base),
            thumbnails_url=self._thumbnails_link(recording.id, vod, base),
            started_at=recording.started_at,
        )

    def _of_document(self, stream: Stream, base: str) -> Replay:
        """What an older version wrote, until a backfill has taken it over."""
        kept: dict[str, Any] = stream.vod or {}
        if not kept:
            raise NotFound("there is no replay of this stream")
        storage = stored_by_others(stream, self._objects.type, self._objects.bucket)
        uploaded, size = read_time(kept.get("uploadedAt")), kept.get("size")
        return Replay(
            vod_id=str(kept.get("vodId") or stream.id),
            url=self._link_to(stream.id, storage.path, base).url
            if storage is not None and storage.format != "hls"
            else self._known(kept.get("url"), base),
            thumbnail_url=self._known(kept.get("thumbnailUrl"), base),
            duration=_number(kept.get("duration")),
            format=str(kept.get("format") or "mp4"),
            size=int(size) if isinstance(size, int | float) else None,
            uploaded_at=uploaded,
            status=stream.vod_status,
        )

    def _known(self, url: Any, base: str) -> str | None:
        """As it is stored, unless it is of our bucket, where it would let nobody in."""
        if not isinstance(url, str) or not url:
            return None
        path = path_in(self._objects.bucket, url)
        return url if path is None else self._picture(path, base)

    def _link_to(self, vod_id: str, path: str, base: str) -> Link:
        if path.endswith(".m3u8") and not self._cdn:
            return self._own(vod_id, "hls", base)
        return self._open(path) or self._signed(path, base)

    def _thumbnails_link(self, vod_id: str, vod: Vod, base: str) -> str | None:
        if vod.thumbnails is None:
            return None
        opened = self._open(vod.thumbnails)
        return (opened or self._own(vod_id, "thumbnails", base)).url

    def _picture(self, path: str | None, base: str) -> str | None:
        return (self._open(path) or self._signed(path, base)).url if path else None

    def _open(self, path: str) -> Link | None:
        if not self._cdn:
            return None
        return Link(url=f"{self._cdn}/{quote(path)}", expires_at=None)

    def _signed(self, path: str, base: str, download_as: str | None = None) -> Link:
        url = self._objects.link(path, seconds=self._seconds, download_as=download_as)
        expires = self._clock.now() + timedelta(seconds=self._seconds)
        return Link(url=_absolute(url, base), expires_at=expires)

    def _own(self, vod_id: str, what: Signed, base: str) -> Link:
        expires = self._clock.now() + timedelta(seconds=self._seconds)
        seconds = int(expires.timestamp())
        query = {
            "expires": str(seconds),
            "signature": self._signer.sign(seconds, "vod", vod_id, what),
        }
        url = f"{base}/api/vods/{vod_id}/{_NAMES[what]}?{urlencode(query)}"
        return Link(url=url, expires_at=expires)

    def _until(self, path: str, base: str, expires: int) -> str:
        """A link that is good as long as the one to what it stands in."""
        left = max(1, expires - int(self._clock.now().timestamp()))
        return _absolute(self._objects.link(path, seconds=left), base)


def _absolute(url: str, base: str) -> str:
    return f"{base}{url}" if url.startswith("/") else url


def _plays(recording: Recording) -> bool:
    vod = _vod_of(recording)
    return vod.status == "available" and recording.storage is not None and not is_archived(vod)


def _vod_of(recording: Recording) -> Vod:
    if recording.vod is None:
        raise NotFound("there is no such VOD")
    return recording.vod


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
