"""A recording and its replay (VOD), and how what is heard of a recording moves it on."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from livectl.domain.clock import iso
from livectl.domain.stream import renewed

RecorderKind = Literal["egress", "embedded", "found"]
Layout = Literal["host", "room"]
Format = Literal["mp4", "hls"]
State = Literal["starting", "recording", "ending", "uploading", "completed", "failed"]
VodStatus = Literal["uploading", "available", "failed"]

# In the order in which a recording goes through them.
STATES: tuple[State, ...] = (
    "starting",
    "recording",
    "ending",
    "uploading",
    "completed",
    "failed",
)
RUNNING = frozenset(STATES[:3])
UNFINISHED = frozenset(STATES[:4])
# What the documents of the product know (contract, Data).
_SHOWN: dict[State, str] = {
    "starting": "recording",
    "recording": "recording",
    "ending": "recording",
    "uploading": "uploading",
    "completed": "completed",
    "failed": "failed",
}


class Storage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the finished file lies. `path` is its key in the bucket (of HLS, the playlist's);
    `size` in bytes, `duration` in seconds; `sha256` is of the file as it was sent, in hex, and
    None where somebody else sent it."""

    type: str
    path: str
    bucket: str | None = None
    url: str | None = None
    size: int | None = None
    duration: float | None = None
    format: str = "mp4"
    sha256: str | None = None


