"""A chat server for the tests of this package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.load.server import ChatServer


@pytest.fixture(scope="package")
def running_chat() -> Iterator[ChatServer]:
    with ChatServer().running() as server:
        yield server


@pytest.fixture
def chat(running_chat: ChatServer) -> ChatServer:
    """One that does everything right, until it is told otherwise."""
    running_chat.fresh()
    return running_chat
