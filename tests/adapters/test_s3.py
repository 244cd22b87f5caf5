"""What is S3's own: uploads through outages, encryption, credentials, links, and its calls."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.adapters import s3_bucket
from livectl.adapters.no_meter import NoMeter
from livectl.adapters.s3 import S3Objects
from livectl.adapters.s3_upload import part_size
from livectl.errors import NotFound, TimedOutside, Unavailable
from tests.parts.minio import MinIO

ROOT = Path(__file__).parents[2]
PATH = "recordings/2026/11/stream/a.mp4"
MIB = 1024 * 1024
PART = 8 * MIB

NewObjects = Callable[..., S3Objects]


class Calls(NoMeter):
    """How often each call was answered."""

    def __init__(self) -> None:
        self.good: Counter[str] = Counter()

    def outside_call(self, service: str, call: str, seconds: float, *, ok: bool) -> None:
        if ok:
            self.good[call] += 1


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def own_minio(minio: MinIO) -> Iterator[MinIO]:
    """One of the test's own, to be stopped."""
    assert minio.running
    with MinIO() as server:
        yield server


@pytest.fixture
async def new_objects(calls: Calls) -> AsyncIterator[NewObjects]:
    """`new_objects(minio, bucket?, **changed)`: the adapter on a bucket, its calls counted."""
    async with AsyncExitStack() as stack:

        def made(minio: MinIO, bucket: str | None = None, **changed: str) -> S3Objects:
            settings = {
                "region": "us-east-1",
                "endpoint_url": minio.url,
                "key_id": minio.key_id,
                "secret_key": minio.secret_key,
                "encryption": "",
                "probe": "recordings/.probe",
                **changed,
            }
            objects = S3Objects(bucket or minio.bucket(), **settings, meter=calls)
            stack.push_async_callback(objects.close)
            return objects

        yield made


@pytest.fixture
def objects(new_objects: NewObjects, minio: MinIO) -> S3Objects:
    return new_objects(minio)


@pytest.fixture
def film(tmp_path: Path) -> tuple[Path, str]:
    """A file of five parts, and its SHA-256."""
    return a_film(tmp_path / "film.mp4")


def a_film(file: Path) -> tuple[Path, str]:
    content = secrets.token_bytes(4 * PART + 1)
    file.write_bytes(content)
    return file, hashlib.sha256(content).hexdigest()


async def send(objects: S3Objects, film: tuple[Path, str], **changed: Any) -> list[int]:
    """Send it; what was told."""
    told: list[int] = []
    settings = {"content_type": "video/mp4", "told": told.append, **changed}
    await objects.send_file(PATH, film[0], sha256=film[1], **settings)
    return told


async def cut_off(objects: S3Objects, film: tuple[Path, str], parts: int) -> None:
    """Send so many parts of it, and no more."""

    class Enough(Exception):
        pass

    def told(size: int) -> None:
        if size >= parts * PART:
            raise Enough

    with pytest.raises(Enough):
        await send(objects, film, told=told)


def unfinished(minio: MinIO, bucket: str) -> dict[str, list[int]]:
    """The uploads to the path that have not ended, with the numbers of their parts."""
    with minio.client() as client:
        uploads = client.list_multipart_uploads(Bucket=bucket, Prefix=PATH).get("Uploads", [])
        ids = [upload["UploadId"] for upload in uploads]
        parts = {
            id_: client.list_parts(Bucket=bucket, Key=PATH, UploadId=id_).get("Parts", [])
            for id_ in ids
        }
    return {id_: [part["PartNumber"] for part in found] for id_, found in parts.items()}


# --- uploads that are cut off


