"""Where encoders come in: LiveKit's Ingress, and the keys that the store keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

import msgspec

from livectl.domain.event import Event
from livectl.domain.ingress import ConnectionStatus, IngressKey


class IngressQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which ingress keys, the newest first, then by id, descending: all given conditions hold.
    `ref` is the start of an id; `room` is the `next_room` of a standing key, `ingress_id` and
    `digest` those of any of its lines; `due_at` finds those with something to see to by then
    (`IngressKey.due_at`)."""

    owner_id: str | None = None
    stream_id: str | None = None
    live_stream_id: str | None = None
    standing: bool | None = None
    enabled: bool | None = None
    ref: str | None = None
    room: str | None = None
    ingress_id: str | None = None
    digest: str | None = None
    due_at: datetime | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 100


class IngressStore(Protocol):
    """Ingress keys. The stream of a key that belongs to one shows it as `ingress`
    (`domain.ingress.shown_ingress`), not enabled once it has ended; kept up in the way of
    `RecordingStore`."""

    async def add_ingress_key(self, key: IngressKey, event: Event) -> None:
        """Raises Conflict where its stream has one already (`stream_id` of keys that have one is
        unique), or the id is taken."""
        ...

    async def ingress_key(self, key_id: str) -> IngressKey | None: ...

    async def ingress_keys(self, query: IngressQuery) -> list[IngressKey]: ...

    async def save_ingress_key(self, key: IngressKey, event: Event | None) -> IngressKey | None:
        """In the way of `RecordingStore.save_recording`."""
        ...

    async def remove_ingress_key(self, key: IngressKey, event: Event) -> bool:
        """While its `rev` is still this one; its stream shows an `ingress` no more."""
        ...


class IngressSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An ingress to be made at LiveKit's Ingress service. `source` is what a `url` one pulls."""

    protocol: Literal["rtmp", "whip", "url"]
    name: str
    room: str
    identity: str
    source: str | None = None


class MadeIngress(msgspec.Struct, frozen=True, kw_only=True):
    """An ingress as LiveKit has it. `url` is where an encoder connects; `error` is of the last
    connection; sizes in pixels, bitrates in bits a second. One that pulls is not `reusable`: it
    can be deleted, and not be changed."""

    ingress_id: str
    name: str = ""
    stream_key: str
    url: str
    room: str
    identity: str
    enabled: bool = True
    reusable: bool = True
    status: ConnectionStatus = "inactive"
    error: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    width: int | None = None
    height: int | None = None
    video_bitrate: int | None = None
    audio_bitrate: int | None = None


class Ingresses(Protocol):
    """LiveKit's Ingress, and its server's own WHIP. Raises NotReady, with the remedy, where this
    LiveKit has no Ingress (no Redis)."""

    async def create(self, spec: IngressSpec) -> MadeIngress:
        """LiveKit makes it whether or not an Ingress service runs, except for `url`."""
        ...

    async def move(self, ingress_id: str, room: str, *, connected: bool = False) -> None:
        """Its next connection joins this room. Raises NotFound, and Conflict while it is connected,
        unless `connected` says that LiveKit is wrong to list it so: its worker crashed."""
        ...

    async def enable(
        self, ingress_id: str, *, enabled: bool, within_s: float | None = None
    ) -> None:
        """Whether new connections are taken. One that stands goes on or is dropped, as the Ingress
        service's version has it: only `delete` is sure to drop it. With `within_s` (s) it is tried
        once, and for no longer. Raises NotFound, TimedOutside, Unavailable (it is one that pulls).
        """
        ...

    async def delete(self, ingress_id: str) -> bool:
        """An encoder that is connected is dropped. False where it was not there."""
        ...

    async def ingresses(
        self, *, ingress_id: str | None = None, room: str | None = None
    ) -> list[MadeIngress]:
        """All of them, or those. Raises NotReady."""
        ...

    async def answers(self, url: str) -> bool:
        """Whether anything takes connections at the host and port of an ingress's URL."""
        ...

    async def whip_offer(
        self, room: str, identity: str, offer: bytes
    ) -> tuple[bytes, str, dict[str, str]]:
        """Connect an encoder to livekit-server's own WHIP with its SDP offer: the answer, the id of
        the session at LiveKit (the last part of its path), and the headers that the encoder needs
        (ETag, Link). Raises BadInput where LiveKit does not take the offer."""
        ...

    async def whip_change(
        self,
        method: Literal["PATCH", "DELETE"],
        room: str,
        identity: str,
        session: str,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[int, dict[str, str], bytes]:
        """Pass a change of a session (ICE, or its end) on: status, headers and body of LiveKit's
        answer."""
        ...
