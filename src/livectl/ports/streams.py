"""Streams, and who was in their rooms, as the store keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from livectl.domain.event import Event
from livectl.domain.presence import Sighting
from livectl.domain.stream import Stream


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which streams: all given conditions hold. `ref` is the start of an id or a whole room name;
    `title` a part of the title, in any case; `since` (it included) and `until` (it not) are about
    startedAt, `ended_since` (it included) about endedAt; `before` the (startedAt, id) of the last
    one seen.
    `teardown_owed` finds ended streams whose end is not yet enforced; `with_replay` streams that
    offer their replay and show one that is available."""

    live: bool | None = None
    owner_id: str | None = None
    tag: str | None = None
    title: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ref: str | None = None
    teardown_owed: bool | None = None
    with_replay: bool = False
    ended_since: datetime | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 100


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

    async def owe_teardown(self, stream_id: str, event: Event) -> bool:
        """Teardown owed again; False where it was, or the stream is live (or not there)."""
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

    async def streams_by_id(self, stream_ids: Sequence[str]) -> list[Stream]:
        """Those of them that there are, in any order."""
        ...

    async def pin_message(
        self, stream_id: str, pin: dict[str, Any], event: Event
    ) -> list[dict[str, Any]] | None:
        """Put a pin (`messageId`, `authorId`, `content`, `timestamp`: a datetime) last among
        the stream's pinnedMessages, of which the oldest beyond PINNED_MAX goes; all of them then.
        One with the same messageId is pinned already: nothing changes, and no event is appended.
        None where there is no such stream."""
        ...

    async def unpin_message(self, stream_id: str, message_id: str, event: Event) -> bool:
        """False where it was not pinned."""
        ...
