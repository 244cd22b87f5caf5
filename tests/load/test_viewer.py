"""A viewer's end of the wire, against the `websockets` library's server, which says what it is
told, in whatever pieces."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.uri import parse_uri

from livectl.errors import Unavailable
from livectl.load.tally import Tally, ticks
from livectl.load.viewer import Viewer, enter

ROOM = "live_anna_1700000000000"
PLACE = f"/live:{ROOM},"
Script = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def entered(script: Script, tally: Tally | None = None) -> AsyncIterator[Viewer]:
    """A viewer who was let in by a server that then does what the script says."""

    async def serve_one(connection: ServerConnection) -> None:
        await connection.send('0{"sid":"s","upgrades":[],"pingInterval":25000}')
        assert await connection.recv() == f'40{PLACE}{{"token":"t"}}'
        await connection.send(f'40{PLACE}{{"sid":"n"}}')
        await script(connection)

    async with serve(serve_one, "127.0.0.1", 0) as server:
        (socket,) = server.sockets
        uri = parse_uri(f"ws://127.0.0.1:{socket.getsockname()[1]}/socket.io/?EIO=4")
        counting = tally or Tally(mark="load-0123abcd-", senders=1, epoch=ticks())
        viewer = await enter(uri, ROOM, "t", counting, tls=None)
        try:
            yield viewer
        finally:
            viewer.close()


async def until(so: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not so():  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0.01)


def message(content: str, padding: int = 0) -> str:
    return f'42{PLACE}["live:message",{{"id":"x","content":"{content}","more":"{"y" * padding}"}}]'


@pytest.mark.parametrize("padding", [0, 200, 70_000])
async def test_messages_of_any_length_come_in_any_pieces(padding: int) -> None:
    tally = Tally(mark="load-0123abcd-", senders=1, epoch=ticks())
    contents = [tally.next_message(0)[1] for _ in range(5)]

    async def script(connection: ServerConnection) -> None:
        whole, fragmented, *rest = (message(content, padding) for content in contents)
        await connection.send(whole)
        await connection.ping()
        await connection.send([fragmented[:40], fragmented[40:70], fragmented[70:]])
        # Byte by byte, and two frames at once: frames and what TCP carries have nothing in common.
        transport = connection.transport
        sent = bytearray()
        transport_write, transport.write = transport.write, sent.extend  # type: ignore[method-assign]
        for one in rest:
            await connection.send(one)
        transport.write = transport_write  # type: ignore[method-assign]
        for byte in sent[:300]:
            transport.write(bytes([byte]))
            await asyncio.sleep(0)
        transport.write(bytes(sent[300:]))
        await connection.wait_closed()

    async with entered(script, tally):
        await until(lambda: tally.delivered == 5)
    assert (tally.doubled, tally.out_of_order) == (0, 0)


async def test_the_servers_ping_is_answered() -> None:
    answered = asyncio.Event()

    async def script(connection: ServerConnection) -> None:
        await connection.send("2")
        assert await connection.recv() == "3"
        answered.set()

    async with entered(script):
        await asyncio.wait_for(answered.wait(), 10)


async def test_what_a_sender_says_asks_for_an_acknowledgement() -> None:
    tally = Tally(mark="load-0123abcd-", senders=1, epoch=ticks())

    async def script(connection: ServerConnection) -> None:
        for answer in ('{"ok":true,"id":"a"}', '{"ok":false,"code":"slow_mode"}', ""):
            said = await connection.recv()
            assert isinstance(said, str)
            head, _, event = said.partition("[")
            name, data = json.loads("[" + event)
            assert name == "live:message"
            assert data["content"].startswith("load-0123abcd-")
            await connection.send(f"43{head[2:]}[{answer}]")
        await connection.wait_closed()

    async with entered(script, tally) as viewer:
        assert [viewer.say(0), viewer.say(0), viewer.say(0)] == [0, 1, 2]
        await until(lambda: not tally.unanswered)
    assert (list(tally.accepted), tally.refused) == ([0, 2], {"slow_mode": 1})


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        ([f'42{PLACE}["error",{{"code":"kicked","message":"m"}}]', f"41{PLACE}"], "kicked"),
        ([f'42{PLACE}["error",{{"message":"m"}}]', "1"], "m"),
        (
            [f'42{PLACE}["live:state",{{"isLive":false,"reason":"killed"}}]', f"41{PLACE}"],
            "the stream ended: killed",
        ),
        (
            [f'42{PLACE}["error",{{"code":"slow_mode"}}]', f"43{PLACE}0[]", f"41{PLACE}"],
            "the server closed it",
        ),
        ([f'42{PLACE}["live:state",{{"isLive":true}}]', f"41{PLACE}"], "the server closed it"),
        (["43nonsense"], "what came is not socket.io"),
        ([], "too slow"),
    ],
)
async def test_a_viewer_who_is_put_out_knows_why(packets: list[str], why: str) -> None:
    tally = Tally(mark="load-0123abcd-", senders=1, epoch=ticks())

    async def script(connection: ServerConnection) -> None:
        try:
            for packet in packets:
                await connection.send(packet)
        except ConnectionClosed:
            return
        await connection.close(1008, "too slow")

    async with entered(script, tally) as viewer:
        await until(lambda: not viewer.here)
    (record,) = tally.records
    assert (record.why, tally.here) == (why, 0)
    assert record.left_at is not None


async def test_a_connection_that_breaks_is_told() -> None:
    tally = Tally(mark="load-0123abcd-", senders=1, epoch=ticks())

    async def script(connection: ServerConnection) -> None:
        connection.transport.close()

    async with entered(script, tally) as viewer:
        await until(lambda: not viewer.here)
    assert tally.records[0].why == "the connection was closed"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A file with a key and a certificate for localhost, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = (
        builder.not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = tmp_path / "localhost.pem"
    path.write_bytes(key.private_bytes(pem, *form) + signed.public_bytes(pem))
    return path


async def test_over_tls_the_servers_name_is_checked(certificate: Path) -> None:
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(certificate)
    ours = ssl.create_default_context(cafile=str(certificate))
    tally = Tally(mark="load-0123abcd-", senders=1, epoch=ticks())

    async def serve_one(connection: ServerConnection) -> None:
        await connection.send("0{}")
        await connection.recv()
        await connection.send(f'40{PLACE}{{"sid":"n"}}')
        await connection.wait_closed()

    async with serve(serve_one, "127.0.0.1", 0, ssl=server_side) as server:
        (socket,) = server.sockets
        port = socket.getsockname()[1]
        viewer = await enter(parse_uri(f"wss://localhost:{port}/"), ROOM, "t", tally, tls=ours)
        viewer.close()
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await enter(parse_uri(f"wss://127.0.0.1:{port}/"), ROOM, "t", tally, tls=ours)


async def test_a_refusal_is_told_in_the_servers_words() -> None:
    async def serve_one(connection: ServerConnection) -> None:
        await connection.send("0{}")
        await connection.recv()
        await connection.send(f'44{PLACE}{{"message":"Blocked","data":{{"code":"blocked"}}}}')
        await connection.wait_closed()

    tally = Tally(mark="load-0123abcd-", senders=1, epoch=ticks())
    async with serve(serve_one, "127.0.0.1", 0) as server:
        (socket,) = server.sockets
        uri = parse_uri(f"ws://127.0.0.1:{socket.getsockname()[1]}/")
        with pytest.raises(Unavailable, match=r"^Blocked$"):
            await enter(uri, ROOM, "t", tally, tls=None)
    assert (tally.records, tally.here) == ([], 0)
