"""A store and a bucket of each kind, empty; a clock that only the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from livectl.adapters.files import FileObjects
from livectl.adapters.no_meter import NoMeter
from livectl.adapters.system_clock import SystemClock
from livectl.ports.objects import Objects
from livectl.ports.store import Store

ADAPTERS = ("sqlite", "mongo")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestClock:
    """The `Clock` port: the time is what the test says."""

    __test__ = False

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


def new_store(adapter: str, request: pytest.FixtureRequest) -> Store:
    """Not yet open, on a database that nobody has used."""
    if adapter == "sqlite":
        from livectl.adapters.sqlite.store import SqliteStore

        directory: Path = request.getfixturevalue("tmp_path_factory").mktemp("store")
        return SqliteStore(directory / "livectl.db")

    from livectl.adapters.mongo.store import MongoStore

    databases: Any = request.getfixturevalue("mongodb")
    return MongoStore(databases.fresh_uri())


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    async with AsyncExitStack() as stack:
        store = new_store(request.param, request)
        await store.open()
        stack.push_async_callback(store.close)
        yield store


class Stage:
    """One store for all examples of a test, in one loop."""

    def __init__(self, adapter: str, store: Store, runner: asyncio.Runner) -> None:
        self.adapter = adapter
        self.store = store
        self.runner = runner

    def examples(self, **at_most: int) -> settings:
        """So many, by the adapter of the store."""
        return settings(
            max_examples=at_most[self.adapter],
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )


@pytest.fixture(scope="module", params=ADAPTERS)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with asyncio.Runner() as runner:
        store = new_store(request.param, request)
        runner.run(store.open())
        yield Stage(request.param, store, runner)
        runner.run(store.close())


@pytest.fixture(params=["files", "s3"])
async def objects(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Objects]:
    """An empty bucket of each kind."""
    if request.param == "files":
        yield FileObjects(tmp_path / "objects", key=b"k" * 32, clock=SystemClock())
        return
    made = on_minio(request.getfixturevalue("minio"))
    yield made
    await made.close()


def on_minio(minio: Any, bucket: str | None = None) -> Any:
    """A bucket there that nobody has used, or this one."""
    from livectl.adapters.s3 import S3Objects

    return S3Objects(
        bucket or minio.bucket(),
        region="us-east-1",
        endpoint_url=minio.url,
        key_id=minio.key_id,
        secret_key=minio.secret_key,
        encryption="",
        probe="recordings/.probe",
        meter=NoMeter(),
    )
