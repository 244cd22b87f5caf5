"""Who did what to whom, and why: the part of the event log that people answer for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

import msgspec

from livectl.domain.acts import EVENT_PREFIX, AnyAct, quoted, undo_command
from livectl.domain.event import Event
from livectl.ports.store import EventQuery, Store

ACTS = tuple(EVENT_PREFIX + one.__struct_config__.tag for one in get_args(AnyAct))
AUDITED = (
    *ACTS,
    "stream.ended",
    "user.banned",
    "user.unbanned",
    "report.resolved",
    "webhook.replayed",
    "ingress.created",
    "ingress.revealed",
    "ingress.rotated",
    "ingress.enabled",
    "ingress.disabled",
    "ingress.deleted",
)
_PAGE = 1000


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries, oldest first: with a `seq` above `after`, of an `act` (as `block`, or an
    event's whole type), by an actor, about a user."""

    after: int = 0
    since: datetime | None = None
    act: str | None = None
    actor: str | None = None
    user: str | None = None
    stream_id: str | None = None
    limit: int = 100


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    seq: int
    id: str
    at: datetime
    act: str
    actor: str
    scope: str
    user: str | None
    reason: str | None
    data: dict[str, Any]
    undo: str | None


class Audit:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, query: AuditQuery) -> list[AuditEntry]:
        types = AUDITED if query.act is None else (query.act, EVENT_PREFIX + query.act)
        wanted = EventQuery(
            after=query.after,
            since=query.since,
            stream_id=query.stream_id,
            types=types,
            limit=_PAGE,
        )
        found: list[AuditEntry] = []
        while page := await self._store.events(wanted):
            found += [_entry(one) for one in page if _concerns(one, query)]
            if len(found) >= query.limit or len(page) < _PAGE:
                break
            wanted = msgspec.structs.replace(wanted, after=page[-1].seq)
        return found[: query.limit]


def _concerns(one: Event, query: AuditQuery) -> bool:
    by = query.actor is None or query.actor in one.actor
    return by and (query.user is None or query.user == one.data.get("user"))


def _entry(one: Event) -> AuditEntry:
    told = {"scope", "user", "reason"}
    return AuditEntry(
        seq=one.seq,
        id=one.id,
        at=one.at,
        act=one.type.removeprefix(EVENT_PREFIX),
        actor=one.actor,
        scope=one.data.get("scope")
        or (f"stream:{one.stream_id}" if one.stream_id else "everywhere"),
        user=one.data.get("user"),
        reason=one.data.get("reason"),
        data={name: value for name, value in one.data.items() if name not in told},
        undo=_undo(one),
    )


def _undo(one: Event) -> str | None:
    if one.type == "user.banned":
        return f"livectl streams unban {quoted(one.data.get('user'))}"
    return undo_command(one.type, one.id, one.data) if one.type in ACTS else None
