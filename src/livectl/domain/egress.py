"""What LiveKit's Egress tells of a recording, in its webhooks and in its list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from livectl.domain.clock import from_epoch_ms
from livectl.domain.recording import Sign, State

_STATES: dict[str, State] = {
    "EGRESS_STARTING": "starting",
    "EGRESS_ACTIVE": "recording",
    "EGRESS_ENDING": "ending",
    "EGRESS_COMPLETE": "uploading",
    "EGRESS_LIMIT_REACHED": "uploading",
    "EGRESS_FAILED": "failed",
    "EGRESS_ABORTED": "failed",
}


def read_egress(info: dict[str, Any], at: datetime) -> Sign:
    """The `egressInfo` of a webhook, or an EgressInfo in the same JSON: 64-bit numbers may be text,
    zero values are left out. `at` is the time of a sign where it has no `updatedAt`.

    A status that is left out is EGRESS_STARTING; one that we do not know says nothing, so it is the
    same. `location` is not read: it is malformed where the endpoint is not AWS's. A name that
    begins with a slash is in a directory that Egress and livectl share: the recording knows its
    path in there.
    """
    state = _STATES.get(str(info.get("status")), "starting")
    result = _result(info)
    name = str(result.get("filename") or result.get("playlistName") or "")
    return Sign(
        state=state,
        at=_time(info.get("updatedAt")) or at,
        started_at=_time(result.get("startedAt")),
        ended_at=_time(result.get("endedAt")) or _time(info.get("endedAt")),
        size=_number(result.get("size")) or None,
        duration=_number(result.get("duration")) / 1e9 or None,
        path=name if name and not name.startswith("/") else None,
        error=_error(info) if state == "failed" else None,
    )


def _result(info: dict[str, Any]) -> dict[str, Any]:
    """The one file or playlist that a recording asks for; `file` and `segments` are how an older
    Egress names it."""
    several = [*_list(info.get("fileResults")), *_list(info.get("segmentResults"))]
    candidates = [*several, info.get("file"), info.get("segments")]
    return next((one for one in candidates if isinstance(one, dict)), {})


def _error(info: dict[str, Any]) -> str:
    reason = info.get("error") or info.get("details")
    return f"Egress gave up: {reason or 'it does not say why'}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def _time(nanos: Any) -> datetime | None:
    """None for zero, which is "not yet", and for what is no time."""
    millis = _number(nanos) // 1_000_000
    try:
        return from_epoch_ms(millis) if millis else None
    except OverflowError:
        return None
