"""LiveKit as a model: the `Media` port over rooms in memory.

It is the source of truth in the tests of histories, since a real LiveKit cannot be brought into
whatever state a generated history ends in. Everything else is tested with a real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from livectl.adapters.livekit import LiveKit
from livectl.adapters.no_meter import NoMeter
from livectl.domain.webhook import Participant
from livectl.errors import NotFound, Unavailable
from livectl.ports import MediaCheck, Room
from tests.services.hooks import KEY, SECRET, sign


class ModelOfLiveKit:
    """`people` by room and sid; a room is there as long as it has an entry. With `away` set it
    answers no call."""

    public_url = "ws://livekit.test"

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Participant]] = {}
        self.made: dict[str, datetime] = {}
        self.away = False
        self._signer = LiveKit("", KEY, SECRET, public_url="", meter=NoMeter())

    def make(self, room: str, at: datetime) -> None:
        self.people.setdefault(room, {})
        self.made.setdefault(room, at)

    async def close(self) -> None:
        """Nothing is open."""

    async def ping(self) -> None:
        self._reach("ListRooms")

    async def check(self) -> MediaCheck:
        return MediaCheck(version="1.13.5", clock_skew_s=0, joins_make_rooms=False)

    async def create_room(self, name: str) -> None:
        self._reach("CreateRoom")
        self.people.setdefault(name, {})

    async def rooms(self, names: Sequence[str] | None = None) -> list[Room]:
        self._reach("ListRooms")
        return [
            Room(name=name, sid=f"RM_{name}", participants=len(here), created_at=self.made[name])
            for name, here in self.people.items()
            if names is None or name in names
        ]

    async def participants(self, room: str) -> list[Participant]:
        self._reach("ListParticipants")
        return list(self.people.get(room, {}).values())

    async def remove_participant(self, room: str, identity: str) -> bool:
        self._reach("RemoveParticipant")
        here = self.people.get(room, {})
        gone = [sid for sid, person in here.items() if person.identity == identity]
        for sid in gone:
            del here[sid]
        return bool(gone)

    async def mute_track(self, room: str, identity: str, track_sid: str, *, muted: bool) -> None:
        raise NotFound("no track is modelled")

    async def delete_room(self, room: str) -> bool:
        self._reach("DeleteRoom")
        return self.people.pop(room, None) is not None

    async def stop_ingress(self, room: str, ingress_id: str | None) -> int:
        self._reach("ListIngress")
        return 0

    async def stop_recordings(self, room: str) -> int:
        self._reach("ListEgress")
        return 0

    def host_token(self, room: str, user_id: str) -> str:
        return self._signer.host_token(room, user_id)

    def viewer_token(self, room: str, user_id: str) -> str:
        return self._signer.viewer_token(room, user_id)

    def verify_webhook(self, body: bytes, authorization: str) -> None:
        self._signer.verify_webhook(body, authorization)

    def sign_webhook(self, body: bytes) -> str:
        return sign(body)

    def _reach(self, call: str) -> None:
        if self.away:
            raise Unavailable(f"LiveKit could not be reached for {call}")
