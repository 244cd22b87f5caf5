"""The wire, under a real server and real clients: the stock one of Python, and one whose reading is
ours to decide."""

from __future__ import annotations

import asyncio
import json
import logging
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
from hypothesis import given
from hypothesis import strategies as st
from socketio.packet import EVENT, Packet
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


@on_both_loops
async def test_both_transports_get_the_same_in_the_same_order() -> None:
    async with (
        live() as server,
        Client(server, ["websocket"]) as one,
        Client(server, ["polling"]) as two,
    ):
        for number in range(500):
            assert server.tell(number) == 2
            if number % 7 == 0:
                await asyncio.sleep(0.001 * (number % 3))

        await comes_true(lambda: two.numbers[-1:] == one.numbers[-1:] == [499])
        assert one.numbers == two.numbers == list(range(500))


@on_both_loops
async def test_what_goes_through_the_queue_keeps_its_place_among_what_does_not() -> None:
    """An acknowledgement, binary data and an event with a callback take the stock way."""
    async with live() as server, Client(server, ["websocket"]) as client:
        heard: list[Any] = []

        async def hear(event: str, data: Any) -> None:
            heard.append(data["number"])

        client.sio.on("*", hear, namespace=ROOM)
        for number in range(0, 300, 3):
            await server.sio.emit("plain", {"number": number}, namespace=ROOM)
            binary = {"number": number + 1, "data": b"\x00\xff"}
            await server.sio.emit("binary", binary, namespace=ROOM)
            await server.sio.emit(
                "called", {"number": number + 2}, namespace=ROOM, callback=lambda *_: None
            )

        await comes_true(lambda: len(heard) == 300)
        assert heard == list(range(300))
        assert await client.call("hello") == "hello"


@on_both_loops
async def test_a_client_who_upgrades_in_the_middle_loses_nothing_and_gets_nothing_twice() -> None:
    async with live(hard=100 * HARD) as server, httpx.AsyncClient(base_url=server.url) as http:
        told = 0

        async def go_on() -> None:
            nonlocal told
            while True:
                server.tell(told)
                told += 1
                await asyncio.sleep(0.0002)

        for _ in range(10):
            path, _ = await join_by_polling(server, http)
            told, numbers = 0, []
            telling = asyncio.create_task(go_on())
            for _ in range(3):
                numbers += numbers_of((await http.get(path)).text.split("\x1e"))
            async with Raw(server, path.partition("polling")[2]) as client:
                await client.say("2probe")
                assert await client.read() == "3probe"
                numbers += numbers_of((await http.get(path)).text.split("\x1e"))
                await client.say("5")
                numbers += await client.numbers(told + 200)
                telling.cancel()
            assert numbers == list(range(len(numbers)))


async def test_a_websocket_that_is_only_tried_gets_nothing_yet() -> None:
    async with live() as server, httpx.AsyncClient(base_url=server.url) as http:
        path, _ = await join_by_polling(server, http)
        poll = asyncio.create_task(http.get(path))
        async with Raw(server, path.partition("polling")[2]) as upgrade:
            await upgrade.say("2probe")
            assert await upgrade.read() == "3probe"
            assert (await poll).text == "6"
            for number in range(40):
                server.tell(number)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await upgrade.read()
            assert (await http.get(path)).text == "6"

            await upgrade.say("5")
            assert await upgrade.numbers(39) == list(range(40))
            server.tell(40)
            assert await upgrade.numbers(40) == [40]


async def test_a_client_whose_upgrade_breaks_off_goes_on_polling() -> None:
    async with live() as server, Client(server, ["polling"]) as client:
        eio_sid = client.sio.eio.sid
        async with Raw(server, f"&sid={eio_sid}"):
            await comes_true(lambda: server.sio.eio.sockets[eio_sid].upgrading)
        await comes_true(lambda: not server.sio.eio.sockets[eio_sid].upgrading)
        async with Raw(server, f"&sid={eio_sid}") as upgrade:
            await upgrade.say("2probe")
            assert await upgrade.read() == "3probe"
        await comes_true(lambda: not server.sio.eio.sockets[eio_sid].upgrading)

        for number in range(50):
            server.tell(number)
        await comes_true(lambda: len(client.numbers) == 50)


