"""Who is banned, what was reported, and what was begun, as the store keeps it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from livectl.domain.event import Event
from livectl.domain.people import Ban, Report


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
