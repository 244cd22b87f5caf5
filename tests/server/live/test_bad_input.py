"""Whatever a client sends: an error to that client, never an exception; others notice nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.parts.livekit import LiveKit
from tests.server.live.client import Stage, bearer_of
from tests.server.live.conftest import NewStage, settings_for
from tests.server.process import Server

EVENTS = [
    "live:message",
    "live:reaction",
    "live:gift",
    "live:pin",
    "live:record:start",
    "live:record:stop",
    "live:nonsense",
    "connect",
    "disconnect",
    "*",
    "__class__",
]

# Lone surrogates as JSON escapes, and what turns the direction of text.
_TEXT = st.text(max_size=50) | st.sampled_from(
    ["\\ud800", "\u202e\u2066evil", "\x00\x01", "a" * 3000, "👩‍👩‍👧‍👦" * 90, "́" * 500]
)
_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | _TEXT
_ANY = st.recursive(
    _PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
_FIELDS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("content", "emoji", "giftType", "value", "message", "clientId", "messageId"), _ANY
    ),
)
_DEEP = st.integers(1, 3000).map(lambda depth: "[" * depth + "]" * depth)


def _is_no_goodbye(packet: str) -> bool:
    """Whoever says that they go need not be answered."""
    return not packet.startswith(("1", "41"))


class Raw:
    """A connection of one who does not keep to the protocol; it comes back when put out."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._socket: ClientConnection | None = None
        self._open = ExitStack()

    @property
    def namespace(self) -> str:
        return f"/live:{self._stage.room}"

    def socket(self) -> ClientConnection:
        if self._socket is None:
            url = self._stage.url.replace("http", "ws", 1)
            address = f"{url}/socket.io/?EIO=4&transport=websocket"
            self._socket = self._open.enter_context(
                connect(address, max_size=2**20, compression=None)
            )
            self._socket.recv(timeout=5)
            token = json.dumps({"token": bearer_of(self._stage.owner)})
            self._socket.send(f"40{self.namespace},{token}")
            self._answer_of("40")
        return self._socket

    def sends(self, packet: str | bytes) -> None:
        with suppress(ConnectionClosed):
            self.socket().send(packet)

    def is_heard(self) -> None:
        """The server answers a good event: on this connection, or on a new one."""
        try:
            self._say()
        except ConnectionClosed:
            self._socket = None
            self._say()

    def _say(self) -> None:
        self.socket().send(f'42{self.namespace},77["live:message",{{"content":"still here"}}]')
        answer = self._answer_of(f"43{self.namespace},77")
        assert '"ok":true' in answer, answer

    def _answer_of(self, beginning: str) -> str:
        assert self._socket is not None
        while True:
            packet = self._socket.recv(timeout=5)
            if isinstance(packet, str) and packet.startswith(beginning):
                return packet

    def close(self) -> None:
        self._open.close()


@pytest.fixture(scope="module")
def live_server(livekit: LiveKit) -> Iterator[Server]:
    """One that lets who was put out come back at once."""
    with Server(settings_for(livekit, LIVECTL_CONNECT_LIMIT="1000000/60")) as server:
        yield server


@pytest.fixture
async def raw(live_server: Server, new_stage: NewStage) -> AsyncIterator[Raw]:
    stage = await new_stage(live_server.url)
    one = Raw(stage)
    yield one
    await asyncio.to_thread(one.close)


@pytest.fixture(autouse=True)
def no_exception_is_logged(live_server: Server) -> Iterator[None]:
    before = len(live_server.log.read_text())
    yield
    said = live_server.log.read_text()[before:]
    assert "Traceback" not in said, said[-3000:]
    assert '"level": "error"' not in said, said[-3000:]


bounded = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@bounded
@given(event=st.sampled_from(EVENTS), data=_ANY | _FIELDS, ack=st.none() | st.integers(0, 10**30))
def test_any_event_with_any_data(raw: Raw, event: str, data: Any, ack: int | None) -> None:
    packet = json.dumps([event, data])
    raw.sends(f"42{raw.namespace},{'' if ack is None else ack}{packet}")
    raw.is_heard()


@bounded
@given(event=st.sampled_from(EVENTS), nest=_DEEP)
def test_however_deep(raw: Raw, event: str, nest: str) -> None:
    raw.sends(f'42{raw.namespace},["{event}",{nest}]')
    raw.is_heard()


@bounded
@given(body=st.text(max_size=200).filter(_is_no_goodbye) | st.binary(max_size=200))
def test_anything_that_is_no_packet(raw: Raw, body: str | bytes) -> None:
    raw.sends(body)
    raw.is_heard()


@bounded
@given(kind=st.sampled_from("023456789"), inner=st.sampled_from("023456789"), rest=_TEXT)
def test_every_kind_of_packet_with_anything_in_it(
    raw: Raw, kind: str, inner: str, rest: str
) -> None:
    raw.sends(f"{kind}{inner}{raw.namespace},{rest}")
    raw.sends(f"{kind}{inner}{rest}")
    raw.is_heard()


@pytest.mark.parametrize(
    "packet",
    [
        '42{ns},[{"a":1},2]',
        "42{ns},[]",
        "42{ns},{}",
        "42{ns},[null]",
        '452-{ns},["live:message",{"_placeholder":true,"num":0}]',
        "4599999-{ns},[1]",
        '43{ns},5["x"]',
        "44{ns},{}",
        "40{ns},",
        '42{ns},["live:message",{"content":NaN}]',
        '42{ns},["live:gift",{"giftType":"a","value":1e400}]',
        "4" + "2" * 40_000,
    ],
)
def test_packets_that_are_almost_right(raw: Raw, packet: str) -> None:
    raw.sends(packet.replace("{ns}", raw.namespace))
    raw.is_heard()


async def test_ten_thousand_namespaces_are_refused_and_leave_nothing_behind(
    raw: Raw, live_server: Server
) -> None:
    def knock() -> None:
        for number in range(10_000):
            raw.sends(f"40/live:live_nobody_{1_700_000_000_000 + number},{{}}")
        raw.is_heard()

    await asyncio.to_thread(raw.is_heard)
    before = _memory_kib(live_server)
    await asyncio.to_thread(knock)
    assert _memory_kib(live_server) - before < 20_000


def _memory_kib(server: Server) -> int:
    assert server._process is not None
    status = Path(f"/proc/{server._process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.mark.parametrize("body", ["garbage", "9", "4" * 70_000])
async def test_what_a_polling_client_posts_that_is_no_packet_is_refused(
    live_server: Server, body: str
) -> None:
    async with httpx.AsyncClient(base_url=live_server.url, timeout=20) as http:
        path = "/socket.io/?EIO=4&transport=polling"
        opened = await http.get(path)
        session = f"{path}&sid={json.loads(opened.text[1:])['sid']}"
        posted = await http.post(session, content=body)
        assert posted.status_code == 400
