"""One suite, every bucket: a directory and S3."""

from __future__ import annotations

import asyncio
import hashlib
import io
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from livectl.adapters.files import FileObjects
from livectl.adapters.no_meter import NoMeter
from livectl.adapters.system_clock import SystemClock
from livectl.errors import NotFound, Unavailable
from livectl.ports.objects import Objects

PATH = "recordings/2026/11/stream/a.mp4"
MIB = 1024 * 1024


@pytest.fixture(params=["files", "s3"])
async def objects(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Objects]:
    """An empty bucket."""
    made = _objects(request, tmp_path / "objects")
    yield made
    await made.close()


def _objects(request: pytest.FixtureRequest, root: Path) -> Objects:
    if request.param == "files":
        return FileObjects(root, key=b"k" * 32, clock=SystemClock())

    from livectl.adapters.s3 import S3Objects

    minio = request.getfixturevalue("minio")
    return S3Objects(
        minio.bucket(),
        region="us-east-1",
        endpoint_url=minio.url,
        key_id=minio.key_id,
        secret_key=minio.secret_key,
        encryption="",
        probe="recordings/.ping",
        meter=NoMeter(),
    )


def a_file(directory: Path, size: int, name: str = "film.mp4") -> tuple[Path, str]:
    """A file of random bytes, and its SHA-256."""
    content = secrets.token_bytes(size)
    file = directory / name
    file.write_bytes(content)
    return file, hashlib.sha256(content).hexdigest()


async def send(objects: Objects, path: str, file: Path, sha256: str) -> list[int]:
    """Send it; what was told meanwhile."""
    told: list[int] = []
    await objects.send_file(path, file, content_type="video/mp4", sha256=sha256, told=told.append)
    return told


def parts(directory: Path) -> list[Path]:
    """What is left of files that were not fetched to their end."""
    return list(directory.glob("*.part"))


async def listed(objects: Objects, prefix: str = "", after: str | None = None) -> list[str]:
    return [one.path async for page in objects.pages(prefix, after=after) for one in page]


# --- sending


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 8 * MIB + 1, 20 * MIB])
async def test_a_file_of_any_size_arrives_whole(
    objects: Objects, tmp_path: Path, size: int
) -> None:
    file, sha256 = a_file(tmp_path, size)
    sent = await objects.send_file(PATH, file, content_type="video/mp4", sha256=sha256)
    assert (sent.path, sent.size, sent.sha256) == (PATH, size, sha256)
    assert await objects.head(PATH) == sent
    assert await objects.get(PATH) == file.read_bytes()
    assert abs(datetime.now(UTC) - sent.modified_at) < timedelta(minutes=1)


async def test_progress_is_told_up_to_the_whole(objects: Objects, tmp_path: Path) -> None:
    file, sha256 = a_file(tmp_path, 20 * MIB)
    told = await send(objects, PATH, file, sha256)
    assert told == sorted(set(told))
    assert (len(told) > 1, told[-1]) == (True, 20 * MIB)


async def test_sending_twice_and_over_another_ends_with_the_last(
    objects: Objects, tmp_path: Path
) -> None:
    first, first_sum = a_file(tmp_path, 9 * MIB, "first")
    second, second_sum = a_file(tmp_path, 9 * MIB, "second")
    for _ in range(2):
        await send(objects, PATH, first, first_sum)
    await send(objects, PATH, second, second_sum)
    assert await objects.get(PATH) == second.read_bytes()
    assert await listed(objects) == [PATH]


@pytest.mark.parametrize("size", [MIB, 20 * MIB])
async def test_a_file_that_is_not_what_was_said_does_not_become_an_object(
    objects: Objects, tmp_path: Path, size: int
) -> None:
    file, _ = a_file(tmp_path, size)
    with pytest.raises(Unavailable, match=f"send_file {PATH}"):
        await send(objects, PATH, file, "0" * 64)
    assert await objects.head(PATH) is None
    assert await listed(objects) == []


