"""A backfill is killed, and its bucket goes away, while it is at work: each recording ends as one
VOD, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from livectl.adapters.sqlite.store import SqliteStore
from livectl.domain.recording import Recording
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import EventQuery, Store
from livectl.services.backfill import LEASE
from tests.conftest import skipped_if_missing
from tests.parts.minio import MinIO
from tests.services.conftest import on_minio
from tests.services.films import film
from tests.services.vod_helpers import add_recording, add_stream, paths_in
from tests.shell import Shell

COUNT = 12


@pytest.fixture
def own_minio() -> Iterator[MinIO]:
    with skipped_if_missing():
        server = MinIO()
    with server:
        yield server


@pytest.fixture
def on_s3(bare_shell: Shell, own_minio: MinIO) -> Shell:
    return bare_shell.having(**own_minio.settings(own_minio.bucket()))


@pytest.fixture
async def store(on_s3: Shell) -> AsyncIterator[Store]:
    on_s3.data_dir.mkdir(parents=True)
    store = SqliteStore(on_s3.data_dir / "livectl.db")
    await store.open()
    yield store
    await store.close()


async def record(store: Store, shell: Shell, minio: MinIO) -> list[Recording]:
    objects = on_minio(minio, shell.environment["S3_BUCKET"])
    stream = await add_stream(store)
    made = [await add_recording(store, objects, stream, film()) for _ in range(COUNT)]
    await objects.close()
    return made


async def made(store: Store) -> int:
    found = await store.recordings(RecordingQuery(vod_statuses=("available",)))
    return len(found)


async def end_leases(store: Store) -> None:
    """As a minute that passes does."""
    for begun in await store.events(EventQuery(type="vod.backfill_started")):
        await store.drop_lease(LEASE, begun.data["run"])


async def all_are_there_once(store: Store, shell: Shell, minio: MinIO) -> None:
    objects = on_minio(minio, shell.environment["S3_BUCKET"])
    assert await made(store) == COUNT
    assert len(await store.recordings(RecordingQuery())) == COUNT
    assert len(await paths_in(objects)) == 4 * COUNT
    told = [one.stream_id for one in await store.events(EventQuery(type="vod.available"))]
    assert len(told) == COUNT
    await objects.close()


async def come_to(so: Callable[[int], bool], store: Store) -> None:
    deadline = time.monotonic() + 30
    while not so(await made(store)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_a_backfill_that_is_killed_is_finished_by_the_next(
    on_s3: Shell, store: Store, own_minio: MinIO
) -> None:
    await record(store, on_s3, own_minio)
    for wanted in (1, 4, 7):
        with on_s3.spawn("vod", "backfill", "--concurrency", "2") as process:
            await come_to(lambda count, wanted=wanted: count >= wanted, store)
            process.kill()
        await end_leases(store)
    ran = await asyncio.to_thread(on_s3.program, "vod", "backfill")
    assert ran.code == 0, ran
    await all_are_there_once(store, on_s3, own_minio)


async def test_a_bucket_that_goes_away_in_the_middle_fails_the_rest_and_the_next_run_does_them(
    on_s3: Shell, store: Store, own_minio: MinIO
) -> None:
    await record(store, on_s3, own_minio)
    with on_s3.spawn("vod", "backfill", "--concurrency", "2") as process:
        await come_to(lambda count: count >= 2, store)
        await asyncio.to_thread(own_minio.kill)
        out, err = await asyncio.to_thread(process.communicate, None, 90)
    assert process.returncode in {6, 7}, (out, err)
    assert own_minio.secret_key not in out + err
    assert await made(store) < COUNT
    assert not await store.recordings(RecordingQuery(vod_statuses=("failed",)))
    await asyncio.to_thread(own_minio.start)
    await end_leases(store)
    ran = await asyncio.to_thread(on_s3.program, "vod", "backfill")
    assert ran.code == 0, ran
    await all_are_there_once(store, on_s3, own_minio)