async def test_where_the_server_dies_in_the_middle_of_a_part_the_upload_goes_on_with_that_part(
    new_objects: NewObjects, own_minio: MinIO, film: tuple[Path, str], calls: Calls
) -> None:
    objects = new_objects(own_minio)
    frozen = asyncio.Event()

    def freeze(size: int) -> None:
        if size == 2 * PART:
            own_minio.freeze()
            frozen.set()

    sending = asyncio.create_task(send(objects, film, told=freeze))
    await frozen.wait()
    await asyncio.sleep(0.3)  # of the third part it has taken what the sockets hold
    own_minio.kill()
    with pytest.raises(Unavailable, match=f"S3, upload_part {PATH}: "):
        await sending
    assert calls.good["upload_part"] == 2
    own_minio.start()

    told = await send(objects, film)
    assert told == [PART, 2 * PART, 3 * PART, 4 * PART, 4 * PART + 1]
    assert calls.good["upload_part"] == 5
    assert await objects.get(PATH) == film[0].read_bytes()
    assert unfinished(own_minio, objects.bucket) == {}


async def test_an_upload_of_a_process_that_was_killed_goes_on(
    objects: S3Objects, minio: MinIO, film: tuple[Path, str], calls: Calls
) -> None:
    said = await asyncio.to_thread(killed_after_a_part, film, minio, objects.bucket)
    assert said == f"{PART}\n"
    (parts,) = unfinished(minio, objects.bucket).values()
    assert parts
    await send(objects, film)
    assert calls.good["upload_part"] == 5 - len(parts)
    assert calls.good["create_multipart_upload"] == 0
    assert await objects.get(PATH) == film[0].read_bytes()


def killed_after_a_part(film: tuple[Path, str], minio: MinIO, bucket: str) -> str:
    """What a process said that was sending the film, and was killed when it had said something."""
    command = [sys.executable, "-m", "tests.adapters.s3_process"]
    process = subprocess.Popen(
        [*command, str(film[0]), film[1], PATH, minio.url, bucket],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "AWS_ACCESS_KEY_ID": minio.key_id,
            "AWS_SECRET_ACCESS_KEY": minio.secret_key,
        },
    )
    assert process.stdout is not None
    with process, process.stdout:
        said = process.stdout.readline()
        process.kill()
    return said


async def test_a_part_that_is_another_one_is_sent_again(
    objects: S3Objects, minio: MinIO, film: tuple[Path, str], calls: Calls
) -> None:
    await cut_off(objects, film, 3)
    (upload_id,) = unfinished(minio, objects.bucket)
    with minio.client() as client:
        client.upload_part(
            Bucket=objects.bucket,
            Key=PATH,
            UploadId=upload_id,
            PartNumber=2,
            Body=b"x" * PART,
            ChecksumAlgorithm="SHA256",
        )
    await send(objects, film)
    assert calls.good["upload_part"] == 3 + 3  # the second again, the fourth and the fifth
    assert await objects.get(PATH) == film[0].read_bytes()


async def test_uploads_of_other_files_to_the_path_are_aborted_and_to_other_paths_are_not(
    objects: S3Objects, minio: MinIO, film: tuple[Path, str], tmp_path: Path
) -> None:
    await cut_off(objects, film, 2)
    with minio.client() as client:
        client.create_multipart_upload(Bucket=objects.bucket, Key=PATH)
        client.create_multipart_upload(Bucket=objects.bucket, Key=PATH + "x")
    await send(objects, a_film(tmp_path / "another.mp4"))
    assert unfinished(minio, objects.bucket) == {}
    with minio.client() as client:
        left = client.list_multipart_uploads(Bucket=objects.bucket, Prefix=PATH + "x")
    assert len(left["Uploads"]) == 1


async def test_an_upload_whose_answer_was_lost_is_not_done_again(
    objects: S3Objects, film: tuple[Path, str], calls: Calls
) -> None:
    await send(objects, film)
    calls.good.clear()
    await send(objects, film)
    assert calls.good == {"head_object": 1}