async def test_a_file_that_is_gone_is_unavailable(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        await send(objects, PATH, tmp_path / "gone.mp4", "0" * 64)


async def test_sending_that_is_given_up_goes_on_where_it_stopped(
    objects: Objects, tmp_path: Path
) -> None:
    file, sha256 = a_file(tmp_path, 40 * MIB)
    sending = asyncio.create_task(send_until_told(objects, file, sha256, 16 * MIB))
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await objects.head(PATH) is None
    assert await listed(objects) == []
    await send(objects, PATH, file, sha256)
    assert await objects.get(PATH) == file.read_bytes()


async def send_until_told(objects: Objects, file: Path, sha256: str, enough: int) -> None:
    """Send it, and be cancelled when so many bytes are there."""
    task = asyncio.current_task()
    assert task is not None

    def told(size: int) -> None:
        if size >= enough:
            task.cancel()

    await objects.send_file(PATH, file, content_type="video/mp4", sha256=sha256, told=told)


# --- small objects


async def test_what_is_put_can_be_got(objects: Objects) -> None:
    await objects.put(PATH, b"one", content_type="image/jpeg")
    await objects.put(PATH, b"two!", content_type="image/jpeg")
    assert await objects.get(PATH) == b"two!"
    found = await objects.head(PATH)
    assert found is not None
    assert (found.size, found.sha256) == (4, hashlib.sha256(b"two!").hexdigest())


async def test_two_may_put_to_one_path_at_once(objects: Objects) -> None:
    contents = [bytes([number]) * MIB for number in range(8)]
    await asyncio.gather(
        *(objects.put(PATH, content, content_type="image/jpeg") for content in contents)
    )
    assert await objects.get(PATH) in contents
    assert await listed(objects) == [PATH]


async def test_what_is_not_there_is_not_found(objects: Objects, tmp_path: Path) -> None:
    await objects.put("a/b", b"", content_type="text/plain")
    for path in ("nothing", "a", "a/b/c"):
        assert await objects.head(path) is None
        with pytest.raises(NotFound, match=path):
            await objects.get(path)
        with pytest.raises(NotFound, match=path):
            await objects.fetch(path, tmp_path / "file")
        with pytest.raises(NotFound, match=path):
            await asyncio.to_thread(objects.open, path)
    assert parts(tmp_path) == []


# --- fetching


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 20 * MIB + 7])
async def test_a_fetched_file_is_the_same_and_its_sum_is_told(
    objects: Objects, tmp_path: Path, size: int
) -> None:
    file, sha256 = a_file(tmp_path, size)
    await send(objects, PATH, file, sha256)
    fetched = tmp_path / "fetched"
    told: list[int] = []
    assert await objects.fetch(PATH, fetched, told.append) == sha256
    assert fetched.read_bytes() == file.read_bytes()
    assert told[-1:] == ([size] if size else [])
    assert parts(tmp_path) == []


async def test_fetching_that_is_given_up_goes_on_where_it_stopped(
    objects: Objects, tmp_path: Path
) -> None:
    file, sha256 = a_file(tmp_path, 20 * MIB)
    await send(objects, PATH, file, sha256)
    fetched = tmp_path / "fetched"
    await fetch_a_piece(objects, fetched)
    assert not fetched.exists()
    told: list[int] = []
    assert await objects.fetch(PATH, fetched, told.append) == sha256
    assert told[0] == 16 * MIB  # the first piece was there
    assert fetched.read_bytes() == file.read_bytes()


async def test_a_part_of_what_was_there_before_is_not_gone_on_with(
    objects: Objects, tmp_path: Path
) -> None:
    old, old_sum = a_file(tmp_path, 20 * MIB, "old")
    new, new_sum = a_file(tmp_path, 18 * MIB, "new")
    fetched = tmp_path / "fetched"
    await send(objects, PATH, old, old_sum)
    await fetch_a_piece(objects, fetched)
    await send(objects, PATH, new, new_sum)
    assert await objects.fetch(PATH, fetched) == new_sum
    assert fetched.read_bytes() == new.read_bytes()
    assert parts(tmp_path) == []


