"""A server on the wire, and its clients: the stock one of Python, and one whose reading is ours to
decide."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import httpx
import pytest
import socketio
import uvicorn
import uvloop
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from livectl.server.live import wire
from livectl.server.live.wire import Json, Manager, encoded
from tests.parts import free_port

ROOM = "/live:room"
WIRE = "livectl.server.live.wire:Protocol"
SOFT, HARD = 32 * 1024, 256 * 1024
FILL = "x" * 1000


def on_both_loops(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Their transports pause, buffer and close in ways of their own."""

    @pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
    def runs(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        run(test())

    runs.__name__, runs.__doc__ = test.__name__, test.__doc__
    return runs


class Live:
    """A socket.io server on the wire, in this loop; `said` is what clients sent, `left` why they
    went, by sid."""

    def __init__(self, port: int, hard: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.counted: Counter[str] = Counter()
        self.left: dict[str, str] = {}
        self.said: list[Any] = []
        self.manager = Manager(
            soft=SOFT,
            hard=hard,
            dropped=lambda clients: self.counted.update(dropped=clients),
            slow=lambda: self.counted.update(slow=1),
        )
        self.sio = socketio.AsyncServer(
            async_mode="asgi", client_manager=self.manager, namespaces="*", json=Json
        )
        self.sio.on("disconnect", self._leave, namespace="*")
        self.sio.on("say", self._hear, namespace="*")

    def tell(self, number: int, *, fill: str = "", **how: Any) -> int:
        payload = encoded("told", {"number": number, "fill": fill}, ROOM)
        return self.manager.write(ROOM, None, payload, **how)

    def waiting(self, sid: str) -> int:
        """Bytes that wait for a client in this process."""
        client = self.sio.eio.sockets.get(self.manager.eio_sid_from_sid(sid, ROOM))
        return client.queue.waiting if client else 0

    async def _hear(self, _namespace: str, _sid: str, data: Any) -> Any:
        self.said.append(data)
        return data

    async def _leave(self, _namespace: str, sid: str, reason: str) -> None:
        self.left[sid] = reason


@asynccontextmanager
async def live(ws: str = WIRE, hard: int = HARD) -> AsyncIterator[Live]:
    one = Live(free_port(), hard)
    config = uvicorn.Config(
        socketio.ASGIApp(one.sio),
        port=one.port,
        ws=ws,
        http="httptools",
        log_config=None,
        lifespan="off",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await comes_true(lambda: server.started)
        yield one
    finally:
        server.should_exit = True
        await one.sio.shutdown()
        await serving


class Client:
    """The official Python client; `numbers` are those it was told, in order."""

    def __init__(self, server: Live, transports: Sequence[str]) -> None:
        self.server = server
        self.transports = list(transports)
        self.numbers: list[int] = []
        self.sio = socketio.AsyncClient(reconnection=False)
        self.sio.on("told", self._hear, namespace=ROOM)

    async def __aenter__(self) -> Self:
        await self.sio.connect(self.server.url, namespaces=[ROOM], transports=self.transports)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.sio.disconnect()

    @property
    def sid(self) -> str:
        return str(self.sio.get_sid(ROOM))

    async def call(self, data: Any) -> Any:
        return await self.sio.call("say", data, namespace=ROOM, timeout=10)

    async def _hear(self, data: Any) -> None:
        self.numbers.append(data["number"])


class Raw:
    """A client that reads when it is told to. Its own buffer in the kernel is small."""

    def __init__(self, server: Live, query: str = "") -> None:
        self.uri = f"ws://127.0.0.1:{server.port}/socket.io/?EIO=4&transport=websocket{query}"
        self.protocol = ClientProtocol(parse_uri(self.uri), max_size=None)
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.setblocking(False)
        self.sid = ""
        self._packets: list[str] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        port = self.protocol.uri.port
        await loop.sock_connect(self.sock, ("127.0.0.1", port))
        self.protocol.send_request(self.protocol.connect())
        await self._send()
        while self.protocol.state is State.CONNECTING and not self.protocol.handshake_exc:
            await self._receive()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.sock.close()

    async def join(self) -> Self:
        assert (await self.read()).startswith("0")
        await self.say(f"40{ROOM},")
        self.sid = json.loads((await self.read()).removeprefix(f"40{ROOM},"))["sid"]
        return self

    async def say(self, packet: str) -> None:
        self.protocol.send_text(packet.encode())
        await self._send()

    async def read(self) -> str:
        """The next packet; at the end EOFError, and `end` is known."""
        while not self._packets:
            if self.protocol.close_rcvd or not await self._receive():
                raise EOFError
        return self._packets.pop(0)

    async def numbers(self, last: int) -> list[int]:
        """Those it is told, up to the last; or to the end."""
        found: list[int] = []
        with suppress(EOFError, ConnectionResetError):
            while last not in found[-1:]:
                found += numbers_of([await self.read()])
        return found

    @property
    def end(self) -> tuple[int, str]:
        close = self.protocol.close_rcvd
        assert close is not None
        return close.code, close.reason

    async def _receive(self) -> bool:
        data = await asyncio.get_running_loop().sock_recv(self.sock, 65536)
        if data:
            self.protocol.receive_data(data)
            await self._send()
        frames = [one for one in self.protocol.events_received() if isinstance(one, Frame)]
        self._packets += [bytes(one.data).decode() for one in frames if one.opcode is Opcode.TEXT]
        return bool(data)

    async def _send(self) -> None:
        data = b"".join(self.protocol.data_to_send())
        await asyncio.get_running_loop().sock_sendall(self.sock, data)


def numbers_of(packets: list[str]) -> list[int]:
    """Those that are told in them."""
    events = [json.loads(one.partition(",")[2]) for one in packets if one.startswith("42")]
    return [data["number"] for _, data in events]


async def comes_true(so: Callable[[], bool], within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not so():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.005)


async def fill_up(server: Live, sid: str) -> None:
    """Until the kernel takes no more for a client who does not read, and something waits here."""
    while server.waiting(sid) < SOFT + 1:
        server.tell(0, fill=FILL)
        await asyncio.sleep(0)


async def join_by_polling(server: Live, http: httpx.AsyncClient) -> tuple[str, str]:
    """Where to poll, and the sid in the room."""
    path = "/socket.io/?EIO=4&transport=polling"
    path += "&sid=" + json.loads((await http.get(path)).text[1:])["sid"]
    await http.post(path, content=f"40{ROOM},")
    joined = (await http.get(path)).text
    return path, json.loads(joined.removeprefix(f"40{ROOM},"))["sid"]


def protocols_of(server: Live) -> list[wire.Protocol]:
    found = [one.queue._protocol for one in server.sio.eio.sockets.values()]
    assert all(found)
    return found