async def test_more_than_one_page_of_parts_is_looked_through(
    objects: S3Objects, film: tuple[Path, str], calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cut_off(objects, film, 3)
    call = s3_bucket.Bucket.call

    def two_parts_a_page(self: Any, operation: str, path: str = "", **params: Any) -> Any:
        more = {"MaxParts": 2} if operation == "list_parts" else {}
        return call(self, operation, path, **params, **more)

    monkeypatch.setattr(s3_bucket.Bucket, "call", two_parts_a_page)
    await send(objects, film)
    assert (calls.good["list_parts"], calls.good["upload_part"]) == (2, 5)


@given(st.integers(0, 5 * 2**40))
def test_ten_thousand_parts_of_eight_mebibytes_or_more_are_enough_for_all(size: int) -> None:
    part = part_size(size)
    assert part >= PART
    assert -(-size // part) <= 10_000


# --- encryption


@pytest.mark.parametrize(
    ("setting", "shown"),
    [("AES256", ("AES256", None)), ("aws:kms:test", ("aws:kms", "arn:aws:kms:test"))],
)
async def test_what_is_written_is_encrypted_as_set_and_uploads_go_on_all_the_same(
    new_objects: NewObjects,
    minio: MinIO,
    film: tuple[Path, str],
    calls: Calls,
    setting: str,
    shown: tuple[str, str | None],
) -> None:
    objects = new_objects(minio, encryption=setting)
    assert await objects.ping()
    await objects.put("small", b"1", content_type="text/plain")
    await cut_off(objects, film, 2)
    await send(objects, film)
    assert calls.good["upload_part"] == 5
    await objects.set_storage_class(PATH, "REDUCED_REDUNDANCY")
    with minio.client() as client:
        for path in ("small", PATH):
            head = client.head_object(Bucket=objects.bucket, Key=path)
            assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == shown
    assert await objects.get(PATH) == film[0].read_bytes()


async def test_a_key_that_encrypts_nothing_is_told(new_objects: NewObjects, minio: MinIO) -> None:
    objects = new_objects(minio, encryption="aws:kms:no-such-key")
    with pytest.raises(Unavailable, match=r"S3, create_multipart_upload recordings/.probe: "):
        await objects.ping()


# --- credentials and outages


async def test_wrong_credentials_are_told_without_them(
    new_objects: NewObjects, minio: MinIO, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for changed in ({"secret_key": "hunter2" * 4}, {"key_id": "hunter2" * 4}):
        objects = new_objects(minio, **changed)
        with pytest.raises(Unavailable) as failed:
            await objects.put(PATH, b"1", content_type="text/plain")
        told = f"{failed.value.message} {failed.value.hint}"
        assert told.startswith(f"S3, put_object {PATH}: ")
        assert "docs/storage.md" in told
        assert "hunter2" not in told + caplog.text
        assert "Signature=" not in told + caplog.text


async def test_without_a_key_the_environment_and_profiles_are_asked(
    new_objects: NewObjects, minio: MinIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", minio.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", minio.secret_key)
    assert await new_objects(minio, key_id="", secret_key="").ping()

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(Unavailable, match="NoCredentialsError") as failed:
        await new_objects(minio, key_id="", secret_key="").ping()
    assert "AWS_ACCESS_KEY_ID" in (failed.value.hint or "")

    (tmp_path / "credentials").write_text(
        f"[live]\naws_access_key_id = {minio.key_id}\naws_secret_access_key = {minio.secret_key}\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "live")
    assert await new_objects(minio, key_id="", secret_key="").ping()


async def test_a_bucket_that_is_not_there_makes_no_object_gone(
    new_objects: NewObjects, minio: MinIO, tmp_path: Path
) -> None:
    objects = new_objects(minio, "no-such-bucket")
    for call in (
        objects.ping(),
        objects.head(PATH),
        objects.get(PATH),
        objects.fetch(PATH, tmp_path / "file"),
        objects.delete([PATH]),
        anext(objects.pages("")),
        asyncio.to_thread(objects.open, PATH),
    ):
        with pytest.raises(Unavailable, match="NoSuchBucket") as failed:
            await call
        assert "S3_BUCKET" in (failed.value.hint or "")


async def test_a_server_that_is_away_or_silent_is_unavailable_and_back_it_works(
    new_objects: NewObjects, own_minio: MinIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_bucket, "_ANSWER_S", 0.5)
    objects = new_objects(own_minio)
    await objects.put(PATH, b"1", content_type="text/plain")
    own_minio.freeze()
    with pytest.raises(TimedOutside, match=f"S3, get_object {PATH}: ReadTimeoutError"):
        await objects.get(PATH)
    own_minio.thaw()
    own_minio.kill()
    with pytest.raises(Unavailable, match=f"S3, head_object {PATH}: "):
        await objects.head(PATH)
    own_minio.start()
    assert await objects.get(PATH) == b"1"


# --- links


async def test_a_link_gives_ranges_to_anybody_and_a_name_for_a_download(
    objects: S3Objects,
) -> None:
    await objects.put(PATH, b"0123456789", content_type="video/mp4")
    async with httpx.AsyncClient() as browser:
        link = objects.link(PATH, seconds=60, download_as="Mein Ü.mp4")
        answer = await browser.get(link, headers={"Range": "bytes=2-4"})
        assert (answer.status_code, answer.content) == (206, b"234")
        assert answer.headers["content-type"] == "video/mp4"
        named = "attachment; filename*=utf-8''Mein%20%C3%9C.mp4"
        assert answer.headers["content-disposition"] == named
        changed = await browser.get(link.replace("a.mp4", "b.mp4"))
        assert changed.status_code == 403
        plain = await browser.get(objects.link(PATH, seconds=60))
        assert "content-disposition" not in plain.headers
        old = objects.link(PATH, seconds=1)
        await asyncio.sleep(2.1)
        assert (await browser.get(old)).status_code == 403


async def test_links_of_aws_are_of_the_bucket_s_region(
    new_objects: NewObjects, minio: MinIO
) -> None:
    objects = new_objects(minio, "films", endpoint_url="", region="eu-central-1")
    link = objects.link(PATH, seconds=60)
    assert link.startswith(f"https://films.s3.eu-central-1.amazonaws.com/{PATH}?X-Amz-Algorithm=")


# --- reading, writing anew, deleting


async def test_going_to_and_fro_in_an_object_gets_each_block_once(
    objects: S3Objects, film: tuple[Path, str], calls: Calls
) -> None:
    await send(objects, film)

    def read() -> None:
        with objects.open(PATH) as opened:
            for place in (0, 5 * MIB, 100, 5 * MIB + 100, 200):
                opened.seek(place)
                assert len(opened.read(1000)) == 1000

    await asyncio.to_thread(read)
    assert calls.good["get_object"] == 2


async def test_an_object_that_is_written_anew_while_it_is_read_is_not_mixed(
    objects: S3Objects, film: tuple[Path, str]
) -> None:
    await send(objects, film)
    opened = await asyncio.to_thread(objects.open, PATH)
    assert await asyncio.to_thread(opened.read, 10)
    await objects.put(PATH, b"another", content_type="video/mp4")
    with pytest.raises(Unavailable, match="PreconditionFailed"):
        await asyncio.to_thread(opened.read)
    opened.close()


@pytest.mark.parametrize("whole", [True, False])
async def test_another_storage_class_keeps_all_else(
    objects: S3Objects,
    minio: MinIO,
    film: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    whole: bool,
) -> None:
    if not whole:
        monkeypatch.setattr(s3_bucket, "_COPIED_WHOLE", PART)
        monkeypatch.setattr(s3_bucket, "_COPIED_PART", PART)
    await send(objects, film)
    await objects.set_storage_class(PATH, "REDUCED_REDUNDANCY")
    found = await objects.head(PATH)
    assert found is not None
    assert (found.storage_class, found.sha256) == ("REDUCED_REDUNDANCY", film[1])
    with minio.client() as client:
        assert client.head_object(Bucket=objects.bucket, Key=PATH)["ContentType"] == "video/mp4"
    assert await objects.get(PATH) == film[0].read_bytes()
    with pytest.raises(NotFound):
        await objects.set_storage_class("nothing", "STANDARD")
    with pytest.raises(Unavailable, match="InvalidStorageClass"):
        await objects.set_storage_class(PATH, "NONSENSE")


async def test_an_object_that_stays_is_named(objects: S3Objects) -> None:
    await objects.put(PATH, b"1", content_type="text/plain")
    with pytest.raises(Unavailable, match=r"S3, delete_objects a/\.\./b: "):
        await objects.delete([PATH, "a/../b"])
