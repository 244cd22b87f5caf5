"""Who asks, who is kept out, and who complained."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from livectl.domain.chat import ChatEntry

Role = Literal["anonymous", "user", "administrator", "monitor", "livekit"]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever makes a call. `name` is what logs and the audit trail show; `expires_s` (s since
    1970) when the token runs out, if it does."""

    role: Role
    user_id: str = ""
    name: str = "anonymous"
    expires_s: int | None = None

    @property
    def is_administrator(self) -> bool:
        return self.role == "administrator"

    @property
    def is_operator(self) -> bool:
        """Somebody at a shell of the server's own, who is no user of the product."""
        return self.is_administrator and not self.user_id


class Ban(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user who may not go live until a time."""

    user_id: str
    until: datetime
    by: str
    at: datetime
    reason: str | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A viewer's complaint about a stream. `messages` are copies of those that `evidence` names,
    so that they outlast deletion; `status` is open or resolved."""

    id: str
    stream_id: str
    reporter_id: str
    type: str
    reason: str
    at: datetime
    description: str | None = None
    evidence: list[str] = []
    messages: list[ChatEntry] = []
    status: str = "open"
    resolution: str | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