async def fetch_a_piece(objects: Objects, fetched: Path) -> None:
    class Enough(Exception):
        pass

    def told(size: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        await objects.fetch(PATH, fetched, told)


# --- reading ranges


async def test_an_opened_object_reads_like_the_file(objects: Objects, tmp_path: Path) -> None:
    file, sha256 = a_file(tmp_path, 3 * MIB + 17)
    await send(objects, PATH, file, sha256)
    content = file.read_bytes()

    def read() -> None:
        with objects.open(PATH) as opened:
            assert opened.seekable()
            assert opened.read(10) == content[:10]
            assert opened.seek(-5, io.SEEK_END) == len(content) - 5
            assert opened.read() == content[-5:]
            assert opened.read() == b""
            assert opened.seek(MIB - 3) == MIB - 3
            assert opened.read(6) == content[MIB - 3 : MIB + 3]
            assert opened.seek(-6, io.SEEK_CUR) == MIB - 3
            assert opened.tell() == MIB - 3
            assert opened.read() == content[MIB - 3 :]
            opened.seek(0)
            assert opened.read() == content

    await asyncio.to_thread(read)


# --- listing


async def test_objects_are_listed_by_path_as_text_not_by_directory(objects: Objects) -> None:
    paths = ["a", "a-b", "a.x/y", "b/c/d", "b/c/e", "b/cc", "b-", "ä", "z"]
    for path in paths:
        await objects.put(path, b"1", content_type="text/plain")
    assert await listed(objects) == sorted(paths)
    assert await listed(objects, "b/c") == ["b/c/d", "b/c/e", "b/cc"]
    assert await listed(objects, "b/c/") == ["b/c/d", "b/c/e"]
    assert await listed(objects, "b/c/e") == ["b/c/e"]
    assert await listed(objects, "nothing") == []
    for path in paths:
        assert await listed(objects, after=path) == [one for one in sorted(paths) if one > path]
    assert await listed(objects, "b", after="b/c/d") == ["b/c/e", "b/cc"]
    assert await listed(objects, "b/", after="b/c") == ["b/c/d", "b/c/e", "b/cc"]


async def test_a_bucket_that_nobody_has_written_to_is_empty(objects: Objects) -> None:
    assert await listed(objects) == []


async def test_pages_hold_a_thousand_at_most(objects: Objects) -> None:
    paths = [f"many/{number % 7}/{number:04}" for number in range(1003)]
    for first in range(0, len(paths), 50):
        puts = (objects.put(path, b"x", content_type="t/p") for path in paths[first : first + 50])
        await asyncio.gather(*puts)
    pages = [page async for page in objects.pages("many/")]
    assert [len(page) for page in pages] == [1000, 3]
    assert [one.path for page in pages for one in page] == sorted(paths)
    assert {one.size for page in pages for one in page} == {1}
    await objects.delete(paths)
    assert await listed(objects) == []


# --- deleting


async def test_deleting_takes_those_named_and_may_be_repeated(objects: Objects) -> None:
    for path in ("a/1", "a/2", "b"):
        await objects.put(path, b"", content_type="text/plain")
    for _ in range(2):
        await objects.delete(["a/1", "never/was", "b"])
    assert await listed(objects) == ["a/2"]
    await objects.delete([])


# --- names, links, health


async def test_a_locator_names_it_and_a_link_lets_in(objects: Objects) -> None:
    path = "recordings/ü b+c&d.mp4"
    assert objects.locator(path).endswith(path)
    link = objects.link(path, seconds=60, download_as='my "film" ü.mp4')
    assert quote(path) in link
    assert "ignature=" in link
    assert link != objects.link(path, seconds=60)


async def test_a_ping_says_what_it_is_and_leaves_nothing(objects: Objects) -> None:
    assert await objects.ping()
    assert await listed(objects) == []
