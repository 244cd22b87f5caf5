"""LiveKit: its rooms, who is in them, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from livectl.domain.webhook import Participant


class Room(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A room as LiveKit lists it."""

    name: str
    sid: str
    participants: int
    created_at: datetime


class MediaCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a doctor asks of LiveKit. `clock_skew_s` is LiveKit's clock minus ours;
    `joins_make_rooms` whether a join brings back a room that was deleted."""

    version: str
    clock_skew_s: float
    joins_make_rooms: bool


class PublishedTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A track as LiveKit lists it; sizes in pixels, 0 where it does not know them."""

    kind: Literal["audio", "video"]
    codec: str
    width: int = 0
    height: int = 0


class Media(Protocol):
    """LiveKit. Calls that are safe to repeat are repeated, within a time limit, with jitter."""

    public_url: str

    async def ping(self) -> None: ...

    async def check(self) -> MediaCheck: ...

    async def create_room(
        self, name: str, *, empty_s: int | None = None, departure_s: int | None = None
    ) -> None:
        """Safe to repeat: a room that is there stays. It closes when nobody came within `empty_s`
        seconds, or nobody is left for `departure_s`; without them, as rooms of hosts do."""
        ...

    async def rooms(self, names: Sequence[str] | None = None) -> list[Room]:
        """All rooms, or those of `names` that exist."""
        ...

    async def participants(self, room: str) -> list[Participant]:
        """Everyone in it, hidden ones as well; none where the room is not there."""
        ...

    async def published(self, room: str, identity: str) -> list[PublishedTrack]:
        """What somebody publishes; nothing where nobody of that identity is there."""
        ...

    async def remove_participant(self, room: str, identity: str) -> bool:
        """False where nobody of that identity was there."""
        ...

    async def mute_track(self, room: str, identity: str, track_sid: str, *, muted: bool) -> None:
        """Raises NotFound when there is no such track."""
        ...

    async def delete_room(self, room: str) -> bool:
        """Everyone in it is put out. False where it was not there."""
        ...

    async def stop_recordings(self, room: str) -> int:
        """Ask Egress to finish what it records of the room. How many were running."""
        ...

    def host_token(self, room: str, user_id: str) -> str:
        """To join this room and publish in it; ten minutes to join."""
        ...

    def viewer_token(self, room: str, user_id: str) -> str:
        """To join this room and only subscribe; ten minutes to join."""
        ...

    def verify_webhook(self, body: bytes, authorization: str) -> None:
        """Raises Unauthenticated unless LiveKit signed just these bytes."""
        ...

    def sign_webhook(self, body: bytes) -> str:
        """The Authorization that LiveKit would send with this body."""
        ...