class Hold(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """That a VOD must not be deleted, by whom and why."""

    by: str
    at: datetime
    reason: str


class Vod(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The replay made of a recording, with what was read from the file itself. `poster`, `sprite`
    and `thumbnails` (a WebVTT of the sprite's pictures) are paths in the bucket; `duration` in
    seconds, `size` in bytes. `error` says why it is `failed`. `deleting` is set before anything of
    it is taken away, so that a deletion that was cut off is finished by whoever comes next.
    `storage_class` is the one that it was moved to, None while it is where it was sent."""

    status: VodStatus
    format: str = "mp4"
    duration: float | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    poster: str | None = None
    sprite: str | None = None
    thumbnails: str | None = None
    uploaded_at: datetime | None = None
    error: str | None = None
    hold: Hold | None = None
    deleting: bool = False
    storage_class: str | None = None


class Recording(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One recording of a stream, running or over. At most one of a stream runs: while its file is
    being sent, however long that takes, the next may.

    `egress_id` is the name it goes by at its recorder. `spool_host` is the host on whose disk the
    embedded recorder writes. `stop_asked` is kept apart from the state, since the recorder may be
    on another host. `seen_at` is when its recorder last gave a sign, `size` how many bytes there
    were then; `missed_at` since when Egress is missed in the room. `cut_short` is why its recorder
    ended before it was told to, with the film whole up to there. `restarts` counts how often the
    watchdog began anew for this one. `retry_at` is when an upload that failed is tried again, after
    `tries` of them. `rev` counts the changes and is what conditional updates compare.
    """

    id: str
    stream_id: str
    owner_id: str
    room_name: str
    recorder: RecorderKind
    layout: Layout = "host"
    format: Format = "mp4"
    state: State = "starting"
    path: str = ""
    egress_id: str | None = None
    by: str = ""
    requested_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    completed_at: datetime | None = None
    seen_at: datetime | None = None
    missed_at: datetime | None = None
    size: int = 0
    duration: float | None = None
    stop_asked: bool = False
    cut_short: str | None = None
    error: str | None = None
    hint: str | None = None
    spool_host: str | None = None
    restarts: int = 0
    tries: int = 0
    retry_at: datetime | None = None
    storage: Storage | None = None
    vod: Vod | None = None
    updated_at: datetime
    rev: int = 0

    @property
    def running(self) -> bool:
        return self.state in RUNNING

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED

    @property
    def slot(self) -> str:
        """Unique within a stream: the same for all that run, so that there is one."""
        return "active" if self.running else self.id


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """What a recorder, or a webhook about it, says of a recording at the time `at`.

    `state` never says more than the recorder can know: `uploading` is "the file is whole, look for
    it", with `error` where it was cut short; `failed` comes with `error`. `local` is the path of
    the file where it lies on this host's disk and is still to be sent, or, of a failed one, to be
    made whole. `duration` in seconds, `size` in bytes.
    """

    state: State
    at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    size: int | None = None
    duration: float | None = None
    path: str | None = None
    local: str | None = None
    error: str | None = None


def advance(recording: Recording, sign: Sign) -> Recording:
    """The recording after a sign. Signs may come late, twice and in any order: the furthest state
    holds, the earliest start, the last end, and the end is the same whatever came first. A
    finished recording stays as it is, and one that is being stopped does not record again.
    """
    if not recording.unfinished:
        return recording
    further = STATES.index(sign.state) > STATES.index(recording.state)
    return msgspec.structs.replace(
        recording,
        state=sign.state if further else recording.state,
        started_at=_first(recording.started_at, sign.started_at),
        ended_at=_last(recording.ended_at, sign.ended_at),
        seen_at=_last(recording.seen_at, sign.at),
        size=max(recording.size, sign.size or 0),
        duration=max(filter(None, (recording.duration, sign.duration)), default=None),
        path=sign.path or recording.path,
        cut_short=(sign.error if sign.state == "uploading" else None) or recording.cut_short,
        error=sign.error if sign.state == "failed" else recording.error,
    )


def revived(recording: Recording) -> Recording:
    """One that failed, or waits for its next try, as one whose file is looked for at once."""
    if recording.state not in {"failed", "uploading"}:
        return recording
    return msgspec.structs.replace(
        recording, state="uploading", error=None, hint=None, tries=0, retry_at=None
    )


def object_path(prefix: str, recording: Recording) -> str:
    """`<prefix>/<yyyy>/<mm>/<streamId>/<recordingId>.mp4`; the playlist of HLS has a folder of its
    own, beside whose end its segments lie."""
    month = f"{recording.requested_at:%Y/%m}"
    name = f"{recording.id}.mp4" if recording.format == "mp4" else f"{recording.id}/index.m3u8"
    return "/".join(part for part in (prefix.strip("/"), month, recording.stream_id, name) if part)


def shown_recording(recording: Recording, before: Any = None) -> dict[str, Any]:
    """`recording` in the stream's document (contract, Data); times are datetimes, what has no
    value is left out. `before` is what was shown there: fields of it that are not ours stay."""
    fields = {
        "recordingId": recording.id,
        "status": _SHOWN[recording.state],
        "egressId": recording.egress_id,
        "storage": _without_nothing(recording.storage),
        "startedAt": recording.started_at,
        "completedAt": recording.completed_at,
        "error": recording.error,
    }
    return renewed(before, fields)


def shown_vod(recording: Recording, before: Any = None) -> dict[str, Any] | None:
    """`vod` in the stream's document. Its links are as the bucket names them, and are signed only
    when somebody asks for them. `before` as of `shown_recording`."""
    vod, storage = recording.vod, recording.storage
    if vod is None or storage is None:
        return None
    fields = {
        "vodId": recording.id,
        "status": vod.status,
        "url": storage.url,
        "thumbnailUrl": vod.poster,
        "duration": vod.duration,
        "format": vod.format,
        "size": vod.size,
        "uploadedAt": vod.uploaded_at,
        "error": vod.error,
    }
    return renewed(before, fields)


def parts_after(
    document: dict[str, Any],
    changed: Recording,
    newest: Recording | None,
    replayed: Recording | None,
) -> dict[str, Any]:
    """What `recording` and `vod` in the document of a stream become by a change of one of its
    recordings: `newest` is shown, and the VOD of `replayed`, the newest one that has one. Where
    there is none, what was shown of the changed recording goes (None). A part that stays as it is
    is left out."""
    recording, vod = document.get("recording"), document.get("vod")
    parts: dict[str, Any] = {}
    if newest is not None:
        parts["recording"] = shown_recording(newest, recording)
    elif _names(recording, "recordingId", changed.id):
        parts["recording"] = None
    if replayed is not None:
        parts["vod"] = shown_vod(replayed, vod)
    elif _names(vod, "vodId", changed.id):
        parts["vod"] = None
    return parts


def described(recording: Recording) -> dict[str, str]:
    """What an event says of it."""
    told = {
        "recording": recording.id,
        "state": recording.state,
        "error": recording.error,
        "cut_short": recording.cut_short,
    }
    if recording.started_at is not None:
        told["started"] = iso(recording.started_at)
    return {name: value for name, value in told.items() if value is not None}


def _without_nothing(storage: Storage | None) -> dict[str, Any] | None:
    if storage is None:
        return None
    return {
        name: value for name, value in msgspec.to_builtins(storage).items() if value is not None
    }


def _names(part: Any, field: str, id_: str) -> bool:
    return isinstance(part, dict) and part.get(field) == id_


def _first(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


def _last(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)
