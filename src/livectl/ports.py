"""What the services need of the outside, named for intent. Adapters implement these.

Every method of `Store` that changes something and takes an event appends that event in the same
atomic step; one that is refused by its condition changes nothing and appends nothing. All of them
raise `Unavailable` when the outside fails, with the call and the cause in the message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from livectl.domain.event import Event
from livectl.domain.people import Ban, Report
from livectl.domain.presence import Sighting
from livectl.domain.stream import Stream
from livectl.domain.webhook import InboxEntry, Participant


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC, to the millisecond."""
        ...


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which streams: all given conditions hold. `ref` is the start of an id or a whole room name;
    `title` a part of the title, in any case; `since` (it included) and `until` (it not) are about
    startedAt, `ended_since` (it included) about endedAt; `before` the (startedAt, id) of the last
    one seen.
    `teardown_owed` finds ended streams whose end is not yet enforced."""

    live: bool | None = None
    owner_id: str | None = None
    tag: str | None = None
    title: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ref: str | None = None
    teardown_owed: bool | None = None
    ended_since: datetime | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 100


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events, oldest first: with a `seq` above `after`."""

    after: int = 0
    stream_id: str | None = None
    type: str | None = None
    since: datetime | None = None
    limit: int = 100


class InboxQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which webhooks, the newest first."""

    status: str | None = None
    room: str | None = None
    type: str | None = None
    since: datetime | None = None
    limit: int = 100


class InboxDepth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many wait, how many are parked, and when the oldest waiting one came."""

    pending: int
    parked: int
    oldest: datetime | None


RecordKind = Literal[
    "stream", "sighting", "event", "webhook", "ban", "report", "start_key"
]  # in the order of an export


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Anything a store holds, for moving it to another store. `key` is unique within its kind;
    `document` is plain JSON (times as `domain.clock.iso` text, names in camelCase, fields without
    a value left out), so that both stores write the same bytes.

    Keys: of a sighting `streamId/sid`, of a start key `ownerId/key`, of a ban the user's id, of an
    event its `seq` with leading zeros to 20 digits, of the others their `id`.
    """

    kind: RecordKind
    key: str
    document: dict[str, Any]


class StoreCheck(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The state of a store: its schema, and the indexes it should have with whether it has them."""

    backend: str
    schema_version: int
    expected_schema_version: int
    indexes: dict[str, bool]
    counts: dict[str, int]


class StreamStore(Protocol):
    """Streams and who watches them."""

    async def add_stream(self, stream: Stream, event: Event) -> None:
        """Raises Conflict when its id or its room name is taken."""
        ...

    async def stream(self, stream_id: str) -> Stream | None: ...

    async def stream_in_room(self, room_name: str) -> Stream | None: ...

    async def find_streams(self, query: StreamQuery) -> list[Stream]:
        """Newest `startedAt` first, then by id, descending."""
        ...

    async def live_totals(self) -> tuple[int, int]:
        """How many streams are live, and their viewers together."""
        ...

    async def end_stream(
        self, stream_id: str, *, at: datetime, reason: str, by: str, event: Event
    ) -> Stream | None:
        """Live -> ended, once: isLive false, endedAt, endReason, endedBy, viewers 0, an ingress
        marked not enabled, teardown owed. None where it is not live (or not there)."""
        ...

    async def settle_teardown(self, stream_id: str, event: Event) -> bool:
        """Teardown no longer owed; False where it was not."""
        ...

    async def block_user(self, stream_id: str, user_id: str, event: Event) -> bool:
        """True where the user was not blocked before and is now."""
        ...

    async def unblock_user(self, stream_id: str, user_id: str, event: Event) -> bool:
        """True where the user was blocked before and is not now."""
        ...

    async def add_sightings(self, sightings: Sequence[Sighting]) -> None:
        """Merged with what is known of the same sessions (`domain.presence.merge`)."""
        ...

    async def overrule_sightings(self, sightings: Sequence[Sighting]) -> None:
        """Written as they are, over what was known: for what LiveKit itself reports."""
        ...

    async def sightings(self, stream_id: str) -> list[Sighting]: ...

    async def present_viewers(self, stream_id: str) -> int:
        """Distinct users with a session that joined and has not left."""
        ...

    async def set_audience(
        self, stream_id: str, *, rev: int, viewers: int, peak: int, event: Event | None
    ) -> bool:
        """Only while the stream's `rev` is still `rev`; else False."""
        ...


class PeopleStore(Protocol):
    """Bans, reports, and the keys of repeated starts."""

    async def ban(self, ban: Ban, event: Event) -> None:
        """A later ban of the same user replaces the earlier one."""
        ...

    async def ban_of(self, user_id: str) -> Ban | None: ...

    async def bans(self) -> list[Ban]: ...

    async def lift_ban(self, user_id: str, event: Event) -> bool: ...

    async def add_report(self, report: Report, event: Event) -> None: ...

    async def remember_start(
        self, owner_id: str, key: str, *, digest: str, stream_id: str, at: datetime
    ) -> tuple[str, str]:
        """The (digest, stream id) that the first start with this owner's key left: this one's,
        when it is the first."""
        ...

    async def forget_start(self, owner_id: str, key: str, *, stream_id: str) -> None:
        """The key is free again, where it stood for this stream."""
        ...


