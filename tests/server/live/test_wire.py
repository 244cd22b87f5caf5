"""The wire, under a real server and real clients: everything arrives, once and in order."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import httpx
import pytest

from livectl.server.live.wire import encoded
from tests.server.live.on_the_wire import (
    FILL,
    HARD,
    ROOM,
    Client,
    Raw,
    comes_true,
    join_by_polling,
    live,
    numbers_of,
    on_both_loops,
)


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
