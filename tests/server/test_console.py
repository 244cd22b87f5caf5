"""The console's pages, as they are served: what they may load, and how long it may be kept."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from livectl.server.console import pages
from tests.server.api import Api, refused

INDEX = b"<!doctype html><title>console</title>"
SCRIPT = b"export const here = true; " * 50


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A build that is known to the test."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(INDEX)
    (tmp_path / "assets" / "main-abc123.js").write_bytes(SCRIPT)
    monkeypatch.setattr(pages, "DIST", tmp_path)
    pages._files.cache_clear()
    yield
    pages._files.cache_clear()


@pytest.fixture
def not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pages, "DIST", tmp_path / "nothing")
    pages._files.cache_clear()
    yield
    pages._files.cache_clear()


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("path", ["/", "/s/0123", "/v/0123", "/studio", "/ops", "/ops/reports"])
async def test_every_page_is_the_same_document_and_asked_for_anew(api: Api, path: str) -> None:
    answer = await api.http.get(path)
    assert answer.content == INDEX
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.usefixtures("built")
async def test_files_have_a_hash_in_their_name_and_are_kept_for_ever(api: Api) -> None:
    answer = await api.http.get("/assets/main-abc123.js")
    assert answer.content == SCRIPT
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    plain = await api.http.get("/assets/main-abc123.js", headers={"Accept-Encoding": "identity"})
    assert plain.content == SCRIPT
    assert "content-encoding" not in plain.headers


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", ["other.js", "..%2Findex.html", "%2e%2e%2findex.html"])
async def test_only_what_was_built_is_served(api: Api, name: str) -> None:
    answer = await api.http.get(f"/assets/{name}")
    refused(answer, 404, "not_found")


@pytest.mark.usefixtures("built")
async def test_pages_load_nothing_but_their_own_and_run_no_inline_script(api: Api) -> None:
    said = (await api.http.get("/")).headers["content-security-policy"]
    policy = dict(one.split(" ", 1) for one in said.split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in said


@pytest.mark.usefixtures("built")
async def test_pages_may_speak_with_livekit(api: Api) -> None:
    said = (await api.http.get("/")).headers["content-security-policy"]
    host = api.context.public_url.removeprefix("ws://")
    assert f"connect-src 'self' ws://{host} http://{host};" in said


def test_recordings_may_come_from_where_they_lie() -> None:
    said = pages.policy("wss://media.test", ["https://cdn.test/live", "http://127.0.0.1:9000"])
    places = "https://cdn.test http://127.0.0.1:9000"
    assert f"media-src 'self' blob: {places};" in said
    assert f"connect-src 'self' wss://media.test https://media.test {places};" in said


@pytest.mark.usefixtures("not_built")
async def test_without_a_build_the_page_says_how_to_have_one(api: Api) -> None:
    answer = await api.http.get("/")
    assert answer.status_code == 200
    assert "make console" in re.sub(r"<[^>]+>", "", answer.text)


def test_the_real_build_is_small_enough_for_a_first_visit() -> None:
    """The first page, without the player and the chat, which load when they are needed."""
    if not (pages.DIST / "index.html").is_file():
        pytest.skip("the console is not built: make console")
    index = (pages.DIST / "index.html").read_text()
    names = re.findall(r'(?:src|href)="/(assets/[^"]+)"', index)
    assert names
    size = sum(len(gzip.compress((pages.DIST / name).read_bytes())) for name in names)
    assert size < 250_000
