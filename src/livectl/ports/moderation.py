"""What keeps order: the rules of chats, restrictions, reports and addresses, as the store keeps
them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from livectl.domain.event import Event
from livectl.domain.moderation import ChatRules, Restriction, RestrictionKind
from livectl.domain.people import Report


class RestrictionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which restrictions, the newest first: `holding_at` a time, or `over_at` one (over by then).
    No scopes are all of them."""

    scopes: tuple[str, ...] = ()
    kind: RestrictionKind | None = None
    subject: str | None = None
    holding_at: datetime | None = None
    over_at: datetime | None = None
    limit: int = 1000


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports, the newest first; `before` is the (at, id) of the last one seen."""

    status: str | None = None
    stream_id: str | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 100


class SeenAddress(msgspec.Struct, frozen=True, kw_only=True):
    """That a user came from an address, which is kept as a keyed hash only."""

    user_id: str
    address: str
    at: datetime


class ModerationStore(Protocol):
    """Chat rules, restrictions, reports, and where people came from."""

    async def chat_rules(self, scopes: Sequence[str]) -> dict[str, ChatRules]:
        """Those of the scopes that have any."""
        ...

    async def set_chat_rules(self, scope: str, rules: ChatRules, event: Event) -> bool:
        """In the place of those with `rules.rev`, as rev + 1 (0 where there are none yet); False
        where others came in between: nothing changes then."""
        ...

    async def restrict(self, restriction: Restriction, event: Event) -> None:
        """A later one with the same key replaces the earlier."""
        ...

    async def lift_restriction(self, key: str, event: Event) -> bool:
        """False where there is none."""
        ...

    async def restrictions(self, query: RestrictionQuery) -> list[Restriction]: ...

    async def report(self, report_id: str) -> Report | None: ...

    async def reports(self, query: ReportQuery) -> list[Report]: ...

    async def resolve_report(
        self, report_id: str, *, resolution: str, by: str, at: datetime, event: Event
    ) -> bool:
        """Open -> resolved, once; False where it is not open (or not there)."""
        ...

    async def remember_addresses(self, seen: Sequence[SeenAddress]) -> None:
        """The latest time of each user and address."""
        ...

    async def addresses_of(self, user_id: str) -> list[str]:
        """The latest first, at most 20."""
        ...

    async def forget_addresses(self, *, before: datetime) -> int: ...
