"""What was said in streams, as the store keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from livectl.domain.chat import ChatEntry, EntryKind
from livectl.domain.event import Event


class ChatQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which chat entries: all given conditions hold, hidden ones only with `hidden`. By id, the
    newest first unless `oldest_first`; `before` and `after` are ids, not included; `since` (it
    included) and `until` (it not) are times; `text` is a part of the content, in any case."""

    stream_ids: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    user_id: str | None = None
    kind: EntryKind | None = None
    text: str | None = None
    before: str | None = None
    after: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    hidden: bool = False
    oldest_first: bool = False
    limit: int = 100


class ChatStore(Protocol):
    """What is said in the rooms."""

    async def add_entries(self, entries: Sequence[ChatEntry]) -> None:
        """Durable when it returns. Safe to repeat: an entry whose id is known stays as it is."""
        ...

    async def add_gift(self, gift: ChatEntry) -> tuple[ChatEntry, bool]:
        """A gift that counts: durable, and in the stream's totalGifts, when it returns. Where
        this user's `client_id` is known in this stream: the first gift with it, and False; so
        that however often and from wherever it is sent, it counts once. Exact under any number
        of callers at once, and after a crash at any point (a gift that the crash cut off is
        counted by whoever adds one next, or by `open`)."""
        ...

    async def entries(self, query: ChatQuery) -> list[ChatEntry]: ...

    async def hide_entries(self, query: ChatQuery, *, event: Event) -> list[str]:
        """Hide all that match and are not hidden, whatever the query's limit and order; the
        event's id becomes their `hidden_by`. Their ids, oldest first. Where none matches, no
        event is appended."""
        ...

    async def restore_entries(
        self, *, ids: Sequence[str] = (), hidden_by: str | None = None, event: Event
    ) -> list[str]:
        """Show hidden ones again: these, or all that one event hid. Their ids, oldest first."""
        ...

    async def count_messages(self, *, since: datetime, until: datetime) -> int:
        """All that were said from a time (it included) until another (it not)."""
        ...

    async def prune_entries(self, *, before: datetime) -> int:
        """Remove those of streams that are not live, from before a time; how many. totalGifts
        stays as it is."""
        ...
