"""How events are written and read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from socketio.packet import EVENT, Packet

from livectl.server.live.wire import Json, encoded
from tests.server.live.on_the_wire import ROOM

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