async def test_an_answer_to_a_poll_holds_no_more_than_clients_take() -> None:
    async with live() as server, httpx.AsyncClient(base_url=server.url) as http:
        path, _ = await join_by_polling(server, http)
        for number in range(40):
            server.tell(number)

        answers = [(await http.get(path)).text.split("\x1e") for _ in range(3)]

        assert [len(answer) for answer in answers] == [16, 16, 8]


async def test_a_burst_of_a_client_who_polls_is_heard() -> None:
    async with live() as server, Client(server, ["polling"]) as client:
        answers = await asyncio.gather(*(client.call(number) for number in range(100)))
        assert answers == list(range(100))


@pytest.mark.parametrize("size", [1, 100, 125, 126, 127, 65_500, 65_535, 65_536, 70_000])
async def test_payloads_of_any_size_are_framed(size: int) -> None:
    async with live() as server, Raw(server) as client:
        await client.join()
        payload = encoded("e", "", ROOM)
        payload = payload[:-2] + b"x" * (size - len(payload)) + payload[-2:]
        server.manager.write(ROOM, None, payload)
        assert await client.read() == payload.decode()


@on_both_loops
async def test_some_can_be_left_out() -> None:
    async with (
        live() as server,
        Client(server, ["websocket"]) as one,
        Client(server, ["polling"]) as two,
    ):
        assert server.tell(1, skip=(one.sid,)) == 1
        assert server.tell(2, skip=(two.sid,)) == 1
        await server.sio.emit("told", {"number": 3}, namespace=ROOM, skip_sid=one.sid)
        await server.sio.emit("told", {"number": 4}, namespace=ROOM, to=one.sid)
        server.tell(5)

        await comes_true(lambda: len(one.numbers) == len(two.numbers) == 3)
        assert (one.numbers, two.numbers) == ([2, 4, 5], [1, 3, 5])


async def test_who_is_not_let_in_yet_hears_nothing() -> None:
    async with live() as server:
        door = asyncio.Event()

        async def connect(*_: Any) -> None:
            await door.wait()

        server.sio.on("connect", connect, namespace="*")
        async with Raw(server) as client:
            assert (await client.read()).startswith("0")
            await client.say(f"40{ROOM},")
            await comes_true(lambda: ROOM in server.manager.rooms)
            assert server.tell(1) == 0
            door.set()
            assert (await client.read()).startswith(f"40{ROOM},")
            assert server.tell(2) == 1
            assert await client.numbers(2) == [2]


@on_both_loops
async def test_a_client_who_does_not_read_loses_reactions_first_and_is_then_disconnected() -> None:
    async with live() as server, Raw(server) as stalled, Client(server, ["websocket"]) as other:
        await stalled.join()
        tasks = _protocols(server)[0].tasks
        told = most = 0

        async def tell(count: int, **how: Any) -> None:
            nonlocal told, most
            for _ in range(count):
                told += 1
                server.tell(told, fill=FILL, **how)
                most = max(most, server.waiting(stalled.sid))
            await comes_true(lambda: other.numbers[-1:] == [told])

        while server.waiting(stalled.sid) <= SOFT:
            await tell(20)
        before = server.waiting(stalled.sid)
        reactions = range(told + 1, told + 401)
        for _ in range(20):
            await tell(20, lossy=True)
        assert server.waiting(stalled.sid) == before
        assert server.counted == Counter(dropped=400)
        assert not server.left

        while not server.left:
            await tell(20)
        assert server.counted == Counter(dropped=400, slow=1)
        assert server.left == {stalled.sid: wire.TOO_SLOW}
        assert most < HARD + 2 * len(FILL)
        await comes_true(lambda: len(tasks) == 1, within=2)

        await tell(20)
        assert other.numbers == list(range(1, told + 1))
        got = await stalled.numbers(told)
        assert got == [one for one in range(1, got[-1] + 1) if one not in reactions]
        assert stalled.end == (1008, wire.TOO_SLOW)


@on_both_loops
async def test_what_a_client_who_was_too_slow_does_not_take_is_thrown_away() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_GRACE_S", 0.2)
        async with live() as server, Raw(server) as stalled:
            await stalled.join()
            protocols = _protocols(server)
            while not server.left:
                server.tell(0, fill=FILL)
                await asyncio.sleep(0)
            await comes_true(lambda: all(one.disconnected for one in protocols))
            assert server.sio.eio.sockets == {}
            assert len(await stalled.numbers(-1)) < HARD // len(FILL)


