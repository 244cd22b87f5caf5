"""Shells of operators: at the server's host, elsewhere with a token, and while LiveKit is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.parts import free_port
from tests.parts.livekit import LiveKit
from tests.server.process import Server
from tests.shell import JWT_SECRET, Shell, livekit_settings


@pytest.fixture
def alone(shell: Shell, new_livekit: Callable[..., LiveKit]) -> Shell:
    """A shell with a LiveKit that has no rooms of other tests."""
    return shell.having(**livekit_settings(new_livekit()))


@pytest.fixture
def away(shell: Shell) -> Shell:
    """The same shell and store, with LiveKit away."""
    return shell.having(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")


@pytest.fixture(scope="module")
def server(livekit: LiveKit) -> Iterator[Server]:
    """`livectl serve` as a process."""
    with Server({**livekit_settings(livekit), "JWT_SECRET": JWT_SECRET}) as running:
        yield running


@pytest.fixture
def here(shell: Shell, server: Server) -> Shell:
    """At the server's host: works in its own process on the server's store."""
    return shell.having(LIVECTL_DATA_DIR=str(server.dir))


@pytest.fixture
def there(here: Shell, server: Server) -> Shell:
    """Elsewhere: knows the server's address and has a token, and nothing else."""
    token = here.good("tokens", "issue", "--user", "me", "--admin").out.strip()
    secrets = dict.fromkeys(["JWT_SECRET", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"], "")
    return here.having(
        LIVECTL_DATA_DIR="",
        LIVEKIT_URL="",
        LIVECTL_SERVER=server.url,
        LIVECTL_TOKEN=token,
        **secrets,
    )
