"""`livectl vod …`, on SQLite and a directory, and through a server on MinIO."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import pytest
from inline_snapshot import snapshot

from livectl.adapters.files import FileObjects
from livectl.adapters.sqlite.store import SqliteStore
from livectl.adapters.system_clock import SystemClock
from livectl.domain.recording import Recording
from livectl.errors import Unavailable
from livectl.ports.objects import Objects
from livectl.ports.store import Store
from livectl.services.backfill import Backfill, Wish
from tests.parts.minio import MinIO
from tests.services.conftest import on_minio
from tests.services.films import BROKEN, film
from tests.services.vod_helpers import add_hls, add_recording, add_stream
from tests.shell import Shell

NO_VOD = "0" * 24
T = TypeVar("T")


def behind(shell: Shell, act: Callable[[Store, Objects], Awaitable[T]]) -> T:
    """What a recorder leaves in the shell's store and bucket."""

    async def run() -> T:
        store = SqliteStore(shell.data_dir / "livectl.db")
        await store.open()
        key = FileObjects(shell.data_dir / "objects", key=b"", clock=SystemClock())
        try:
            return await act(store, key)
        finally:
            await store.close()

    return asyncio.run(run())


def record(shell: Shell, content: bytes | None = None, **stream: object) -> Recording:
    async def add(store: Store, objects: Objects) -> Recording:
        return await add_recording(
            store,
            objects,
            await add_stream(store, **stream),
            film() if content is None else content,
        )

    shell.data_dir.mkdir(exist_ok=True, parents=True)
    return behind(shell, add)


def published(shell: Shell, **stream: object) -> str:
    recording = record(shell, **stream)
    shell.good("vod", "backfill", "-q")
    return recording.id


def plain(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{24}\b", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>", text)
    text = re.sub(r"\d+\.\d kB", "<size>", text)
    return re.sub(r" {2,}", "  ", text)


def test_a_list_is_a_table_and_holds_the_same_in_every_format(bare_shell: Shell) -> None:
    one = published(bare_shell)
    found = bare_shell.json("vod", "list")
    assert [item["vodId"] for item in found] == [one]
    assert bare_shell.good("vod", "list", "-o", "jsonl").lines == found
    assert bare_shell.good("vod", "list", "-o", "id").out.split() == [one]
    assert bare_shell.json("vod", "show", one[:20]) == found[0]
    assert plain(bare_shell.good("vod", "list").out) == snapshot("""\
VOD  STATUS  OWNER  STREAM  RECORDED  LASTS  SIZE  HOLD  ERROR
<id>  available  anna  <id>  <time>  0:00:06  <size>  -  -
""")


def test_a_list_is_filtered(bare_shell: Shell) -> None:
    one = published(bare_shell)
    two = published(bare_shell, owner_id="bert")
    bare_shell.good("vod", "hold", two, "--reason", "case 31")

    def found(*words: str) -> list[str]:
        return bare_shell.good("vod", "list", "-o", "id", *words).out.split()

    assert sorted(found()) == sorted([one, two])
    assert found("--owner", "bert") == [two]
    assert found("--hold") == [two]
    assert found("--no-hold") == [one]
    assert found("--status", "failed") == []
    assert len(found("--limit", "1")) == 1
    stream = bare_shell.json("vod", "show", one)["streamId"]
    assert found("--stream", stream[:20]) == [one]


def test_a_beginning_of_several_names_none_and_what_is_not_there_ends_with_3(
    bare_shell: Shell,
) -> None:
    one, two = published(bare_shell), published(bare_shell)
    for words in (["show"], ["url"], ["thumbnails"], ["unhold"], ["delete", "--yes"]):
        ran = bare_shell("vod", *words, one[:2])
        assert (ran.code, ran.out) == (5, "")
        assert "is the beginning of several VODs" in ran.err
        ran = bare_shell("vod", *words, NO_VOD)
        assert (ran.code, ran.out) == (3, "")
    assert sorted(bare_shell.good("vod", "list", "-o", "id").out.split()) == sorted([one, two])


