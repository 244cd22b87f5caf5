"""An ingress key: what an encoder needs to go live, made before or during a stream."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Literal

import msgspec

Protocol = Literal["rtmp", "whip", "url"]
# Who takes the encoder's connection: LiveKit's Ingress service, or livekit-server's own WHIP.
Through = Literal["ingress", "livekit"]
ConnectionStatus = Literal["inactive", "buffering", "publishing", "error"]

GRACE_S = 60


class Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One secret of a key, and the ingress at LiveKit that takes it (none for WHIP through
    livekit-server, where `ingress_id` is ours). A key has two lines while a rotation overlaps:
    the older one ends at `ends_at`."""

    ingress_id: str
    stream_key: str
    url: str
    made_at: datetime
    ends_at: datetime | None = None

    @property
    def digest(self) -> str:
        return digest_of(self.stream_key)


class Connection(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How an encoder stands, as last heard. `since` is when this status began; `came_from` an
    address, where it is known (LiveKit's Ingress does not tell it)."""

    status: ConnectionStatus = "inactive"
    since: datetime | None = None
    came_from: str | None = None
    error: str | None = None


class IngressKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """With a `stream_id` it belongs to that live stream and ends with it. Without one it stands:
    when an encoder connects, a stream of `owner_id` goes live with these values, in the room
    `next_room`, and is `live_stream_id` until its encoder has been gone for `grace_s` seconds
    (`gone_since` is when it left); then the next room is another one.

    `source` is what a `url` key pulls; it may hold credentials. `rev` counts the changes.
    """

    id: str
    owner_id: str
    protocol: Protocol
    through: Through
    identity: str
    lines: list[Line]
    created_at: datetime
    by: str
    updated_at: datetime
    stream_id: str | None = None
    source: str | None = None
    title: str = ""
    tags: list[str] = []
    cover_url: str | None = None
    enable_recording: bool = True
    enable_replay: bool = True
    auto_record: bool = False
    grace_s: int = GRACE_S
    enabled: bool = True
    off_reason: str | None = None
    expires_at: datetime | None = None
    warned: bool = False
    next_room: str | None = None
    live_stream_id: str | None = None
    gone_since: datetime | None = None
    last_used_at: datetime | None = None
    connection: Connection = Connection()
    rev: int = 0

    @property
    def standing(self) -> bool:
        return self.stream_id is None

    @property
    def line(self) -> Line:
        """The newest: the one to hand out."""
        return self.lines[-1]

    def works_at(self, now: datetime) -> bool:
        return self.enabled and (self.expires_at is None or self.expires_at > now)


def digest_of(stream_key: str) -> str:
    """What a key is looked up by, so that the secret itself is in no index and no query."""
    return hashlib.sha256(stream_key.encode()).hexdigest()


def masked(secret: str) -> str:
    """`********` with the last four characters, where it is long enough to spare them."""
    return "********" + (secret[-4:] if len(secret) >= 12 else "")


def shown_ingress(key: IngressKey) -> dict[str, Any]:
    """`ingress` in the stream's document (contract, Data)."""
    shown = {
        "enabled": key.enabled,
        "ingressId": key.line.ingress_id,
        "streamKey": key.line.stream_key,
        ("whipUrl" if key.protocol == "whip" else "rtmpUrl"): key.line.url,
        "error": key.connection.error,
    }
    return {name: value for name, value in shown.items() if value is not None}
