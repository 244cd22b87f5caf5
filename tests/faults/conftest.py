"""Servers that are processes of their own, on a store that outlives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.parts import free_port
from tests.server.process import Server
from tests.services.hooks import KEY, SECRET

NewServer = Callable[..., Server]


@pytest.fixture
def new_server() -> Iterator[NewServer]:
    """A server that is not started yet; without settings for it, its LiveKit is away."""
    with ExitStack() as stack:

        def make(**settings: str) -> Server:
            away = {
                "LIVEKIT_URL": f"http://127.0.0.1:{free_port()}",
                "LIVEKIT_API_KEY": KEY,
                "LIVEKIT_API_SECRET": SECRET,
            }
            server = Server({**away, **settings})
            stack.callback(server.close)
            return server

        yield make
