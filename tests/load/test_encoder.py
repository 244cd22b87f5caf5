from __future__ import annotations

import socket

import pytest

from livectl.errors import Unavailable
from livectl.load import encoder
from tests.parts import free_port


async def test_a_server_that_takes_the_connection_and_says_nothing_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoder, "_CONNECT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live"
        with pytest.raises(Unavailable, match="does not answer as RTMP"):
            await encoder.push("rtmp", url, "the-secret", 0.1)


async def test_a_server_that_is_not_there_is_told_of_without_the_key() -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live"
    with pytest.raises(Unavailable, match="does not take the push") as refused:
        await encoder.push("rtmp", url, "the-secret", 0.1)
    assert "the-secret" not in str(refused.value)
