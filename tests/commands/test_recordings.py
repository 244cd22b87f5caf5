"""`livectl recordings …`, on a real application, SQLite and a real LiveKit."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from inline_snapshot import snapshot

from livectl.adapters.sqlite.store import SqliteStore
from livectl.domain.event import event
from livectl.domain.ids import new_id
from livectl.domain.recording import Recording, Storage
from tests.commands.test_streams import go_live
from tests.commands.test_streams import plain as without_what_differs
from tests.shell import Shell

NO_RECORDING = "0" * 24


def plain(text: str) -> str:
    """Without what differs from run to run, and without the width of its columns."""
    return re.sub(" {2,}", "  ", without_what_differs(text))


def keep(shell: Shell, **fields: Any) -> str:
    """The id of a recording that is in the store."""
    now = datetime.now(UTC)
    known: dict[str, Any] = {
        "id": new_id(),
        "stream_id": new_id(),
        "owner_id": "anna",
        "room_name": "live_anna_1700000000000",
        "recorder": "egress",
        "by": "user:anna",
        "egress_id": "EG_1",
        "requested_at": now,
        "updated_at": now,
        **fields,
    }
    recording = Recording(**known)

    async def add() -> None:
        store = SqliteStore(shell.data_dir / "livectl.db")
        await store.open()
        await store.add_recording(recording, event("recording.starting", now, "test"))
        await store.close()

    asyncio.run(add())
    return recording.id


def keep_some(shell: Shell) -> tuple[str, str]:
    """A completed one, and one that failed after it."""
    earlier = datetime.now(UTC) - timedelta(hours=3)
    path = "recordings/2026/03/a/b.mp4"
    storage = Storage(type="S3", path=path, bucket="live", size=4_200_000, duration=61.5)
    done = keep(
        shell,
        state="completed",
        path=path,
        size=4_200_000,
        duration=61.5,
        requested_at=earlier,
        storage=storage,
    )
    failed = keep(
        shell, owner_id="bert", state="failed", error="its Egress worker is gone", hint="again"
    )
    return done, failed


def test_recordings_are_listed_with_the_newest_first(shell: Shell) -> None:
    keep_some(shell)
    assert plain(shell.good("recordings", "list").out) == snapshot("""\
RECORDING  STATE  OWNER  STREAM  BY  ASKED  LASTS  MB  ERROR
<id>  failed  bert  <id>  egress  <time>  its Egress worker is gone
<id>  completed  anna  <id>  egress  <time>  <lasts>  4.2  -
""")


def test_a_list_is_filtered_and_is_the_same_in_every_format(shell: Shell) -> None:
    done, failed = keep_some(shell)

    def found(*words: str) -> list[str]:
        return shell.good("recordings", "list", "-o", "id", *words).out.split()

    assert found() == [failed, done]
    assert found("--state", "failed") == [failed]
    assert found("--owner", "anna") == [done]
    assert found("--since", "1h") == [failed]
    assert found("--until", "1h") == [done]
    assert found("--limit", "1") == [failed]
    listed = shell.json("recordings", "list")
    assert [one["recordingId"] for one in listed] == [failed, done]
    assert shell.good("recordings", "list", "-o", "jsonl").lines == listed
    ran = shell("recordings", "list", "--state", "odd", "-o", "json")
    assert (ran.code, ran.error["code"]) == (2, "bad_request")


def test_a_recording_is_shown_by_its_id_or_its_beginning(shell: Shell) -> None:
    done, _ = keep_some(shell)
    shown = shell.json("recordings", "show", done)
    assert shell.json("recordings", "show", done[:23]) == shown
    assert shown["storage"]["path"] == "recordings/2026/03/a/b.mp4"
    assert (shown["state"], shown["vodStatus"]) == ("completed", "none")


@pytest.mark.parametrize("verb", [["show"], ["retry"], ["wait", "--for", "completed"]])
def test_what_does_not_exist_ends_with_3_and_a_beginning_of_several_with_5(
    shell: Shell, verb: list[str]
) -> None:
    done, _ = keep_some(shell)
    ran = shell("recordings", *verb, NO_RECORDING)
    assert (ran.code, ran.out) == (3, "")
    assert f"error: no recording {NO_RECORDING}" in ran.err
    ran = shell("recordings", *verb, done[:2])
    assert (ran.code, ran.out) == (5, "")


def test_a_recording_of_a_stream_whose_host_is_not_on_air_does_not_begin(shell: Shell) -> None:
    stream = go_live(shell)
    ran = shell("recordings", "start", stream)
    assert (ran.code, ran.out) == (5, "")
    assert ran.err == snapshot("""\