def test_a_download_is_checked_and_goes_on_where_it_stopped(bare_shell: Shell) -> None:
    one = published(bare_shell)
    whole = bare_shell.home / f"{one}.mp4"
    part = bare_shell.home / f"{one}.mp4.part"
    part.write_bytes(film()[:1000])
    found = bare_shell.json("vod", "download", one)
    assert whole.read_bytes() == film()
    assert not part.exists()
    assert (found["file"], found["size"]) == (whole.name, len(film()))
    ran = bare_shell("vod", "download", one)
    assert ran.code == 2
    assert "--force writes over it" in ran.err
    bare_shell.good("vod", "download", one, "--force")
    bare_shell.good("vod", "download", one, "other.mp4")
    assert (bare_shell.home / "other.mp4").read_bytes() == film()


def test_a_download_of_which_a_part_is_wrong_is_thrown_away(bare_shell: Shell) -> None:
    one = published(bare_shell)
    part = bare_shell.home / f"{one}.mp4.part"

    async def seal(store: Store, objects: Objects) -> None:
        import hashlib

        import msgspec

        recording = await store.recording(one)
        assert recording is not None
        assert recording.storage is not None
        digest = hashlib.sha256(film()).hexdigest()
        storage = msgspec.structs.replace(recording.storage, sha256=digest)
        await store.save_recording(msgspec.structs.replace(recording, storage=storage), None)

    behind(bare_shell, seal)
    part.write_bytes(b"?" * 1000)
    ran = bare_shell("vod", "download", one)
    assert (ran.code, ran.out) == (1, "")
    assert "not what was stored" in ran.err
    assert not part.exists()
    assert bare_shell.json("vod", "download", one)["checked"] == "checked by its SHA-256"


def test_a_link_is_printed_alone_and_opened_where_there_is_a_browser(bare_shell: Shell) -> None:
    one = published(bare_shell)
    url = bare_shell.good("vod", "url", one).out.strip()
    assert url.startswith("http://127.0.0.1:8080/files/recordings/2026/03/")
    assert "&signature=" in url
    assert "&download=" in bare_shell.good("vod", "url", one, "--download").out
    browser = bare_shell.home / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > opened\n')
    browser.chmod(0o755)
    ran = bare_shell.having(BROWSER=f"{browser} %s").program("vod", "open", one)
    assert ran.out == f"{one} plays in the browser\n"
    assert (bare_shell.home / "opened").read_text().startswith("http://127.0.0.1:8080/files/")
    ran = bare_shell.having(BROWSER="/bin/false %s", PATH="/nowhere").program("vod", "open", one)
    assert ran.out.startswith("http://127.0.0.1:8080/files/")


def test_a_vod_on_hold_is_deleted_after_it_was_let_go(bare_shell: Shell) -> None:
    one, two = published(bare_shell), published(bare_shell)
    bare_shell.good("vod", "hold", one, "--reason", "case 31")
    ran = bare_shell("vod", "delete", one, two, "--yes")
    assert ran.code == 7
    assert ran.out == f"{two} is gone\n"
    assert "on hold: case 31" in ran.err
    bare_shell.good("vod", "unhold", one)
    ran = bare_shell("vod", "delete", one)
    assert ran.code == 2
    assert "no terminal to ask on" in ran.err
    assert bare_shell.json("vod", "delete", "-", "--yes", stdin=f"{one}\n") == [
        {"vodId": one, "success": True}
    ]
    assert not list((bare_shell.data_dir / "objects").glob("recordings/**/*.mp4"))


def test_pictures_are_made_anew(bare_shell: Shell) -> None:
    one = published(bare_shell)
    poster = bare_shell.data_dir / "objects" / bare_shell.json("vod", "show", one)["poster"]
    poster.unlink()
    assert bare_shell.good("vod", "thumbnails", one).out == f"{one} has new pictures\n"
    assert poster.exists()


def test_a_wait_ends_when_it_is_so_or_never_will_be(bare_shell: Shell) -> None:
    one = published(bare_shell)
    assert bare_shell.good("vod", "wait", one).out == f"{one} is available\n"
    assert bare_shell("vod", "wait", NO_VOD, "--for", "gone").code == 3
    ran = bare_shell("vod", "wait", NO_VOD, "--timeout", "1s")
    assert (ran.code, ran.out) == (1, "")
    assert "was not available within 1s" in ran.err
    assert bare_shell("vod", "wait", one, "--for", "ready").code == 2
    make, _ = BROKEN["no moov"]
    broken = record(bare_shell, make())
    bare_shell("vod", "backfill")
    ran = bare_shell("vod", "wait", broken.id, "--timeout", "1h")
    assert ran.code == 1
    assert "no moov" in ran.err


