"""A store and a bucket of each kind, empty; a clock that only the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

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
