"""A recording, as it is found in a bucket."""

from __future__ import annotations

from pathlib import Path

import av
from av.video.frame import PictureType

SECONDS = 12
_PICTURES = f"testsrc2=size=320x180:rate=10:duration={SECONDS}"


def make(path: Path) -> None:
    """Pictures that count the seconds, with a key frame in each."""
    with av.open(_PICTURES, format="lavfi") as source, av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for picture in source.decode(video=0):
            picture.pict_type = PictureType.NONE  # as it comes, each would be a key frame
            film.mux(stream.encode(picture))
        film.mux(stream.encode())