@on_both_loops
async def test_a_client_who_asks_for_answers_and_does_not_read_them_is_disconnected() -> None:
    async with live() as server, Raw(server) as stalled:
        await stalled.join()

        async def ask() -> None:
            for number in range(10_000):
                await stalled.say(f'42{ROOM},{number}["say","{FILL}"]')

        asking = asyncio.create_task(ask())
        await comes_true(lambda: bool(server.left))
        asking.cancel()
        assert server.left == {stalled.sid: wire.TOO_SLOW}
        assert server.waiting(stalled.sid) == 0
        with suppress(asyncio.CancelledError, OSError):
            await asking


async def test_a_client_who_does_not_poll_is_bounded_too() -> None:
    async with live() as server, httpx.AsyncClient(base_url=server.url) as http:
        path, member = await join_by_polling(server, http)

        while server.waiting(member) <= SOFT:
            server.tell(1, fill=FILL)
        assert server.tell(2, lossy=True) == 0
        while not server.counted["slow"]:
            server.tell(3, fill=FILL)
        await comes_true(lambda: server.left == {member: wire.TOO_SLOW})

        assert server.tell(4) == 0
        assert (await http.get(path)).status_code == 400


async def test_a_poll_that_waits_ends_when_its_client_is_disconnected() -> None:
    async with live() as server, httpx.AsyncClient(base_url=server.url) as http:
        path, member = await join_by_polling(server, http)
        poll = asyncio.create_task(http.get(path))
        await asyncio.sleep(0.1)
        await server.sio.eio.disconnect(server.manager.eio_sid_from_sid(member, ROOM))
        assert "1" in (await poll).text.split("\x1e")


@on_both_loops
async def test_a_client_who_pauses_and_reads_on_gets_everything_in_order() -> None:
    async with live() as server, Raw(server) as client:
        await client.join()
        number = 0
        for _ in range(3):
            while server.waiting(client.sid) < HARD // 2:
                number += 1
                server.tell(number, fill=FILL)
                await asyncio.sleep(0)
            reading = asyncio.create_task(client.numbers(number + 200))
            for _ in range(200):  # while what waits is being read
                number += 1
                server.tell(number)
                await asyncio.sleep(0.0005)
            assert await reading == list(range(number - len(reading.result()) + 1, number + 1))
            await comes_true(lambda: server.waiting(client.sid) == 0)
        assert not server.counted


@on_both_loops
async def test_clients_who_go_in_the_middle_of_an_emit_disturb_nobody() -> None:
    async with live() as server, Client(server, ["websocket"]) as stays:
        number = 0
        for how in (_reset, _close, _half_close) * 5:
            async with Raw(server) as goes:
                await goes.join()
                for _ in range(20):
                    number += 1
                    server.tell(number)
                    if number % 10 == 5:
                        await how(goes)
                    await asyncio.sleep(0)
            await comes_true(lambda goes=goes: goes.sid in server.left)
        await comes_true(lambda: stays.numbers[-1:] == [number])
        assert stays.numbers == list(range(1, number + 1))


async def _reset(client: Raw) -> None:
    linger_no_more = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    with suppress(OSError):
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_no_more)
    client.sock.close()


async def _close(client: Raw) -> None:
    with suppress(Exception):
        client.protocol.send_close(1000)
        await client._send()


async def _half_close(client: Raw) -> None:
    with suppress(OSError):
        client.sock.shutdown(socket.SHUT_WR)


