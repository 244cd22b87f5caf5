"""A recording, as it is found in a bucket."""

from __future__ import annotations

import subprocess
from pathlib import Path

SECONDS = 12


def make(path: Path) -> None:
    """Pictures that count the seconds, with a key frame in each."""
    source = ["-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=10:duration={SECONDS}"]
    encoded = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p"]
    ffmpeg = ["ffmpeg", "-loglevel", "error", *source, *encoded, str(path)]
    subprocess.run(ffmpeg, check=True)
