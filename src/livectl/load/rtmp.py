"""Push the test picture and the tone by RTMP: `python -m livectl.load.rtmp URL SECONDS`, with the
stream key on standard input, where no list of processes shows it. What went wrong is printed."""

from __future__ import annotations

import sys
import time
from typing import Any

from livectl.load.encoder import FPS, HEIGHT, PIECE, RATE, WIDTH, picture, sound

_KEY_EVERY_S = 2


def push(url: str, stream_key: str, seconds: float) -> str | None:
    """Why it was not taken. What FFmpeg says itself names the address, which ends with the key."""
    import av

    try:
        with av.open(f"{url.rstrip('/')}/{stream_key}", "w", format="flv") as output:
            _encode(output, seconds)
    except (av.FFmpegError, OSError) as error:
        return getattr(error, "strerror", None) or type(error).__name__
    return None


def _encode(output: Any, seconds: float) -> None:
    """In real time."""
    video = output.add_stream("libx264", rate=FPS, options={"tune": "zerolatency"})
    video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    video.gop_size = FPS * _KEY_EVERY_S
    audio = output.add_stream("aac", rate=RATE, layout="mono")
    began = time.monotonic()
    sounds = 0
    for number in range(round(seconds * FPS)):
        output.mux(video.encode(picture(number)))
        while sounds * PIECE < (number + 1) * RATE / FPS:
            output.mux(audio.encode(sound(sounds)))
            sounds += 1
        time.sleep(max(0, began + (number + 1) / FPS - time.monotonic()))
    output.mux(video.encode(None))
    output.mux(audio.encode(None))


if __name__ == "__main__":
    problem = push(sys.argv[1], sys.stdin.read(), float(sys.argv[2]))
    if problem is not None:
        sys.stdout.write(problem)
        sys.exit(1)
