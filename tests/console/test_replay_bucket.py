"""Recordings in a bucket of an S3 service, to which the links of a replay lead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.conftest import skipped_if_missing
from tests.console.conftest import NewVisitor, World
from tests.console.film import SECONDS
from tests.parts.livekit import LiveKit
from tests.parts.minio import MinIO
from tests.server.process import Server

pytestmark = pytest.mark.e2e

# More than a player loads in advance.
LONG_S = 90
LATE_S = 70


@dataclass(kw_only=True)
class BucketWorld(World):
    minio: MinIO
    bucket: str

    def keep(self, folder: Path, prefix: str) -> None:
        with self.minio.client() as client:
            for path in folder.rglob("*"):
                if path.is_file():
                    key = f"{prefix}/{path.relative_to(folder).as_posix()}"
                    client.upload_file(str(path), self.bucket, key)

    def replay(self, kind: str, seconds: int = SECONDS) -> str:
        """The path of its page."""
        started = self.start(title="From the bucket")
        self.stop(started)
        self.put_film(started, kind=kind, seconds=seconds)
        return f"/v/{started['streamId']}"


@pytest.fixture(scope="module")
def servers(built: None, livekit: LiveKit) -> Iterator[World]:
    """Only pages at the server's public address may read what is in the bucket."""
    with ExitStack() as stack:
        server = Server({})
        with skipped_if_missing():
            minio = MinIO(readers=server.url)
        stack.enter_context(minio)
        bucket = minio.bucket()
        server.settings |= {
            "LIVECTL_PUBLIC_URL": server.url,
            "LIVEKIT_URL": livekit.url,
            "LIVEKIT_API_KEY": livekit.key,
            "LIVEKIT_API_SECRET": livekit.secret,
            **minio.settings(bucket),
        }
        stack.enter_context(server)
        yield BucketWorld(server, livekit, minio=minio, bucket=bucket)


def video(page: Page) -> Locator:
    return page.get_by_label("The recording")


def seek(page: Page, seconds: int) -> None:
    page.get_by_label("Position").fill(str(seconds))


def plays_on(page: Page, clock: str) -> None:
    """There are pictures, and time goes on to that."""
    expect(page.locator(".time")).to_contain_text(f"{clock} /")
    expect(video(page)).to_have_js_property("videoWidth", 320)
    expect(video(page)).to_have_js_property("paused", False)


def source(page: Page) -> str:
    found: str = video(page).evaluate("one => one.currentSrc")
    return found


def has_hls_js(page: Page) -> bool:
    names = "performance.getEntriesByType('resource').map(one => one.name)"
    return any("/assets/hls" in one for one in page.evaluate(names))


def answers_of(page: Page, place: str) -> list[str]:
    """What is loaded from there from now on: status and path of each."""
    heard: list[str] = []
    page.on(
        "response",
        lambda one: (
            heard.append(f"{one.status} {one.url.partition('?')[0]}")
            if one.url.startswith(place)
            else None
        ),
    )
    return heard


def test_an_mp4_plays_and_seeks_straight_from_the_bucket(
    new_visitor: NewVisitor, world: BucketWorld
) -> None:
    page = new_visitor("alice").visit(world.replay("mp4"))
    expect(page.locator(".time")).to_contain_text(f"0:00 / 0:{SECONDS}")
    assert source(page).startswith(world.minio.url)
    assert not has_hls_js(page)
    seek(page, 8)
    expect(video(page)).to_have_js_property("currentTime", 8)
    page.get_by_role("button", name="Play").click()
    plays_on(page, "0:10")


def test_hls_plays_and_seeks_with_segments_from_the_bucket(
    new_visitor: NewVisitor, world: BucketWorld
) -> None:
    visitor = new_visitor("alice")
    heard = answers_of(visitor.page, world.minio.url)
    page = visitor.visit(world.replay("hls"))
    expect(page.locator(".time")).to_contain_text(f"0:00 / 0:{SECONDS}")
    # By hls.js: Chromium would play the playlist itself, and other browsers would not.
    assert source(page).startswith("blob:")
    assert has_hls_js(page)
    seek(page, 8)
    expect(video(page)).to_have_js_property("currentTime", 8)
    page.get_by_role("button", name="Play").click()
    plays_on(page, "0:10")
    assert any(re.fullmatch(r"200 .*/index4\.ts", one) for one in heard), heard


