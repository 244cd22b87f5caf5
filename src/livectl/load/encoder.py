"""An encoder that is not there: a test picture and a tone, pushed with a stream key."""

from __future__ import annotations

import asyncio
import fractions
import importlib.util
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from livectl.errors import LivectlError, Unavailable, error_for

if TYPE_CHECKING:
    import httpx
    from aiortc import RTCPeerConnection

WIDTH, HEIGHT, FPS = 640, 360, 15
RATE = 48_000
PIECE = 960  # samples of sound: 20 ms
_TONE_HZ = 440
_CONNECT_S = 10.0
_MISSING = "pip install 'livectl[media]'"


async def push(protocol: str, url: str, stream_key: str, seconds: float) -> None:
    """Send a test picture of 640x360 and a tone for some seconds, by `rtmp` or `whip`.

    Raises Unavailable where it cannot be sent or the media extra is missing, and what the server
    answers to an offer by WHIP.
    """
    if protocol == "rtmp":
        await _push_rtmp(url, stream_key, seconds)
        return
    async with WhipEncoder(url, stream_key) as encoder:
        await encoder.connected()
        await asyncio.sleep(seconds)


class WhipEncoder:
    """Publishes by WHIP from when it is entered until it is left."""

    def __init__(self, url: str, stream_key: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {stream_key}"}
        self._session: httpx.URL | None = None
        self._connection: RTCPeerConnection | None = None

    async def __aenter__(self) -> WhipEncoder:
        """Raises what the server answers to the offer."""
        import httpx

        connection = _connection()
        self._connection = connection
        try:
            await connection.setLocalDescription(await connection.createOffer())
            answer = await self._offer(connection.localDescription.sdp)
            self._session = httpx.URL(self._url).join(answer.headers["Location"])
            await connection.setRemoteDescription(_answer(answer.text))
        except httpx.TransportError as error:
            await self.drop()
            raise Unavailable(f"{self._url} could not be reached: {error}") from None
        except BaseException:
            await self.drop()
            raise
        return self

    async def _offer(self, sdp: str) -> httpx.Response:
        import httpx

        sent = self._headers | {"Content-Type": "application/sdp"}
        async with httpx.AsyncClient(timeout=_CONNECT_S) as http:
            answer = await http.post(self._url, content=sdp, headers=sent)
        if answer.status_code != 201:
            raise _refusal(answer)
        return answer

    async def __aexit__(self, *_: object) -> None:
        """End it, with a goodbye."""
        import httpx

        if self._session is not None:
            with suppress(httpx.HTTPError):
                async with httpx.AsyncClient(timeout=_CONNECT_S) as http:
                    await http.delete(self._session, headers=self._headers)
        await self.drop()

    async def drop(self) -> None:
        """End it without a goodbye."""
        if self._connection is not None:
            await self._connection.close()

    @property
    def state(self) -> str:
        """Of the connection: connecting, connected, failed or closed."""
        return str(self._connection.connectionState) if self._connection else "new"

    async def connected(self) -> None:
        """Wait until media flows. Raises Unavailable."""
        try:
            async with asyncio.timeout(_CONNECT_S):
                while self.state != "connected":
                    if self.state in {"failed", "closed"}:
                        break
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        if self.state != "connected":
            raise Unavailable(
                "LiveKit took the offer, and no media came through",
                hint="check that LiveKit's UDP and TCP ports can be reached from here",
            )


def _connection() -> RTCPeerConnection:
    try:
        from aiortc import RTCConfiguration, RTCPeerConnection
    except ImportError:
        raise Unavailable("an encoder needs the media extra", hint=_MISSING) from None
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for track in (_picture(), _tone()):
        connection.addTransceiver(track, direction="sendonly")
    return connection


def _answer(sdp: str) -> Any:
    from aiortc import RTCSessionDescription

    return RTCSessionDescription(sdp, "answer")


def _picture() -> Any:
    from aiortc import MediaStreamTrack

    class Picture(MediaStreamTrack):
        kind = "video"

        def __init__(self) -> None:
            super().__init__()
            self._number = 0
            self._began = time.monotonic()

        async def recv(self) -> Any:
            await asyncio.sleep(max(0, self._began + self._number / FPS - time.monotonic()))
            frame = picture(self._number)
            self._number += 1
            return frame

    return Picture()


def _tone() -> Any:
    from aiortc import MediaStreamTrack

    class Tone(MediaStreamTrack):
        kind = "audio"

        def __init__(self) -> None:
            super().__init__()
            self._number = 0
            self._began = time.monotonic()

        async def recv(self) -> Any:
            due = self._began + self._number * PIECE / RATE
            await asyncio.sleep(max(0, due - time.monotonic()))
            frame = sound(self._number)
            self._number += 1
            return frame

    return Tone()


def picture(number: int) -> Any:
    """A bright bar that wanders over a grey ground."""
    import av
    import numpy as np

    light = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    light[:HEIGHT] = 60
    light[:HEIGHT, (np.arange(WIDTH // 12) + number * 8) % WIDTH] = 220
    frame = av.VideoFrame.from_ndarray(light, format="yuv420p")
    frame.pts, frame.time_base = number, fractions.Fraction(1, FPS)
    return frame


def sound(number: int) -> Any:
    import av
    import numpy as np

    at = (np.arange(PIECE) + number * PIECE) / RATE
    wave = (np.sin(2 * np.pi * _TONE_HZ * at) * 3000).astype(np.int16).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
    frame.sample_rate = RATE
    frame.pts, frame.time_base = number * PIECE, fractions.Fraction(1, RATE)
    return frame


async def _push_rtmp(url: str, stream_key: str, seconds: float) -> None:
    """From a process of its own: FFmpeg waits without end for a server that takes the connection
    and then says nothing, and nothing else goes on here meanwhile."""
    if importlib.util.find_spec("av") is None:
        raise Unavailable("an encoder needs the media extra", hint=_MISSING)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "livectl.load.rtmp", url, str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(seconds + _CONNECT_S):
            said, _ = await process.communicate(stream_key.encode())
    except TimeoutError:
        raise Unavailable(f"{url} takes the connection, and does not answer as RTMP") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        why = said.decode().strip() or f"exit code {process.returncode}"
        raise Unavailable(f"{url} does not take the push: {why}")


def _refusal(answer: httpx.Response) -> LivectlError:
    try:
        told = answer.json()
        return error_for(told["code"], answer.status_code)(told["error"], hint=told.get("hint"))
    except (ValueError, KeyError, TypeError):
        return Unavailable(f"the WHIP server answered HTTP {answer.status_code}")
