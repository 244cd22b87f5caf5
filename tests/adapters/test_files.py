"""What is the directory's own: its paths, its disk, what lies beside the objects, and its links."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from livectl.adapters.files import FileObjects
from livectl.adapters.system_clock import SystemClock
from livectl.errors import BadInput, Forbidden, NotFound, Unavailable
from livectl.ports.objects import LinkedFile
from tests.contract.test_objects import MIB, PATH, a_file, listed

ROOT = Path(__file__).parents[2]
KEY = b"k" * 32


class Later:
    """A clock that goes so much before the true one."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return SystemClock().now() + self._by


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "data" / "objects"


@pytest.fixture
def objects(root: Path) -> FileObjects:
    return FileObjects(root, key=KEY, clock=SystemClock())


def left_in(root: Path) -> list[str]:
    """The files that lie there, those of its own too."""
    return sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.is_file())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def written_by_hand(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


# --- paths


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/etc/passwd", "..", "../secret", "a/../../secret", "a//b", "a/", "./a", "a/."),
        *("a\0b", ".livectl/about/a", ".livectl"),
    ],
)
async def test_what_leads_elsewhere_is_no_path_whatever_is_asked(
    objects: FileObjects, root: Path, tmp_path: Path, path: str
) -> None:
    await objects.put("a/b", b"", content_type="text/plain")
    secret = root.parent / "secret"
    secret.write_text("secret")
    file, sha256 = a_file(tmp_path, 1)
    for call in (
        objects.head(path),
        objects.get(path),
        objects.fetch(path, tmp_path / "fetched"),
        objects.put(path, b"", content_type="text/plain"),
        objects.send_file(path, file, content_type="video/mp4", sha256=sha256),
        objects.delete([path]),
        follow(objects, objects.link(path, seconds=60)),
        asyncio.to_thread(objects.open, path),
    ):
        with pytest.raises(BadInput):
            await call
    assert secret.read_text() == "secret"


async def test_a_symbolic_link_out_of_the_directory_is_not_followed(
    objects: FileObjects, root: Path, tmp_path: Path
) -> None:
    await objects.put("a/b", b"1", content_type="text/plain")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (root / "a" / "file").symlink_to(secret)
    (root / "out").symlink_to(tmp_path)
    for path in ("a/file", "out/secret"):
        with pytest.raises(BadInput):
            await objects.get(path)
    assert await listed(objects) == ["a/b"]


async def test_the_directory_itself_may_be_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "objects").symlink_to(tmp_path / "disk")
    objects = FileObjects(tmp_path / "objects", key=KEY, clock=SystemClock())
    await objects.put("a/b", b"1", content_type="text/plain")
    assert await objects.get("a/b") == b"1"
    assert await listed(objects) == ["a/b"]


async def test_a_file_where_a_directory_has_to_be_is_told(objects: FileObjects) -> None:
    await objects.put("a", b"1", content_type="text/plain")
    with pytest.raises(Unavailable, match="Files, put a/b"):
        await objects.put("a/b", b"1", content_type="text/plain")


# --- what lies in the directory


async def test_the_directory_is_its_owner_s_alone(objects: FileObjects, root: Path) -> None:
    await objects.put(PATH, b"1", content_type="text/plain")
    assert mode(root) == 0o700


async def test_deleting_leaves_nothing_of_an_object_not_even_its_directories(
    objects: FileObjects, root: Path
) -> None:
    await objects.put("a/b/c", b"1", content_type="text/plain")
    await objects.put("a/d", b"1", content_type="text/plain")
    await objects.delete(["a/b/c"])
    assert left_in(root) == [".livectl/about/a/d", "a/d"]
    assert not (root / "a" / "b").exists()


async def test_a_file_that_was_changed_by_hand_has_no_checksum_instead_of_a_wrong_one(
    objects: FileObjects, root: Path
) -> None:
    await objects.put("a", b"one", content_type="text/plain")
    (root / "a").write_bytes(b"two")
    found = await objects.head("a")
    assert found is not None
    assert (found.size, found.sha256) == (3, None)
    (root / "b").write_bytes(b"copied here")
    assert await listed(objects) == ["a", "b"]
    found = await objects.head("b")
    assert found is not None
    assert found.sha256 is None


