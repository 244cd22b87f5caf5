"""The real parts, one of each for the whole session; see `tests/parts`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.parts import PartMissing
from tests.parts.ferretdb import Databases, databases
from tests.parts.livekit import LiveKit
from tests.parts.minio import MinIO
from tests.parts.redis import Redis
from tests.shell import JWT_SECRET, Shell, livekit_settings


@contextmanager
def skipped_if_missing() -> Iterator[None]:
    """Skip what needs a part that is not there, by its name; in CI every part has to be there."""
    try:
        yield
    except PartMissing as missing:
        (pytest.fail if "CI" in os.environ else pytest.skip)(str(missing))


@pytest.fixture(scope="session")
def livekit() -> Iterator[LiveKit]:
    """A livekit-server for all tests: no webhooks, no rooms by joining, no Redis."""
    with skipped_if_missing():
        server = LiveKit()
    with server:
        yield server


@pytest.fixture
def new_livekit() -> Iterator[Callable[..., LiveKit]]:
    """A livekit-server of the test's own: `new_livekit(webhook_urls=[…])`, started, ended after."""
    with ExitStack() as stack:

        def start(**settings: Any) -> LiveKit:
            with skipped_if_missing():
                server = LiveKit(**settings)
            return stack.enter_context(server)

        yield start


@pytest.fixture(scope="session")
def mongodb() -> Iterator[Databases]:
    """FerretDB, or what MONGODB_URI names: `uri`, and `fresh_uri()` for an empty database."""
    with ExitStack() as stack:
        with skipped_if_missing():
            yours = stack.enter_context(databases())
        yield yours


@pytest.fixture(scope="session")
def ferretdb(mongodb: Databases) -> str:
    """The URI of a database of this session."""
    return mongodb.uri


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """A Redis for all tests, at `redis.url`."""
    with skipped_if_missing():
        server = Redis()
    with server:
        yield server


@pytest.fixture(scope="session")
def minio() -> Iterator[MinIO]:
    """An S3 server for all tests: `minio.bucket()` makes an empty bucket."""
    with skipped_if_missing():
        server = MinIO()
    with server:
        yield server


@pytest.fixture
def bare_shell(tmp_path: Path) -> Shell:
    """A shell without a setting but the data directory."""
    return Shell.at(tmp_path)


@pytest.fixture
def shell(bare_shell: Shell, livekit: LiveKit) -> Shell:
    """A shell with the session's LiveKit, and SQLite in its data directory."""
    return bare_shell.having(JWT_SECRET=JWT_SECRET, **livekit_settings(livekit))
