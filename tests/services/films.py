"""Small films of every kind, whole and broken, encoded for real."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

SECONDS = 6


@cache
def film(*, sound: bool = True, picture: bool = True, fragmented: bool = False) -> bytes:
    """Six seconds of 320x180 in H.264, 10 pictures a second that get brighter, with a tone."""
    flags = "frag_keyframe+empty_moov+default_base_moof"
    options = {"movflags": flags} if fragmented else {}
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options=options) as container:
        _encode(container, sound=sound, picture=picture)
    return file.getvalue()


@cache
def hls() -> dict[str, bytes]:
    """The same as `index.m3u8` with three segments, by name."""
    options = {"hls_time": "2", "hls_playlist_type": "event"}
    with tempfile.TemporaryDirectory() as folder:
        with av.open(f"{folder}/index.m3u8", "w", format="hls", options=options) as container:
            _encode(container, sound=True, picture=True)
        return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def _encode(container: av.container.OutputContainer, *, sound: bool, picture: bool) -> None:
    video = container.add_stream("libx264", rate=10) if picture else None
    audio = container.add_stream("aac", rate=48_000) if sound else None
    if video is not None:
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        video.options = {"preset": "ultrafast", "g": "10"}
        for number in range(SECONDS * 10):
            grey = np.full((180, 320, 3), number * 4, dtype=np.uint8)
            grey[:, number * 5 : number * 5 + 10] = 255
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    if audio is not None:
        for number in range(SECONDS * 48_000 // 1024):
            at = np.arange(number * 1024, (number + 1) * 1024) / 48_000
            tone = (np.sin(at * 440 * 2 * np.pi) * 0.2).astype(np.float32)[None, :]
            sounding = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            sounding.sample_rate, sounding.pts = 48_000, number * 1024
            container.mux(audio.encode(sounding))
        container.mux(audio.encode(None))


def never_finished() -> bytes:
    """As a recorder leaves it that was killed: no moov."""
    return film()[: film().index(b"moov") - 4]


def rotten() -> bytes:
    """The middle of the pictures was overwritten."""
    whole = bytearray(film())
    begin, end = whole.index(b"mdat") + 4, whole.index(b"moov") - 4
    third = (end - begin) // 3
    whole[begin + third : begin + 2 * third] = b"\x5a" * third
    return bytes(whole)


# What is wrong, how to make it, and a part of what is to be said of it.
BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut off": (lambda: film()[:-2000], "cut off"),
    "no moov": (never_finished, "no moov"),
    "no picture": (lambda: film(picture=False), "no picture"),
    "empty": (lambda: b"", "empty"),
    "no media at all": (lambda: bytes(range(256)) * 40, "no MP4"),
    "a text": (lambda: b"<Error><Code>AccessDenied</Code></Error>", "no MP4"),
}
