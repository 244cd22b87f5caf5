"""Clients who do not read, who pause, and who go, on the wire."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
import pytest

from livectl.server.live import wire
from tests.server.live.on_the_wire import (
    FILL,
    HARD,
    ROOM,
    SOFT,
    Client,
    Raw,
    comes_true,
    fill_up,
    join_by_polling,
    live,
    on_both_loops,
    protocols_of,
)


@on_both_loops
async def test_a_client_who_does_not_read_loses_reactions_first_and_is_then_disconnected() -> None:
    async with live() as server, Raw(server) as stalled, Client(server, ["websocket"]) as other:
        await stalled.join()
        tasks = protocols_of(server)[0].tasks
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
            protocols = protocols_of(server)
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
            protocols = protocols_of(server)
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
                (protocol,) = protocols_of(server)
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
async def test_a_stop_of_the_server_does_not_wait_for_those_who_do_not_read() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_GRACE_S", 0.2)
        async with asyncio.timeout(5):
            async with live() as server, Raw(server) as stalled:
                await stalled.join()
                await fill_up(server, stalled.sid)
        assert list(server.left) == [stalled.sid]