error: nobody publishes yet
  try it again when the host is on air, or start streams with --auto-record
""")
    ran = shell("recordings", "stop", stream)
    assert (ran.code, ran.out) == (2, "")
    assert "nothing is being recorded" in ran.err


def test_a_server_that_does_not_record_says_how_it_would(shell: Shell) -> None:
    stream = go_live(shell)
    ran = shell.having(LIVECTL_RECORDER="off")("recordings", "start", stream, "-o", "json")
    assert (ran.code, ran.error["code"]) == (6, "not_ready")
    assert "LIVECTL_RECORDER" in ran.error["hint"]


def test_a_wait_ends_when_it_has_come_true_or_cannot_any_more(shell: Shell) -> None:
    done, failed = keep_some(shell)
    for_ = ["--timeout", "1s", "--for"]
    assert shell.good("recordings", "wait", done, *for_, "completed").out == f"{done} completed\n"
    assert shell.json("recordings", "wait", done, *for_, "recording")["state"] == "completed"
    assert shell.good("recordings", "wait", failed, *for_, "failed")
    ran = shell("recordings", "wait", failed, *for_, "completed", "-o", "json")
    assert (ran.code, ran.error["code"]) == (1, "waited_too_long")
    assert ran.error["error"] == f"{failed} is failed: its Egress worker is gone"
    running = keep(shell, state="recording")
    assert shell("recordings", "wait", running, *for_, "completed").code == 1
    assert shell("recordings", "wait", running, *for_, "finished").code == 2


def test_a_sync_settles_what_is_unfinished_or_tells_what_it_would(shell: Shell) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    lost = keep(
        shell,
        recorder="embedded",
        spool_host="elsewhere",
        requested_at=long_ago,
        state="recording",
        path="recordings/lost.mp4",
    )
    planned = shell.json("recordings", "sync", "--dry-run")
    assert [(one["was"], one["now"], one["result"]) for one in planned] == [
        ("recording", "failed", "planned")
    ]
    assert shell.json("recordings", "show", lost)["state"] == "recording"
    ran = shell.good("recordings", "sync")
    assert plain(ran.out) == snapshot("""\
RECORDING  WAS  NOW  RESULT  WHY
<id>  recording  failed  done  nothing was heard of elsewhere, which records it
""")
    assert ran.err == snapshot("1 were unfinished, 1 came further\n")
    assert shell.json("recordings", "sync") == []
    shown = shell.json("recordings", "show", lost)
    assert shown["error"] == "nothing was heard of elsewhere, which records it"
    assert shown["hint"]


def test_what_cannot_be_settled_ends_with_7(shell: Shell) -> None:
    keep(shell, state="recording")
    ran = shell("recordings", "sync", "-o", "json")
    assert (ran.code, ran.json[0]["result"]) == (7, "failed")
    assert ran.error["code"] == "partly_done"


def test_a_retry_of_what_is_in_the_bucket_by_now_completes_it(shell: Shell) -> None:
    found = keep(
        shell,
        state="failed",
        error="it was away",
        path="recordings/a.mp4",
        requested_at=datetime.now(UTC) - timedelta(hours=1),
    )
    ran = shell.good("recordings", "retry", found)
    assert "failed" in ran.out
    file = shell.data_dir / "objects" / "recordings" / "a.mp4"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a film")
    again = shell.json("recordings", "retry", found)
    assert (again["state"], again["storage"]["size"]) == ("completed", 6)
    assert again["error"] is None
