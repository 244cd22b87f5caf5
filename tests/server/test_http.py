"""What every call has in common in how it reads a request; shown on a few of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.server.api import ROOT, Api, good, refused, wrong_fields

START = "/api/live/start"
JSON = {"Content-Type": "application/json"}


async def sent(api: Api, body: bytes, content_type: str | None = "application/json") -> Any:
    headers = {"Content-Type": content_type} if content_type else {}
    return await api.post(START, "alice", content=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"}",
        b'{"title": }',
        b"{'title': 'x'}",
        b'{"title": "x",}',
        b'{"title": "\xff"}',
        b'{"title": "\\ud800"}',
        b'{"title": "\\udc00\\ud800"}',
        b'{"title": NaN}',
        b"\x00",
        b"\xef\xbb\xbf{}",
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
)
async def test_a_body_that_is_no_json_is_bad_input(api: Api, body: bytes) -> None:
    refused(await sent(api, body), 400, "bad_request")


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"5", b"true"])
async def test_a_body_that_is_no_object_is_bad_input(api: Api, body: bytes) -> None:
    assert "JSON object" in refused(await sent(api, body), 400, "bad_request")["error"]


async def test_numbers_beyond_all_bounds_are_bad_input(api: Api) -> None:
    for number in (b"1" * 5_000, b"1e999", b"-" + b"9" * 40):
        answer = await api.post(
            "/api/bans",
            ROOT,
            content=b'{"userId": "bob", "seconds": ' + number + b"}",
            headers=JSON,
        )
        refused(answer, 400, "bad_request")


async def test_a_deep_body_that_is_no_part_of_the_request_is_bad_input_or_passed_over(
    api: Api,
) -> None:
    for depth in (100, 30_000):
        body = b'{"x": ' + b"[" * depth + b"]" * depth + b"}"
        assert (await sent(api, body)).status_code in {200, 400}


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data", "", None, "json"])
async def test_a_body_of_another_type_is_415(api: Api, content_type: str | None) -> None:
    refused(await sent(api, b'{"title": "x"}', content_type), 415, "wrong_media_type")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"],
)
async def test_a_body_of_any_json_type_is_read(api: Api, content_type: str) -> None:
    good(await sent(api, b'{"title": "x"}', content_type))


async def test_a_body_may_be_left_out_whatever_its_type(api: Api) -> None:
    good(await sent(api, b"", "text/plain"))


async def test_a_body_that_is_too_large_is_413(api: Api) -> None:
    refused(await sent(api, b'{"title": "' + b"x" * 65_536 + b'"}'), 413, "too_large")
    good(await sent(api, b'{"title": "' + b"x" * 65_000 + b'"}'))


async def test_a_body_that_says_it_is_large_is_refused_before_it_is_read(api: Api) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 1024

    answer = await api.post(
        START, "alice", content=endless(), headers={**JSON, "Content-Length": "10000000000"}
    )
    refused(answer, 413, "too_large")
    assert read == 0


async def test_a_body_without_a_length_is_read_to_its_bound_only(api: Api) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 1024

    refused(await api.post(START, "alice", content=endless(), headers=JSON), 413, "too_large")
    assert read <= 66


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "٣"])
async def test_a_strange_content_length_does_no_harm(api: Api, length: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
    headers += [(k.lower().encode(), v.encode()) for k, v in api.bearer("alice").items()]
    answer = await api.http.request("POST", START, content=b"{}", headers=headers)
    assert answer.status_code in {200, 400}


async def test_a_name_that_comes_twice_in_a_query_counts_once(api: Api) -> None:
    good(await api.get("/api/live/active?limit=3&limit=5", "bob"))


async def test_an_unknown_name_in_a_query_is_passed_over(api: Api) -> None:
    good(await api.get("/api/live/active?since=yesterday", "bob"))


async def test_strange_text_in_a_query_finds_nothing_and_does_no_harm(api: Api) -> None:
    await api.start("alice", title="Hello", tags=["music"])
    for text in ("%00", "%FF%FE", "%ED%A0%80", "%27%20OR%201%3D1--", "%22%7B%24gt%3A1%7D", "["):
        for name in ("tag", "q"):
            found = good(await api.get(f"/api/live/active?{name}={text}", "bob"))
            assert found["items"] == []
        for name in ("owner", "ref", "tag", "title"):
            found = good(await api.get(f"/api/streams?{name}={text}", ROOT))
            assert found["items"] == []


async def test_each_wrong_field_is_named_with_what_was_expected(api: Api) -> None:
    answer = await api.post(START, "alice", json={"title": [], "enableReplay": 1})
    assert wrong_fields(answer) == ["title", "enableReplay"]
    for one in answer.json()["details"]:
        assert one["expected"].startswith("expected")
        assert one["field"] in answer.json()["error"]
