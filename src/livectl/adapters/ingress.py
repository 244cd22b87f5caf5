"""LiveKit's Ingress service, and the WHIP that livekit-server takes itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlsplit

import msgspec

from livectl.adapters.livekit_calls import (
    TRIES,
    LiveKitCalls,
    Malformed,
    NoService,
    Unanswered,
    bearer,
)
from livectl.domain.clock import from_epoch_ms
from livectl.domain.ingress import ConnectionStatus, without_password
from livectl.errors import BadInput, Conflict, NotFound, NotReady, Unavailable
from livectl.ports.ingress import IngressSpec, MadeIngress

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

# A worker is asked to pull a source before LiveKit answers.
PULL_SECONDS = 10.0
# An offer is answered by the node of the room, once it has gathered its candidates.
WHIP_SECONDS = 10.0
REACHED_WITHIN_S = 1.0
# livekit-server waits 3 s for the worker of a connection, and goes on without one that crashed.
CHANGE_SECONDS = 3.4
# From the request to livekit-server reading its headers.
_TOKEN_TTL = timedelta(minutes=1)

_WHIP = "/whip/v1"
_FOR_ENCODER = ("ETag", "Link")
_PORTS = {"rtmp": 1935, "rtmps": 443, "http": 80, "https": 443}
_NO_SERVICE = "LiveKit has no Ingress: it needs Redis and the Ingress service"
_REMEDY = (
    "set `redis` in livekit-server's configuration and start the Ingress service "
    "(deploy/ingress.yaml); a WHIP key through livekit-server needs neither"
)
_STATUS: list[ConnectionStatus] = [
    "inactive",  # ENDPOINT_INACTIVE
    "buffering",
    "publishing",
    "error",
    "inactive",  # ENDPOINT_COMPLETE
]
_CONNECTED = {"buffering", "publishing"}


class Ingress:
    """The `Ingresses` port."""

    def __init__(self, calls: LiveKitCalls) -> None:
        self._calls = calls

    async def create(self, spec: IngressSpec) -> MadeIngress:
        from livekit import api

        request = api.CreateIngressRequest(
            input_type=f"{spec.protocol.upper()}_INPUT",
            name=spec.name,
            room_name=spec.room,
            participant_identity=spec.identity,
            url=spec.source or "",
        )
        try:
            with _service_needed():
                info = await self._calls.call(
                    "CreateIngress",
                    lambda lk: lk.ingress.create_ingress(request),
                    tries=1,  # a second one would be another key
                    seconds=PULL_SECONDS if spec.protocol == "url" else None,
                )
        except Malformed as error:
            raise _refused(spec, error) from None
        except Unanswered:
            raise NotReady(
                "no Ingress service answers that could pull this", hint=_REMEDY
            ) from None
        if not info.url:
            await self.delete(info.ingress_id)
            setting = f"ingress.{spec.protocol}_base_url"
            raise NotReady(
                f"LiveKit does not know where its Ingress takes {spec.protocol.upper()}",
                hint=f"set `{setting}` in livekit-server's configuration",
            )
        return _made(info)

    async def move(self, ingress_id: str, room: str, *, connected: bool = False) -> None:
        from livekit import api

        # Ingress ends the connection of one that is changed.
        listed = await self._listed(ingress_id)
        if not connected and any(one.status in _CONNECTED for one in listed):
            raise Conflict("an encoder is connected")
        await self._update(api.UpdateIngressRequest(ingress_id=ingress_id, room_name=room))

    async def enable(
        self, ingress_id: str, *, enabled: bool, within_s: float | None = None
    ) -> None:
        from livekit import api

        await self._listed(ingress_id)
        request = api.UpdateIngressRequest(ingress_id=ingress_id, enabled=enabled)
        await self._update(request, within_s)

    async def _update(self, request: Any, within_s: float | None = None) -> None:
        await self._calls.call(
            "UpdateIngress",
            lambda lk: lk.ingress.update_ingress(request),
            tries=1 if within_s else TRIES,
            seconds=within_s or CHANGE_SECONDS,
        )

    async def delete(self, ingress_id: str) -> bool:
        from livekit import api

        request = api.DeleteIngressRequest(ingress_id=ingress_id)
        try:
            await self._listed(ingress_id)
            await self._calls.call(
                "DeleteIngress",
                lambda lk: lk.ingress.delete_ingress(request),
                seconds=CHANGE_SECONDS,
            )
        except NotFound:
            return False
        return True

    async def ingresses(
        self, *, ingress_id: str | None = None, room: str | None = None
    ) -> list[MadeIngress]:
        try:
            return await self._listed(ingress_id, room)
        except NotFound:
            return []

    async def _listed(
        self, ingress_id: str | None = None, room: str | None = None
    ) -> list[MadeIngress]:
        """Raises NotFound, and NotReady where there is no Ingress: a livekit-server 1.13 without
        Redis tells so here only, and breaks off when one is to be changed or deleted."""
        from livekit import api

        request = api.ListIngressRequest(ingress_id=ingress_id or "", room_name=room or "")
        with _service_needed():
            reply = await self._calls.call(
                "ListIngress", lambda lk: lk.ingress.list_ingress(request)
            )
        return [_made(info) for info in reply.items]

    async def answers(self, url: str) -> bool:
        parts = urlsplit(url)
        try:
            port = parts.port or _PORTS.get(parts.scheme)
            async with asyncio.timeout(REACHED_WITHIN_S):
                _, writer = await asyncio.open_connection(parts.hostname, port)
        except (OSError, TimeoutError, ValueError):  # or the URL has no such port
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    async def whip_offer(
        self, room: str, identity: str, offer: bytes
    ) -> tuple[bytes, str, dict[str, str]]:
        await self._see_room(room)
        headers = {"Content-Type": "application/sdp"}
        status, answered, body = await self._whip("POST", "", room, identity, headers, offer)
        if status == 201:
            kept = {
                name: ", ".join(answered.getall(name)) for name in _FOR_ENCODER if name in answered
            }
            return body, answered.get("Location", "").rpartition("/")[2], kept
        said = f"LiveKit refused the encoder's offer: {_reason(body) or f'HTTP {status}'}"
        if status in {400, 413, 415}:
            raise BadInput(said)
        raise Unavailable(said)

    async def _see_room(self, room: str) -> None:
        """An offer makes the room that it is for, even where livekit-server is set not to."""
        from livekit import api

        request = api.ListRoomsRequest(names=[room])
        reply = await self._calls.call("ListRooms", lambda lk: lk.room.list_rooms(request))
        if not reply.rooms:
            raise NotFound("the room that this encoder would join is not there")

    async def whip_change(
        self,
        method: Literal["PATCH", "DELETE"],
        room: str,
        identity: str,
        session: str,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[int, dict[str, str], bytes]:
        path = "/" + quote(session, safe="")
        status, answered, answer = await self._whip(method, path, room, identity, headers, body)
        return status, dict(answered), answer

    async def _whip(
        self,
        method: str,
        path: str,
        room: str,
        identity: str,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[int, CIMultiDictProxy[str], bytes]:
        url = self._calls.url + _WHIP + path
        sent = headers | bearer(self._encoder_token(room, identity))
        try:
            async with (
                asyncio.timeout(WHIP_SECONDS),
                self._calls.http().request(method, url, headers=sent, data=body) as reply,
            ):
                return reply.status, reply.headers, await reply.read()
        except Exception as error:
            raise self._calls.failure("WHIP", error, WHIP_SECONDS) from error

    def _encoder_token(self, room: str, identity: str) -> str:
        """To publish in this room and nothing else, as the Ingress service itself would."""
        from livekit import api

        grants = api.VideoGrants(
            room_join=True, room=room, can_publish=True, can_publish_data=False, can_subscribe=False
        )
        token = self._calls.access_token().with_identity(identity).with_kind("ingress")
        return token.with_grants(grants).with_ttl(_TOKEN_TTL).to_jwt()


class _Refusal(msgspec.Struct):
    error: str = ""


@contextmanager
def _service_needed() -> Iterator[None]:
    try:
        yield
    except NoService:
        raise NotReady(_NO_SERVICE, hint=_REMEDY) from None


def _refused(spec: IngressSpec, error: Malformed) -> BadInput:
    """LiveKit repeats a source in its reason, which may hold a password."""
    if spec.protocol == "url":
        return BadInput.of("url", "a source that LiveKit pulls: http, https or srt")
    return BadInput(error.message)


def _made(info: Any) -> MadeIngress:
    state, video, audio = info.state, info.state.video, info.state.audio
    error = state.error.replace(info.url, without_password(info.url)) if info.url else state.error
    return MadeIngress(
        ingress_id=info.ingress_id,
        name=info.name,
        stream_key=info.stream_key,
        url=info.url,
        room=info.room_name,
        identity=info.participant_identity,
        enabled=info.enabled if info.HasField("enabled") else True,
        reusable=info.reusable,
        status=_STATUS[state.status] if state.status < len(_STATUS) else "inactive",
        error=error or None,
        started_at=_time(state.started_at),
        ended_at=_time(state.ended_at),
        video_codec=video.mime_type or None,
        audio_codec=audio.mime_type or None,
        width=video.width or None,
        height=video.height or None,
        video_bitrate=video.average_bitrate or None,
        audio_bitrate=audio.average_bitrate or None,
    )


def _time(nanos: int) -> datetime | None:
    return from_epoch_ms(nanos // 1_000_000) if nanos else None


def _reason(body: bytes) -> str:
    """What LiveKit says is wrong: `{"error": ...}`."""
    try:
        return msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
