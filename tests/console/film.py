"""A recording, as it is found in a bucket."""

from __future__ import annotations

from pathlib import Path

import av
from av.video.frame import PictureType

SECONDS = 12
# Where the recording of an id lies in its stream's folder.
NAMES = {"mp4": "{}.mp4", "hls": "{}/index.m3u8"}
_SEGMENTS = {"hls_time": "2", "hls_playlist_type": "vod"}


def make(path: Path, *, seconds: int = SECONDS) -> None:
    """Pictures that count the seconds, with a key frame in each: an MP4, or HLS where the path is
    that of a playlist."""
    pictures = f"testsrc2=size=320x180:rate=10:duration={seconds}"
    options = _SEGMENTS if path.suffix == ".m3u8" else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        av.open(pictures, format="lavfi") as source,
        av.open(str(path), "w", options=options) as film,
    ):
        stream = film.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for picture in source.decode(video=0):
            picture.pict_type = PictureType.NONE  # as it comes, each would be a key frame
            film.mux(stream.encode(picture))
        film.mux(stream.encode())
