"""LiveKit over livekit-api: rooms, participants, tokens, webhook signatures."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from livectl.adapters.livekit_calls import LiveKitCalls, NoService, bearer
from livectl.domain.clock import from_epoch_ms
from livectl.domain.ids import viewer_identity
from livectl.domain.webhook import Participant
from livectl.errors import NotFound, Unauthenticated
from livectl.ports.livekit import MediaCheck, PublishedTrack, Room

# A room must outlive a host who is slow to arrive, or who drops for a moment.
EMPTY_TIMEOUT_S = 300
DEPARTURE_TIMEOUT_S = 20

# Not named as our rooms are: nothing of the product takes notice of it.
_DOCTOR = "livectl-doctor"

_RUNNING_EGRESS = {0, 1, 2}  # EGRESS_STARTING, EGRESS_ACTIVE, EGRESS_ENDING


class LiveKit:
    """The `Media` port. What it repeats changes nothing when done twice."""

    def __init__(self, calls: LiveKitCalls, *, public_url: str) -> None:
        self.public_url = public_url or _as_websocket(calls.url)
        self._calls = calls

    async def ping(self) -> None:
        from livekit import api

        # A name that no room has: the answer is empty, and cheap however many rooms there are.
        request = api.ListRoomsRequest(names=["livectl-ping"])
        await self._calls.call("ListRooms", lambda lk: lk.room.list_rooms(request), tries=1)

    async def check(self) -> MediaCheck:
        # livekit-api has no call that shows the server's clock or whether a join would make a
        # room: the answer to /rtc/validate tells both (404 where joins make none).
        token = self._calls.room_token("livectl-doctor-no-such-room", _DOCTOR, publish=False)
        url = self._calls.url + "/rtc/validate"
        try:
            async with asyncio.timeout(self._calls.seconds):
                async with self._calls.http().get(url, headers=bearer(token)) as reply:
                    date = reply.headers.get("Date")
                    status = reply.status
            version = await self._version()
        except Exception as error:
            raise self._calls.failure("validate", error) from error
        skew = 0.0
        if date:
            skew = (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
        return MediaCheck(
            version=version, clock_skew_s=round(skew, 1), joins_make_rooms=status == 200
        )

    async def _version(self) -> str:
        """Only one who joins is told the version, so a room is made to join for a moment."""
        from livekit.protocol.rtc import SignalResponse

        await self.create_room(_DOCTOR)
        try:
            headers = bearer(self._calls.room_token(_DOCTOR, _DOCTOR, publish=False))
            url = self._calls.url + "/rtc?protocol=15"
            async with asyncio.timeout(self._calls.seconds):
                async with self._calls.http().ws_connect(url, headers=headers) as socket:
                    joined = await socket.receive_bytes()
                    return str(SignalResponse.FromString(joined).join.server_info.version)
        finally:
            await self.delete_room(_DOCTOR)

    async def create_room(
        self, name: str, *, empty_s: int | None = None, departure_s: int | None = None
    ) -> None:
        from livekit import api

        request = api.CreateRoomRequest(
            name=name,
            empty_timeout=empty_s or EMPTY_TIMEOUT_S,
            departure_timeout=departure_s or DEPARTURE_TIMEOUT_S,
        )
        await self._calls.call("CreateRoom", lambda lk: lk.room.create_room(request))

    async def rooms(self, names: Sequence[str] | None = None) -> list[Room]:
        from livekit import api

        request = api.ListRoomsRequest(names=list(names) if names is not None else None)
        if names is not None and not names:
            return []  # LiveKit would take no names for all of them
        reply = await self._calls.call("ListRooms", lambda lk: lk.room.list_rooms(request))
        return [
            Room(
                name=room.name,
                sid=room.sid,
                participants=room.num_participants,
                created_at=from_epoch_ms(room.creation_time_ms or room.creation_time * 1000),
            )
            for room in reply.rooms
        ]

    async def participants(self, room: str) -> list[Participant]:
        from livekit import api

        request = api.ListParticipantsRequest(room=room)
        try:
            reply = await self._calls.call(
                "ListParticipants", lambda lk: lk.room.list_participants(request)
            )
        except NotFound:
            return []
        return [_participant(info) for info in reply.participants]

    async def published(self, room: str, identity: str) -> list[PublishedTrack]:
        from livekit import api

        request = api.RoomParticipantIdentity(room=room, identity=identity)
        try:
            info = await self._calls.call(
                "GetParticipant", lambda lk: lk.room.get_participant(request)
            )
        except NotFound:
            return []
        return [_track(one) for one in info.tracks]

    async def remove_participant(self, room: str, identity: str) -> bool:
        from livekit import api

        request = api.RoomParticipantIdentity(room=room, identity=identity)
        try:
            await self._calls.call(
                "RemoveParticipant", lambda lk: lk.room.remove_participant(request)
            )
        except NotFound:
            return False
        return True

    async def mute_track(self, room: str, identity: str, track_sid: str, *, muted: bool) -> None:
        from livekit import api

        request = api.MuteRoomTrackRequest(
            room=room, identity=identity, track_sid=track_sid, muted=muted
        )
        await self._calls.call(
            "MutePublishedTrack", lambda lk: lk.room.mute_published_track(request)
        )

    async def delete_room(self, room: str) -> bool:
        from livekit import api

        request = api.DeleteRoomRequest(room=room)
        try:
            await self._calls.call("DeleteRoom", lambda lk: lk.room.delete_room(request))
        except NotFound:
            return False
        return True

    async def stop_recordings(self, room: str) -> int:
        from livekit import api

        listing = api.ListEgressRequest(room_name=room, active=True)
        try:
            reply = await self._calls.call("ListEgress", lambda lk: lk.egress.list_egress(listing))
        except NoService:
            return 0
        stopping = [item.egress_id for item in reply.items if item.status in _RUNNING_EGRESS]
        if not stopping:
            return 0
        here = await self.participants(room)
        workers = {one.identity for one in here if one.kind == "EGRESS"}
        await asyncio.gather(
            *(self._calls.stop_egress(one, worker_here=one in workers) for one in stopping)
        )
        return len(stopping)

    def host_token(self, room: str, user_id: str) -> str:
        return self._calls.room_token(room, user_id, publish=True)

    def viewer_token(self, room: str, user_id: str) -> str:
        return self._calls.room_token(room, viewer_identity(user_id), publish=False)

    def verify_webhook(self, body: bytes, authorization: str) -> None:
        token = authorization.removeprefix("Bearer ").strip()
        try:
            claims = self._calls.verifier().verify(token)
        except Exception as error:  # PyJWT's many classes, and malformed claims
            raise Unauthenticated(
                f"the webhook's signature is not valid ({type(error).__name__})",
                hint="LiveKit must sign with the same key and secret as this server has",
            ) from error
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if not hmac.compare_digest((claims.sha256 or "").encode(), digest.encode()):
            raise Unauthenticated("the webhook's signature is of another body")

    def sign_webhook(self, body: bytes) -> str:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        return (
            self._calls.access_token().with_ttl(timedelta(minutes=5)).with_sha256(digest).to_jwt()
        )


def _track(info: Any) -> PublishedTrack:
    from livekit.protocol.models import TrackType

    return PublishedTrack(
        kind="video" if info.type == TrackType.VIDEO else "audio",
        codec=info.mime_type.partition("/")[2],
        width=info.width,
        height=info.height,
    )


def _participant(info: Any) -> Participant:
    from livekit.protocol.models import ParticipantInfo

    return Participant(
        sid=info.sid,
        identity=info.identity,
        tracks=[track.sid for track in info.tracks],
        kind=ParticipantInfo.Kind.Name(info.kind),
        hidden=info.permission.hidden,
        recorder=info.permission.recorder,
        publisher=info.is_publisher,
        joined_at=from_epoch_ms(info.joined_at_ms or info.joined_at * 1000),
    )


def _as_websocket(url: str) -> str:
    return "ws" + url[4:] if url.startswith("http") else url