def test_a_backfill_sums_up_in_one_line_and_ends_with_7_where_some_failed(
    bare_shell: Shell,
) -> None:
    record(bare_shell)
    assert bare_shell.good("vod", "backfill").lines == snapshot(
        [
            {
                "scanned": 6,
                "published": 1,
                "repaired": 0,
                "adopted": 0,
                "deleted": 0,
                "unmatched": 0,
                "failed": 0,
                "complete": True,
                "dryRun": False,
            }
        ]
    )
    assert bare_shell.json("vod", "backfill")["published"] == 0
    make, _ = BROKEN["no moov"]
    broken = record(bare_shell, make())
    ran = bare_shell("vod", "backfill")
    assert ran.code == 7
    assert (ran.lines[0]["failed"], ran.lines[0]["complete"]) == (1, True)
    assert f"failed {broken.path}: it has no moov" in ran.err
    assert len(ran.out.splitlines()) == 1


def test_a_dry_backfill_lists_what_would_be_done_and_does_nothing(bare_shell: Shell) -> None:
    recording = record(bare_shell)
    ran = bare_shell.good("vod", "backfill", "--dry-run")
    assert f"would be published {recording.path}" in ran.err
    assert ran.lines[0]["dryRun"] is True
    assert bare_shell.json("vod", "list") == []


def test_a_backfill_stops_at_its_limit_and_after_too_many_failures(bare_shell: Shell) -> None:
    for _ in range(3):
        record(bare_shell)
    found = bare_shell.json("vod", "backfill", "--limit", "2")
    assert (found["published"], found["complete"]) == (2, False)
    make, _ = BROKEN["empty"]
    for _ in range(2):
        record(bare_shell, make())
    ran = bare_shell("vod", "backfill", "--max-failures", "1", "--concurrency", "1", "-o", "json")
    assert ran.code == 7
    assert ran.json["complete"] is False
    # What gave up keeps nobody waiting.
    assert bare_shell("vod", "backfill").code == 7


