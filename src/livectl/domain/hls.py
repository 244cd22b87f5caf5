"""HLS media playlists, as far as a recording needs them (RFC 8216)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from urllib.parse import unquote

import msgspec

_URI = re.compile(r'URI="([^"]*)"')


class Playlist(msgspec.Struct, frozen=True, kw_only=True):
    """`segments` and `init` (of fragmented MP4) are URIs as they stand there; `duration` in
    seconds; `ended` says that nothing more comes."""

    segments: list[str]
    init: str | None
    duration: float
    ended: bool


def read_playlist(text: str) -> Playlist | None:
    """None where it is no media playlist."""
    lines = [line.strip() for line in text.splitlines()]
    if not lines or lines[0] != "#EXTM3U" or any(one.startswith("#EXT-X-STREAM") for one in lines):
        return None
    maps = (_URI.search(line) for line in lines if line.startswith("#EXT-X-MAP:"))
    return Playlist(
        segments=[line for line in lines if line and not line.startswith("#")],
        init=next((found[1] for found in maps if found), None),
        duration=round(sum(_seconds(line) for line in lines if line.startswith("#EXTINF:")), 3),
        ended="#EXT-X-ENDLIST" in lines,
    )


def path_of(playlist: str, uri: str) -> str | None:
    """The path in the bucket of what a playlist there names; None where that is not in the
    playlist's folder."""
    folder = posixpath.dirname(playlist)
    path = posixpath.normpath(posixpath.join(folder, unquote(uri.partition("?")[0])))
    inside = "://" not in uri and path.startswith(f"{folder}/" if folder else "")
    return path if inside and not path.startswith("../") else None


def with_links(text: str, link: Callable[[str], str]) -> str:
    """The playlist with a link in the place of each URI."""
    return "\n".join(
        _URI.sub(lambda found: f'URI="{link(found[1])}"', line)
        if line.startswith("#")
        else (link(line.strip()) if line.strip() else line)
        for line in text.splitlines()
    )


def _seconds(line: str) -> float:
    try:
        return max(0.0, float(line.removeprefix("#EXTINF:").partition(",")[0]))
    except ValueError:
        return 0.0
