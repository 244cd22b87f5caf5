"""Whatever is killed or away while a stream is recorded: in the end the film is there, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import skipped_if_missing
from tests.e2e.conftest import until
from tests.e2e.shows import Show, gone
from tests.parts.livekit import LiveKit
from tests.parts.minio import MinIO

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def show(new_livekit: Callable[..., LiveKit], minio: MinIO) -> Iterator[Show]:
    prepared = Show.prepared(new_livekit, minio)
    with prepared.server:
        yield prepared


@pytest.fixture
def own_minio() -> Iterator[MinIO]:
    """One that may be stopped."""
    with skipped_if_missing():
        server = MinIO()
    with server:
        yield server


async def test_a_server_that_is_killed_while_it_records_finds_the_recorder_still_at_work(
    show: Show,
) -> None:
    await show.go_live()
    async with await show.on_air():
        await show.record()
        await show.films(2)
        await asyncio.to_thread(show.server.kill)
        await show.films(5)
        await asyncio.to_thread(show.server.start)
        await show.stop()
        done = await show.is_("completed")
    assert show.film(done["path"])[0] >= 5
    assert show.keys() == [done["path"]]
    await gone(show.spool)


async def test_a_server_that_is_dead_when_the_stream_ends_sends_the_film_when_it_is_back(
    show: Show,
) -> None:
    await show.go_live()
    async with await show.on_air() as host:
        await show.record()
        await show.films(3)
        await asyncio.to_thread(show.server.kill)
        await host.leave()
    await asyncio.to_thread(show.server.start)
    await show.stop()
    done = await show.is_("completed")
    assert show.film(done["path"])[0] >= 3
    assert show.keys() == [done["path"]]


async def test_a_recorder_that_is_killed_leaves_its_film_and_another_one_goes_on(
    show: Show,
) -> None:
    await show.go_live(autoRecord=True)
    async with await show.on_air():
        await show.films(4)
        show.kill_recorder()
        first = await show.is_("completed")
        await show.is_("recording", number=1)
        await show.films(2)
        await show.stop()
        second = await show.is_("completed", number=1)
    assert show.film(first["path"])[0] >= 2
    assert show.film(second["path"])[0] >= 2
    assert len(await show.recordings()) == 2
    assert sorted(show.keys()) == sorted([first["path"], second["path"]])


async def test_both_killed_leave_the_film(show: Show) -> None:
    await show.go_live()
    async with await show.on_air():
        recording_id = await show.record()
        await show.films(4)
        await asyncio.to_thread(show.server.kill)
        show.kill_recorder()
        await asyncio.to_thread(show.server.start)
        first = await show.is_("completed")
    assert first["recordingId"] == recording_id
    assert show.film(first["path"])[0] >= 2


async def test_a_bucket_that_is_away_gets_the_film_when_it_is_back(
    new_livekit: Callable[..., LiveKit], own_minio: MinIO
) -> None:
    show = Show.prepared(new_livekit, own_minio)
    with show.server:
        await show.go_live()
        async with await show.on_air():
            await show.record()
            await show.films(2)
            await asyncio.to_thread(own_minio.kill)
            await show.stop()

            async def tried() -> bool:
                return bool((await show.recordings())[0]["tries"])

            await until(tried, 40)
            waiting = (await show.recordings())[0]
            assert waiting["state"] == "uploading"
            assert waiting["error"]
            await asyncio.to_thread(show.server.kill)
            await asyncio.to_thread(own_minio.start)
            await asyncio.to_thread(show.server.start)
            done = await show.is_("completed", within=60)
        assert done["error"] is None
        assert show.film(done["path"])[0] >= 2
        assert show.keys() == [done["path"]]
        await gone(show.spool)
