"""A host that is not there: a moving picture and a tone, published through the real client SDK.

The SDK (the `media` extra) is native code with two habits that shape this module, seen in 1.2.1:

- A join that is cancelled goes on without Python, leaves a ghost in the room, and some seconds
  later the native half panics for want of an answer and ends the process. So a join is never
  cancelled: what is no longer wanted is awaited aside, and leaves as soon as it is in.
- What LiveKit answers to a bad token quotes that token in full, and the SDK raises and logs it.
"""

from __future__ import annotations

import asyncio
import colorsys
import itertools
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from livectl.errors import Unavailable

if TYPE_CHECKING:
    from livekit import rtc

CONNECT_S: Final = 10.0
_PICTURES: Final = 30  # drawn once and shown over and over
_BITRATE: Final = 800_000  # bits a second; with fewer the SDK shrinks the picture
_RATE: Final = 48_000
_PIECE_S: Final = 0.1  # of sound; 440 Hz has 44 whole waves in it, so pieces join without a click
_LEAVE_S: Final = 2.0

_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")

# Joins that nobody waits for any more; the event loop itself keeps no task alive.
_unwanted: set[asyncio.Task[None]] = set()


class SyntheticHost:
    """Publishes a moving test picture and a tone into one room until closed.

    Sizes are in pixels, `fps` in pictures a second, `hue` in degrees of the colour wheel. `gone`
    is set when the room is left, whoever wanted it; `reason` is then LiveKit's name for why, such
    as PARTICIPANT_REMOVED. The SDK's own reconnecting after a lost network is not an end.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        width: int = 640,
        height: int = 360,
        fps: int = 15,
        audio: bool = True,
        video: bool = True,
        hue: int = 0,
    ) -> None:
        self.gone = asyncio.Event()
        self.reason: str | None = None
        self._url = url
        self._token = token
        self._size = (width, height)
        self._fps = fps
        self._with_audio = audio
        self._with_video = video
        self._hue = hue
        self._room: rtc.Room | None = None
        self._sources: list[rtc.VideoSource | rtc.AudioSource] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def connected(self) -> bool:
        """Whether it is in the room now; true while the SDK mends a lost connection."""
        return self._room is not None and not self.gone.is_set()

    @property
    def sid(self) -> str:
        """LiveKit's id of this stay in the room; empty before the first."""
        return str(self._room.local_participant.sid) if self._room is not None else ""

    async def connect(self) -> None:
        """Join and begin. Raises Unavailable, with what happened, where the extra is missing, the
        room refuses, or nothing answers within 10 s."""
        sdk = load_sdk()
        room = sdk.Room()
        room.on("disconnected", lambda reason: self._left(sdk.DisconnectReason.Name(reason)))
        await join(sdk, room, self._url, self._token)
        self._room = room
        try:
            await self._publish(sdk, room)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Leave the room. Safe to call twice, and when it never joined."""
        self._stop_showing()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._room is not None:
            await self._room.disconnect()
            if not self.gone.is_set():  # the SDK does not always tell of a leaving of our own
                self._left("CLIENT_INITIATED")
        for source in self._sources:
            await source.aclose()
        self._sources.clear()

    def _left(self, reason: str) -> None:
        self.reason = reason
        self.gone.set()
        self._stop_showing()

    def _stop_showing(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _publish(self, sdk: Any, room: rtc.Room) -> None:
        from livekit.rtc.participant import PublishTrackError

        try:
            async with asyncio.timeout(CONNECT_S):
                if self._with_video:
                    await self._publish_video(sdk, room)
                if self._with_audio:
                    await self._publish_audio(sdk, room)
        except (PublishTrackError, TimeoutError) as error:
            why = self.reason or _without_tokens(error) or f"no answer within {CONNECT_S:g} s"
            raise Unavailable(
                f"the synthetic host could not publish: {why}",
                hint="its token must allow publishing",
            ) from None

    async def _publish_video(self, sdk: Any, room: rtc.Room) -> None:
        source = sdk.VideoSource(*self._size)
        self._sources.append(source)
        # One layer, and few bits: every layer is encoded on the machine that runs the demo.
        options = sdk.TrackPublishOptions(
            source=sdk.TrackSource.SOURCE_CAMERA,
            simulcast=False,
            video_encoding=sdk.VideoEncoding(max_bitrate=_BITRATE, max_framerate=self._fps),
        )
        track = sdk.LocalVideoTrack.create_video_track("camera", source)
        await room.local_participant.publish_track(track, options)
        pictures = await asyncio.to_thread(self._draw, sdk)
        self._tasks.append(asyncio.create_task(self._show(source, pictures)))

    async def _publish_audio(self, sdk: Any, room: rtc.Room) -> None:
        source = sdk.AudioSource(_RATE, 1)
        self._sources.append(source)
        options = sdk.TrackPublishOptions(source=sdk.TrackSource.SOURCE_MICROPHONE)
        track = sdk.LocalAudioTrack.create_audio_track("microphone", source)
        await room.local_participant.publish_track(track, options)
        self._tasks.append(asyncio.create_task(self._hum(sdk, source)))

    def _draw(self, sdk: Any) -> list[rtc.VideoFrame]:
        """A bright bar that wanders over a coloured ground, in the encoder's own format (I420)."""
        import numpy as np

        width, height = self._size
        ground, blue, red = _colour(self._hue)
        half = ((height + 1) // 2, (width + 1) // 2)
        chroma = np.full(half, blue, np.uint8).tobytes() + np.full(half, red, np.uint8).tobytes()
        bar = np.arange(max(width // 12, 1))
        pictures = []
        for number in range(_PICTURES):
            light = np.full((height, width), ground, np.uint8)
            light[:, (bar + number * width // _PICTURES) % width] = 220
            planes = light.tobytes() + chroma
            pictures.append(sdk.VideoFrame(width, height, sdk.VideoBufferType.I420, planes))
        return pictures

    async def _show(self, source: rtc.VideoSource, pictures: list[rtc.VideoFrame]) -> None:
        pace = _Pace(1 / self._fps)
        for picture in itertools.cycle(pictures):
            source.capture_frame(picture)
            await pace.next()

    async def _hum(self, sdk: Any, source: rtc.AudioSource) -> None:
        """A quiet 440 Hz."""
        import numpy as np

        moments = np.arange(round(_RATE * _PIECE_S)) / _RATE
        wave = (np.sin(2 * np.pi * 440 * moments) * 1500).astype(np.int16)
        piece = sdk.AudioFrame(wave.tobytes(), _RATE, 1, len(wave))
        # A little ahead, so that a busy moment makes no gap, yet far from a full queue: on that
        # capture_frame would wait, and the native half complains about a wait that is cut off.
        pace = _Pace(_PIECE_S, ahead=3 * _PIECE_S)
        while True:
            await source.capture_frame(piece)
            await pace.next()


class _Pace:
    """`next` returns every `every` seconds, on the whole; the first times at once, until what is
    paced is `ahead` seconds ahead. After a pause (a laptop that slept) it goes on from now."""

    def __init__(self, every: float, ahead: float = 0.0) -> None:
        self._every = every
        self._ahead = ahead
        self._time = asyncio.get_running_loop().time
        self._due = self._time() - ahead

    async def next(self) -> None:
        self._due = max(self._due + self._every, self._time() - self._ahead)
        await asyncio.sleep(self._due - self._time())


def load_sdk() -> Any:
    """The client SDK, `livekit.rtc`. Raises Unavailable where the `media` extra is missing."""
    try:
        import numpy  # noqa: F401 (it comes with the same extra: say so now, not in a thread)
        from livekit import rtc
    except ImportError as error:
        raise Unavailable(
            "a synthetic host needs the media extra", hint="pip install 'livectl[media]'"
        ) from error
    logging.getLogger("livekit").addFilter(_mask_tokens)  # adding it again changes nothing
    return rtc


async def join(sdk: Any, room: rtc.Room, url: str, token: str, seconds: float = CONNECT_S) -> None:
    """Bring `room` in, or raise Unavailable with what happened, after `seconds` (s) at the most.

    Whoever gives up, by time or by cancelling, leaves no ghost: a join that succeeds after that
    is ended at once.
    """
    joining = asyncio.ensure_future(room.connect(url, token))
    try:
        await asyncio.wait_for(asyncio.shield(joining), seconds)
    except (TimeoutError, asyncio.CancelledError) as gave_up:
        _leave_once_in(sdk, room, joining)
        if isinstance(gave_up, asyncio.CancelledError):
            raise
        raise _not_joined(f"no answer within {seconds:g} s") from None
    except sdk.ConnectError as error:
        raise _not_joined(_without_tokens(error)) from None


async def unwanted_joins_ended(seconds: float = _LEAVE_S) -> None:
    """Wait until no join that was given up is under way, `seconds` (s) at the most: for a process
    that wants to end without being gone in the middle of one."""
    if _unwanted:
        await asyncio.wait(_unwanted, timeout=seconds)


def _leave_once_in(sdk: Any, room: rtc.Room, joining: asyncio.Future[None]) -> None:
    async def leave() -> None:
        with suppress(sdk.ConnectError):
            await joining
            await room.disconnect()

    task = asyncio.create_task(leave())
    _unwanted.add(task)
    task.add_done_callback(_unwanted.discard)


def _not_joined(why: str) -> Unavailable:
    return Unavailable(
        f"the synthetic host could not join: {why}", hint="check LIVEKIT_PUBLIC_URL: clients use it"
    )


def _without_tokens(said: object) -> str:
    return _TOKEN.sub("<token>", str(said))


def _mask_tokens(record: logging.LogRecord) -> bool:
    record.msg, record.args = _without_tokens(record.getMessage()), None
    return True


def _colour(hue: int) -> tuple[int, int, int]:
    """Y, Cb, Cr (BT.601, limited range) of a soft colour."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, 0.6, 0.5)
    return (
        round(16 + 65.5 * red + 128.6 * green + 25.0 * blue),
        round(128 - 37.8 * red - 74.2 * green + 112 * blue),
        round(128 + 112 * red - 93.8 * green - 18.2 * blue),
    )
