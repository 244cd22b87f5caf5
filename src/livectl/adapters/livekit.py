"""LiveKit over livekit-api: rooms, participants, tokens, webhook signatures.

livekit-api takes 0.2 s to import, so it is loaded by the first call that needs it: a command that
only reads the store never pays for it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from livectl.domain.clock import from_epoch_ms
from livectl.domain.ids import viewer_identity
from livectl.domain.webhook import Participant
from livectl.errors import NotFound, NotReady, TimedOutside, Unauthenticated, Unavailable
from livectl.ports import MediaCheck, Meter, Room

if TYPE_CHECKING:
    import aiohttp
    from livekit import api

T = TypeVar("T")

# Ten minutes to join; LiveKit renews the tokens of people who are in (contract, REST).
TOKEN_TTL = timedelta(minutes=10)
CALL_SECONDS = 3.0
TRIES = 3
# A room must outlive a host who is slow to arrive, or who drops for a moment.
EMPTY_TIMEOUT_S = 300
DEPARTURE_TIMEOUT_S = 20

# Not named as our rooms are: nothing of the product takes notice of it.
_DOCTOR = "livectl-doctor"

_UNREACHABLE = "check LIVEKIT_URL and that livekit-server runs: `livectl doctor`"
_KEYS = "check LIVEKIT_API_KEY and LIVEKIT_API_SECRET: `livectl doctor`"


class LiveKit:
    """The `Media` port. Times out each call after `call_seconds` (s) and repeats those that are
    safe to repeat, all of which change nothing when done twice."""

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        *,
        public_url: str,
        meter: Meter,
        call_seconds: float = CALL_SECONDS,
    ) -> None:
        self.public_url = public_url or _as_websocket(url)
        self._url = url
        self._key = key
        self._secret = secret
        self._meter = meter
        self._seconds = call_seconds
        self._session: aiohttp.ClientSession | None = None
        self._opened: api.LiveKitAPI | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = self._opened = None

    async def ping(self) -> None:
        from livekit import api

        # A name that no room has: the answer is empty, and cheap however many rooms there are.
        request = api.ListRoomsRequest(names=["livectl-ping"])
        await self._call("ListRooms", lambda lk: lk.room.list_rooms(request), tries=1)

    async def check(self) -> MediaCheck:
        # livekit-api has no call that shows the server's clock or whether a join would make a
        # room: the answer to /rtc/validate tells both (404 where joins make none).
        token = self._token("livectl-doctor-no-such-room", _DOCTOR, publish=False)
        url = _as_http(self._url) + "/rtc/validate"
        try:
            async with self._http().get(url, headers=_bearer(token)) as reply:
                date = reply.headers.get("Date")
                status = reply.status
            version = await self._version()
        except Exception as error:
            raise self._outside("validate", error) from error
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
            headers = _bearer(self._token(_DOCTOR, _DOCTOR, publish=False))
            url = _as_http(self._url) + "/rtc?protocol=15"
            async with self._http().ws_connect(url, headers=headers) as socket:
                joined = await socket.receive_bytes(timeout=self._seconds)
                return str(SignalResponse.FromString(joined).join.server_info.version)
        finally:
            await self.delete_room(_DOCTOR)

    async def create_room(self, name: str) -> None:
        from livekit import api

        request = api.CreateRoomRequest(
            name=name, empty_timeout=EMPTY_TIMEOUT_S, departure_timeout=DEPARTURE_TIMEOUT_S
        )
        await self._call("CreateRoom", lambda lk: lk.room.create_room(request))

    async def rooms(self, names: Sequence[str] | None = None) -> list[Room]:
        from livekit import api

        request = api.ListRoomsRequest(names=list(names) if names is not None else None)
        if names is not None and not names:
            return []  # LiveKit would take no names for all of them
        reply = await self._call("ListRooms", lambda lk: lk.room.list_rooms(request))
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
            reply = await self._call(
                "ListParticipants", lambda lk: lk.room.list_participants(request)
            )
        except NotFound:
            return []
        return [_participant(info) for info in reply.participants]

    async def remove_participant(self, room: str, identity: str) -> bool:
        from livekit import api

        request = api.RoomParticipantIdentity(room=room, identity=identity)
        try:
            await self._call("RemoveParticipant", lambda lk: lk.room.remove_participant(request))
        except NotFound:
            return False
        return True

    async def mute_track(self, room: str, identity: str, track_sid: str, *, muted: bool) -> None:
        from livekit import api

        request = api.MuteRoomTrackRequest(
            room=room, identity=identity, track_sid=track_sid, muted=muted
        )
        await self._call("MutePublishedTrack", lambda lk: lk.room.mute_published_track(request))

    async def delete_room(self, room: str) -> bool:
        from livekit import api

        request = api.DeleteRoomRequest(room=room)
        try:
            await self._call("DeleteRoom", lambda lk: lk.room.delete_room(request))
        except NotFound:
            return False
        return True

    async def stop_ingress(self, room: str, ingress_id: str | None) -> int:
        from livekit import api

        found = set() if ingress_id is None else {ingress_id}
        with suppress(_NoService):
            listing = api.ListIngressRequest(room_name=room)
            reply = await self._call("ListIngress", lambda lk: lk.ingress.list_ingress(listing))
            found |= {item.ingress_id for item in reply.items}
        return sum([await self._stop_one_ingress(one) for one in found])

    async def _stop_one_ingress(self, ingress_id: str) -> int:
        from livekit import api

        off = api.UpdateIngressRequest(ingress_id=ingress_id, enabled=False)
        gone = api.DeleteIngressRequest(ingress_id=ingress_id)
        try:
            await self._call("UpdateIngress", lambda lk: lk.ingress.update_ingress(off))
            await self._call("DeleteIngress", lambda lk: lk.ingress.delete_ingress(gone))
        except (NotFound, _NoService):
            return 0
        return 1

    async def stop_recordings(self, room: str) -> int:
        from livekit import api

        listing = api.ListEgressRequest(room_name=room, active=True)
        try:
            reply = await self._call("ListEgress", lambda lk: lk.egress.list_egress(listing))
        except _NoService:
            return 0
        stopping = [item for item in reply.items if item.status in _RUNNING_EGRESS]
        for item in stopping:
            stop = api.StopEgressRequest(egress_id=item.egress_id)
            # Ended by itself between the list and the stop: nothing is left to do.
            with suppress(NotFound, _AlreadyOver):
                await self._call("StopEgress", lambda lk, s=stop: lk.egress.stop_egress(s), tries=1)  # type: ignore[misc]
        return len(stopping)

    def host_token(self, room: str, user_id: str) -> str:
        return self._token(room, user_id, publish=True)

    def viewer_token(self, room: str, user_id: str) -> str:
        return self._token(room, viewer_identity(user_id), publish=False)

    def verify_webhook(self, body: bytes, authorization: str) -> None:
        from livekit import api

        token = authorization.removeprefix("Bearer ").strip()
        try:
            claims = api.TokenVerifier(self._key, self._secret).verify(token)
        except Exception as error:  # PyJWT's many classes, and malformed claims
            raise Unauthenticated(
                f"the webhook's signature is not valid ({type(error).__name__})",
                hint="LiveKit must sign with the same key and secret as this server has",
            ) from error
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if not hmac.compare_digest((claims.sha256 or "").encode(), digest.encode()):
            raise Unauthenticated("the webhook's signature is of another body")

    def sign_webhook(self, body: bytes) -> str:
        from livekit import api

        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        return (
            api.AccessToken(self._key, self._secret)
            .with_ttl(timedelta(minutes=5))
            .with_sha256(digest)
            .to_jwt()
        )

    def _token(self, room: str, identity: str, *, publish: bool) -> str:
        from livekit import api

        grants = api.VideoGrants(
            room_join=True,
            room=room,
            can_publish=publish,
            can_publish_data=publish,
            can_subscribe=True,
        )
        token = api.AccessToken(self._key, self._secret).with_identity(identity)
        return token.with_grants(grants).with_ttl(TOKEN_TTL).to_jwt()

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._seconds)
            )
        return self._session

    def _client(self) -> api.LiveKitAPI:
        if self._opened is None:
            from livekit import api

            self._opened = api.LiveKitAPI(
                _as_http(self._url),
                self._key,
                self._secret,
                session=self._http(),
                failover=False,  # tries and their pauses are ours, so that a kill stays quick
            )
        return self._opened

    async def _call(
        self, name: str, call: Callable[[api.LiveKitAPI], Awaitable[T]], *, tries: int = TRIES
    ) -> T:
        for attempt in range(1, tries + 1):
            began = time.perf_counter()
            try:
                answer = await call(self._client())
            except Exception as error:
                self._meter.outside_call("livekit", name, time.perf_counter() - began, ok=False)
                failure = self._outside(name, error)
                if attempt == tries or not _worth_repeating(failure):
                    raise failure from error
                # Jitter keeps many processes from coming back in step.
                await asyncio.sleep(0.1 * 2**attempt * random.uniform(0.5, 1))  # noqa: S311
            else:
                self._meter.outside_call("livekit", name, time.perf_counter() - began, ok=True)
                return answer
        raise AssertionError("the last try returns or raises")

    def _outside(self, name: str, error: Exception) -> Exception:
        """Our error for a failed call: which call, and why."""
        import aiohttp
        from livekit.api.twirp_client import ServerError

        if isinstance(error, ServerError):
            return _from_twirp(name, error)
        if isinstance(error, TimeoutError):
            return TimedOutside(
                f"LiveKit did not answer {name} within {self._seconds:g} s", hint=_UNREACHABLE
            )
        if isinstance(error, aiohttp.ClientError | OSError):
            return Unavailable(
                f"LiveKit could not be reached for {name}: {error}", hint=_UNREACHABLE
            )
        return error


class NoLiveKit:
    """The `Media` port where none is configured: every call says so."""

    public_url = ""

    async def close(self) -> None:
        """Nothing was opened."""

    def __getattr__(self, name: str) -> Any:
        raise NotReady(
            "LiveKit is not configured",
            hint="set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or use `livectl dev`",
        )


class _NoService(Unavailable):
    """Ingress or Egress is not set up at this LiveKit, so there is none to stop."""


class _AlreadyOver(Unavailable):
    """What should be stopped has ended."""


_RUNNING_EGRESS = {0, 1, 2}  # EGRESS_STARTING, EGRESS_ACTIVE, EGRESS_ENDING


def _from_twirp(name: str, error: Any) -> Exception:
    # A key that it does not know it refuses in plain text, without a code.
    told = f"{error.message or error.code} ({error.code})"
    said = f"LiveKit refused {name}: {told if error.code != 'unknown' else f'HTTP {error.status}'}"
    if error.code == "not_found":
        return NotFound(said)
    if error.code == "failed_precondition":
        return _AlreadyOver(said)
    if "redis required" in error.message or "not connected" in error.message:
        return _NoService(said)
    if error.status in {401, 403} or error.code in {"unauthenticated", "permission_denied"}:
        return Unavailable(said, hint=_KEYS)
    if error.code == "deadline_exceeded":
        return TimedOutside(said)
    return Unavailable(said)


def _worth_repeating(error: Exception) -> bool:
    # An answer that was a refusal will be the same again; silence may not be.
    return type(error) in {Unavailable, TimedOutside} and "refused" not in str(error)


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


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _as_http(url: str) -> str:
    return "http" + url[2:] if url.startswith("ws") else url


def _as_websocket(url: str) -> str:
    return "ws" + url[4:] if url.startswith("http") else url
