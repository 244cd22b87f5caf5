"""`/files/…`: what has a signed link is given out, in ranges, to browsers."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from livectl.adapters.files import FileObjects
from tests.server.api import Api, refused, wrong_fields
from tests.server.conftest import NewApi

PATH = "recordings/2026/11/stream/ü a.mp4"
CONTENT = bytes(range(256)) * 1024
OPEN = {
    "accept-ranges": "bytes",
    "access-control-allow-origin": "*",
    "cache-control": "private",
    "content-type": "video/mp4",
    "x-content-type-options": "nosniff",
}


@pytest.fixture
async def link(api: Api) -> str:
    return await linked(api)


async def linked(api: Api, download_as: str | None = None) -> str:
    """A link to a film that is there."""
    files = api.context.files
    assert isinstance(files, FileObjects)
    await files.put(PATH, CONTENT, content_type="video/mp4")
    return files.link(PATH, seconds=60, download_as=download_as)


def has(answer: httpx.Response, headers: dict[str, str]) -> bool:
    return headers.items() <= dict(answer.headers).items()


async def test_the_whole_file_is_given_out_to_anybody(api: Api, link: str) -> None:
    answer = await api.get(link)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert has(answer, OPEN)
    assert "content-disposition" not in answer.headers


async def test_head_tells_the_same_without_the_content(api: Api, link: str) -> None:
    whole, head = await api.get(link), await api.call("HEAD", link)
    assert (head.status_code, head.content) == (200, b"")
    for name in (*OPEN, "content-length", "etag", "last-modified"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=1000-99999", 1000, 99_999),
        ("bytes=262000-", 262_000, 262_143),
        ("bytes=-10", 262_134, 262_143),
        ("bytes=262143-999999999", 262_143, 262_143),
    ],
)
async def test_a_range_is_given_out(api: Api, link: str, asked: str, first: int, last: int) -> None:
    answer = await api.get(link, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert has(answer, OPEN)


async def test_a_range_beyond_the_end_is_416(api: Api, link: str) -> None:
    answer = await api.get(link, headers={"Range": f"bytes={len(CONTENT)}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


async def test_a_range_of_a_file_that_has_changed_is_the_whole_new_one(api: Api, link: str) -> None:
    etag = (await api.get(link)).headers["etag"]
    asked = {"Range": "bytes=0-9", "If-Range": etag}
    assert (await api.get(link, headers=asked)).status_code == 206
    assert isinstance(api.context.files, FileObjects)
    await api.context.files.put(PATH, b"new", content_type="video/mp4")
    answer = await api.get(link, headers=asked)
    assert (answer.status_code, answer.content) == (200, b"new")


async def test_a_download_has_its_name(api: Api) -> None:
    answer = await api.get(await linked(api, 'Mein "Ü"\r\n.mp4'))
    named = "attachment; filename*=utf-8''Mein%20%22%C3%9C%22%0D%0A.mp4"
    assert answer.headers["content-disposition"] == named


async def test_without_a_good_signature_nothing_is_given_out(
    api: Api, link: str, tmp_path: Path
) -> None:
    address, _, query = link.partition("?")
    assert wrong_fields(await api.get(address)) == ["expires", "signature"]
    for wrong in (
        link[:-1],
        link.replace("expires=", "expires=1"),
        f"{link}&download=evil.exe",
        f"{address}x?{query}",
        f"/files/..%2flivectl.db?{query}",
        f"/files/%2e%2e/livectl.db?{query}",
        f"/files/?{query}",
    ):
        refused(await api.get(wrong), 403, "forbidden")


async def test_what_is_gone_is_404(api: Api, link: str) -> None:
    assert isinstance(api.context.files, FileObjects)
    await api.context.files.delete([PATH])
    refused(await api.get(link), 404, "not_found")


async def test_where_the_bucket_is_on_s3_there_are_no_files(new_api: NewApi, link: str) -> None:
    api = await new_api(S3_BUCKET="live")
    refused(await api.get(link), 404, "not_found")
