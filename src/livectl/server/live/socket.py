"""The Socket.IO server: who comes in, what they send, and what they are answered (contract)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import socketio
from engineio.exceptions import EngineIOError
from engineio.packet import NOOP, Packet
from engineio.payload import Payload
from socketio.exceptions import ConnectionRefusedError as Refused
from socketio.packet import CONNECT_ERROR
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from livectl.domain.acts import Pin
from livectl.domain.ids import is_our_room
from livectl.domain.people import Caller
from livectl.domain.stream import Stream
from livectl.errors import (
    BadInput,
    Blocked,
    Forbidden,
    LivectlError,
    NotFound,
    Unauthenticated,
)
from livectl.ports.bus import Bus
from livectl.ports.clock import Clock
from livectl.ports.meter import Meter
from livectl.server.auth import Authenticator
from livectl.server.live.rooms import PREFIX, Guest, LiveRooms
from livectl.server.live.wire import Json, Manager
from livectl.services.chat import Chat
from livectl.services.moderation import Moderation
from livectl.services.recordings import Recordings

log = logging.getLogger(__name__)
_library_log = logging.getLogger("livectl.socketio")
_library_log.setLevel(logging.WARNING)

PATH = "/socket.io/"
# Of one connection; an app has one, or a few while it changes rooms.
NAMESPACES_MAX = 16
# Of one packet, or of all that a polling client sends at once: a message of 1,000 characters is at
# most 12 kB of escaped JSON.
PACKET_MAX = 64 * 1024
# How many packets a polling client sends at once is bounded by their size; engine.io's own bound
# of 16 would lose the rest in silence.
Payload.max_decode_packets = 1000
_PING_S, _PONG_S = 25, 20
_ENTER_WITHIN_S = 45
_DAY_S = 86_400.0
_OURS_ALONE = {"connect", "disconnect", "connect_error", "*"}

Handler = Callable[[Guest, Any], Awaitable[dict[str, Any]]]


class Server(socketio.AsyncServer):  # type: ignore[misc]  # it comes without types
    """python-socketio's, where nothing that a client sends ends in an exception, and a client is
    greeted after it has been told that it is connected."""

    def __init__(self, greet: Callable[[str, str], None], **options: Any) -> None:
        super().__init__(**options)
        self._greet = greet
        self._places: dict[str, set[str]] = {}

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        # No event of ours is binary, and what waits for its attachments has no bound.
        if isinstance(data, str) and not data.startswith(("5", "6")):
            try:
                await super()._handle_eio_message(eio_sid, data)
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
                log.info("a packet is none of socket.io: %s", type(error).__name__)
            else:
                return
        await self.eio.disconnect(eio_sid)

    async def _handle_event(self, eio_sid: str, namespace: str, id_: Any, data: Any) -> None:
        if not isinstance(data, list) or not data or not isinstance(data[0], str):
            raise ValueError("an event without a name")
        if data[0] in _OURS_ALONE:  # python-socketio would call our own handlers of that name
            raise ValueError("a reserved name")
        await super()._handle_event(eio_sid, namespace, id_, data)

    async def _handle_connect(self, eio_sid: str, namespace: str, data: Any) -> None:
        namespace = namespace or "/"
        places = self._places.setdefault(eio_sid, set())
        if len(places) >= NAMESPACES_MAX:
            refusal = {"message": "Too many namespaces"}
            packet = self.packet_class(CONNECT_ERROR, data=refusal, namespace=namespace)
            await self._send_packet(eio_sid, packet)
            return
        await super()._handle_connect(eio_sid, namespace, data)
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid is not None and self.manager.is_connected(sid, namespace):
            places.add(namespace)
            self._greet(namespace, sid)

    async def _handle_disconnect(
        self, eio_sid: str, namespace: str, reason: str | None = None
    ) -> None:
        await super()._handle_disconnect(eio_sid, namespace, reason)
        self._places.get(eio_sid, set()).discard(namespace or "/")

    async def _handle_eio_connect(self, eio_sid: str, environ: Any) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        client = self.eio.sockets[eio_sid]
        client.handle_post_request = _strict(client.handle_post_request)
        loop = asyncio.get_running_loop()
        loop.call_later(_ENTER_WITHIN_S, self._close_unless_in, eio_sid)

    def _close_unless_in(self, eio_sid: str) -> None:
        """A connection that is in no room is of no use."""
        if eio_sid in self.eio.sockets and not self._places.get(eio_sid):
            self.start_background_task(self.eio.disconnect, eio_sid)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        # Only where it is: python-socketio would ask in every namespace there is.
        for namespace in list(self._places.pop(eio_sid, ())):
            await super()._handle_disconnect(eio_sid, namespace, reason)
        self.environ.pop(eio_sid, None)
        client = self.eio.sockets.get(eio_sid)
        if client is not None and not client.upgraded:
            client.queue.put_nowait(Packet(NOOP))  # a poll that is under way need not wait longer


def _strict(handle: Callable[[Any], Awaitable[None]]) -> Callable[[Any], Awaitable[None]]:
    """What a client posts that is no packet ends it with a 400; engine.io would log a fault of ours
    and answer that all is well."""

    async def strictly(environ: Any) -> None:
        try:
            await handle(environ)
        except (ValueError, TypeError, LookupError) as error:
            log.info("a packet is none of engine.io: %s", type(error).__name__)
            raise EngineIOError from error

    return strictly


class LiveSocket:
    """`asgi` takes what comes to `PATH`; `rooms` is told of what happens elsewhere."""

    def __init__(
        self,
        chat: Chat,
        moderation: Moderation,
        recordings: Recordings,
        authenticator: Authenticator,
        bus: Bus,
        clock: Clock,
        meter: Meter,
        *,
        hash_address: Callable[[str], str],
        tell_log_has_grown: Callable[[], None],
        origins: list[str],
        transports: list[str],
    ) -> None:
        self._chat = chat
        self._moderation = moderation
        self._recordings = recordings
        self._authenticator = authenticator
        self._meter = meter
        self._hash_address = hash_address
        self._tell_log_has_grown = tell_log_has_grown
        manager = Manager(
            dropped=lambda clients: meter.live("dropped", clients),
            slow=lambda: meter.live("too_slow"),
        )
        self._sio = Server(
            self._greet,
            async_mode="asgi",
            client_manager=manager,
            namespaces="*",
            # In turn, so that what one socket sends is heard in its order.
            async_handlers=False,
            json=Json,
            cors_allowed_origins=origins or None,
            transports=transports,
            max_http_buffer_size=PACKET_MAX,
            ping_interval=_PING_S,
            ping_timeout=_PONG_S,
            http_compression=False,
            # At INFO both would write what clients send, tokens too; by default, to a handler of
            # their own.
            logger=_library_log,
            engineio_logger=_library_log,
        )
        self.rooms = LiveRooms(chat, manager, self._sio.disconnect, bus, clock, meter)
        self.asgi: ASGIApp = socketio.ASGIApp(self._sio, socketio_path=PATH)
        self._sio.on("connect", self._connect, namespace="*")
        self._sio.on("disconnect", self._left, namespace="*")
        self._sio.on("*", self._receive, namespace="*")
        self._handlers: dict[str, Handler] = {
            "live:message": self._message,
            "live:reaction": self._reaction,
            "live:gift": self._gift,
            "live:pin": self._pin,
            "live:record:start": self._start_recording,
            "live:record:stop": self._stop_recording,
        }

    def let_go(self) -> None:
        """The server stops: polls that wait are answered, so that it need not wait for them."""
        for client in self._sio.eio.sockets.values():
            if not client.upgraded:
                client.queue.put_nowait(Packet(NOOP))

    async def stop(self) -> None:
        await self._sio.shutdown()
        await self._chat.close()

    async def _connect(self, namespace: str, sid: str, environ: Any, auth: Any) -> None:
        try:
            caller = await self._caller(environ, auth)
            name = namespace.removeprefix(PREFIX)
            if not namespace.startswith(PREFIX) or not is_our_room(name):
                raise NotFound("Stream not found")
            address = self._hash_address((environ["asgi.scope"].get("client") or ("",))[0])
            guest = await self.rooms.enter(name, sid, caller, address)
        except LivectlError as error:
            self._meter.live("refused")
            raise Refused(_refusal(error), _told(error)) from None
        if caller.expires_s is not None:
            self._watch_expiry(guest, caller.expires_s)

    async def _caller(self, environ: Any, auth: Any) -> Caller:
        token = auth.get("token") if isinstance(auth, dict) else None
        if not token:
            token = parse_qs(environ.get("QUERY_STRING", "")).get("token", [""])[0]
        connection = HTTPConnection(environ["asgi.scope"])
        if not token and (caller := await self._authenticator.sessions.caller(connection)):
            return caller
        if not isinstance(token, str) or not token:
            raise Unauthenticated("Authentication required")
        try:
            caller = await self._authenticator.caller({}, f"Bearer {token}")
        except Unauthenticated:
            raise Unauthenticated("Authentication failed") from None
        if not caller.user_id:
            raise Unauthenticated("Authentication failed")
        return caller

    def _watch_expiry(self, guest: Guest, expires_s: int) -> None:
        left = expires_s - time.time()
        if left <= 0:
            message = "your token has run out: connect again with a new one"
            closing = self.rooms.close(guest, "token_expired", message)
            guest.closing = asyncio.ensure_future(closing)
            return
        loop = asyncio.get_running_loop()
        guest.expiry = loop.call_later(min(left, _DAY_S), self._watch_expiry, guest, expires_s)

    def _greet(self, namespace: str, sid: str) -> None:
        if guest := self.rooms.guest(namespace, sid):
            self.rooms.greet(guest)

    async def _left(self, namespace: str, sid: str, _reason: str) -> None:
        await self.rooms.leave(namespace, sid)

    async def _receive(
        self, event: str, namespace: str, sid: str, *arguments: Any
    ) -> dict[str, Any] | None:
        """Any event: its answer is the acknowledgement, where the client asked for one."""
        guest = self.rooms.guest(namespace, sid)
        if guest is None:
            return None
        try:
            handler, data = self._decoded(event, arguments)
            return {"ok": True, **await handler(guest, data)}
        except LivectlError as error:
            told = {"message": error.message, **_told(error)}
        except Exception:
            log.exception(
                "live socket: %s failed", event if event in self._handlers else "an event"
            )
            told = {"message": "something went wrong here", "code": LivectlError.code}
        self._meter.live("refused")
        self.rooms.tell_one(guest, "error", told)
        return {"ok": False, **told}

    def _decoded(self, event: str, arguments: tuple[Any, ...]) -> tuple[Handler, dict[str, Any]]:
        handler = self._handlers.get(event)
        if handler is None:
            raise BadInput("no such event: expected one of " + ", ".join(self._handlers))
        data = arguments[0] if arguments else {}
        if not isinstance(data, dict):
            raise BadInput(f"{event}: expected one object")
        return handler, data

    async def _message(self, guest: Guest, data: Any) -> dict[str, Any]:
        entry = await self._chat.say(guest.room.facts, guest.caller, data.get("content"))
        self.rooms.say(guest.room, entry)
        return {"id": entry.id}

    async def _reaction(self, guest: Guest, data: Any) -> dict[str, Any]:
        emoji = await self._chat.react(guest.room.facts, guest.caller, data.get("emoji"))
        self.rooms.react(guest, emoji)
        return {}

    async def _gift(self, guest: Guest, data: Any) -> dict[str, Any]:
        entry, is_new = await self._chat.gift(guest.room.facts, guest.caller, data)
        if is_new:
            self.rooms.say(guest.room, entry)
        return {"id": entry.id}

    async def _pin(self, guest: Guest, data: Any) -> dict[str, Any]:
        stream = guest.room.facts.stream
        if guest.caller.user_id != stream.owner_id:
            raise Forbidden("only the stream's owner pins messages")
        act = _pin_of(stream.id, data)
        outcome = await self._moderation.act(act, by=guest.caller, stream=stream)
        self._tell_log_has_grown()
        return {"id": act.message_id, "changed": outcome.changed}

    async def _start_recording(self, guest: Guest, data: Any) -> dict[str, Any]:
        stream = _owned(guest)
        with self._telling():
            begun = await self._recordings.start(stream, by=guest.caller.name)
        return {"recordingId": begun.id, "egressId": begun.egress_id}

    async def _stop_recording(self, guest: Guest, data: Any) -> dict[str, Any]:
        stream = _owned(guest)
        with self._telling():
            ended = await self._recordings.stop(stream, by=guest.caller.name)
        return {"recordingId": ended.id}

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """The room hears of it from the log, also where it fails in the end."""
        try:
            yield
        finally:
            self._tell_log_has_grown()


def _owned(guest: Guest) -> Stream:
    stream = guest.room.facts.stream
    if guest.caller.user_id != stream.owner_id:
        raise Forbidden("only the stream's owner records it")
    return stream


def _pin_of(stream_id: str, data: Any) -> Pin:
    message_id, content = data.get("messageId"), data.get("content")
    for field, value, most in (("messageId", message_id, 128), ("content", content, 1000)):
        if not isinstance(value, str) or not 1 <= len(value) <= most:
            raise BadInput.of(field, f"text of 1 to {most} characters")
    return Pin(stream_id=stream_id, message_id=message_id, content=content)


def _refusal(error: LivectlError) -> str:
    """The connect errors that clients know (contract, Socket.IO)."""
    if isinstance(error, Blocked):
        return "Blocked"
    return "Stream not found" if isinstance(error, NotFound) else error.message


def _told(error: LivectlError) -> dict[str, Any]:
    told: dict[str, Any] = {"code": error.code}
    if error.retry_after is not None:
        told["retryAfter"] = error.retry_after
    if error.hint:
        told["hint"] = error.hint
    if error.details:
        told["details"] = error.details
    return told
