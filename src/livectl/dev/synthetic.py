"""A host that is not there: a moving picture and a tone, published through the real client SDK."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

from livectl.errors import Unavailable

if TYPE_CHECKING:
    from livekit import rtc

_CONNECT_S = 10.0
_LOOP = 30  # pictures that are drawn once and shown over and over
_RATE = 48_000


class SyntheticHost:
    """Publishes into one room until it is closed. Sizes in pixels, `fps` in pictures a second,
    `hue` in degrees. Needs the `media` extra."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        width: int = 640,
        height: int = 360,
        fps: int = 15,
        audio: bool = True,
        hue: int = 0,
    ) -> None:
        self._url = url
        self._token = token
        self._size = (width, height)
        self._fps = fps
        self._with_audio = audio
        self._hue = hue
        self._room: rtc.Room | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        """Join and begin. Raises Unavailable when the extra is missing or the room refuses."""
        try:
            from livekit import rtc
        except ImportError as error:
            raise Unavailable(
                "synthetic streams need the media extra", hint="pip install 'livectl[media]'"
            ) from error
        room = rtc.Room()
        try:
            await asyncio.wait_for(room.connect(self._url, self._token), _CONNECT_S)
        except (rtc.ConnectError, TimeoutError) as error:
            raise Unavailable(
                f"the synthetic host could not join: {error or 'no answer'}",
                hint="check LIVEKIT_PUBLIC_URL: clients use it",
            ) from error
        self._room = room
        await self._publish(rtc, room)

    async def close(self) -> None:
        """Leave the room. Safe to call when it never joined."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._room is not None:
            await self._room.disconnect()
            self._room = None

    async def _publish(self, rtc: Any, room: Any) -> None:
        video = rtc.VideoSource(*self._size)
        track = rtc.LocalVideoTrack.create_video_track("camera", video)
        camera = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False)
        await room.local_participant.publish_track(track, camera)
        pictures = await asyncio.to_thread(self._draw, rtc)
        self._tasks.append(asyncio.create_task(self._show(video, pictures)))
        if self._with_audio:
            audio = rtc.AudioSource(_RATE, 1)
            track = rtc.LocalAudioTrack.create_audio_track("microphone", audio)
            mic = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
            await room.local_participant.publish_track(track, mic)
            self._tasks.append(asyncio.create_task(self._hum(rtc, audio)))

    def _draw(self, rtc: Any) -> list[Any]:
        """A bright bar that wanders over a coloured ground, ready for the encoder (I420)."""
        import numpy as np

        width, height = self._size
        angle = math.radians(self._hue)
        blue = np.full((height // 2, width // 2), 128 + 60 * math.cos(angle), np.uint8)
        red = np.full((height // 2, width // 2), 128 + 60 * math.sin(angle), np.uint8)
        pictures = []
        for number in range(_LOOP):
            light = np.full((height, width), 90, np.uint8)
            at = number * width // _LOOP
            light[:, at : at + width // 12] = 220
            planes = light.tobytes() + blue.tobytes() + red.tobytes()
            pictures.append(rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, planes))
        return pictures

    async def _show(self, video: Any, pictures: list[Any]) -> None:
        number = 0
        while True:
            video.capture_frame(pictures[number % len(pictures)])
            number += 1
            await asyncio.sleep(1 / self._fps)

    async def _hum(self, rtc: Any, audio: Any) -> None:
        """A quiet 440 Hz, in pieces of 100 ms that join without a click (44 whole waves)."""
        import numpy as np

        moments = np.arange(_RATE // 10) / _RATE
        wave = (np.sin(2 * np.pi * 440 * moments) * 1500).astype(np.int16)
        piece = rtc.AudioFrame(wave.tobytes(), _RATE, 1, len(wave))
        while True:
            await audio.capture_frame(piece)  # returns as the queue empties, which keeps the pace
