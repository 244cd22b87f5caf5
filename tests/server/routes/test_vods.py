"""Replays as apps get and play them, from a directory and from S3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from livectl.adapters.files import FileObjects
from livectl.adapters.sqlite.store import SqliteStore
from livectl.adapters.system_clock import SystemClock
from livectl.domain.recording import Recording
from livectl.ports.objects import Objects
from livectl.ports.store import Store
from tests.parts.minio import MinIO
from tests.server.api import NO_STREAM, ROOT, Api, block, good, refused
from tests.server.conftest import NewApi
from tests.services.conftest import on_minio
from tests.services.films import BROKEN, SECONDS, film, hls
from tests.services.vod_helpers import add_hls, add_recording, add_stream

pytestmark = pytest.mark.parametrize("parts", ["files", "s3"], indirect=True)


class Parts:
    """A running application with its store and its bucket."""

    def __init__(self, api: Api, store: Store, objects: Objects) -> None:
        self.api = api
        self.store = store
        self.objects = objects

    async def published(self, content: bytes | None = None, **stream: Any) -> Recording:
        added = await add_stream(self.store, **stream)
        recording = await add_recording(self.store, self.objects, added, content or film())
        return await self.api.context.vods.publish(recording)

    async def replay(self, recording: Recording, by: str = "bob") -> dict[str, Any]:
        answer = await self.api.get(f"/api/live/{recording.stream_id}/vod", by)
        found: dict[str, Any] = good(answer)["vod"]
        return found

    async def fetch(self, url: str, **headers: str) -> httpx.Response:
        """As a player does, which has nothing but the link."""
        if url.startswith("http://livectl.test/"):
            return await self.api.http.get(url, headers=headers)
        async with httpx.AsyncClient() as client:
            return await client.get(url, headers=headers)


@pytest.fixture
async def parts(
    request: pytest.FixtureRequest, new_api: NewApi, tmp_path: Path
) -> AsyncIterator[Parts]:
    settings: dict[str, str] = {}
    objects: Any
    if request.param == "s3":
        minio: MinIO = request.getfixturevalue("minio")
        settings = minio.settings(minio.bucket())
        objects = on_minio(minio, settings["S3_BUCKET"])
    else:
        objects = FileObjects(tmp_path / "objects", key=b"", clock=SystemClock())
    api = await new_api(**settings)
    store = SqliteStore(tmp_path / "livectl.db")
    await store.open()
    yield Parts(api, store, objects)
    await store.close()
    await objects.close()


async def test_a_replay_is_played_by_its_link_with_ranges(parts: Parts) -> None:
    replay = await parts.replay(await parts.published())
    assert set(replay) == {
        *("vodId", "url", "thumbnailUrl", "duration", "format", "size", "uploadedAt", "status"),
        *("spriteUrl", "thumbnailsUrl", "startedAt"),
    }
    assert (replay["status"], replay["format"], replay["size"]) == ("available", "mp4", len(film()))
    assert replay["duration"] == pytest.approx(SECONDS, abs=0.1)
    whole = await parts.fetch(replay["url"])
    assert (whole.status_code, whole.content) == (200, film())
    assert whole.headers["content-type"] == "video/mp4"
    part = await parts.fetch(replay["url"], Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, film()[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(film())}"
    poster = await parts.fetch(replay["thumbnailUrl"])
    assert poster.headers["content-type"] == "image/jpeg"
    assert poster.content[:2] == b"\xff\xd8"


async def test_the_thumbnails_name_a_sprite_that_can_be_fetched(parts: Parts) -> None:
    replay = await parts.replay(await parts.published())
    answer = await parts.fetch(replay["thumbnailsUrl"], Origin="https://app.example")
    assert answer.headers["content-type"].startswith("text/vtt")
    assert answer.headers["access-control-allow-origin"] == "*"
    named = [line for line in answer.text.splitlines() if "#xywh=" in line]
    assert len(named) == 3
    sprite, _, place = named[1].partition("#xywh=")
    assert place == "160,0,160,90"
    assert (await parts.fetch(sprite)).content == (await parts.fetch(replay["spriteUrl"])).content


async def test_hls_plays_from_a_private_bucket_and_never_with_the_bearer(parts: Parts) -> None:
    stream = await add_stream(parts.store)
    recording = await add_hls(parts.store, parts.objects, stream)
    recording = await parts.api.context.vods.publish(recording)
    replay = await parts.replay(recording)
    assert replay["url"].startswith(
        f"http://livectl.test/api/vods/{recording.id}/hls/index.m3u8?expires="
    )
    answer = await parts.fetch(replay["url"], Origin="https://app.example")
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert answer.headers["access-control-allow-origin"] == "*"
    links = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    fetched = [(await parts.fetch(link)).content for link in links]
    assert fetched == [hls()[f"index{number}.ts"] for number in range(3)]
    assert "#EXT-X-ENDLIST" in answer.text


@pytest.mark.parametrize("kind", ["hls", "thumbnails"])
async def test_a_link_that_was_changed_or_has_run_out_is_refused(
    kind: str, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await add_stream(parts.store)
    recording = await add_hls(parts.store, parts.objects, stream)
    recording = await parts.api.context.vods.publish(recording)
    replay = await parts.replay(recording)
    url = replay["url" if kind == "hls" else "thumbnailsUrl"]
    refused(await parts.fetch(url + "0"), 403, "forbidden")
    refused(await parts.fetch(url.replace("expires=", "expires=9")), 403, "forbidden")
    refused(await parts.fetch(url.partition("?")[0]), 403, "forbidden")
    other = replay["thumbnailsUrl" if kind == "hls" else "url"]
    mixed = url.partition("?")[0] + "?" + other.partition("?")[2]
    refused(await parts.fetch(mixed), 403, "forbidden")
    later = SystemClock().now().replace(year=2099)
    monkeypatch.setattr(SystemClock, "now", lambda self: later)
    refused(await parts.fetch(url), 403, "forbidden")


async def test_there_is_no_replay_where_none_is_made_or_none_is_offered(parts: Parts) -> None:
    stream = await add_stream(parts.store)
    url = f"/api/live/{stream.id}/vod"
    refused(await parts.api.get(url, "bob"), 404, "not_found")
    refused(await parts.api.get(f"/api/live/{NO_STREAM}/vod", "bob"), 404, "not_found")
    refused(await parts.api.get("/api/live/xyz/vod", "bob"), 400, "bad_request")
    refused(await parts.api.get(url), 401, "unauthenticated")
    closed = await parts.published(enable_replay=False)
    refused(await parts.api.get(f"/api/live/{closed.stream_id}/vod", "bob"), 404, "not_found")


async def test_who_may_not_watch_sees_no_replay(parts: Parts) -> None:
    recording = await parts.published()
    await block(parts.api, recording.stream_id, "anna", "mallory")
    url = f"/api/live/{recording.stream_id}/vod"
    refused(await parts.api.get(url, "mallory"), 403, "blocked")
    good(await parts.api.get(url, "bob"))
    good(await parts.api.get(url, ROOT))


async def test_the_row_of_the_latest_shows_the_posters_of_their_replays(parts: Parts) -> None:
    recording = await parts.published()
    (shown,) = good(await parts.api.get("/api/live/replays", "bob"))["items"]
    assert shown["streamId"] == recording.stream_id
    replay = await parts.replay(recording)
    poster, same = [await parts.fetch(one["thumbnailUrl"]) for one in (shown, replay)]
    assert poster.headers["content-type"] == "image/jpeg"
    assert poster.content == same.content


async def test_a_broken_one_says_so_and_has_no_link_and_a_good_one_goes_before(
    parts: Parts,
) -> None:
    make, _ = BROKEN["no moov"]
    failed = await parts.published(make())
    replay = await parts.replay(failed)
    assert (replay["status"], replay["url"], replay["thumbnailUrl"]) == ("failed", None, None)
    stream = await parts.store.stream(failed.stream_id)
    assert stream is not None
    whole = await add_recording(parts.store, parts.objects, stream, film())
    await parts.api.context.vods.publish(whole)
    assert (await parts.replay(failed))["vodId"] == whole.id


async def test_links_lead_to_a_cdn_where_there_is_one(
    parts: Parts, new_api: NewApi, minio: MinIO
) -> None:
    recording = await parts.published()
    settings = {}
    if parts.objects.type == "S3":
        settings = minio.settings(parts.objects.bucket or "")
    api = await new_api(VOD_PUBLIC_BASE_URL="https://cdn.example/vod/", **settings)
    replay = good(await api.get(f"/api/live/{recording.stream_id}/vod", "bob"))["vod"]
    stem = recording.path.removesuffix(".mp4")
    assert replay["url"] == f"https://cdn.example/vod/{recording.path}"
    assert replay["thumbnailUrl"] == f"https://cdn.example/vod/{stem}.poster.jpg"
    assert replay["thumbnailsUrl"] == f"https://cdn.example/vod/{stem}.thumbnails.vtt"
    link = good(await api.get(f"/api/vods/{recording.id}/link", ROOT))
    assert (link["url"], link["expiresAt"]) == (replay["url"], None)


async def test_links_of_this_server_lead_to_where_it_is_reached(
    parts: Parts, new_api: NewApi, minio: MinIO
) -> None:
    recording = await parts.published()
    settings = {}
    if parts.objects.type == "S3":
        settings = minio.settings(parts.objects.bucket or "")
    api = await new_api(LIVECTL_PUBLIC_URL="https://live.example/app/", **settings)
    replay = good(await api.get(f"/api/live/{recording.stream_id}/vod", "bob"))["vod"]
    assert replay["thumbnailsUrl"].startswith("https://live.example/app/api/vods/")
    own = "https://live.example/app/files/" if parts.objects.type == "Local" else minio.url
    assert replay["url"].startswith(own)


async def test_documents_of_older_versions_are_played_before_any_backfill(parts: Parts) -> None:
    path = "old/a.mp4"
    await parts.objects.put(path, film(), content_type="video/mp4")
    stored = {"type": parts.objects.type, "path": path, "bucket": parts.objects.bucket}
    old = {
        "url": "https://gone.example/a.mp4",
        "thumbnailUrl": "https://cdn.example/a.jpg",
        "status": "available",
        "duration": 12,
        "size": 99,
        "uploadedAt": "2025-01-31T20:00:00.000Z",
    }
    recording = {"status": "completed", "storage": stored}
    ours = await add_stream(parts.store, recording=recording, vod=old)
    replay = good(await parts.api.get(f"/api/live/{ours.id}/vod", "bob"))["vod"]
    assert (await parts.fetch(replay["url"])).content == film()
    assert (replay["vodId"], replay["duration"]) == (ours.id, 12.0)
    assert replay["thumbnailUrl"] == old["thumbnailUrl"]
    assert replay["uploadedAt"] == "2025-01-31T20:00:00Z"
    for type_ in ("GCS", "Azure"):
        theirs = {"status": "completed", "storage": {**stored, "type": type_}}
        stream = await add_stream(parts.store, recording=theirs, vod=old)
        replay = good(await parts.api.get(f"/api/live/{stream.id}/vod", "bob"))["vod"]
        assert replay["url"] == old["url"]
    bare = await add_stream(parts.store, vod={"status": "available"})
    replay = good(await parts.api.get(f"/api/live/{bare.id}/vod", "bob"))["vod"]
    assert (replay["url"], replay["format"], replay["duration"]) == (None, "mp4", None)


async def test_administrators_find_and_filter_vods(parts: Parts) -> None:
    api = parts.api
    one = await parts.published()
    two = await parts.published(owner_id="bert")
    make, _ = BROKEN["empty"]
    three = await parts.published(make() or b"x")
    good(await api.post(f"/api/vods/{two.id}/hold", ROOT, json={"reason": "case 31"}))

    async def found(**query: str) -> set[str]:
        answer = good(await api.get("/api/vods", ROOT, params=query))
        return {item["vodId"] for item in answer["items"]}

    assert await found() == {one.id, two.id, three.id}
    assert await found(owner="bert") == {two.id}
    assert await found(stream=one.stream_id) == {one.id}
    assert await found(status="failed") == {three.id}
    assert await found(hold="true") == {two.id}
    assert await found(ref=one.id[:20]) >= {one.id}
    assert await found(since="2030-01-01T00:00:00Z") == set()
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = good(await api.get("/api/vods", ROOT, params={"limit": "2", **cursor}))
        seen += [item["vodId"] for item in page["items"]]
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert sorted(seen) == sorted({one.id, two.id, three.id})
    shown = good(await api.get(f"/api/vods/{two.id}", ROOT))
    assert shown["hold"]["reason"] == "case 31"
    refused(await api.delete(f"/api/vods/{two.id}", ROOT), 409, "conflict")
    good(await api.delete(f"/api/vods/{two.id}/hold", ROOT))
    good(await api.delete(f"/api/vods/{two.id}", ROOT))
    refused(await api.get(f"/api/vods/{two.id}", ROOT), 404, "not_found")


async def test_a_download_link_makes_browsers_save_the_file(parts: Parts) -> None:
    recording = await parts.published()
    url = f"/api/vods/{recording.id}/link"
    link = good(await parts.api.get(url, ROOT, params={"download": "true"}))
    answer = await parts.fetch(link["url"])
    assert f"{recording.id}.mp4" in answer.headers["content-disposition"]
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.content == film()
    stream = await add_stream(parts.store)
    many = await parts.api.context.vods.publish(await add_hls(parts.store, parts.objects, stream))
    refusal = await parts.api.get(f"/api/vods/{many.id}/link?download=true", ROOT)
    assert "ffmpeg -i" in refused(refusal, 400, "bad_request")["hint"]


async def test_a_backfill_of_two_runs_is_refused_over_http_and_can_be_given_up(
    parts: Parts,
) -> None:
    api = parts.api
    body = {"run": "one"}
    await add_recording(parts.store, parts.objects, await add_stream(parts.store), film())
    page = good(await api.post("/api/vods/backfill", ROOT, json=body))
    assert "nextCursor" in page
    second = await api.post("/api/vods/backfill", ROOT, json={"run": "two"})
    assert "a backfill is running since" in refused(second, 409, "conflict")["error"]
    good(await api.delete("/api/vods/backfill/one", ROOT))
    good(await api.post("/api/vods/backfill", ROOT, json={"run": "two"}))
