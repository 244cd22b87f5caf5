"""A recording, and a place to load it from as from a bucket: with ranges, as seeking needs them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

SECONDS = 12
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_TYPES = {".mp4": "video/mp4", ".vtt": "text/vtt", ".jpg": "image/jpeg"}


def make(folder: Path) -> None:
    """`film.mp4`, a sprite of its pictures, and the WebVTT that names them."""
    source = ["-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=10:duration={SECONDS}"]
    encoded = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p"]
    ffmpeg = ["ffmpeg", "-loglevel", "error", "-y"]
    film = folder / "film.mp4"
    subprocess.run([*ffmpeg, *source, *encoded, "-movflags", "faststart", str(film)], check=True)
    tiles = ["-vf", "fps=1/4,scale=160:90,tile=3x1", "-frames:v", "1"]
    subprocess.run([*ffmpeg, "-i", str(film), *tiles, str(folder / "film.sprite.jpg")], check=True)
    cues = [
        f"00:00:{at * 4:02}.000 --> 00:00:{at * 4 + 4:02}.000\n"
        f"film.sprite.jpg#xywh={at * 160},0,160,90\n"
        for at in range(3)
    ]
    (folder / "film.vtt").write_text("\n".join(["WEBVTT\n", *cues]))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of the folder, while this lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = folder / Path(self.path).name
            if not path.is_file():
                self.send_error(404)
                return
            body = path.read_bytes()
            asked = _RANGE.fullmatch(self.headers.get("Range", ""))
            first = int(asked[1]) if asked else 0
            last = int(asked[2] or len(body) - 1) if asked else len(body) - 1
            self.send_response(206 if asked else 200)
            self.send_header("Content-Type", _TYPES[path.suffix])
            self.send_header("Content-Length", str(last - first + 1))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Access-Control-Allow-Origin", "*")
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
            self.end_headers()
            try:
                self.wfile.write(body[first : last + 1])
            except ConnectionError:
                self.close_connection = True  # the browser has seen enough

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
