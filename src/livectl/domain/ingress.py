"""An ingress key: what an encoder needs to go live, made before or during a stream."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec

from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.stream import renewed

Protocol = Literal["rtmp", "whip", "url"]
# Who takes the encoder's connection: LiveKit's Ingress service, or livekit-server's own WHIP.
Through = Literal["ingress", "livekit"]
ConnectionStatus = Literal["inactive", "buffering", "publishing", "error"]

GRACE_S = 60
_OURS = "livectl:"


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
    """How an encoder stands, as last heard. `since` is when this status began; `ingress_id` the
    line that it came by; `came_from` an address, where it is known (LiveKit's Ingress does not tell
    it)."""

    status: ConnectionStatus = "inactive"
    since: datetime | None = None
    ingress_id: str | None = None
    came_from: str | None = None
    error: str | None = None


class IngressKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """With a `stream_id` it belongs to that live stream and ends with it. Without one it stands:
    when an encoder connects, a stream of `owner_id` goes live with these values, and is
    `live_stream_id` until its encoder has been gone for `grace_s` seconds (`gone_since` is when it
    left); then the next room is another one. An encoder of either joins `next_room`, as `identity`.

    `source` is what a `url` key pulls; it may hold credentials. `off_reason` says why it is not
    `enabled`; `warned` that its expiry was told of; `last_stream_id` is what it was live as before.
    `spent` is set by a kill: its secret is not to work again, and who enables it gets another.
    `rev` counts the changes.
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
    last_stream_id: str | None = None
    spent: bool = False
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

    @property
    def due_at(self) -> datetime | None:
        """When something of it is first to be seen to: the grace of an encoder that left is over,
        a line ends, or it expires while it is enabled. None where nothing is."""
        expires = self.expires_at if self.enabled else None
        ends = [line.ends_at for line in self.lines]
        return min(filter(None, (self.grace_over_at, expires, *ends)), default=None)

    @property
    def room(self) -> str:
        return self.next_room or ""

    @property
    def grace_over_at(self) -> datetime | None:
        """When the stream of an encoder that left ends."""
        return self.gone_since and self.gone_since + timedelta(seconds=self.grace_s)

    @property
    def why_off(self) -> str:
        """Of a key that does not work."""
        return self.off_reason or "expired"

    def works_at(self, now: datetime) -> bool:
        return self.enabled and (self.expires_at is None or self.expires_at > now)


def ingress_name(key_id: str, at: datetime) -> str:
    """What an ingress of a key is called at LiveKit, which keeps no time of its making."""
    return f"{_OURS}{key_id}:{epoch_ms(at)}"


def made_by_us(name: str) -> datetime | None:
    """When an ingress of this name was made; None for one that is not ours."""
    _, _, millis = name.removeprefix(_OURS).partition(":")
    return from_epoch_ms(int(millis)) if name.startswith(_OURS) and millis.isdigit() else None


def without_password(url: str) -> str:
    """A source as it may be shown: user, password and query masked, where secrets are. Some
    services take a token as the name of the user."""
    try:
        parts = urlsplit(url)
        _, at, host = parts.netloc.rpartition("@")
    except ValueError:
        return "********"
    netloc = f"********@{host}" if at else host
    return urlunsplit(parts._replace(netloc=netloc, query="********" if parts.query else ""))


def digest_of(stream_key: str) -> str:
    """What a key is looked up by, so that the secret itself is in no index and no query."""
    return hashlib.sha256(stream_key.encode()).hexdigest()


def masked(secret: str) -> str:
    """`********` with the last four characters, where it is long enough to spare them."""
    return "********" + (secret[-4:] if len(secret) >= 12 else "")


def shown_ingress(key: IngressKey, before: Any = None, *, live: bool = True) -> dict[str, Any]:
    """`ingress` in the stream's document (contract, Data), not enabled where that is not `live`
    any more. `before` is what was shown there: fields of it that are not ours stay."""
    whip = key.protocol == "whip"
    fields = {
        "enabled": key.enabled and live,
        "ingressId": key.line.ingress_id,
        "streamKey": key.line.stream_key,
        "rtmpUrl": None if whip else key.line.url,
        "whipUrl": key.line.url if whip else None,
        "error": key.connection.error,
    }
    return renewed(before, fields)


def part_after(
    document: dict[str, Any], changed: IngressKey, current: IngressKey | None
) -> dict[str, Any]:
    """What `ingress` in the document of a stream becomes by a change of a key of it: `current`,
    its key now, is shown. Where it has none, what was shown of the changed key goes (None). A part
    that stays as it is is left out."""
    ingress = document.get("ingress")
    if current is not None:
        live = document.get("isLive") is True
        return {"ingress": shown_ingress(current, ingress, live=live)}
    shown = ingress.get("ingressId") if isinstance(ingress, dict) else None
    return {"ingress": None} if shown in [line.ingress_id for line in changed.lines] else {}
