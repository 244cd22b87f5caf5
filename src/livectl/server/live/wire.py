"""The wire of the live socket: what goes to a whole room is encoded and framed once.

python-socketio puts every packet into a queue for each client, which a task of that client encodes
and sends. Here the same bytes go straight to each connection's transport, and the queue takes only
what cannot go there yet: to a client who polls or is about to upgrade, or behind something that
waits already, so that everybody gets everything in order. What waits for one client is bounded.

Made for python-socketio 5.18, python-engineio 4.15 and uvicorn 0.54. Under another server than
`Protocol` everything goes through the queue.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, cast

import orjson
from engineio.async_drivers.asgi import WebSocket
from engineio.packet import CLOSE, MESSAGE, NOOP, Packet
from engineio.payload import Payload
from socketio import AsyncManager
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

SOFT_BOUND = 64 * 1024
"""Bytes that wait for a client, from which on it gets nothing lossy."""

HARD_BOUND = 1024 * 1024
"""Bytes that wait for a client, from which on it is disconnected."""

TOO_SLOW = "too slow"
"""The reason of such an end: in the close frame, and for the disconnect handlers."""

# How long a connection that ends may take to deliver what it holds, in seconds.
_GRACE_S = 5.0

# What the kernel holds for a connection (it doubles this). By itself it would grow to megabytes
# before we noticed that somebody does not read.
_KERNEL_BUFFER = 64 * 1024

# What a packet costs in the queue beside its text, roughly.
_PACKET_COST = 256

# Python's socket.io client refuses more packets in the answer to one poll.
_MOST_IN_A_POLL = 16
_MOST_IN_A_POST = 1000

_EXTENSION = "livectl.wire"
_PACKET_TYPES = frozenset("0123456")
_CLOSE = str(CLOSE)

# uvicorn tells every WebSocket's URL at INFO, and websockets at DEBUG: with the tokens in them.
log = logging.getLogger("livectl.wire")
log.setLevel(logging.WARNING)


class Json:
    """The `json` of the socket.io server. Raises ValueError for what is not strict JSON, as well
    as for lone surrogates and what is nested 1,024 deep."""

    @staticmethod
    def dumps(value: object, **_: object) -> str:
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str | bytes, **_: object) -> Any:
        return orjson.loads(text)


def encoded(event: str, data: object, namespace: str) -> bytes:
    """An event as clients get it: an engine.io message with a socket.io packet. As in `emit`, a
    tuple is several arguments and None is none. Raises TypeError for what is not JSON (bytes)."""
    arguments = data if isinstance(data, tuple) else () if data is None else (data,)
    place = "" if namespace == "/" else f"{namespace},"
    return b"42" + place.encode() + orjson.dumps([event, *arguments])


class Protocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which shows itself to the application, keeps URLs out of the log, and
    can end a connection whose client does not read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = log
        self.conn.debug = False
        self._ended = False
        self._held: list[bytes] = []
        self._held_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()  # closes the transport once it is empty: never, perhaps
        self.end(1011, "keepalive ping timeout")

    async def run_asgi(self) -> None:
        cast("dict[str, object]", self.scope["extensions"])[_EXTENSION] = self
        await super().run_asgi()

    def shutdown(self) -> None:
        self._flush()
        super().shutdown()

    @property
    def takes_frames(self) -> bool:
        """Whether a frame that is written now goes out after what was sent before."""
        return self.writable.is_set() and not self._is_closing

    @property
    def waiting(self) -> int:
        """Bytes that the kernel has not taken."""
        return self._held_size + self.transport.get_write_buffer_size()

    def write(self, frame: bytes, *, soon: bool) -> None:
        """At once, or `soon`: in one system call with what else is written until the loop comes
        round. What is sent through uvicorn meanwhile comes after it: that takes more rounds."""
        if not soon and not self._held:
            self.transport.write(frame)
            return
        if not self._held:
            self.loop.call_soon(self._flush)
        self._held.append(frame)
        self._held_size += len(frame)
        if self._held_size > _KERNEL_BUFFER:
            self._flush()

    def end(self, code: int, reason: str) -> None:
        """Close, without waiting for anybody. The close frame goes last into the buffer; what the
        client has not taken some seconds later is thrown away."""
        if self._ended or self.disconnected:
            return
        self._ended = True
        self._flush()
        if not self._is_closing:
            self._send_close(code, reason)
        self.loop.call_later(_GRACE_S, self.transport.abort)
        self.writable.set()  # nothing more is written: nobody has to wait for it

    def _flush(self) -> None:
        if self._held and not self._is_closing:
            self.transport.write(b"".join(self._held))
        self._held.clear()
        self._held_size = 0

    @property
    def _is_closing(self) -> bool:
        return self.close_sent or self.transport.is_closing()

    def _send_close(self, code: int, reason: str) -> None:
        """As uvicorn does it, which waits for the transport to be writable first."""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_GRACE_S, self.transport.close)


class Manager(AsyncManager):  # type: ignore[misc]  # it comes without types
    """The clients of a socket.io server, and how they are written to.

    `dropped` is told how many clients a lossy message was held back from, `slow` of each client
    who is disconnected because more than `hard` bytes wait for it. Nothing here waits for a client.
    """

    def __init__(
        self,
        *,
        soft: int = SOFT_BOUND,
        hard: int = HARD_BOUND,
        dropped: Callable[[int], None] = lambda clients: None,
        slow: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._soft = soft
        self._hard = hard
        self._dropped = dropped
        self._slow = slow
        self._ending: set[asyncio.Task[None]] = set()
        self._written_to: set[str] = set()

    def set_server(self, server: Any) -> None:
        super().set_server(server)
        server.eio.create_queue = lambda: _Outbox(self._hard, self._end_slow)
        server.eio._async = {**server.eio._async, "websocket": _WebSocket}
        # Of the whole process; what a client may post is bounded by its size already.
        Payload.max_decode_packets = _MOST_IN_A_POST
        server.eio.on("disconnect", self._leave)

    async def emit(
        self,
        event: str,
        data: object,
        namespace: str,
        room: Any = None,
        skip_sid: str | list[str] | None = None,
        callback: Callable[..., object] | None = None,
        to: Any = None,
        **kwargs: Any,
    ) -> None:
        """As ever; with a callback, or bytes in the data, through the queues."""
        room = to or room
        try:
            payload = None if callback else encoded(event, data, namespace)
        except TypeError:
            payload = None
        if payload is None:
            await super().emit(event, data, namespace, room, skip_sid, callback, **kwargs)
        else:
            skip = skip_sid if isinstance(skip_sid, list) else [skip_sid]
            self.write(namespace, room, payload, skip=skip)

    def write(
        self,
        namespace: str,
        room: Any,
        payload: bytes,
        *,
        skip: Collection[str | None] = (),
        lossy: bool = False,
    ) -> int:
        """Send what `encoded` made to a room of this process (None: the namespace, but for those
        whose connect handler has not returned), except to the sids of `skip`. What is `lossy` goes
        only to clients for whom little waits. To how many it went."""
        if room is None:
            skip = {*skip, *self.pending_connect.get(namespace, ())}
        frame = Frame(Opcode.TEXT, payload).serialize(mask=False)
        packet: Packet | None = None
        soon = self._has_written_to(namespace)
        sent = dropped = 0
        for sid, eio_sid in self.get_participants(namespace, room):
            client = self.server.eio.sockets.get(eio_sid)
            if sid in skip or client is None or client.closed:
                continue
            outbox: _Outbox = client.queue
            if lossy and outbox.waiting > self._soft:
                dropped += 1
                continue
            sent += 1
            if not outbox.write(frame, soon=soon):
                packet = packet or Packet(MESSAGE, payload[1:].decode())
                outbox.put_nowait(packet)
        if dropped:
            self._dropped(dropped)
        return sent

    def _has_written_to(self, namespace: str) -> bool:
        """Already in this round of the loop: then more is likely to come, and worth gathering."""
        if namespace in self._written_to:
            return True
        if not self._written_to:
            asyncio.get_running_loop().call_soon(self._written_to.clear)
        self._written_to.add(namespace)
        return False

    async def _leave(self, eio_sid: str, reason: str) -> None:
        """A poll that waits ends with its client, not with engine.io's next ping."""
        client = self.server.eio.sockets.get(eio_sid)
        if client is not None and not client.upgraded:
            client.queue.put_nowait(Packet(NOOP))
        await self.server._handle_eio_disconnect(eio_sid, reason)

    def _end_slow(self, outbox: _Outbox) -> None:
        self._slow()
        for client in self.server.eio.sockets.values():
            if client.queue is outbox:
                closing = client.close(wait=False, abort=True, reason=TOO_SLOW)
                task = asyncio.ensure_future(closing)
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)
                return


