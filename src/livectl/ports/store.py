"""Everything durable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from livectl.domain.event import Event
from livectl.ports.chat import ChatStore
from livectl.ports.inbox import InboxStore
from livectl.ports.ingress import IngressStore
from livectl.ports.moderation import ModerationStore
from livectl.ports.people import PeopleStore
from livectl.ports.recordings import RecordingStore
from livectl.ports.samples import SampleStore
from livectl.ports.streams import StreamStore


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events, oldest first: with a `seq` above `after`; `types` are several, any of which
    will do."""

    after: int = 0
    stream_id: str | None = None
    type: str | None = None
    types: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int = 100


RecordKind = Literal[
    "stream",
    "sighting",
    "event",
    "webhook",
    "ban",
    "report",
    "start_key",
    "chat",
    "chat_rules",
    "restriction",
    "recording",
    "ingress_key",
]  # in the order of an export; the addresses that people came from are not moved


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Anything a store holds, for moving it to another store. `key` is unique within its kind;
    `document` is plain JSON (times as `domain.clock.iso` text, names in camelCase, fields without
    a value left out), so that both stores write the same bytes.

    Keys: of a sighting `streamId/sid`, of a start key `ownerId/key`, of a ban the user's id, of an
    event its `seq` with leading zeros to 20 digits, of chat rules their scope (which the document
    repeats as `scope`), of a restriction its `key`, of the others their `id`.
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


class Store(
    StreamStore,
    ChatStore,
    ModerationStore,
    PeopleStore,
    InboxStore,
    RecordingStore,
    IngressStore,
    SampleStore,
    Protocol,
):
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

    async def lease_held(self, name: str, *, now: datetime) -> bool:
        """Whether anybody holds it."""
        ...

    async def prune_leases(self, *, before: datetime) -> int:
        """Forget those that were over before then: how many there were."""
        ...

    def dump(self) -> AsyncIterator[Record]:
        """Everything, by kind and key; leases and samples are left out."""
        ...

    async def load(self, records: Sequence[Record]) -> None:
        """Put records in as they are, over those with the same key."""
        ...
