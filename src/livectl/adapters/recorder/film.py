"""The file itself: H.264 and AAC on one timeline, in fragments until it is closed.

The file is FFmpeg's hybrid MP4: while it grows it is a row of fragments, each written to disk as
soon as it is whole, so that what a killed process leaves plays up to the last one; closing turns it
in place into a plain MP4, which every browser can seek in, without a second copy of hours of video.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final

import av

from livectl.adapters.recorder.picture import Picture, Size, black, frame_of
from livectl.adapters.recorder.sound import RATE, Samples, SoundLine

FRAGMENT_S: Final = 0.5
KEYFRAME_S: Final = 2.0
RATE_MAX: Final = 30  # pictures a second

_CLOCK: Final = Fraction(1, 90_000)
_NEAREST_S: Final = 0.66 / RATE_MAX  # pictures come a little unevenly
_REPEAT_S: Final = 0.1
_HURRIED_REPEAT_S: Final = 1.0
# What is older than this does not come any more.
_PICTURE_WAIT_S: Final = 0.3
_SOUND_WAIT_S: Final = 0.6

_CONTAINER: Final = {
    "movflags": "hybrid_fragmented+default_base_moof",
    "frag_duration": str(round(FRAGMENT_S * 1e6)),
    "flush_packets": "1",
}
# No B-frames and little foresight: what the encoder keeps back is lost when it is killed.
_ENCODER: Final = {
    "preset": "veryfast",
    "crf": "23",
    "bf": "0",
    "rc-lookahead": "4",
    "sync-lookahead": "0",
    "threads": "2",
    "forced-idr": "1",
}
_BITS_A_PIXEL: Final = 5  # a second; 4.6 Mbit/s for 720p at the most
_SOUND_BITS: Final = 128_000


class Film:
    """Pictures and sound must come in the order of their times, more or less; times are seconds
    from its beginning. What is missing between them is made up: silence, and the last picture
    again. Its methods block, and raise OSError where the disk is full."""

    def __init__(self, file: Path, size: Size) -> None:
        self._size = size
        self._sound = SoundLine()
        self._last = black(size)
        self._shown_at = -1.0
        self._key_at = -KEYFRAME_S
        self._container = av.open(str(file), "w", format="mp4", options=_CONTAINER)
        self._video = self._container.add_stream("libx264", rate=RATE_MAX, options=self._rate())
        self._video.width, self._video.height = size
        self._video.pix_fmt = "yuv420p"
        self._video.gop_size = 100 * RATE_MAX  # keyframes are asked for by the clock
        self._video.codec_context.time_base = self._video.time_base = _CLOCK
        self._audio = self._container.add_stream(
            "aac", rate=RATE, layout="stereo", bit_rate=_SOUND_BITS
        )

    @property
    def seconds(self) -> float:
        return max(self._shown_at, self._sound.written / RATE)

    def picture(self, at: float, picture: Picture) -> None:
        self._last = frame_of(picture, self._size)
        if at >= self._shown_at + _NEAREST_S:
            self._show(at)

    def sound(self, at: float, piece: Samples) -> None:
        for samples in self._sound.take(at, piece):
            self._write(samples)

    def tick(self, at: float, *, hurried: bool = False) -> None:
        """It is this late now, whether something came or not. Who is `hurried` makes up no more
        than one picture a second."""
        if self._shown_at < 0:
            self._show(0.0)
        every = _HURRIED_REPEAT_S if hurried else _REPEAT_S
        while self._shown_at + every < at - _PICTURE_WAIT_S:
            self._show(self._shown_at + every)
        for silence in self._sound.fill(at - _SOUND_WAIT_S):
            self._write(silence)

    def close(self, at: float) -> None:
        """Finish it, at this time."""
        self.tick(at)
        for silence in self._sound.fill(at):
            self._write(silence)
        if at > self._shown_at + _NEAREST_S:
            self._show(at)
        for stream in (self._video, self._audio):
            self._container.mux(stream.encode(None))
        self._container.close()

    def _show(self, at: float) -> None:
        frame = self._last
        frame.pts = round(at / _CLOCK)
        frame.time_base = _CLOCK
        key = at >= self._key_at + KEYFRAME_S
        frame.pict_type = av.video.frame.PictureType.I if key else av.video.frame.PictureType.NONE
        if key:
            self._key_at = at
        self._shown_at = at
        self._container.mux(self._video.encode(frame))

    def _write(self, samples: Samples) -> None:
        if not len(samples):
            return
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE
        frame.pts = self._sound.written - len(samples)
        frame.time_base = Fraction(1, RATE)
        self._container.mux(self._audio.encode(frame))

    def _rate(self) -> dict[str, str]:
        most = self._size[0] * self._size[1] * _BITS_A_PIXEL
        return {**_ENCODER, "maxrate": str(most), "bufsize": str(2 * most)}
