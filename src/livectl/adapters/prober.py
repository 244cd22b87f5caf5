"""Reads media files with FFmpeg (PyAV), in worker threads."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

from livectl.domain.vod import thumbnails_text
from livectl.errors import BadInput, NotReady
from livectl.ports.prober import MediaFacts, Pictures

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_POSTER_AT = 0.1
_POSTER_WIDTH = 1280
_THUMB_WIDTH = 160
_THUMBS_MAX = 100
_THUMB_EVERY_S = 2.0
_COLUMNS = 10
_DECODED_S = 3.0
# A picture is looked for so far from the key frame before it; what has none for longer is odd.
_FORWARD_MAX = 600
# Of a plain MP4 there are a few; a fragmented one has thousands, which are not all walked through.
_BOXES_MAX = 32


class AvProber:
    """The `Prober` port."""

    async def facts(self, open_file: Callable[[], BinaryIO], format_: str) -> MediaFacts:
        return await asyncio.to_thread(_facts, open_file, format_)

    async def pictures(self, open_file: Callable[[], BinaryIO], sprite_name: str) -> Pictures:
        return await asyncio.to_thread(_pictures, open_file, sprite_name)

    async def decode(self, open_file: Callable[[], BinaryIO]) -> str | None:
        return await asyncio.to_thread(_decode, open_file)


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise NotReady(
            "reading media files needs the media extra", hint="pip install 'livectl[media]'"
        ) from error
    return av


@contextmanager
def _opened(open_file: Callable[[], BinaryIO]) -> Iterator[InputContainer]:
    """Errors of the file itself (the bucket is away) come through as they are."""
    with open_file() as file, _av().open(file) as container:
        yield container


def _facts(open_file: Callable[[], BinaryIO], format_: str) -> MediaFacts:
    av = _av()
    if format_ == "mp4":
        with open_file() as file:
            problem = _wrong_boxes(file)
        if problem is not None:
            return MediaFacts(format=format_, problem=problem)
    try:
        with _opened(open_file) as container:
            return _facts_of(container, format_)
    except (av.error.FFmpegError, OSError, UnicodeDecodeError) as error:
        return MediaFacts(format=format_, problem=f"it cannot be read: {_why(error)}")


def _facts_of(container: InputContainer, format_: str) -> MediaFacts:
    video = next(iter(container.streams.video), None)
    audio = next(iter(container.streams.audio), None)
    duration = _duration(container)
    problem = None
    if video is None or not video.width:
        problem = "there is no picture in it"
    elif not duration:
        problem = "it has no duration"
    return MediaFacts(
        format=format_,
        duration=duration or None,
        width=video.width if video else None,
        height=video.height if video else None,
        video_codec=video.codec_context.name if video else None,
        audio_codec=audio.codec_context.name if audio else None,
        problem=problem,
    )


def _duration(container: InputContainer) -> float:
    """In seconds, to the millisecond; 0 where it cannot be told."""
    return round(max(0, container.duration or 0) / 1_000_000, 3)


def _wrong_boxes(file: BinaryIO) -> str | None:
    """What is wrong with the boxes that an MP4 is made of: FFmpeg plays a file that was cut off
    as far as it goes, and says nothing."""
    end = file.seek(0, 2)
    if not end:
        return "it is empty"
    at = 0
    seen: set[bytes] = set()
    for _ in range(_BOXES_MAX):
        if at >= end:
            break
        file.seek(at)
        head = file.read(16)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        elif size == 0:  # up to the end
            size = end - at
        if not seen and kind not in {b"ftyp", b"styp", b"moov", b"free", b"skip", b"wide"}:
            return "it is no MP4"
        if size < 8 or at + size > end:
            return f"it is cut off: {at + max(size, 8) - end} bytes are missing at least"
        seen.add(kind)
        at += size
    # With more boxes than were looked at, FFmpeg has the last word.
    return None if b"moov" in seen or at < end else "it has no moov: it was never finished"


def _pictures(open_file: Callable[[], BinaryIO], sprite_name: str) -> Pictures:
    av = _av()
    try:
        with _opened(open_file) as container:
            return _pictures_of(container, sprite_name)
    except (av.error.FFmpegError, OSError) as error:
        raise BadInput(f"no picture can be decoded: {_why(error)}") from error


def _pictures_of(container: InputContainer, sprite_name: str) -> Pictures:
    import numpy as np

    video = _video_of(container)
    duration = _duration(container)
    count = min(_THUMBS_MAX, max(1, int(duration / _THUMB_EVERY_S)))
    every = duration / count
    poster = _picture_at(container, video, duration * _POSTER_AT, near=0)
    width, height = _within(video, _POSTER_WIDTH)
    thumb_width, thumb_height = _within(video, _THUMB_WIDTH, enlarged=True)
    rows = math.ceil(count / _COLUMNS)
    sheet = np.zeros((rows * thumb_height, min(count, _COLUMNS) * thumb_width, 3), dtype=np.uint8)
    for number in range(count):
        frame = _picture_at(container, video, (number + 0.5) * every, near=every / 2)
        thumb = frame.reformat(thumb_width, thumb_height).to_ndarray(format="rgb24")
        top, left = number // _COLUMNS * thumb_height, number % _COLUMNS * thumb_width
        sheet[top : top + thumb_height, left : left + thumb_width] = thumb
    return Pictures(
        poster=_jpeg(poster, width, height),
        sprite=_jpeg(_av().VideoFrame.from_ndarray(sheet, format="rgb24")),
        thumbnails=thumbnails_text(
            sprite_name, count, every, (thumb_width, thumb_height), _COLUMNS
        ),
    )


def _video_of(container: InputContainer) -> VideoStream:
    if not container.streams.video:
        raise BadInput("there is no picture in it")
    return container.streams.video[0]


def _picture_at(
    container: InputContainer, video: VideoStream, at: float, *, near: float
) -> VideoFrame:
    """The picture that shows at a time (s), or a key frame at most `near` seconds before it; the
    last one where there is none so late. Raises BadInput where none can be decoded."""
    start = (container.start_time or 0) / 1_000_000
    container.seek(int((start + at) * 1_000_000))
    found = None
    for number, frame in enumerate(_decoded(container, video)):
        found = frame
        if frame.time is None or frame.time - start >= at - near or number > _FORWARD_MAX:
            break
    if found is None:
        raise BadInput("no picture can be decoded")
    return found


def _decoded(container: InputContainer, video: VideoStream) -> Iterator[VideoFrame]:
    """Pictures from where the container was sought to; those that are broken are left out."""
    av = _av()
    for packet in container.demux(video):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _within(video: VideoStream, width: int, *, enlarged: bool = False) -> tuple[int, int]:
    """The size of a picture scaled to a width, both even."""
    ratio = float(video.sample_aspect_ratio or 1)
    wide = video.width * ratio
    new = width if enlarged else min(width, round(wide))
    return max(2, new // 2 * 2), max(2, round(new * video.height / wide / 2) * 2)


def _jpeg(frame: VideoFrame, width: int | None = None, height: int | None = None) -> bytes:
    av = _av()
    picture = frame.reformat(width, height, format="yuvj420p")
    picture.pts = 0
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height = picture.width, picture.height
    codec.pix_fmt = "yuvj420p"
    codec.time_base = Fraction(1, 25)
    codec.qmin = codec.qmax = 4
    return b"".join(bytes(packet) for packet in [*codec.encode(picture), *codec.encode(None)])


def _decode(open_file: Callable[[], BinaryIO]) -> str | None:
    av = _av()
    try:
        with _opened(open_file) as container:
            duration = _duration(container)
            places = (0.0, duration / 2, max(0.0, duration - _DECODED_S))
            return next(filter(None, (_decode_at(container, at) for at in places)), None)
    except BadInput as error:
        return error.message
    except (av.error.FFmpegError, OSError) as error:
        return f"it cannot be read: {_why(error)}"


def _decode_at(container: InputContainer, at: float) -> str | None:
    """Decode picture and sound from a time on."""
    av = _av()
    start = (container.start_time or 0) / 1_000_000
    video = _video_of(container)
    container.seek(int((start + at) * 1_000_000))
    pictures = 0
    try:
        for packet in container.demux([video, *container.streams.audio[:1]]):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    pictures += 1
                    if frame.is_corrupt:
                        return f"a picture at {_time(frame.time, at)} s is broken"
            if packet.pts is not None and packet.pts * packet.time_base - start > at + _DECODED_S:
                break
    except av.error.FFmpegError as error:
        return f"it cannot be decoded from {at:.0f} s on: {_why(error)}"
    return None if pictures else f"there is no picture from {at:.0f} s on"


def _time(time: float | None, otherwise: float) -> str:
    return f"{otherwise if time is None else time:.1f}"


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
