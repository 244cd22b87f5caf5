"""Everything that is known of one stream, in one line of time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from livectl.domain.event import Event
from livectl.domain.stream import Stream
from livectl.domain.webhook import InboxEntry, read_notice
from livectl.ports.inbox import InboxQuery
from livectl.ports.store import EventQuery, Store

_MOST = 10_000


class Moment(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Something that happened. `delay_ms` is how long a webhook took to get here (LiveKit's own
    time has whole seconds) and `handled_ms` from its arrival to the state it made."""

    at: datetime
    source: Literal["event", "webhook", "stream"]
    what: str
    actor: str
    delay_ms: int | None = None
    handled_ms: int | None = None
    error: str | None = None
    data: dict[str, Any] = {}


class Timeline:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, stream: Stream) -> list[Moment]:
        """Oldest first; at most 10,000 events and as many webhooks."""
        events = await self._store.events(EventQuery(stream_id=stream.id, limit=_MOST))
        webhooks = await self._store.webhooks(InboxQuery(room=stream.room_name, limit=_MOST))
        moments = [*_of_stream(stream, events), *map(_of_event, events), *map(_of_hook, webhooks)]
        return sorted(moments, key=lambda moment: moment.at)


def _of_stream(stream: Stream, events: list[Event]) -> list[Moment]:
    """Start and end from the document, for streams that are older than the event log."""
    told = {event.type for event in events}
    moments = []
    if "stream.started" not in told:
        moments.append(_plain(stream.started_at, "stream.started", f"user:{stream.owner_id}"))
    if stream.ended_at is not None and "stream.ended" not in told:
        moments.append(_plain(stream.ended_at, "stream.ended", stream.ended_by or "unknown"))
    return moments


def _plain(at: datetime, what: str, actor: str) -> Moment:
    return Moment(at=at, source="stream", what=what, actor=actor)


def _of_event(event: Event) -> Moment:
    return Moment(
        at=event.at,
        source="event",
        what=event.type,
        actor=event.actor,
        error=event.data.get("error"),
        data={key: value for key, value in event.data.items() if key != "error"},
    )


def _of_hook(entry: InboxEntry) -> Moment:
    person = read_notice(entry.body).participant
    data: dict[str, Any] = {"webhook": entry.id, "status": entry.status}
    if person is not None:
        data |= {"identity": person.identity, "sid": person.sid, "kind": person.kind}
    if entry.attempts > 1:
        data["attempts"] = entry.attempts
    handled = _ms(entry.handled_at, entry.received_at) if entry.handled_at else None
    return Moment(
        at=entry.received_at,
        source="webhook",
        what=entry.type,
        actor="livekit",
        delay_ms=_ms(entry.received_at, entry.created_at),
        handled_ms=handled,
        error=entry.error,
        data=data,
    )


def _ms(later: datetime, earlier: datetime) -> int:
    return round((later - earlier).total_seconds() * 1000)
