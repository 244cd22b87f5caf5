"""A stream, as the collection `livestreams` holds it (contract, Data)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from livectl.domain.clock import EPOCH, from_epoch_ms, to_millis

TITLE_MAX = 120
TAGS_MAX = 10
PINNED_MAX = 5


class Stream(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One live stream, running or over.

    `recording`, `vod`, `ingress` and `pinnedMessages` are kept as the documents have them.
    `auto_record` is whether it is recorded from when its host publishes; None: as the server does.
    `rev` counts the changes and is what conditional updates compare. `teardown_owed` is set in the
    same step as the end and cleared once ingress, recording and room have been seen gone at
    LiveKit, so that a kill is finished by whoever comes next. `extra` is whatever else the
    document carries: it is kept, and never shown.
    """

    id: str
    owner_id: str
    room_name: str
    title: str = ""
    cover_url: str | None = None
    is_live: bool = False
    started_at: datetime = EPOCH
    ended_at: datetime | None = None
    end_reason: str | None = None
    ended_by: str | None = None
    teardown_owed: bool = False
    viewers: int = 0
    peak_viewers: int = 0
    tags: list[str] = []
    blocked_user_ids: list[str] = []
    recording: dict[str, Any] | None = None
    vod: dict[str, Any] | None = None
    ingress: dict[str, Any] | None = None
    pinned_messages: list[dict[str, Any]] = []
    enable_recording: bool = True
    enable_replay: bool = True
    auto_record: bool | None = None
    total_gifts: int = 0
    created_at: datetime = EPOCH
    updated_at: datetime = EPOCH
    rev: int = 0
    extra: dict[str, Any] = {}

    @property
    def recording_status(self) -> str:
        return _status_of(self.recording)

    @property
    def vod_status(self) -> str:
        return _status_of(self.vod)


_FIELDS = {
    field.encode_name: field for field in msgspec.structs.fields(Stream) if field.name != "extra"
}
_TIMES = {"startedAt", "endedAt", "createdAt", "updatedAt"}
_COUNTS = {"viewers", "peakViewers", "totalGifts", "rev"}
_LISTS = {"tags", "blockedUserIds", "pinnedMessages"}
_OBJECTS = {"recording", "vod", "ingress"}
_FLAGS = {"isLive", "teardownOwed", "enableRecording", "enableReplay", "autoRecord"}


def stream_from_document(document: dict[str, Any]) -> Stream:
    """Read a document of any age: what is missing or unusable gets its default, what is unknown
    goes to `extra`. Ids must be strings already; times may be datetimes, ISO text or epoch ms.
    """
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in document.items():
        field = _FIELDS.get(key)
        if field is None:
            extra[key] = value
        elif (read := _read(key, value)) is not None:
            values[field.name] = read
    return Stream(**values, extra=extra)


def document_from_stream(stream: Stream) -> dict[str, Any]:
    """The document to write: fields without a value are left out, extra ones come back."""
    document = dict(stream.extra)
    for key, field in _FIELDS.items():
        value = getattr(stream, field.name)
        if value is not None:
            document[key] = value
    return document


def renewed(before: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """A part of the document with these fields in the place of those it had: the ones that are
    None are left out, and fields of other names stay."""
    kept = before if isinstance(before, dict) else {}
    merged = {**kept, **fields}
    return {key: value for key, value in merged.items() if value is not None or key not in fields}


def _read(key: str, value: Any) -> Any:
    if key in _TIMES:
        return read_time(value)
    if key in _COUNTS:
        return _read_count(value)
    if key in _LISTS:
        return list(value) if isinstance(value, list) else None
    if key in _OBJECTS:
        return value if isinstance(value, dict) and value else None
    if key in _FLAGS:
        return value if isinstance(value, bool) else None
    return None if value is None else str(value)


def _read_count(value: Any) -> int | None:
    try:
        return max(0, int(value)) if isinstance(value, int | float) else None
    except (ValueError, OverflowError):  # infinite, or no number
        return None


def read_time(value: Any) -> datetime | None:
    """A time from a datetime, ISO 8601 text or epoch milliseconds; None for anything else."""
    if isinstance(value, datetime):
        return to_millis(value)
    if isinstance(value, str):
        try:
            return to_millis(datetime.fromisoformat(value))
        except ValueError:
            return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return from_epoch_ms(int(value))
        except (ValueError, OverflowError):  # no number, or no year that a calendar has
            return None
    return None


def _status_of(part: dict[str, Any] | None) -> str:
    status = (part or {}).get("status")
    return status if isinstance(status, str) and status else "none"
