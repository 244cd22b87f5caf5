"""LiveKit as a model: the `Media` port over rooms in memory.

It is the source of truth in the tests of histories, since a real LiveKit cannot be brought into
whatever state a generated history ends in. Everything else is tested with a real one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

from livectl.adapters.livekit import LiveKit
from livectl.adapters.livekit_calls import LiveKitCalls
from livectl.adapters.no_meter import NoMeter
from livectl.domain.clock import EPOCH
from livectl.domain.webhook import Participant
from livectl.errors import NotFound, Unavailable
from livectl.ports.livekit import MediaCheck, PublishedTrack, Room
from tests.services.hooks import KEY, SECRET, sign

_numbers = itertools.count(1)


class ModelOfLiveKit:
    """`people` by room and sid; a room is there as long as it has an entry. With `away` set it
    answers no call."""

    public_url = "ws://livekit.test"

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Participant]] = {}
        self.made: dict[str, datetime] = {}
        self.away = False
        self._signer = LiveKit(LiveKitCalls("", KEY, SECRET, meter=NoMeter()), public_url="")

    def make(self, room: str, at: datetime) -> None:
        self.people.setdefault(room, {})
        self.made.setdefault(room, at)

    def enter(self, room: str, identity: str) -> str:
        """Somebody joins; the sid. Whoever holds the identity is put out."""
        self.put_out(room, identity)
        sid = f"PA_{next(_numbers)}"
        self.people[room][sid] = Participant(sid=sid, identity=identity, publisher=True)
        return sid

    def put_out(self, room: str, identity: str) -> bool:
        here = self.people.get(room, {})
        gone = [sid for sid, person in here.items() if person.identity == identity]
        for sid in gone:
            del here[sid]
        return bool(gone)

    def is_in(self, room: str, identity: str) -> bool:
        return any(one.identity == identity for one in self.people.get(room, {}).values())

    async def ping(self) -> None:
        self.reach("ListRooms")

    async def check(self) -> MediaCheck:
        return MediaCheck(version="1.13.5", clock_skew_s=0, joins_make_rooms=False)

    async def create_room(
        self, name: str, *, empty_s: int | None = None, departure_s: int | None = None
    ) -> None:
        self.reach("CreateRoom")
        self.make(name, EPOCH)

    async def rooms(self, names: Sequence[str] | None = None) -> list[Room]:
        self.reach("ListRooms")
        return [
            Room(name=name, sid=f"RM_{name}", participants=len(here), created_at=self.made[name])
            for name, here in self.people.items()
            if names is None or name in names
        ]

    async def participants(self, room: str) -> list[Participant]:
        self.reach("ListParticipants")
        return list(self.people.get(room, {}).values())

    async def published(self, room: str, identity: str) -> list[PublishedTrack]:
        return []

    async def remove_participant(self, room: str, identity: str) -> bool:
        self.reach("RemoveParticipant")
        return self.put_out(room, identity)

    async def mute_track(self, room: str, identity: str, track_sid: str, *, muted: bool) -> None:
        raise NotFound("no track is modelled")

    async def delete_room(self, room: str) -> bool:
        self.reach("DeleteRoom")
        return self.people.pop(room, None) is not None

    async def stop_recordings(self, room: str) -> int:
        self.reach("ListEgress")
        return 0

    def host_token(self, room: str, user_id: str) -> str:
        return self._signer.host_token(room, user_id)

    def viewer_token(self, room: str, user_id: str) -> str:
        return self._signer.viewer_token(room, user_id)

    def verify_webhook(self, body: bytes, authorization: str) -> None:
        self._signer.verify_webhook(body, authorization)

    def sign_webhook(self, body: bytes) -> str:
        return sign(body)

    def reach(self, call: str) -> None:
        if self.away:
            raise Unavailable(f"LiveKit could not be reached for {call}")
