"""Streams with recordings, whose files lie in the bucket."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from livectl.domain.event import event
from livectl.domain.ids import new_id
from livectl.domain.people import Caller
from livectl.domain.recording import Recording, Storage, object_path
from livectl.domain.stream import Stream
from livectl.errors import Unavailable
from livectl.ports.objects import Objects
from livectl.ports.store import Store
from tests.services.conftest import NOON
from tests.services.films import hls

PREFIX = "recordings"
# Each store and each bucket, in the pairs in which they are used.
on_each = pytest.mark.parametrize(
    ("store", "objects"), [("sqlite", "files"), ("mongo", "s3")], indirect=True
)
OPERATOR = Caller(role="administrator", user_id="root", name="operator:root")


async def add_stream(store: Store, **fields: Any) -> Stream:
    id_ = new_id()
    stream = Stream(
        **{
            "id": id_,
            "owner_id": "anna",
            "room_name": f"live_anna_{int(id_[-10:], 16):013}",
            "title": "Evening",
            "started_at": NOON,
            "ended_at": NOON,
            **fields,
        }
    )
    await store.add_stream(stream, event("stream.started", NOON, "test", stream_id=id_))
    return stream


async def add_recording(
    store: Store, objects: Objects, stream: Stream, content: bytes | None = None, **fields: Any
) -> Recording:
    """A completed one with its file in the bucket; without `content` it is not there."""
    recording = Recording(
        **{
            "id": new_id(),
            "stream_id": stream.id,
            "owner_id": stream.owner_id,
            "room_name": stream.room_name,
            "recorder": "embedded",
            "state": "completed",
            "requested_at": stream.started_at,
            "completed_at": NOON,
            "updated_at": NOON,
            **fields,
        }
    )
    path = recording.path or object_path(PREFIX, recording)
    if content is not None:
        await objects.put(path, content, content_type="video/mp4")
    storage = Storage(
        type=objects.type,
        bucket=objects.bucket,
        path=path,
        url=objects.locator(path),
        format=recording.format,
        size=len(content) if content is not None and recording.format == "mp4" else None,
    )
    kept = msgspec.structs.replace(recording, path=path, storage=storage)
    await store.add_recording(kept, event("recording.completed", NOON, "test"))
    return kept


async def add_hls(store: Store, objects: Objects, stream: Stream) -> Recording:
    """A recording in HLS: playlist and segments."""
    files = hls()
    recording = await add_recording(store, objects, stream, files["index.m3u8"], format="hls")
    folder = recording.path.removesuffix("index.m3u8")
    for name, content in files.items():
        await objects.put(folder + name, content, content_type="video/mp2t")
    return recording


async def known(store: Store, recording: Recording) -> Recording:
    found = await store.recording(recording.id)
    assert found is not None
    return found


async def paths_in(objects: Objects, prefix: str = PREFIX) -> list[str]:
    return [one.path async for page in objects.pages(f"{prefix}/") for one in page]


class Failing:
    """The bucket, of which the named calls fail as when it is away."""

    def __init__(self, objects: Objects, *calls: str) -> None:
        self._objects = objects
        self.calls = set(calls)
        self.failed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name in self.calls:

            async def fail(*_: Any, **__: Any) -> Any:
                self.failed.append(name)
                raise Unavailable(f"S3, {name}: it does not answer")

            return fail
        return getattr(self._objects, name)
