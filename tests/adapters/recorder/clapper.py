"""A host who claps: each second the picture flashes and a tone beeps, at the same moment."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from livekit import api, rtc

from tests.parts.livekit import LiveKit

RATE = 48_000
CLAP_S = 0.1
_PIECE = RATE // 100


def token(livekit: LiveKit, room: str, identity: str) -> str:
    grants = api.VideoGrants(room_join=True, room=room)
    return (
        api.AccessToken(livekit.key, livekit.secret)
        .with_identity(identity)
        .with_grants(grants)
        .to_jwt()
    )


class Clapper:
    """Publishes for real; as a context manager it joins and leaves. Sizes are in pixels."""

    def __init__(
        self, livekit: LiveKit, room: str, identity: str, *, width: int = 320, height: int = 180
    ) -> None:
        self.room = rtc.Room()
        self._livekit = livekit
        self._name = room
        self._identity = identity
        self._size = (width, height)
        self._shows: dict[str, asyncio.Task[None]] = {}
        self._tracks: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await self.room.connect(self._livekit.url, token(self._livekit, self._name, self._identity))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for show in self._shows.values():
            show.cancel()
        await asyncio.gather(*self._shows.values(), return_exceptions=True)
        await self.room.disconnect()

    async def show(self, *, simulcast: bool = False) -> rtc.LocalTrackPublication:
        source = rtc.VideoSource(*self._size)
        track = rtc.LocalVideoTrack.create_video_track("camera", source)
        options = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            simulcast=simulcast,
            video_encoding=rtc.VideoEncoding(max_bitrate=1_000_000, max_framerate=30),
        )
        return await self._publish("video", track, options, self._flash(source))

    async def speak(self) -> rtc.LocalTrackPublication:
        source = rtc.AudioSource(RATE, 1, queue_size_ms=50)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        return await self._publish("audio", track, options, self._beep(source))

    def resize(self, width: int, height: int) -> None:
        self._size = (width, height)

    async def hide(self, kind: str) -> None:
        """Unpublish the track of a kind."""
        self._shows.pop(kind).cancel()
        await self.room.local_participant.unpublish_track(self._tracks.pop(kind))

    async def _publish(self, kind, track, options, show) -> rtc.LocalTrackPublication:  # type: ignore[no-untyped-def]
        publication = await self.room.local_participant.publish_track(track, options)
        self._tracks[kind] = publication.sid
        self._shows[kind] = asyncio.create_task(show)
        return publication

    async def _flash(self, source: rtc.VideoSource) -> None:
        due = time.monotonic()
        while True:
            width, height = self._size
            data = self.draw(width, height, light=235 if _clapping(time.time()) else 50)
            source.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, data))
            due = max(due + 1 / 30, time.monotonic())
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def draw(self, width: int, height: int, light: int) -> bytes:
        """The next picture, in I420."""
        chroma = ((width + 1) // 2) * ((height + 1) // 2) * 2
        return bytes([light]) * (width * height) + bytes([128]) * chroma

    async def _beep(self, source: rtc.AudioSource) -> None:
        wave = (np.sin(2 * np.pi * 1000 * np.arange(_PIECE) / RATE) * 12_000).astype(np.int16)
        due = time.monotonic()
        while True:
            piece = wave if _clapping(time.time()) else np.zeros(_PIECE, np.int16)
            await source.capture_frame(rtc.AudioFrame(piece.tobytes(), RATE, 1, _PIECE))
            # What a busy machine kept from being said is not said later: it would be late for ever.
            due = max(due + 0.01, time.monotonic())
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def _clapping(now: float) -> bool:
    return now % 1 < CLAP_S


@dataclass(frozen=True)
class Claps:
    """A file as it is seen and heard: when each flash and each beep begins, in seconds; `lights`
    and `loud` are the brightness of each picture (0 to 255) and the loudness of each 10 ms."""

    size: tuple[int, int]
    pictures: list[float]
    lights: list[float]
    loud: list[float]

    @property
    def flashes(self) -> list[float]:
        return _onsets(self.pictures, self.lights, 130)

    @property
    def beeps(self) -> list[float]:
        return _onsets([number / 100 for number in range(len(self.loud))], self.loud, 1500)

    @property
    def seconds(self) -> tuple[float, float]:
        """Of the pictures, and of the sound."""
        return self.pictures[-1], len(self.loud) / 100

    @property
    def steps(self) -> list[float]:
        """How much later than its flash each beep is, in seconds."""
        near = [
            min((beep - flash for beep in self.beeps), key=abs, default=9.0)
            for flash in self.flashes
        ]
        return [step for step in near if abs(step) < 0.5]


def watch(file: Path) -> Claps:
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        pictures, lights = [], []
        for frame in container.decode(stream):
            pictures.append(float(frame.time))
            rows = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1)
            lights.append(
                float(rows[frame.height // 2, frame.width // 4 : -frame.width // 4].mean())
            )
        size = (stream.width, stream.height)
    with av.open(str(file)) as container:
        sound = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        first = container.streams.audio[0].start_time or 0
        start = float(first * container.streams.audio[0].time_base)
    line = np.concatenate([np.zeros(max(0, round(start * RATE)), np.float32), *sound]) * 32_768
    pieces = line[: len(line) // _PIECE * _PIECE].reshape(-1, _PIECE)
    return Claps(size, pictures, lights, [float(np.abs(piece).max()) for piece in pieces])


def _onsets(times: list[float], levels: list[float], above: float) -> list[float]:
    """Where it becomes loud or bright after a rest."""
    pairs = zip(times, levels, strict=True)
    found: list[float] = []
    before = -1.0
    for at, level in pairs:
        if level > above:
            if at - before > CLAP_S:
                found.append(at)
            before = at
    return found