class _Outbox(asyncio.Queue[Packet | None]):
    """What waits for one client: engine.io's queue, which knows how much that is, whether
    something can go past it, and when it is too much: then the client is disconnected. A None in
    it, which is always taken, ends the task that writes to the WebSocket."""

    def __init__(self, bound: int, overflowed: Callable[[_Outbox], None]) -> None:
        super().__init__()
        self._bound = bound
        self._overflowed = overflowed
        self._client: Any = None
        self._protocol: Protocol | None = None
        self._bytes = 0
        self._taken = 0  # in this poll
        self._in_hand = 0  # taken by the task that writes to the WebSocket, and not yet written
        self._closed = False

    def connect(self, client: Any, protocol: Protocol) -> None:
        """This client has a WebSocket; once it is upgraded, that is where packets go."""
        self._client = client
        self._protocol = protocol

    @property
    def waiting(self) -> int:
        """In bytes, here and in the connection."""
        if self._protocol is None:
            return self._bytes
        return self._bytes + self._protocol.waiting

    def write(self, frame: bytes, *, soon: bool) -> bool:
        """Past the queue; False where it would not be next in order."""
        protocol = self._protocol
        if (
            protocol is None
            or self._in_hand
            or not self.empty()
            or not self._client.upgraded
            or not protocol.takes_frames
        ):
            return False
        protocol.write(frame, soon=soon)
        return True

    def written(self) -> None:
        """A packet from here has been sent."""
        self._in_hand = max(0, self._in_hand - 1)

    def put_nowait(self, packet: Packet | None) -> None:
        if self._closed and packet is not None:
            return
        super().put_nowait(packet)
        self._bytes += _cost(packet)
        if self.waiting > self._bound and packet is not None:
            self.close()
            if self._protocol is not None:
                self._protocol.end(1008, TOO_SLOW)
            self._overflowed(self)

    async def get(self) -> Packet | None:
        self._taken = 0
        return await super().get()

    def get_nowait(self) -> Packet | None:
        if self._taken >= _MOST_IN_A_POLL:
            raise asyncio.QueueEmpty
        packet = super().get_nowait()
        self._taken += 1
        self._bytes -= _cost(packet)
        if self._client is not None and self._client.upgraded:
            self._in_hand += 1
        return packet

    async def join(self) -> None:
        """engine.io waits here for a client whom it disconnects: not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await super().join()

    def close(self) -> None:
        """Nobody is there any more: what waits is forgotten, and nothing more is taken."""
        self._closed = True
        while not self.empty():
            super().get_nowait()
            self.task_done()
        self._bytes = 0


class _WebSocket(WebSocket):  # type: ignore[misc]  # it comes without types
    """engine.io's end of a WebSocket on `Protocol`; on another server it is the stock one."""

    async def __call__(self, environ: dict[str, Any]) -> Any:
        protocol = environ["asgi.scope"].get("extensions", {}).get(_EXTENSION)
        if protocol is None:
            return await WebSocket(self.handler, None)(environ)
        self._protocol: Protocol = protocol
        self._client = self.handler.__self__
        self._outbox: _Outbox = self._client.queue
        self._outbox.connect(self._client, protocol)
        try:
            return await super().__call__(environ)
        finally:
            self._client.upgrading = False  # else one whose upgrade broke off would poll in vain

    async def send(self, message: str | bytes) -> None:
        await super().send(message)
        self._outbox.written()
        if message == _CLOSE:  # engine.io would leave the rest to the client
            await self.close()

    async def wait(self) -> str | bytes:
        """Raises OSError at the end, whichever side has ended it."""
        try:
            return _checked(await super().wait())
        except BaseException:  # engine.io gives up waiting by cancelling it
            await self.close()
            raise

    async def close(self) -> None:
        self._protocol.end(1000, "")
        if self._client.upgraded:  # else it goes on polling
            self._outbox.close()


def _checked(message: str | bytes) -> str | bytes:
    """Raises OSError for what is not a packet: engine.io would fall over it."""
    if isinstance(message, str) and message[:1] not in _PACKET_TYPES:
        raise OSError("not a packet of engine.io")
    return message


def _cost(packet: Packet | None) -> int:
    text = packet and packet.data
    return _PACKET_COST + (len(text) if isinstance(text, str | bytes) else 0)