@on_both_loops
async def test_a_disconnect_by_the_server_ends_the_connection_even_of_one_who_does_not_read() -> (
    None
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_GRACE_S", 0.2)
        async with live() as server, Raw(server) as reads, Raw(server) as stalled:
            for client in (reads, stalled):
                await client.join()
            protocols = _protocols(server)
            drain = asyncio.create_task(reads.numbers(-1))
            await fill_up(server, stalled.sid)

            for eio_sid in list(server.sio.eio.sockets):
                await server.sio.eio.disconnect(eio_sid)

            await drain
            assert reads.end[0] == 1000
            assert set(server.left) == {reads.sid, stalled.sid}
            assert not server.sio.eio.sockets
            await comes_true(lambda: protocols[0].disconnected or protocols[1].disconnected)


@on_both_loops
async def test_what_is_told_right_before_the_end_arrives() -> None:
    async with live() as server:
        for code in (1000, 1012):
            async with Raw(server) as client:
                await client.join()
                (protocol,) = _protocols(server)
                for number in range(3):
                    server.tell(number)
                if code == 1012:
                    protocol.shutdown()
                else:
                    protocol.end(code, "")
                assert await client.numbers(-1) == [0, 1, 2]
                assert client.end[0] == code
            await comes_true(lambda: not server.sio.eio.sockets)


@on_both_loops
async def test_what_is_told_in_two_rooms_keeps_its_order() -> None:
    async with live() as server, Raw(server) as client:
        await client.join()
        await client.say("40/live:other,")
        assert (await client.read()).startswith("40/live:other,")
        for number in range(0, 100, 4):
            for more, namespace in enumerate([ROOM, ROOM, "/live:other", ROOM]):
                payload = encoded("told", {"number": number + more}, namespace)
                server.manager.write(namespace, None, payload)
            if number % 8:
                await asyncio.sleep(0)
        assert await client.numbers(99) == list(range(100))


@on_both_loops
async def test_a_burst_within_one_turn_of_the_loop_arrives_in_order() -> None:
    async with live() as server, Client(server, ["websocket"]) as client:
        for number in range(200):
            server.tell(number, fill=FILL)
        await comes_true(lambda: client.numbers == list(range(200)))
        assert not server.counted


@on_both_loops
async def test_a_stop_of_the_server_does_not_wait_for_those_who_do_not_read() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_GRACE_S", 0.2)
        async with asyncio.timeout(5):
            async with live() as server, Raw(server) as stalled:
                await stalled.join()
                await fill_up(server, stalled.sid)
        assert list(server.left) == [stalled.sid]


@pytest.mark.parametrize("packet", ["", "x", "b4AA=", "7", "é", " 4", "-1"])
async def test_what_is_not_engine_io_ends_the_connection(
    packet: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with live() as server, Raw(server) as client:
        await client.join()
        await client.say(packet)
        with pytest.raises(EOFError):
            await client.read()
        await comes_true(lambda: client.sid in server.left)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


async def test_no_url_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with live() as server:
        async with Raw(server, "&token=a-secret") as client:
            await client.join()
        async with Raw(server, "&token=a-secret&sid=none") as refused:
            with suppress(EOFError):
                await refused.read()
    told = [one for one in caplog.records if not one.name.startswith("websockets.client")]
    assert told
    assert not [one for one in told if "a-secret" in one.getMessage()]


async def test_on_another_server_everything_goes_through_the_queue() -> None:
    async with (
        live(ws="websockets-sansio") as server,
        Client(server, ["websocket"]) as one,
        Client(server, ["polling"]) as two,
    ):
        for number in range(100):
            server.tell(number)
        await comes_true(lambda: len(one.numbers) == len(two.numbers) == 100)
        assert one.numbers == two.numbers == list(range(100))
        assert await one.call("hello") == "hello"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    data=JSON | st.tuples(JSON, JSON) | st.just(()),
    namespace=st.sampled_from(["/", ROOM, "/live:röm"]),
)
def test_an_event_is_encoded_as_socket_io_encodes_it(data: Any, namespace: str) -> None:
    arguments = list(data) if isinstance(data, tuple) else [] if data is None else [data]
    ours = Packet(encoded_packet=encoded("told", data, namespace)[1:].decode())
    theirs = Packet(EVENT, namespace=namespace, data=["told", *arguments])
    theirs = Packet(encoded_packet=theirs.encode())
    assert (ours.packet_type, ours.namespace, ours.id) == (EVENT, theirs.namespace, None)
    assert ours.data == theirs.data


@pytest.mark.parametrize("data", [b"bytes", {"in": [b"here"]}, object()])
def test_what_is_not_json_is_not_encoded(data: object) -> None:
    with pytest.raises(TypeError):
        encoded("told", data, ROOM)


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", "Infinity", r'"\ud800"', '"\ud800"', "[" * 2000 + "]" * 2000, "1e999"]
)
def test_what_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Json.loads(text)


def test_json_is_written_without_spaces() -> None:
    assert Json.dumps({"a": [1, "é"]}, separators=(",", ":")) == '{"a":[1,"é"]}'


def _protocols(server: Live) -> list[wire.Protocol]:
    found = [one.queue._protocol for one in server.sio.eio.sockets.values()]
    assert all(found)
    return found