def test_a_backfill_of_which_a_part_fails_sums_up_all_the_same(
    bare_shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(bare_shell)
    page = Backfill.page

    async def fails_later(self: Backfill, wish: Wish, **more: Any) -> Any:
        if wish.cursor is not None:
            raise Unavailable("the bucket is away")
        return await page(self, wish, **more)

    monkeypatch.setattr(Backfill, "page", fails_later)
    ran = bare_shell("vod", "backfill", "-o", "json")
    assert ran.code == 6
    assert (ran.json["scanned"] > 0, ran.json["complete"]) == (True, False)


def test_a_wait_for_the_end_of_a_vod_ends_when_it_is_gone(
    bare_shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = published(bare_shell)
    seen = []

    def sleep(seconds: float) -> None:
        seen.append(seconds)
        bare_shell.good("vod", "delete", one, "--yes")

    monkeypatch.setattr("livectl.commands.vod.time.sleep", sleep)
    waited = bare_shell.json("vod", "wait", one[:20], "--for", "gone")
    assert (waited["vodId"], waited["status"], len(seen)) == (one, "gone", 1)


def test_an_archived_vod_says_so_and_has_no_link(bare_shell: Shell) -> None:
    one = published(bare_shell)

    async def archive(store: Store, objects: Objects) -> None:
        found = await store.recording(one)
        assert found is not None
        assert found.vod is not None
        vod = msgspec.structs.replace(found.vod, storage_class="GLACIER")
        assert await store.save_recording(msgspec.structs.replace(found, vod=vod), None)

    behind(bare_shell, archive)
    assert " archived " in bare_shell.good("vod", "list").out
    shown = bare_shell.json("vod", "show", one)
    assert (shown["archived"], shown["storageClass"]) == (True, "GLACIER")
    ran = bare_shell("vod", "url", one)
    assert (ran.code, ran.out) == (5, "")
    assert "archived in GLACIER" in ran.err


def test_a_backfill_beside_another_ends_with_5(bare_shell: Shell) -> None:
    record(bare_shell)

    async def take(store: Store, objects: Objects) -> None:
        now = SystemClock().now()
        await store.take_lease(
            "vod-backfill", "another", now=now, until=now.replace(year=now.year + 1)
        )

    behind(bare_shell, take)
    ran = bare_shell("vod", "backfill", "-o", "json")
    assert (ran.code, ran.out) == (5, "")
    assert "a backfill is running already" in ran.error["error"]


def test_verify_tells_what_is_wrong_and_ends_with_7(bare_shell: Shell) -> None:
    one = published(bare_shell)
    ran = bare_shell.good("vod", "verify", "--deep", "-o", "json")
    assert ran.json == []
    path = bare_shell.json("vod", "show", one)["path"]
    (bare_shell.data_dir / "objects" / path).unlink()
    ran = bare_shell("vod", "verify", "-o", "json")
    assert ran.code == 7
    assert [(item["kind"], item["path"]) for item in ran.json] == [("gone", path)]
    assert plain(bare_shell("vod", "verify").out) == snapshot("""\
WHAT  VOD  PATH  WHY
gone  <id>  recordings/2026/03/<id>/<id>.mp4  its object is gone
""")


def test_prune_shows_asks_and_does_what_it_showed(bare_shell: Shell) -> None:
    old, young, other = (published(bare_shell) for _ in range(3))
    bare_shell.good("vod", "hold", young, "--reason", "case 31")

    async def age(store: Store, objects: Objects) -> None:
        import msgspec

        recording = await store.recording(old)
        assert recording is not None
        at = recording.requested_at.replace(year=2020)
        await store.save_recording(msgspec.structs.replace(recording, requested_at=at), None)

    behind(bare_shell, age)
    words = ("vod", "prune", "--older-than", "2021-01-01")
    ran = bare_shell.good(*words, "--dry-run")
    assert plain(ran.out) == snapshot("""\
VOD  ACT  RECORDED  SIZE  STREAM
<id>  delete  <time>  <size>  <id>
""")
    assert plain(ran.err) == snapshot("Delete 1 VODs (<size>) of 3 (<size>)\n")
    ran = bare_shell(*words)
    assert ran.code == 2
    assert "no terminal to ask on" in ran.err
    ran = bare_shell.terminal(*words, typed="n\n", when="[y/N]")
    assert ran.code == 1
    assert len(bare_shell.json("vod", "list")) == 3
    done = bare_shell.json(*words, "--yes")
    assert [(item["vodId"], item["act"]) for item in done] == [(old, "delete")]
    left = {item["vodId"] for item in bare_shell.json("vod", "list")}
    assert left == {young, other}
    assert bare_shell.json(*words, "--yes") == []


def test_prune_refuses_what_would_be_too_much(bare_shell: Shell) -> None:
    for _ in range(2):
        published(bare_shell)
    ran = bare_shell("vod", "prune", "--max-total", "0B", "--yes", "-o", "json")
    assert (ran.code, ran.out) == (5, "")
    assert "2 of 2 VODs, more than 50%" in ran.error["error"]
    assert bare_shell("vod", "prune", "--yes").code == 2
    assert bare_shell("vod", "prune", "--max-total", "much").code == 2
    ran = bare_shell("vod", "prune", "--max-total", "0B", "--max-share", "1", "--yes", "-o", "id")
    assert ran.code == 0
    assert len(ran.out.split()) == 2
    assert bare_shell.json("vod", "list") == []


def test_a_terminal_sees_how_far_it_is(bare_shell: Shell) -> None:
    record(bare_shell)
    ran = bare_shell.terminal("vod", "backfill")
    assert ran.code == 0
    assert "looked at, 1 published" in ran.out


@pytest.fixture
def on_s3(bare_shell: Shell, minio: MinIO) -> Shell:
    return bare_shell.having(**minio.settings(minio.bucket()))


def test_on_s3_a_download_comes_straight_from_the_bucket(on_s3: Shell, minio: MinIO) -> None:
    async def add(store: Store, _: Objects) -> tuple[Recording, Recording]:
        objects = on_minio(minio, on_s3.environment["S3_BUCKET"])
        stream = await add_stream(store)
        one = await add_recording(store, objects, stream, film())
        many = await add_hls(store, objects, stream)
        await objects.close()
        return one, many

    on_s3.data_dir.mkdir(parents=True)
    one, many = behind(on_s3, add)
    assert on_s3.json("vod", "backfill")["published"] == 2
    url = on_s3.good("vod", "url", one.id).out
    assert url.startswith(f"{minio.url}/{on_s3.environment['S3_BUCKET']}/{one.path}?")
    on_s3.good("vod", "download", one.id, "a.mp4")
    assert (on_s3.home / "a.mp4").read_bytes() == film()
    ran = on_s3("vod", "download", many.id)
    assert ran.code == 2
    assert "ffmpeg -i" in ran.err
    assert minio.secret_key not in on_s3.good("vod", "show", one.id).out + url
