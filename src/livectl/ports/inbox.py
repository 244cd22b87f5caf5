"""LiveKit's webhooks, kept until they are worked through."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from livectl.domain.event import Event
from livectl.domain.webhook import InboxEntry


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
