"""A viewer: a socket.io client (protocol 5) in one room, over one WebSocket.

One process is a thousand of them, so this reads as little as it can: whole text frames are read
here, and only what is no chat message is looked at closely; whatever else comes (pings, closes,
fragments) is left to websockets' own protocol, as are the handshake and what is sent.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, cast

import orjson
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import WebSocketURI

from livectl.errors import Unavailable
from livectl.load.tally import Tally

_WHOLE_TEXT = 0x81
_LENGTH_IN_2, _LENGTH_IN_8 = 126, 127
_END_OF_HEAD = b"\r\n\r\n"


class Viewer(asyncio.Protocol):
    """Made by `enter`. It never comes back by itself: once it is out, `here` stays false."""

    def __init__(self, uri: WebSocketURI, room: str, token: str, tally: Tally) -> None:
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.here = False
        self._websocket = ClientProtocol(uri)
        self._namespace = f"/live:{room},".encode()
        self._message = b"42" + self._namespace + b'["live:message",'
        self._token = token
        self._tally = tally
        self._rest = b""
        self._fragments = b""
        self._shaken = False
        self._told_why = ""
        self._record = tally.new_record()

    def say(self, sender: int) -> int:
        """Send the next message of a sender, with an acknowledgement asked for; its number."""
        number, content = self._tally.next_message(sender)
        event = orjson.dumps(["live:message", {"content": content}])
        self._send(b"42%b%d%b" % (self._namespace, number, event))
        return number

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._websocket.send_request(self._websocket.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        try:
            self._read(self._rest + data if self._rest else data)
        except ValueError:
            self._out("what came is not socket.io")
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        closing = self._websocket.close_rcvd
        why = self._told_why or (closing.reason if closing else str(error or ""))
        self._out(why or "the connection was closed")

    def close(self) -> None:
        self._transport.close()

    def _read(self, data: bytes) -> None:
        now = self._tally.now()
        at, size = 0 if self._shaken else self._shake_hands(data), len(data)
        while self._shaken and size - at >= 2:
            start, length = at + 2, data[at + 1]
            if length == _LENGTH_IN_2 and size >= start + 2:
                length = data[start] << 8 | data[start + 1]
                start += 2
            elif length == _LENGTH_IN_8 and size >= start + 8:
                length = int.from_bytes(data[start : start + 8], "big")
                start += 8
            end = start + length  # beyond the data too where the length itself is cut off
            if size < end:
                break
            if data[at] != _WHOLE_TEXT:
                self._other_frame(data[at:end], now)
            elif data.startswith(self._message, start):
                self._tally.got(self._record, data, start, end, now)
            else:
                self._packet(data[start:end], now)
            at = end
        self._rest = data[at:]

    def _shake_hands(self, data: bytes) -> int:
        """How much of the data was the answer to the handshake; 0 where it is not whole yet."""
        head, blank, _ = data.partition(_END_OF_HEAD)
        if not blank:
            return 0
        status = head.split(b"\r\n")[0]
        if b" 101 " in status:
            self._websocket.receive_data(head + blank)
            self._websocket.events_received()
        self._shaken = self._websocket.state is OPEN
        if not self._shaken:
            self._out(f"no WebSocket there: {status[:80].decode('latin-1')}")
            self.close()
        return len(head + blank)

    def _other_frame(self, data: bytes, now: int) -> None:
        self._websocket.receive_data(data)
        for frame in self._websocket.events_received():
            if isinstance(frame, Frame) and frame.opcode in {Opcode.TEXT, Opcode.CONT}:
                self._fragments += frame.data
                if frame.fin:
                    packet, self._fragments = self._fragments, b""
                    self._whole(packet, now)
        self._flush()

    def _whole(self, packet: bytes, now: int) -> None:
        if packet.startswith(self._message):
            self._tally.got(self._record, packet, 0, len(packet), now)
        else:
            self._packet(packet, now)

    def _packet(self, packet: bytes, now: int) -> None:
        """Of engine.io, and of socket.io in it."""
        kind, body = packet[:2], packet[2:].removeprefix(self._namespace)
        told, self._told_why = self._told_why, ""
        if packet == b"2":
            self._send(b"3")
        elif kind == b"42":
            self._told_why = _reason_in(body)
        elif kind == b"43":
            number, _, answer = body.partition(b"[")
            self._tally.answered(int(number), _object(b"[" + answer), now)
        elif kind == b"40":
            self._in()
        elif kind == b"44":
            self._out(str(_object(body).get("message")))
            self.close()
        elif kind == b"41" or packet == b"1":
            self._out(told or "the server closed it")
            self.close()
        elif kind[:1] == b"0":
            self._send(b"40" + self._namespace + orjson.dumps({"token": self._token}))

    def _in(self) -> None:
        if not self.entered.done():
            self._tally.came(self._record)
            self.here = True
            self.entered.set_result(None)

    def _out(self, why: str) -> None:
        if self.here:
            self.here = False
            self._tally.left(self._record, why)
        elif not self.entered.done():
            self.entered.set_exception(Unavailable(why))

    def _send(self, packet: bytes) -> None:
        if self._websocket.state is OPEN:
            self._websocket.send_text(packet)
            self._flush()

    def _flush(self) -> None:
        for data in self._websocket.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()


async def enter(
    uri: WebSocketURI, room: str, token: str, tally: Tally, *, tls: ssl.SSLContext | None
) -> Viewer:
    """A viewer who is in the room. Raises Unavailable with what the server, or the system, said."""
    loop = asyncio.get_running_loop()
    try:
        _, viewer = await loop.create_connection(
            lambda: Viewer(uri, room, token, tally),
            uri.host,
            uri.port,
            ssl=tls,
            server_hostname=uri.host if tls else None,
        )
    except OSError as error:
        raise Unavailable(str(error)) from error
    try:
        await viewer.entered
    except BaseException:
        viewer.close()
        raise
    return viewer


def _reason_in(event: bytes) -> str:
    """Why a viewer will be put out, where an event tells: an error, or the end of the stream."""
    if event.startswith(b'["error",'):
        return str(_object(event, 1).get("code") or _object(event, 1).get("message"))
    if event.startswith(b'["live:state",') and b'"isLive":false' in event:
        return f"the stream ended: {_object(event, 1).get('reason')}"
    return ""


def _object(packet: bytes, position: int = 0) -> dict[str, Any]:
    """An object, by itself or in a list."""
    read = orjson.loads(packet)
    found = read[position] if isinstance(read, list) and len(read) > position else read
    return found if isinstance(found, dict) else {}
