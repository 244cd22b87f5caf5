"""What LiveKit tells, as it is kept in the inbox and as it is understood."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from livectl.domain.clock import EPOCH, from_epoch_ms


class InboxEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One webhook as received. `status` is pending, done or parked (kept after failing too often).

    `body` is the raw JSON text, kept whole so that it can be replayed; it is shown only on demand.
    """

    id: str
    type: str
    received_at: datetime
    created_at: datetime
    body: str
    room: str | None = None
    status: str = "pending"
    attempts: int = 0
    next_at: datetime = EPOCH
    handled_at: datetime | None = None
    error: str | None = None


class Participant(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Someone or something in a room, from a webhook or from LiveKit's own list; `tracks` are the
    sids of what it publishes, where LiveKit's list was asked."""

    sid: str
    identity: str
    tracks: list[str] = []
    kind: str = "STANDARD"
    hidden: bool = False
    recorder: bool = False
    publisher: bool = False
    joined_at: datetime | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook understood. `at` is LiveKit's time of it (whole seconds)."""

    id: str
    type: str
    at: datetime
    room: str | None = None
    participant: Participant | None = None
    egress: dict[str, Any] | None = None
    ingress: dict[str, Any] | None = None
    dropped: int = 0


# The product's own document names these two; LiveKit never sends them (contract, Webhooks).
_ALIASES = {
    "egress_finished": ("egress_ended", "EGRESS_COMPLETE"),
    "egress_failed": ("egress_ended", "EGRESS_FAILED"),
}


def read_notice(body: bytes | str) -> Notice:
    """Understand a webhook's JSON: 64-bit numbers may be text, zero values are left out.

    Raises ValueError with what is wrong when it is no JSON object or lacks an event's name or id.
    """
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ValueError("expected a JSON object")  # noqa: TRY004 (one kind of error to catch)
    name, event_id = raw.get("event"), raw.get("id")
    if not isinstance(name, str) or not name:
        raise ValueError("event: expected the name of an event")
    if not isinstance(event_id, str) or not event_id:
        raise ValueError("id: expected the id of the event")
    egress = _object(raw, "egressInfo")
    type_, status = _ALIASES.get(name, (name, None))
    if status:
        egress = {**(egress or {}), "status": status}
    return Notice(
        id=event_id,
        type=type_,
        at=_time(_number(raw.get("createdAt")) * 1000),
        room=_room_of(raw, egress),
        participant=_participant(_object(raw, "participant")),
        egress=egress,
        ingress=_object(raw, "ingressInfo"),
        dropped=_number(raw.get("numDropped")),
    )


def _room_of(raw: dict[str, Any], egress: dict[str, Any] | None) -> str | None:
    for part, key in ((_object(raw, "room"), "name"), (egress, "roomName")):
        if part and isinstance(part.get(key), str):
            return str(part[key])
    ingress = _object(raw, "ingressInfo") or {}
    return str(ingress["roomName"]) if isinstance(ingress.get("roomName"), str) else None


def _participant(raw: dict[str, Any] | None) -> Participant | None:
    if raw is None or not raw.get("identity"):
        return None
    permission = _object(raw, "permission") or {}
    joined_ms = _number(raw.get("joinedAtMs")) or _number(raw.get("joinedAt")) * 1000
    return Participant(
        sid=str(raw.get("sid", "")),
        identity=str(raw["identity"]),
        kind=str(raw.get("kind", "STANDARD")),
        hidden=permission.get("hidden") is True,
        recorder=permission.get("recorder") is True,
        publisher=raw.get("isPublisher") is True,
        joined_at=_time(joined_ms) if joined_ms else None,
    )


def _object(raw: dict[str, Any], key: str) -> dict[str, Any] | None:
    value = raw.get(key)
    return value if isinstance(value, dict) else None


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def _time(millis: int) -> datetime:
    try:
        return from_epoch_ms(millis)
    except OverflowError:
        return EPOCH