@pytest.mark.parametrize("kind", ["mp4", "hls"])
def test_poster_and_scrub_pictures_come_from_the_bucket(
    new_visitor: NewVisitor, world: BucketWorld, kind: str
) -> None:
    visitor = new_visitor("alice")
    heard = answers_of(visitor.page, world.minio.url)
    page = visitor.visit(world.replay(kind))
    expect(page.locator(".time")).to_contain_text(f"/ 0:{SECONDS}")
    page.locator(".scrubber").hover()
    expect(page.locator(".glimpse div")).to_have_css(
        "background-image", re.compile(re.escape(world.minio.url))
    )
    page.wait_for_load_state("networkidle")
    for ending in (".poster.jpg", ".sprite.jpg"):
        assert any(one.startswith("200 ") and one.endswith(ending) for one in heard), heard


def test_hls_goes_on_at_the_same_second_when_its_links_have_run_out(
    new_visitor: NewVisitor, world: BucketWorld
) -> None:
    visitor = new_visitor("alice")
    playlists: list[str] = []

    def run_out(route: Route) -> None:
        """The bucket refuses the later segments of the first playlist."""
        text = route.fetch().text()
        head, tail = text[: len(text) // 2], text[len(text) // 2 :]
        if not playlists:
            tail = tail.replace("Signature=", "Signature=0")
        playlists.append(route.request.url)
        route.fulfill(body=head + tail)

    visitor.page.route("**/index.m3u8?*", run_out)
    heard = answers_of(visitor.page, world.minio.url)
    page = visitor.visit(world.replay("hls", LONG_S))
    page.get_by_role("button", name="Play").click()
    plays_on(page, "0:01")
    seek(page, LATE_S)
    plays_on(page, "1:12")
    assert len(playlists) == 2
    assert sum(one.startswith("403 ") for one in heard) == 1, heard


def test_an_mp4_goes_on_at_the_same_second_when_its_link_has_run_out(
    new_visitor: NewVisitor, world: BucketWorld
) -> None:
    visitor = new_visitor("alice")
    path = world.replay("mp4", LONG_S)
    page = visitor.visit(path)
    expect(page.locator(".time")).to_contain_text("/ 1:30")
    refusals = iter([403])

    def refused_once(route: Route) -> None:
        status = next(refusals, None)
        route.fulfill(status=status) if status else route.continue_()

    visitor.page.route("**/*.mp4?*", refused_once)
    seek(page, LATE_S)
    expect(video(page)).to_have_js_property("currentTime", LATE_S)
    page.get_by_role("button", name="Play").click()
    plays_on(page, "1:12")
    assert next(refusals, None) is None, "it was all there already"


@pytest.mark.parametrize("kind", ["mp4", "hls"])
def test_a_replay_goes_on_by_itself_after_an_outage(
    new_visitor: NewVisitor, world: BucketWorld, kind: str
) -> None:
    visitor = new_visitor("alice")
    page = visitor.visit(world.replay(kind, LONG_S))
    page.get_by_label("Speed").select_option("1.25")
    expect(page.locator(".time")).to_contain_text("/ 1:30")
    down = {"links", "bucket"}

    def unless_down(part: str) -> Callable[[Route], None]:
        return lambda route: route.fulfill(status=503) if part in down else route.continue_()

    page.route("**/api/live/*/vod", unless_down("links"))
    page.route(f"{world.minio.url}/**", unless_down("bucket"))
    page.evaluate(
        """() => {
            const shown = document.querySelector(".time");
            window.times = [];
            new MutationObserver(() => window.times.push(shown.textContent))
                .observe(shown, { characterData: true, childList: true, subtree: true });
        }"""
    )
    seek(page, LATE_S)
    page.get_by_role("button", name="Play").click()
    lost = page.get_by_text("The connection was lost: reconnecting")
    lost.wait_for()
    with page.expect_response(lambda one: one.url.endswith("/vod") and one.ok):
        down.discard("links")
    down.clear()
    plays_on(page, "1:12")
    expect(lost).to_have_count(0)
    expect(video(page)).to_have_js_property("playbackRate", 1.25)
    assert not [one for one in page.evaluate("window.times") if one.startswith("0:00")]
    visitor.forgive("status of 503")


def test_where_the_bucket_lets_no_page_read_an_mp4_plays_and_hls_says_that_it_cannot(
    new_visitor: NewVisitor, world: BucketWorld
) -> None:
    """Also the playlist and the times of the pictures are from another origin then."""
    visitor = new_visitor()
    visitor.url = world.url.replace("127.0.0.1", "localhost")
    visitor.sign_in("alice")
    page = visitor.visit(world.replay("mp4"))
    page.get_by_role("button", name="Play").click()
    plays_on(page, "0:02")
    page.locator(".scrubber").hover()
    expect(page.locator(".glimpse div")).to_have_count(1)
    visitor.visit(world.replay("hls"))
    page.get_by_text("The recording cannot be played.").wait_for()
    visitor.forgive("CORS")
    visitor.forgive("net::ERR_FAILED")
