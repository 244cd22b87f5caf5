from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from inline_snapshot import snapshot
from livekit import api as livekit_api

from livectl.adapters.sqlite.store import SqliteStore
from livectl.ports.moderation import SeenAddress
from tests.commands.moderation.acts import NO_MESSAGE, ids, moderate, plain, stored, take_back
from tests.commands.test_streams import go_live
from tests.e2e import clients
from tests.e2e.clients import Tokens
from tests.parts.livekit import LiveKit
from tests.shell import Shell, until


def test_a_block_is_told_with_the_command_that_takes_it_back(shell: Shell, stream: str) -> None:
    ran = shell.good("moderation", "block", "bob", "--stream", stream, "--reason", "spam")
    assert plain(ran.out) == snapshot("""\
bob is blocked; 0 put out
  undo: livectl moderation unblock bob --stream <id>
""")
    assert plain(shell.good("moderation", "blocked").out) == snapshot("""\
USER  SCOPE  UNTIL  SINCE  BY  REASON
bob  stream:<id>  -  <time>  operator spam
""")
    assert shell.json("streams", "show", stream)["blockedUserIds"] == ["bob"]


def test_a_block_is_taken_back(shell: Shell, stream: str) -> None:
    for where in (["--stream", stream], ["--owner", "anna"], ["--everywhere"]):
        blocked = moderate(shell, "block", "bob", *where, "--yes")
        assert (blocked["changed"], blocked["userId"]) == (True, "bob")
        assert ids(shell, "blocked") == ["bob"]
        unblocked = take_back(shell, blocked)
        assert (unblocked["act"], unblocked["scope"]) == ("unblock", blocked["scope"])
        assert ids(shell, "blocked") == []
    assert shell.json("streams", "show", stream)["blockedUserIds"] == []


def test_a_block_for_a_time_is_put_back_for_what_is_left_of_it(shell: Shell, stream: str) -> None:
    moderate(shell, "block", "bob", "--stream", stream, "--for", "1h")
    (before,) = shell.json("moderation", "blocked")
    unblocked = moderate(shell, "unblock", "bob", "--stream", stream)
    take_back(shell, unblocked)
    (after,) = shell.json("moderation", "blocked")
    assert abs(_time(after["until"]) - _time(before["until"])) < timedelta(seconds=3)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_block_by_address_is_listed_by_hash_and_taken_back_whole(
    shell: Shell, stream: str
) -> None:
    seen = SeenAddress(user_id="bob", address="a" * 32, at=datetime.now(UTC))
    stored(shell, lambda store: store.remember_addresses([seen]))
    blocked = moderate(shell, "block", "bob", "--address", "--stream", stream)
    assert "and 1 address" in blocked["detail"]
    (kept,) = shell.json("moderation", "blocked", "--addresses")
    assert (kept["userId"], kept["address"]) == ("bob", "a" * 32)
    unblocked = take_back(shell, blocked)
    assert shell.json("moderation", "blocked", "--addresses") == []
    assert unblocked["undo"] == f"livectl moderation block bob --address --stream {stream}"
    take_back(shell, unblocked)
    assert len(shell.json("moderation", "blocked", "--addresses")) == 1
    refused = shell("moderation", "blocked", "--addresses", "--export", "-")
    assert (refused.code, refused.out) == (2, "")


def test_whom_another_program_put_on_the_streams_list_is_unblocked_and_logged(
    shell: Shell, stream: str
) -> None:
    from livectl.domain.event import event

    listed = event("user.listed", datetime.now(UTC), "another")
    stored(shell, lambda store: _block_only_in_the_list(store, stream, listed))
    (found,) = shell.json("moderation", "blocked", "--stream", stream)
    assert (found["userId"], found["by"]) == ("bob", "unknown")
    moderate(shell, "unblock", "bob", "--stream", stream)
    assert shell.json("streams", "show", stream)["blockedUserIds"] == []
    assert [one["act"] for one in shell.json("moderation", "audit")] == ["unblock"]


async def _block_only_in_the_list(store: SqliteStore, stream: str, listed: Any) -> None:
    await store.block_user(stream, "bob", listed)


@pytest.mark.parametrize(
    "words", ["unblock bob", "timeout bob --off", "mute bob", f"delete {NO_MESSAGE}"]
)
def test_what_is_not_there_ends_with_3(shell: Shell, stream: str, words: str) -> None:
    ran = shell("moderation", *words.split(), "--stream", stream, "-o", "json")
    assert (ran.code, ran.json, ran.error["code"]) == (3, [], "not_found")