class InboxStore(Protocol):
    """Webhooks, kept before they are answered."""

    async def add_webhook(self, entry: InboxEntry) -> bool:
        """Durably, before it returns. False where its id is known: nothing changes then."""
        ...

    async def claim_webhooks(
        self, *, now: datetime, until: datetime, limit: int
    ) -> list[InboxEntry]:
        """Pending ones that are due, oldest first. Each is given to one caller only until `until`
        (its `next_at` becomes that, its attempts grow by one), then to whoever comes next."""
        ...

    async def finish_webhooks(self, ids: Sequence[str], *, at: datetime) -> None: ...

    async def retry_webhook(self, webhook_id: str, *, next_at: datetime, error: str) -> None: ...

    async def park_webhook(self, webhook_id: str, *, error: str, event: Event) -> None: ...

    async def requeue_webhooks(self, ids: Sequence[str], *, now: datetime, event: Event) -> int:
        """Pending again, with no attempts behind them; how many there were."""
        ...

    async def webhook(self, webhook_id: str) -> InboxEntry | None: ...

    async def webhooks(self, query: InboxQuery) -> list[InboxEntry]: ...

    async def inbox_depth(self) -> InboxDepth: ...

    async def prune_webhooks(self, *, before: datetime) -> int:
        """Remove those done before a time; pending and parked ones stay."""
        ...


class Store(StreamStore, PeopleStore, InboxStore, Protocol):
    """Everything durable."""

    async def open(self) -> None:
        """Connect, make what is missing (tables, indexes), migrate. Safe to repeat and to race."""
        ...

    async def close(self) -> None: ...

    async def ping(self) -> None:
        """A write and a read that prove the store works."""
        ...

    async def check(self) -> StoreCheck: ...

    async def append_event(self, event: Event) -> None: ...

    async def events(self, query: EventQuery) -> list[Event]:
        """In the order of the log. Never shows an entry before all with a lower `seq` can be seen,
        so that a reader who goes on from the last `seq` misses none."""
        ...

    async def last_event_seq(self) -> int: ...

    async def take_lease(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        """One holder at a time: True when it is free, over, or already this holder's."""
        ...

    async def drop_lease(self, name: str, holder: str) -> None: ...

    def dump(self) -> AsyncIterator[Record]:
        """Everything, by kind and key; leases are left out."""
        ...

    async def load(self, records: Sequence[Record]) -> None:
        """Put records in as they are, over those with the same key."""
        ...


class Room(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A room as LiveKit lists it."""

    name: str
    sid: str
    participants: int
    created_at: datetime


class Meter(Protocol):
    """Where services and adapters count what operators watch."""

    def outside_call(self, service: str, call: str, seconds: float, *, ok: bool) -> None: ...

    def request(self, method: str, route: str, status: int, seconds: float) -> None: ...

    def webhook(self, type_: str, result: str) -> None:
        """`result`: received, repeated, done, retried, parked or refused."""
        ...

    def webhook_lag(self, seconds: float) -> None:
        """From an event's arrival to the state it made."""
        ...

    def reconciled(self, corrections: int) -> None:
        """The drift that a reconcile found."""
        ...

    def render(self, *, live: tuple[int, int], depth: InboxDepth, now: datetime) -> bytes:
        """What was counted, with what the store holds at this moment, for a scrape."""
        ...


class MediaCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a doctor asks of LiveKit. `clock_skew_s` is LiveKit's clock minus ours;
    `joins_make_rooms` whether a join brings back a room that was deleted."""

    version: str
    clock_skew_s: float
    joins_make_rooms: bool


class Media(Protocol):
    """LiveKit. Calls that are safe to repeat are repeated, within a time limit, with jitter."""

    public_url: str

    async def close(self) -> None: ...

    async def ping(self) -> None: ...

    async def check(self) -> MediaCheck: ...

    async def create_room(self, name: str) -> None:
        """Safe to repeat: a room that is there stays."""
        ...

    async def rooms(self, names: Sequence[str] | None = None) -> list[Room]:
        """All rooms, or those of `names` that exist."""
        ...

    async def participants(self, room: str) -> list[Participant]:
        """Everyone in it, hidden ones as well; none where the room is not there."""
        ...

    async def remove_participant(self, room: str, identity: str) -> bool:
        """False where nobody of that identity was there."""
        ...

    async def mute_track(self, room: str, identity: str, track_sid: str, *, muted: bool) -> None:
        """Raises NotFound when there is no such track."""
        ...

    async def delete_room(self, room: str) -> bool:
        """Everyone in it is put out. False where it was not there."""
        ...

    async def stop_ingress(self, room: str, ingress_id: str | None) -> int:
        """Refuse new connections of the room's ingresses, then delete them, which drops an encoder
        that is connected. How many there were."""
        ...

    async def stop_recordings(self, room: str) -> int:
        """Ask Egress to finish what it records of the room. How many were running."""
        ...

    def host_token(self, room: str, user_id: str) -> str:
        """To join this room and publish in it; ten minutes to join."""
        ...

    def viewer_token(self, room: str, user_id: str) -> str:
        """To join this room and only subscribe; ten minutes to join."""
        ...

    def verify_webhook(self, body: bytes, authorization: str) -> None:
        """Raises Unauthenticated unless LiveKit signed just these bytes."""
        ...

    def sign_webhook(self, body: bytes) -> str:
        """The Authorization that LiveKit would send with this body."""
        ...
