"""Being in the room, unseen, for what its host shows.

The SDK is native code with habits of its own (seen in 1.2.1): a join must not be cancelled; a video
stream does not tell its end, so that its reader has to be; when a track goes, one last picture of
8x8 may come; and what LiveKit says of a bad token quotes it in full.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, NamedTuple

import numpy as np
from livekit import rtc

from livectl.adapters.recorder.delay import Delay
from livectl.adapters.recorder.picture import Picture
from livectl.adapters.recorder.reel import Reel
from livectl.adapters.recorder.sound import CHANNELS, RATE
from livectl.adapters.recorder.spool import Job
from livectl.domain.ids import user_of

_AGAIN_S: Final = 2.0
_SMALLEST: Final = 16  # pixels
_SANE_S: Final = 1.0
_CLOSE_S: Final = 1.0

_OVER: Final = {
    rtc.DisconnectReason.ROOM_DELETED: "the room was closed",
    rtc.DisconnectReason.ROOM_CLOSED: "the room was closed",
    rtc.DisconnectReason.PARTICIPANT_REMOVED: "the recorder was removed from the room",
    rtc.DisconnectReason.DUPLICATE_IDENTITY: "another recorder took its place",
}
_TURNED: Final[dict[Any, int]] = {
    rtc.VideoRotation.VIDEO_ROTATION_90: 90,
    rtc.VideoRotation.VIDEO_ROTATION_180: 180,
    rtc.VideoRotation.VIDEO_ROTATION_270: 270,
}
_EVENTS: Final = (
    "participant_connected",
    "participant_disconnected",
    "track_published",
    "track_unpublished",
    "track_subscribed",
    "track_unsubscribed",
    "track_muted",
    "track_unmuted",
)


class RoomMissing(Exception):
    """There is no such room."""


class _Reading(NamedTuple):
    track: rtc.Track
    task: asyncio.Task[None]


_Read = Callable[[rtc.RemoteTrackPublication, rtc.Track], Coroutine[Any, Any, None]]


class Attendance:
    """Hands what the host shows to the reel: one picture track and one sound track at a time.

    `over` says why there is nothing more to come, once that is so.
    """

    def __init__(self, job: Job, reel: Reel) -> None:
        self.over: str | None = None
        self._job = job
        self._reel = reel
        self._room = rtc.Room()
        self._delay = Delay()
        self._readers: dict[int, _Reading] = {}
        self._order: dict[str, int] = {}
        self._coming_back: asyncio.Task[None] | None = None

    async def join(self, within: float | None = None) -> None:
        """Raises RoomMissing, or ConnectionError with what happened: also when nothing did for
        `within` seconds, after which the process must end, since the join itself goes on."""
        room = rtc.Room()
        options = rtc.RoomOptions(auto_subscribe=False)
        joining = asyncio.create_task(room.connect(self._job.url, self._job.token, options))
        await asyncio.wait([joining], timeout=within)
        try:
            if not joining.done():
                raise ConnectionError(f"no answer within {within:g} s")
            joining.result()
        except rtc.ConnectError as error:
            said = str(error).replace(self._job.token, "<token>")
            raise RoomMissing if "404 Not Found" in said else ConnectionError(said) from None
        self._room = room
        for name in _EVENTS:
            room.on(name, lambda *_: self._look_round())
        room.on("disconnected", self._put_out)
        self._look_round()

    @property
    def host_is_here(self) -> bool:
        return self._room.isconnected() and any(self._hosts())

    async def measure(self) -> None:
        """Find out anew how pictures and sound are to be brought in step; each second will do."""
        picture, sound = (
            self._readers.get(kind) for kind in (rtc.TrackKind.KIND_VIDEO, rtc.TrackKind.KIND_AUDIO)
        )
        if picture is not None and sound is not None:
            await self._delay.measure(picture.track, sound.track)

    def _hosts(self) -> list[rtc.RemoteParticipant]:
        """The host on any device, and encoders: the room's only others who may publish."""
        return [
            one
            for one in self._room.remote_participants.values()
            if user_of(one.identity) == self._job.owner_id
            or one.kind == rtc.ParticipantKind.PARTICIPANT_KIND_INGRESS
        ]

    def _look_round(self) -> None:
        """Subscribe to what the host has published, and read what is best of it."""
        published = [track for one in self._hosts() for track in one.track_publications.values()]
        for publication in published:
            self._order.setdefault(publication.sid, len(self._order))
            if not publication.subscribed:
                publication.set_subscribed(True)
        for kind, read in (
            (rtc.TrackKind.KIND_VIDEO, self._watch),
            (rtc.TrackKind.KIND_AUDIO, self._listen),
        ):
            having = [one for one in published if one.kind == kind and one.track is not None]
            self._read(kind, max(having, key=self._worth, default=None), read)

    def _worth(self, publication: rtc.RemoteTrackPublication) -> tuple[bool, bool, int]:
        """What is on is better than what is muted, a voice than a screen's sound, new than old."""
        screen_sound = publication.source == rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO
        return not publication.muted, not screen_sound, self._order[publication.sid]

    def _read(self, kind: int, publication: rtc.RemoteTrackPublication | None, read: _Read) -> None:
        track = publication.track if publication is not None else None
        reading = self._readers.get(kind)
        if reading is not None:
            if reading.track is track:
                return
            reading.task.cancel()
            del self._readers[kind]
        if publication is not None and track is not None:
            task = asyncio.create_task(read(publication, track))
            self._readers[kind] = _Reading(track, task)

    async def _watch(self, publication: rtc.RemoteTrackPublication, track: rtc.Track) -> None:
        full = (publication.width, publication.height)
        stream = rtc.VideoStream(track, capacity=4)
        try:
            async for event in stream:
                frame = event.frame
                if min(frame.width, frame.height) <= _SMALLEST:
                    continue
                if frame.type != rtc.VideoBufferType.I420:
                    frame = frame.convert(rtc.VideoBufferType.I420)
                picture = Picture(
                    width=frame.width,
                    height=frame.height,
                    data=frame.data,
                    turned=_TURNED.get(event.rotation, 0),
                    full=full,
                )
                self._reel.picture(_time_of(event) + self._delay.sound_later, picture)
        finally:
            await _closed(stream)

    async def _listen(self, _: rtc.RemoteTrackPublication, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, capacity=500, sample_rate=RATE, num_channels=CHANNELS)
        try:
            async for event in stream:
                piece = np.frombuffer(event.frame.data, np.int16).reshape(-1, CHANNELS)
                self._reel.sound(time.monotonic(), piece)
        finally:
            await _closed(stream)

    def _put_out(self, reason: rtc.DisconnectReason.ValueType) -> None:
        for reading in self._readers.values():
            reading.task.cancel()
        self._readers.clear()
        self.over = _OVER.get(reason)
        if self.over is None:
            self._coming_back = asyncio.create_task(self._come_back())

    async def _come_back(self) -> None:
        """The connection is lost, or LiveKit is: try to join again until that is possible. How
        long a host may be out of sight is for others to decide."""
        while True:
            try:
                await self.join()
            except RoomMissing:
                self.over = "the room was closed"
            except ConnectionError:
                await asyncio.sleep(_AGAIN_S)
                continue
            return


def _time_of(event: rtc.VideoFrameEvent) -> float:
    """When to show it: what it says, on the clock of this process; now, where that is no sense."""
    now, told = time.monotonic(), event.timestamp_us / 1_000_000
    return told if abs(told - now) < _SANE_S else now


async def _closed(stream: rtc.VideoStream | rtc.AudioStream) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await stream.aclose()
