"""Order in the rooms: where a rule holds, what the rules are, and who is kept out or quiet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from livectl.domain.stream import Stream

SLOW_MAX_S = 3600
TIMEOUT_MIN_S = 10
TIMEOUT_MAX_S = 14 * 86_400
WORDS_MAX = 500
PEOPLE_MAX = 1000

EVERYWHERE = "everywhere"


def scope_of_stream(stream_id: str) -> str:
    return f"stream:{stream_id}"


def scope_of_owner(owner_id: str) -> str:
    return f"owner:{owner_id}"


def scopes_over(stream: Stream) -> tuple[str, str, str]:
    """Every scope whose rules hold in a stream, the widest first."""
    return EVERYWHERE, scope_of_owner(stream.owner_id), scope_of_stream(stream.id)


class ChatRules(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The rules of one scope: `everywhere`, `owner:<user>` or `stream:<id>`.

    `slow_seconds` between two messages of a user; `frozen`: only hosts, moderators and
    administrators speak; `links_off`: none in messages; `allowed_only`: only `allowed` users
    speak; `words`: blocked words, or patterns written as /pattern/; `rev` counts the changes.
    """

    slow_seconds: int = 0
    frozen: bool = False
    links_off: bool = False
    allowed_only: bool = False
    allowed: list[str] = []
    words: list[str] = []
    moderators: list[str] = []
    rev: int = 0


def merged(rules: list[ChatRules]) -> ChatRules:
    """What holds where all of these do: the strictest of each, everybody whom one of them names."""
    return ChatRules(
        slow_seconds=max((one.slow_seconds for one in rules), default=0),
        frozen=any(one.frozen for one in rules),
        links_off=any(one.links_off for one in rules),
        allowed_only=any(one.allowed_only for one in rules),
        allowed=_union(one.allowed for one in rules),
        words=_union(one.words for one in rules),
        moderators=_union(one.moderators for one in rules),
    )


def _union(lists: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(one for part in lists for one in part))


RestrictionKind = Literal["block", "timeout", "address"]


class Restriction(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody kept out (block, address) or quiet (timeout) in a scope, until a time or for good.

    `subject` is a user's id, for `address` the keyed hash of one; `user_id` is whose it was.
    There is at most one of a kind for a subject in a scope.
    """

    scope: str
    kind: RestrictionKind
    subject: str
    user_id: str
    by: str
    at: datetime
    until: datetime | None = None
    reason: str | None = None

    @property
    def key(self) -> str:
        return f"{self.scope}/{self.kind}/{self.subject}"

    def holds_at(self, now: datetime) -> bool:
        return self.until is None or self.until > now
