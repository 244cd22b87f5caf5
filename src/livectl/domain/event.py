"""The event log: what changed, when, by whom; appended in the same step as the change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from livectl.domain.ids import new_id


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One entry. `seq` is its place in the log, given by the store; 0 before that.

    `type` is `<noun>.<what happened>`, e.g. `stream.ended`; `actor` who made it happen (`user:U`,
    `operator:NAME`, `livekit`, `reconcile`); `data` the facts, with before and after where
    something was corrected. Never a secret.
    """

    id: str
    at: datetime
    type: str
    actor: str
    stream_id: str | None = None
    request_id: str | None = None
    data: dict[str, Any] = {}
    seq: int = 0


def event(
    type_: str,
    at: datetime,
    actor: str,
    *,
    stream_id: str | None = None,
    request_id: str | None = None,
    **data: Any,
) -> Event:
    """A new event that no store has seen; data without a value is left out."""
    return Event(
        id=new_id(),
        at=at,
        type=type_,
        actor=actor,
        stream_id=stream_id,
        request_id=request_id,
        data={key: value for key, value in data.items() if value is not None},
    )