async def test_a_damaged_file_is_not_fetched(
    objects: FileObjects, root: Path, tmp_path: Path
) -> None:
    await objects.put("a", b"one", content_type="text/plain")
    times = (root / "a").stat()
    (root / "a").write_bytes(b"0ne")  # as a bad disk does: nobody wrote it
    os.utime(root / "a", ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(Unavailable, match="not what was stored"):
        await objects.fetch("a", tmp_path / "fetched")
    assert left_in(tmp_path) == ["data/objects/.livectl/about/a", "data/objects/a"]


# --- sending that does not come to its end


async def test_what_a_killed_process_has_sent_is_gone_on_with(
    objects: FileObjects, root: Path, tmp_path: Path
) -> None:
    file, sha256 = a_file(tmp_path, 40 * MIB)
    said = await asyncio.to_thread(killed_after_a_piece, root, file, sha256)
    assert said == f"{8 * MIB}\n"
    assert await objects.head(PATH) is None
    told: list[int] = []
    await objects.send_file(PATH, file, content_type="video/mp4", sha256=sha256, told=told.append)
    assert told[0] > 8 * MIB
    assert await objects.get(PATH) == file.read_bytes()
    assert left_in(root) == [f".livectl/about/{PATH}", PATH]


def killed_after_a_piece(root: Path, file: Path, sha256: str) -> str:
    """What a process said that was sending a file, and was killed when it had said something."""
    command = [sys.executable, "-m", "tests.adapters.files_process"]
    process = subprocess.Popen(
        [*command, str(root), str(file), sha256, PATH],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        said = process.stdout.readline()
        process.kill()
    return said


async def test_what_was_sent_of_another_file_is_dropped(
    objects: FileObjects, root: Path, tmp_path: Path
) -> None:
    old, old_sum = a_file(tmp_path, 20 * MIB, "old")
    new, new_sum = a_file(tmp_path, 20 * MIB, "new")

    def stop(size: int) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await objects.send_file(PATH, old, content_type="video/mp4", sha256=old_sum, told=stop)
    await objects.send_file(PATH, new, content_type="video/mp4", sha256=new_sum)
    assert await objects.get(PATH) == new.read_bytes()
    assert left_in(root) == [f".livectl/about/{PATH}", PATH]


async def test_two_that_send_one_file_at_once_do_not_mix(
    objects: FileObjects, tmp_path: Path
) -> None:
    file, sha256 = a_file(tmp_path, 20 * MIB)
    sending = [
        objects.send_file(PATH, file, content_type="video/mp4", sha256=sha256) for _ in range(3)
    ]
    done = await asyncio.gather(*sending, return_exceptions=True)
    refused = [one for one in done if isinstance(one, Unavailable)]
    assert len(refused) < 3
    assert all("another process is at it" in one.message for one in refused)
    assert await objects.get(PATH) == file.read_bytes()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MiB."""
    at = tmp_path / "small"
    at.mkdir()
    options = ["-t", "tmpfs", "-o", "size=32m", "livectl-test", str(at)]
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system takes root")
    yield at
    subprocess.run(["umount", str(at)], check=True)


async def test_a_file_that_cannot_fit_is_refused_before_the_disk_is_full(
    small_disk: Path, tmp_path: Path
) -> None:
    objects = FileObjects(small_disk / "objects", key=KEY, clock=SystemClock())
    file, sha256 = a_file(tmp_path, 40 * MIB)
    with pytest.raises(Unavailable, match=f"Files, send_file {PATH}: the disk is full") as failed:
        await objects.send_file(PATH, file, content_type="video/mp4", sha256=sha256)
    assert str(small_disk) in (failed.value.hint or "")
    assert left_in(small_disk) == []


async def test_a_disk_that_is_filled_meanwhile_is_told_and_nothing_half_stays(
    small_disk: Path, tmp_path: Path
) -> None:
    objects = FileObjects(small_disk / "objects", key=KEY, clock=SystemClock())
    await objects.put("kept", b"1", content_type="text/plain")
    file, sha256 = a_file(tmp_path, 20 * MIB)

    def fill(size: int) -> None:
        if size == 8 * MIB:
            (small_disk / "other").write_bytes(bytes(18 * MIB))

    with pytest.raises(Unavailable, match="the disk is full"):
        await objects.send_file(PATH, file, content_type="video/mp4", sha256=sha256, told=fill)
    left = left_in(small_disk / "objects")
    assert left == [".livectl/about/kept", "kept"]
    (small_disk / "other").unlink()
    await objects.send_file(PATH, file, content_type="video/mp4", sha256=sha256)
    assert hashlib.sha256(await objects.get(PATH)).hexdigest() == sha256


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond 10 MiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10 * MIB, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_file_that_may_not_grow_is_told_and_nothing_half_stays(
    objects: FileObjects, root: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file, sha256 = a_file(tmp_path, 20 * MIB)
    request.getfixturevalue("small_files")
    with pytest.raises(Unavailable, match="the file is too large"):
        await objects.send_file(PATH, file, content_type="video/mp4", sha256=sha256)
    assert left_in(root) == []


async def test_a_full_disk_takes_no_small_object_and_keeps_the_old_one(
    small_disk: Path,
) -> None:
    objects = FileObjects(small_disk / "objects", key=KEY, clock=SystemClock())
    await objects.put("a", b"old", content_type="text/plain")
    with pytest.raises(Unavailable, match="Files, put a: the disk is full"):
        await objects.put("a", secrets.token_bytes(33 * MIB), content_type="text/plain")
    assert await objects.get("a") == b"old"
    assert left_in(small_disk / "objects") == [".livectl/about/a", "a"]


async def test_a_directory_that_cannot_be_is_told_by_a_ping(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    objects = FileObjects(tmp_path / "file" / "objects", key=KEY, clock=SystemClock())
    with pytest.raises(Unavailable, match="Files, ping"):
        await objects.ping()


# --- links


async def follow(objects: FileObjects, link: str, **changed: str) -> LinkedFile:
    """What a link is for, as the server asks it."""
    parts = urlsplit(link)
    query = {**dict(parse_qsl(parts.query)), **changed}
    return await objects.linked(
        query.get("path") or unquote(parts.path).removeprefix("/files/"),
        expires=int(query["expires"]),
        signature=query["signature"],
        download_as=query.get("download"),
    )


async def test_a_link_leads_to_its_file(objects: FileObjects, root: Path) -> None:
    path = "recordings/ü b+c&d.mp4"
    await objects.put(path, b"1", content_type="video/x-ours")
    for name in (None, "Mein Film?.mp4"):
        found = await follow(objects, objects.link(path, seconds=60, download_as=name))
        assert (found.file, found.content_type) == (root / path, "video/x-ours")


async def test_a_file_put_there_by_hand_has_the_type_of_its_name(
    objects: FileObjects, root: Path
) -> None:
    written_by_hand(root / "a.mp4", b"1")
    assert (await follow(objects, objects.link("a.mp4", seconds=60))).content_type == "video/mp4"


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "b"},
        {"expires": "99999999999"},
        {"download": "evil.exe"},
        {"signature": "0" * 64},
        {"signature": "ü"},
        {"signature": ""},
    ],
)
async def test_a_link_that_was_changed_is_refused(
    objects: FileObjects, changed: dict[str, str]
) -> None:
    for path in ("a", "b"):
        await objects.put(path, b"1", content_type="text/plain")
    with pytest.raises(Forbidden):
        await follow(objects, objects.link("a", seconds=60, download_as="a"), **changed)


async def test_a_link_runs_out_and_another_key_makes_none(objects: FileObjects, root: Path) -> None:
    await objects.put("a", b"1", content_type="text/plain")
    link = objects.link("a", seconds=60)
    early, late = (
        FileObjects(root, key=KEY, clock=Later(timedelta(seconds=by))) for by in (58, 61)
    )
    assert await follow(early, link)
    others = FileObjects(root, key=b"o" * 32, clock=SystemClock())
    for server in (late, others):
        with pytest.raises(Forbidden):
            await follow(server, link)


async def test_a_link_to_what_is_gone_is_not_found(objects: FileObjects) -> None:
    with pytest.raises(NotFound):
        await follow(objects, objects.link("a", seconds=60))
