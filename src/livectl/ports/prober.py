"""What media files are."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Protocol

import msgspec


class MediaFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a media file is, read from itself: `duration` in seconds. `problem` says what is wrong
    with it, where it cannot be played."""

    format: str = "mp4"
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    problem: str | None = None


class Pictures(msgspec.Struct, frozen=True, kw_only=True):
    """A poster (JPEG), and small pictures in one JPEG with the WebVTT that says where each is."""

    poster: bytes
    sprite: bytes
    thumbnails: str


class Prober(Protocol):
    """Reads media files, in worker threads. Raises NotReady where the media extra is missing."""

    async def facts(self, open_file: Callable[[], BinaryIO], format_: str) -> MediaFacts: ...

    async def pictures(self, open_file: Callable[[], BinaryIO], sprite_name: str) -> Pictures:
        """The poster from a tenth of the way in. `sprite_name` is what the WebVTT calls the
        sprite. Raises BadInput where no picture can be decoded."""
        ...

    async def decode(self, open_file: Callable[[], BinaryIO]) -> str | None:
        """Decode some seconds at the start, the middle and the end: what is wrong, or None."""
        ...
