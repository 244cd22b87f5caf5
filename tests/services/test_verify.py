from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from livectl.adapters.prober import AvProber
from livectl.domain.ids import new_id
from livectl.ports.objects import Objects
from livectl.ports.store import Store
from livectl.services.verify import Problem, Verify, Wish
from livectl.services.vods import Vods
from tests.services.conftest import NOON, TestClock
from tests.services.films import BROKEN, film, rotten
from tests.services.vod_helpers import (
    PREFIX,
    Failing,
    add_hls,
    add_recording,
    add_stream,
    known,
    on_each,
)

pytestmark = on_each


@pytest.fixture
def vods(store: Store, objects: Objects, clock: TestClock) -> Vods:
    return Vods(store, objects, AvProber(), clock)


@pytest.fixture
def verify(store: Store, objects: Objects) -> Verify:
    return Verify(store, objects, AvProber(), prefix=PREFIX)


async def run(verify: Verify, **wish: Any) -> list[Problem]:
    asked = Wish(**wish)
    items: list[Problem] = []
    while True:
        page = await verify.page(asked)
        items += page.items
        if page.next_cursor is None:
            return items
        asked = msgspec.structs.replace(asked, cursor=page.next_cursor)


async def test_what_is_in_order_is_not_told_of(
    store: Store, objects: Objects, verify: Verify, vods: Vods
) -> None:
    stream = await add_stream(store)
    await vods.publish(await add_recording(store, objects, stream, film()))
    await vods.publish(await add_hls(store, objects, stream))
    closed = await add_stream(store, enable_replay=False)
    await add_recording(store, objects, closed, film())
    await objects.put(f"{PREFIX}/notes.txt", b"of somebody else", content_type="text/plain")
    assert await run(verify, deep=True) == []


async def test_entries_without_objects_and_objects_without_entries_are_found(
    store: Store, objects: Objects, verify: Verify, vods: Vods
) -> None:
    stream = await add_stream(store)
    gone, bare = [
        await vods.publish(await add_recording(store, objects, stream, film())) for _ in range(2)
    ]
    assert bare.vod is not None
    await objects.delete([gone.path, bare.vod.poster or ""])
    folder = f"{PREFIX}/2026/03/{new_id()}"
    orphans = [f"{folder}/x.mp4", f"{folder}/y.poster.jpg", f"{folder}/z/index0.ts"]
    for path in orphans:
        await objects.put(path, b"x", content_type="video/mp4")
    found = {(one.kind, one.path): one.recording_id for one in await run(verify)}
    assert found == {
        ("gone", gone.path): gone.id,
        ("pictures", bare.vod.poster): bare.id,
        **{("unknown", path): None for path in orphans},
    }


async def test_broken_files_are_found_and_told_with_the_reason(
    store: Store, objects: Objects, verify: Verify, vods: Vods
) -> None:
    stream = await add_stream(store)
    make, told = BROKEN["no moov"]
    unpublished = await add_recording(store, objects, stream, make())
    (problem,) = await run(verify)
    assert (problem.kind, problem.recording_id) == ("broken", unpublished.id)
    assert told in problem.why
    await vods.publish(unpublished)
    (problem,) = await run(verify)
    assert problem.kind == "failed"
    assert told in problem.why


async def test_a_file_of_another_size_or_content_is_found(
    store: Store, objects: Objects, verify: Verify, vods: Vods
) -> None:
    stream = await add_stream(store)
    grown, changed = [
        await vods.publish(await add_recording(store, objects, stream, film())) for _ in range(2)
    ]
    await objects.put(grown.path, film() + b"more", content_type="video/mp4")
    assert changed.storage is not None
    other = msgspec.structs.replace(changed.storage, sha256="0" * 64)
    await store.save_recording(msgspec.structs.replace(changed, storage=other), None)
    found = {one.recording_id: one.kind for one in await run(verify, deep=True)}
    assert found == {grown.id: "size", changed.id: "sha256"}


async def test_what_is_rotten_inside_is_found_by_decoding_it(
    store: Store, objects: Objects, verify: Verify, vods: Vods
) -> None:
    recording = await add_recording(store, objects, await add_stream(store), rotten())
    assert await run(verify) == []
    (problem,) = await run(verify, deep=True)
    assert (problem.kind, problem.recording_id) == ("broken", recording.id)


async def test_hls_with_a_missing_segment_is_found(
    store: Store, objects: Objects, verify: Verify, vods: Vods
) -> None:
    recording = await vods.publish(await add_hls(store, objects, await add_stream(store)))
    await objects.delete([recording.path.replace("index.m3u8", "index1.ts")])
    (problem,) = await run(verify)
    assert (problem.kind, problem.recording_id) == ("broken", recording.id)
    assert "1 of its 3 segments are missing" in problem.why


async def test_it_can_be_narrowed_by_time(store: Store, objects: Objects, verify: Verify) -> None:
    old = await add_stream(store, started_at=NOON - timedelta(days=9))
    lost = [await add_recording(store, objects, one) for one in (old, await add_stream(store))]
    day = NOON - timedelta(days=1)
    assert [one.recording_id for one in await run(verify, since=day)] == [lost[1].id]
    assert [one.recording_id for one in await run(verify, until=day)] == [lost[0].id]


async def test_a_bucket_that_fails_on_one_is_told_and_nothing_is_changed(
    store: Store, objects: Objects, vods: Vods
) -> None:
    recording = await vods.publish(
        await add_recording(store, objects, await add_stream(store), film())
    )
    failing: Any = Failing(objects, "head")
    (problem,) = await run(Verify(store, failing, AvProber(), prefix=PREFIX))
    assert (problem.kind, problem.why) == ("unchecked", "S3, head: it does not answer")
    assert await known(store, recording) == recording
