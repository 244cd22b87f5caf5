"""Where the objects of a VOD lie, and whose they are."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from livectl.domain.ids import is_object_id
from livectl.domain.recording import Recording, Storage, Vod
from livectl.domain.stream import Stream

_POSTER, _SPRITE, _THUMBNAILS = ".poster.jpg", ".sprite.jpg", ".thumbnails.vtt"
_SEGMENT = re.compile(r"\.(ts|m4s|aac|mp4)$")
_ROOM = re.compile(r"live_[^/]+?_\d{10,}")
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])")
# They have to be brought back before anything of them can be read.
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})


def poster_path(path: str) -> str:
    """Beside the recording, as all that is made of it."""
    return _stem(path) + _POSTER


def sprite_path(path: str) -> str:
    return _stem(path) + _SPRITE


def thumbnails_path(path: str) -> str:
    return _stem(path) + _THUMBNAILS


def companions(path: str) -> list[str]:
    """All that may have been made of a recording."""
    return [poster_path(path), sprite_path(path), thumbnails_path(path)]


def is_recording(path: str) -> bool:
    """Whether an object looks like a recording: a whole MP4, or the playlist of HLS."""
    return path.endswith((".mp4", ".m3u8"))


def owners_of(path: str) -> list[str]:
    """The paths of the recordings that an object may be, or may belong to; none where it is none
    of what livectl or Egress writes."""
    for ending in (_POSTER, _SPRITE, _THUMBNAILS):
        if path.endswith(ending):
            stem = path.removesuffix(ending)
            return [f"{stem}.mp4", f"{stem}.m3u8"]
    owners = [path] if is_recording(path) else []
    if _SEGMENT.search(path) and "/" in path:
        owners.append(f"{path.rpartition('/')[0]}/index.m3u8")
    return owners


def named_in(path: str) -> tuple[list[str], list[str]]:
    """What a path may tell of the stream that it is of: ids, the folders before the file's own
    name, and rooms."""
    folders, _, name = path.rpartition("/")
    ids = [*reversed(_ID.findall(folders.lower())), *_ID.findall(name.lower())]
    return list(dict.fromkeys(ids)), list(dict.fromkeys(_ROOM.findall(path)))


def recording_id_in(path: str) -> str | None:
    """The id in `<prefix>/<yyyy>/<mm>/<streamId>/<recordingId>.mp4` (or its HLS form)."""
    parts = path.split("/")
    if path.endswith(".m3u8"):
        parts = parts[:-1]
    if len(parts) < 2 or not is_object_id(parts[-2]):
        return None
    name = parts[-1].removesuffix(".mp4")
    return name if is_object_id(name) else None


def stored_by_others(stream: Stream, type_: str, bucket: str | None) -> Storage | None:
    """Where the document of an older version says that the recording lies, if it is a finished one
    and lies in this bucket."""
    recording: dict[str, Any] = stream.recording or {}
    if recording.get("status") != "completed" or recording.get("recordingId"):
        return None
    kept = recording.get("storage")
    storage: dict[str, Any] = kept if isinstance(kept, dict) else {}
    if storage.get("type", type_) != type_ or storage.get("bucket") not in {None, "", bucket}:
        return None
    url = storage.get("url") or (stream.vod or {}).get("url")
    path = _text(storage.get("path")) or (path_in(bucket, url) if isinstance(url, str) else None)
    if not path or "://" in path:
        return None
    return Storage(
        type=type_,
        path=path.lstrip("/"),
        bucket=bucket,
        url=url if isinstance(url, str) else None,
        size=_whole(storage.get("size")),
        duration=_number(storage.get("duration")),
        format="hls" if path.endswith(".m3u8") else "mp4",
    )


def path_in(bucket: str | None, url: str) -> str | None:
    """The key that a URL of this bucket names, in any of the forms that S3 knows."""
    if not bucket:
        return None
    try:
        # What Egress tells of an endpoint of one's own has two schemes.
        parts = urlsplit(re.sub(r"^https?://(?=https?://)", "", url))
        host = parts.hostname or ""
    except ValueError:
        return None
    path = unquote(parts.path).lstrip("/")
    if parts.scheme == "s3":
        return path if host == bucket and path else None
    if host.startswith(f"{bucket}."):
        return path or None
    return path.removeprefix(f"{bucket}/") or None if path.startswith(f"{bucket}/") else None


def thumbnails_text(
    sprite: str, count: int, every: float, size: tuple[int, int], columns: int
) -> str:
    """The WebVTT of a sprite: `count` pictures, one for each `every` seconds."""
    width, height = size
    cues = [
        f"{_clock(number * every)} --> {_clock((number + 1) * every)}\n"
        f"{sprite}#xywh={number % columns * width},{number // columns * height},{width},{height}\n"
        for number in range(count)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def with_sprite(thumbnails: str, sprite: str) -> str:
    """The WebVTT with another reference to its sprite."""
    return re.sub(r"^[^\s#]+(?=#xywh=)", lambda _: sprite, thumbnails, flags=re.MULTILINE)


def is_archived(vod: Vod) -> bool:
    """Whether it has to be brought back before it can be watched."""
    return vod.storage_class in ARCHIVED


def lacks(vod: Vod) -> bool:
    """Whether something that is read or made from the file itself is not there."""
    return None in (vod.duration, vod.size, vod.poster, vod.sprite, vod.thumbnails)


def size_of(recording: Recording) -> int:
    """In bytes, as far as it is known."""
    vod, storage = recording.vod, recording.storage
    return (vod and vod.size) or (storage and storage.size) or recording.size


def _stem(path: str) -> str:
    return path.removesuffix(".mp4").removesuffix(".m3u8")


def _clock(seconds: float) -> str:
    millis = round(seconds * 1000)
    minutes, rest = divmod(millis, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
