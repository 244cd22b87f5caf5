"""One suite, every store: a test asks for `store` and runs once on each adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from livectl.ports.store import Store

ADAPTERS = ("sqlite", "mongo")
NewHandle = Callable[[], Store]
OpenStore = Callable[[NewHandle], Awaitable[Store]]


def _handles(adapter: str, request: pytest.FixtureRequest) -> NewHandle:
    """What makes handles on one fresh, empty database."""
    if adapter == "sqlite":
        from livectl.adapters.sqlite.store import SqliteStore

        directory: Path = request.getfixturevalue("tmp_path_factory").mktemp("store")
        return lambda: SqliteStore(directory / "livectl.db")

    from livectl.adapters.mongo.store import MongoStore

    databases: Any = request.getfixturevalue("mongodb")
    uri = databases.fresh_uri()
    return lambda: MongoStore(uri)


@pytest.fixture(params=ADAPTERS)
def new_handle(request: pytest.FixtureRequest) -> NewHandle:
    """Makes handles on the test's database, not yet open."""
    return _handles(request.param, request)


@pytest.fixture(params=ADAPTERS)
def new_elsewhere(request: pytest.FixtureRequest) -> NewHandle:
    """Makes handles on another empty database, of every adapter in turn."""
    return _handles(request.param, request)


@pytest.fixture
async def open_store() -> AsyncIterator[OpenStore]:
    """Opens a handle, and closes it when the test is over."""
    async with AsyncExitStack() as stack:

        async def opened(new: NewHandle) -> Store:
            handle = new()
            await handle.open()
            stack.push_async_callback(handle.close)
            return handle

        yield opened


@pytest.fixture
async def store(new_handle: NewHandle, open_store: OpenStore) -> Store:
    return await open_store(new_handle)


@pytest.fixture
async def twin(store: Store, new_handle: NewHandle, open_store: OpenStore) -> Store:
    """A second handle on the same database: another process's view of `store`."""
    return await open_store(new_handle)


@pytest.fixture
async def elsewhere(new_elsewhere: NewHandle, open_store: OpenStore) -> Store:
    """Another, empty store, to move records to."""
    return await open_store(new_elsewhere)