@pytest.mark.parametrize("words", ["block anna", "kick anna", "timeout anna --for 10m"])
def test_the_owner_is_not_put_out_of_their_own_stream(
    shell: Shell, stream: str, words: str
) -> None:
    ran = shell("moderation", *words.split(), "--stream", stream)
    assert (ran.code, ran.out) == (2, "")
    assert "expected somebody other than the streams' owner" in ran.err


def test_a_timeout_is_listed_and_taken_back(shell: Shell, stream: str) -> None:
    quiet = moderate(shell, "timeout", "bob", "--for", "10m", "--stream", stream)
    assert re.search(r"bob is quiet until \S+ \S+ UTC", quiet["detail"])
    assert ids(shell, "timeouts") == ids(shell, "timeouts", "--stream", stream) == ["bob"]
    assert ids(shell, "timeouts", "--everywhere") == ids(shell, "blocked") == []
    loud = take_back(shell, quiet)
    assert (loud["act"], ids(shell, "timeouts")) == ("untimeout", [])
    take_back(shell, loud)
    assert ids(shell, "timeouts") == ["bob"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "how long? Expected --for or --off"),
        (["--for", "10m", "--off"], "how long? Expected --for or --off"),
        (["--for", "soon"], "--for soon: expected a duration"),
        (["--for", "9s"], "seconds: expected `int` >= 10"),
        (["--for", "15d"], "seconds: expected `int` <= 1209600"),
    ],
)
def test_a_timeout_has_a_length(shell: Shell, stream: str, words: list[str], told: str) -> None:
    ran = shell("moderation", "timeout", "bob", "--stream", stream, *words)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_a_warning_is_kept_in_the_audit(shell: Shell, stream: str) -> None:
    warned = moderate(shell, "warn", "bob", "no links, please", "--stream", stream)
    assert (warned["detail"], warned["undo"]) == ("bob is told", None)
    (entry,) = shell.json("moderation", "audit")
    assert (entry["user"], entry["data"]) == ("bob", {"content": "no links, please"})


def test_an_announcement_is_in_the_history_of_each_live_room(shell: Shell, stream: str) -> None:
    go_live(shell, "bert")
    said = moderate(shell, "announce", "back soon", "--everywhere", "--yes")
    assert said["detail"] == "said in 2 rooms"
    found = shell.json("moderation", "messages", "--kind", "system")
    assert {(one["userId"], one["content"]) for one in found} == {("system", "back soon")}
    assert len(found) == 2


# With real participants.


@contextmanager
def participant(role: str, livekit: LiveKit, token: str) -> Iterator[subprocess.Popen[str]]:
    """A client that has joined, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, clients.__file__, role, livekit.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(f"{token}\n")
        process.stdin.close()
        try:
            wait_for(process, "connected")
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], what: str) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        said: dict[str, Any] = json.loads(line)
        if said["what"] == what:
            return said
    raise AssertionError(f"it ended without a {what}")


def tokens(shell: Shell, livekit: LiveKit, stream: str) -> Tokens:
    room = shell.json("streams", "show", stream)["roomName"]
    return Tokens(livekit.key, livekit.secret, room)


@pytest.mark.e2e
@pytest.mark.parametrize("verb", ["kick", "block"])
def test_whoever_is_kicked_or_blocked_is_put_out(
    shell: Shell, livekit: LiveKit, stream: str, verb: str
) -> None:
    with participant("view", livekit, tokens(shell, livekit, stream).viewer("bob")) as viewer:
        done = moderate(shell, verb, "bob", "--stream", stream)
        assert done["count"] == 1
        assert wait_for(viewer, "disconnected")["reason"] == "PARTICIPANT_REMOVED"
    assert ids(shell, "blocked") == (["bob"] if verb == "block" else [])


@pytest.mark.e2e
def test_whoever_publishes_is_muted(shell: Shell, livekit: LiveKit, stream: str) -> None:
    mute = ("moderation", "mute", "anna", "--stream", stream)
    assert shell(*mute).code == 3
    room = tokens(shell, livekit, stream)
    with participant("publish", livekit, room.host("anna")):
        until(lambda: shell(*mute, "--dry-run").code == 0)
        (track,) = _tracks(livekit, room.room)
        assert shell(*mute, "--track", "TR_another").code == 3
        assert not track.muted
        assert moderate(shell, *mute[1:], "--track", track.sid)["count"] == 1
        (track,) = _tracks(livekit, room.room)
        assert track.muted


def _tracks(livekit: LiveKit, room: str) -> list[Any]:
    async def ask() -> list[Any]:
        async with livekit_api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as lk:
            request = livekit_api.ListParticipantsRequest(room=room)
            found = await lk.room.list_participants(request)
            return [track for one in found.participants for track in one.tracks]

    return asyncio.run(ask())
