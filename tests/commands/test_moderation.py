"""`livectl moderation …`, on a real application, SQLite and a real LiveKit."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from inline_snapshot import snapshot
from livekit import api as livekit_api
from typer.core import TyperGroup

from livectl.adapters.sqlite.store import SqliteStore
from livectl.cli import load_noun
from livectl.client import connect
from livectl.config import load
from livectl.domain.chat import ChatEntry, entry_id
from livectl.ports.moderation import SeenAddress
from tests.commands.test_completion import completed
from tests.commands.test_streams import NO_STREAM, go_live
from tests.commands.test_streams import plain as without_ids
from tests.e2e import clients
from tests.e2e.clients import Tokens
from tests.parts.livekit import LiveKit
from tests.shell import Ran, Shell, until

NO_MESSAGE = "0" * 24
A_DAY = 86_400


@pytest.fixture
def stream(shell: Shell) -> str:
    """A live stream of anna."""
    return go_live(shell, "anna", "--title", "Evening")


def moderate(shell: Shell, *words: str, stdin: str = "") -> Any:
    """What an act that has to succeed answers: its one outcome, or all of them."""
    outcomes = shell.json("moderation", *words, stdin=stdin)
    return outcomes[0] if len(outcomes) == 1 else outcomes


def take_back(shell: Shell, outcome: dict[str, Any]) -> Any:
    """Run the command that an act says takes it back."""
    program, *words = shlex.split(outcome["undo"])
    assert program == "livectl"
    return moderate(shell, *words[1:])


def ids(shell: Shell, *words: str) -> list[str]:
    return shell.good("moderation", *words, "-o", "id").out.split()


def stored(shell: Shell, work: Callable[[SqliteStore], Awaitable[None]]) -> None:
    async def run() -> None:
        store = SqliteStore(shell.data_dir / "livectl.db")
        await store.open()
        try:
            await work(store)
        finally:
            await store.close()

    asyncio.run(run())


def say(shell: Shell, stream: str, *lines: str, by: str = "bob") -> list[str]:
    """The ids of messages that somebody said just now."""
    now = datetime.now(UTC)
    entries = [
        ChatEntry(
            id=entry_id(now), stream_id=stream, kind="message", user_id=by, content=line, at=now
        )
        for line in lines
    ]
    stored(shell, lambda store: store.add_entries(entries))
    return [one.id for one in entries]


def report(shell: Shell, stream: str, *evidence: str, reason: str = "spam") -> str:
    """The id of a report that was filed as an app files it."""
    body = {"type": "abuse", "reason": reason, "evidence": list(evidence)}
    with closing(connect(load(shell.environment, environ={}), timeout=30, curl=False)) as api:
        return str(api.post(f"/api/live/{stream}/report", body)["reportId"])


def plain(text: str) -> str:
    """Without what differs from run to run; the width of a column is such a thing."""
    return re.sub(r" {2,}", "  ", without_ids(text))


# Parsing: each verb with the call that it makes.

BODIES: list[tuple[str, dict[str, Any]]] = [
    ("block bob", {"act": "block", "userId": "bob"}),
    ("block bob --for 7d", {"act": "block", "userId": "bob", "seconds": 7 * A_DAY}),
    ("block bob --address", {"act": "block", "userId": "bob", "address": True}),
    ("unblock bob", {"act": "unblock", "userId": "bob"}),
    ("kick bob", {"act": "kick", "userId": "bob"}),
    ("mute bob", {"act": "mute", "userId": "bob"}),
    ("mute bob --track TR_1", {"act": "mute", "userId": "bob", "trackSid": "TR_1"}),
    ("timeout bob --for 10m", {"act": "timeout", "userId": "bob", "seconds": 600}),
    ("timeout bob --off", {"act": "untimeout", "userId": "bob"}),
    ("warn bob hello", {"act": "warn", "userId": "bob", "content": "hello"}),
    ("announce hello", {"act": "announce", "content": "hello"}),
    ("delete m1 m2", {"act": "delete", "messageIds": ["m1", "m2"]}),
    ("restore m1", {"act": "restore", "messageIds": ["m1"]}),
    ("restore --event e1", {"act": "restore", "eventId": "e1"}),
    ("clear bob", {"act": "clear", "userId": "bob"}),
    ("slow 10s", {"act": "rules", "slowSeconds": 10}),
    ("slow off", {"act": "rules", "slowSeconds": 0}),
    ("freeze on", {"act": "rules", "frozen": True}),
    ("freeze off", {"act": "rules", "frozen": False}),
    ("links on", {"act": "rules", "linksOff": False}),
    ("links off", {"act": "rules", "linksOff": True}),
    ("allow on", {"act": "rules", "allowedOnly": True}),
    ("allow off", {"act": "rules", "allowedOnly": False}),
    ("allow add bob eve", {"act": "rules", "allow": ["bob", "eve"]}),
    ("allow remove bob", {"act": "rules", "disallow": ["bob"]}),
    ("words add spam ham*", {"act": "rules", "addWords": ["spam", "ham*"]}),
    ("words remove spam", {"act": "rules", "removeWords": ["spam"]}),
    ("moderators add carl", {"act": "moderators", "add": ["carl"]}),
    ("moderators remove carl", {"act": "moderators", "remove": ["carl"]}),
]


def shown_bodies(ran: Ran) -> list[Any]:
    """The bodies of the calls that `--curl` shows."""
    words = [shlex.split(line) for line in ran.out.splitlines()]
    return [json.loads(line[line.index("-d") + 1]) for line in words]


@pytest.mark.parametrize(("words", "body"), BODIES)
def test_an_act_is_one_call(shell: Shell, stream: str, words: str, body: dict[str, Any]) -> None:
    for option, scope in (
        (["--stream", stream], {"streamId": stream}),
        (["--owner", "anna"], {"ownerId": "anna"}),
        (["--everywhere"], {}),
    ):
        given = ["moderation", *words.split(), *option, "--reason", "why not"]
        ran = shell.good(*given, "--curl")
        assert shown_bodies(ran) == [{**body, **scope, "reason": "why not"}]
        assert "/api/moderation?dryRun=false" in ran.out


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (["add", "m1", "--content", "hi"], {"act": "pin", "messageId": "m1", "content": "hi"}),
        (["remove", "m1"], {"act": "unpin", "messageId": "m1"}),
    ],
)
def test_a_pin_is_of_one_stream(
    stream: str, shell: Shell, words: list[str], body: dict[str, Any]
) -> None:
    ran = shell.good("moderation", "pins", *words, "--stream", stream[:-1], "--curl")
    assert shown_bodies(ran) == [{**body, "streamId": stream}]
    assert shell("moderation", "pins", *words).code == 2


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("blocked", "/api/moderation/restrictions?kind=block&all=true"),
        ("blocked --addresses", "/api/moderation/restrictions?kind=address&all=true"),
        ("blocked --everywhere", "/api/moderation/restrictions?kind=block"),
        ("timeouts --owner anna", "/api/moderation/restrictions?kind=timeout&ownerId=anna"),
        ("messages --text hi", "/api/moderation/messages?limit=100&text=hi&hidden=false"),
        ("messages --all --hidden", "/api/moderation/messages?limit=500&hidden=true"),
        ("words list --everywhere", "/api/moderation/rules"),
        ("rules --everywhere", "/api/moderation/rules"),
        ("audit --all --act block", "/api/moderation/audit?limit=1000&act=block"),
        ("reports list", "/api/reports?limit=100&status=open"),
        ("reports list --resolved --limit 7", "/api/reports?limit=7&status=resolved"),
        (f"reports show {NO_STREAM}", f"/api/reports/{NO_STREAM}"),
        (f"reports resolve {NO_STREAM} --resolution no", f"/api/reports/{NO_STREAM}/resolve"),
    ],
)
def test_what_is_read_is_one_call(bare_shell: Shell, words: str, path: str) -> None:
    ran = bare_shell.good("moderation", *words.split(), "--curl")
    assert shlex.split(ran.out)[-1] == f"http://127.0.0.1:8080{path}"


def verbs(command: Any, *words: str) -> Iterator[tuple[str, Any]]:
    """Every verb, also of a part, with its words."""
    if isinstance(command, TyperGroup):
        for name, found in command.commands.items():
            yield from verbs(found, *words, name)
    else:
        yield " ".join(words), command


VERBS = dict(verbs(load_noun("moderation")))


@pytest.mark.parametrize("words", VERBS)
def test_every_verb_has_a_sentence_an_example_and_says_what_its_options_are(words: str) -> None:
    command = VERBS[words]
    sentence, _, rest = command.help.partition("\n\n")
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    (example,) = re.findall(r"^Example: (.+)$", rest, re.MULTILINE)
    assert example.startswith(f"livectl moderation {words}")
    assert all(one.help for one in command.params if one.param_type_name == "option")


# Where.


@pytest.mark.parametrize(
    "words",
    [words for words, _ in BODIES] + ["words list", "allow list", "moderators list", "rules"],
)
def test_nothing_is_done_everywhere_because_an_option_was_forgotten(
    bare_shell: Shell, words: str
) -> None:
    ran = bare_shell(
        "moderation", *words.split(), *([] if words.endswith(("list", "rules")) else ["--yes"])
    )
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: where? Expected --stream, --owner or --everywhere\n"


@pytest.mark.parametrize("words", ["block bob --yes", "blocked", "messages", "rules"])
def test_one_scope_is_enough(shell: Shell, stream: str, words: str) -> None:
    ran = shell("moderation", *words.split(), "--stream", stream, "--owner", "anna")
    assert (ran.code, ran.out) == (2, "")
    assert "--stream, --owner, --everywhere: expected one of them" in ran.err


def test_a_stream_is_named_by_its_id_its_beginning_or_its_room(shell: Shell, stream: str) -> None:
    room = shell.json("streams", "show", stream)["roomName"]
    for ref in (stream, stream[:-1], room):
        done = moderate(shell, "timeout", "bob", "--for", "10m", "--stream", ref)
        assert done["scope"] == f"stream:{stream}"
    missing = shell("moderation", "kick", "bob", "--stream", NO_STREAM)
    assert (missing.code, missing.err.splitlines()[0]) == (3, f"error: no stream {NO_STREAM}")
    go_live(shell, "bert")
    several = shell("moderation", "kick", "bob", "--stream", stream[:2])
    assert (several.code, several.out) == (5, "")


def test_live_streams_are_completed(shell: Shell, stream: str) -> None:
    for verb in ("block bob", "words add spam", "pins list", "messages", "reports list"):
        assert completed(shell, f"livectl moderation {verb} --stream ") == [stream]


# People.


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


# Messages.


def test_messages_are_deleted_and_put_back(shell: Shell, stream: str) -> None:
    one, two, three = say(shell, stream, "one", "two", "three")
    deleted = moderate(shell, "delete", one, two, "--stream", stream, "--yes")
    assert (deleted["count"], deleted["detail"]) == (2, "2 messages hidden")
    assert ids(shell, "messages") == [three]
    assert set(ids(shell, "messages", "--hidden")) == {one, two, three}
    restored = take_back(shell, deleted)
    assert (restored["count"], ids(shell, "messages")) == (2, [three, two, one])
    assert restored["undo"] == f"livectl moderation delete {two} {one} --stream {stream}"


def test_messages_are_put_back_one_by_one(shell: Shell, stream: str) -> None:
    one, two = say(shell, stream, "one", "two")
    moderate(shell, "clear", "bob", "--stream", stream, "--yes")
    restored = moderate(shell, "restore", one, "--stream", stream)
    assert ids(shell, "messages") == [one]
    take_back(shell, restored)
    assert ids(shell, "messages") == []
    again = shell("moderation", "restore", one, two, NO_MESSAGE, "--stream", stream, "-o", "json")
    assert (again.code, again.json[0]["missing"]) == (7, [NO_MESSAGE])
    assert shell("moderation", "restore", one, "--stream", stream).code == 3
    both = shell("moderation", "restore", one, "--event", "x", "--stream", stream)
    assert (both.code, both.out) == (2, "")


def test_messages_that_are_not_there_do_not_stop_the_others(shell: Shell, stream: str) -> None:
    (one,) = say(shell, stream, "one")
    ran = shell("moderation", "delete", one, NO_MESSAGE, "--stream", stream, "--yes", "-o", "json")
    assert (ran.code, ran.json[0]["count"], ran.error["code"]) == (7, 1, "partly_done")
    assert ran.error["error"] == f"1 were not found: {NO_MESSAGE}"
    again = moderate(shell, "delete", one, "--stream", stream)
    assert (again["changed"], again["undo"]) == (False, None)


def test_ids_that_a_search_found_are_deleted_from_standard_input(shell: Shell, stream: str) -> None:
    say(shell, stream, *["buy now"] * 501, "hello")
    found = shell.good("moderation", "messages", "--text", "BUY", "--all", "-o", "id").out
    outcomes = moderate(shell, "delete", "-", "--stream", stream, "--yes", stdin=found)
    assert [one["count"] for one in outcomes] == [500, 1]
    assert [one["content"] for one in shell.json("moderation", "messages")] == ["hello"]


def test_all_that_a_user_said_is_cleared_in_the_scope_and_put_back(
    shell: Shell, stream: str
) -> None:
    other = go_live(shell, "bert")
    say(shell, stream, "one", "two")
    say(shell, stream, "hello", by="eve")
    (kept,) = say(shell, other, "three")
    cleared = moderate(shell, "clear", "bob", "--owner", "anna", "--yes")
    assert cleared["count"] == 2
    assert ids(shell, "messages", "--user", "bob") == [kept]
    # In another scope it is not there to be put back.
    wrong = shell("moderation", "restore", "--event", cleared["eventId"], "--stream", other)
    assert (wrong.code, wrong.out) == (3, "")
    take_back(shell, cleared)
    assert len(ids(shell, "messages", "--user", "bob")) == 3


def test_what_was_cleared_everywhere_is_put_back(shell: Shell, stream: str) -> None:
    say(shell, stream, "one", "two")
    cleared = moderate(shell, "clear", "bob", "--everywhere", "--yes")
    assert ids(shell, "messages") == []
    assert take_back(shell, cleared)["count"] == 2
    again = shell("moderation", *shlex.split(cleared["undo"])[2:])
    assert (again.code, again.err) == (3, "error: nothing of that is hidden there\n")


def test_a_search_is_a_table_with_the_newest_first(shell: Shell, stream: str) -> None:
    say(shell, stream, "hello", "buy\x1b[31m now")
    assert plain(shell.good("moderation", "messages").out) == snapshot("""\
MESSAGE  AT  STREAM  USER  KIND  HIDDEN  CONTENT
<id>  <time>  <id>  bob  message  no  buy�[31m now
<id>  <time>  <id>  bob  message  no  hello
""")


def test_a_search_is_filtered(shell: Shell, stream: str) -> None:
    other = go_live(shell, "bert")
    hello, buy = say(shell, stream, "hello", "Buy Now")
    (eve,) = say(shell, other, "buy", by="eve")

    def found(*words: str) -> list[str]:
        return ids(shell, "messages", *words)

    assert found() == found("--since", "1h") == [eve, buy, hello]
    assert found("--text", "buy n") == [buy]
    assert found("--user", "eve") == found("--owner", "bert") == found("--stream", other) == [eve]
    assert found("--until", "1h") == found("--kind", "gift") == []
    assert found("--limit", "2") == [eve, buy]
    wrong = shell("moderation", "messages", "--kind", "shout")
    assert (wrong.code, wrong.out) == (2, "")


def test_a_search_exports_every_page(shell: Shell, stream: str) -> None:
    said = say(shell, stream, *(f"line {number}" for number in range(1100)))
    ran = shell.good("moderation", "messages", "--all", "-o", "jsonl")
    assert [one["id"] for one in ran.lines] == said[::-1]
    some = shell.good("moderation", "messages", "--limit", "3")
    assert some.err == "the newest 3; --limit or --all for more\n"


# Rules.


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("slow 10s", "slowSeconds", 10),
        ("freeze on", "frozen", True),
        ("links off", "linksOff", True),
        ("allow on", "allowedOnly", True),
        ("allow add bob eve", "allowed", ["bob", "eve"]),
        ("words add spam casino* /buy+/", "words", ["spam", "casino*", "/buy+/"]),
        ("moderators add carl dan", "moderators", ["carl", "dan"]),
    ],
)
@pytest.mark.parametrize("where", ["--stream", "--owner", "--everywhere"])
def test_a_rule_is_made_shown_and_taken_back(
    shell: Shell, stream: str, words: str, field: str, value: Any, where: str
) -> None:
    named = {"--stream": [stream], "--owner": ["anna"], "--everywhere": []}
    scope = [where, *named[where]]

    def rule() -> Any:
        return shell.json("moderation", "rules", *scope)[-1][field]

    before = rule()
    made = moderate(shell, *words.split(), *scope, "--yes")
    assert (made["changed"], rule()) == (True, value)
    again = moderate(shell, *words.split(), *scope, "--yes")
    assert (again["changed"], again["detail"]) == (False, "it is so already")
    gone = take_back(shell, made)
    assert rule() == before
    program, _, *back = shlex.split(gone["undo"])
    moderate(shell, *back, "--yes")
    assert (program, rule()) == ("livectl", value)


def test_the_rules_that_hold_in_a_stream_are_shown_with_where_they_come_from(
    shell: Shell, stream: str
) -> None:
    moderate(shell, "words", "add", "spam", "--everywhere", "--yes")
    moderate(shell, "moderators", "add", "carl", "--owner", "anna")
    moderate(shell, "slow", "1m", "--stream", stream)
    moderate(shell, "allow", "add", "bob", "--stream", stream)
    moderate(shell, "allow", "on", "--stream", stream)
    ran = shell.good("moderation", "rules", "--stream", stream)
    assert plain(ran.out) == snapshot("""\
SCOPE  SLOW  FROZEN  LINKS  ONLY  WORDS  MODERATORS
everywhere  off  no  yes  -  1  -
owner:anna  off  no  yes  -  0  carl
stream:<id>  60s  no  yes  1 users  0  -
""")
    assert ids(shell, "rules", "--owner", "anna") == ["everywhere", "owner:anna"]
    assert ids(shell, "allow", "list", "--stream", stream) == ["bob"]
    assert ids(shell, "words", "list", "--everywhere") == ["spam"]
    assert shell.json("moderation", "moderators", "list", "--owner", "anna") == [{"userId": "carl"}]
    curl = shell.good("moderation", "rules", "--stream", stream, "--curl").out.splitlines()
    assert [shlex.split(line)[-1].partition("/rules")[2] for line in curl] == [
        "",
        "?ownerId=anna",
        f"?streamId={stream}",
    ]


def test_words_come_from_standard_input_and_go_out_again(shell: Shell) -> None:
    given = "spam\n\n/buy +now/\ncasino*\n"
    moderate(shell, "words", "add", "-", "--everywhere", "--yes", stdin=given)
    listed = shell.good("moderation", "words", "list", "--everywhere", "-o", "id").out
    assert listed == given.replace("\n\n", "\n")
    moderate(shell, "words", "remove", "-", "--everywhere", stdin=listed)
    assert ids(shell, "words", "list", "--everywhere") == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("freeze maybe", "maybe: expected on or off"),
        ("links 1", "1: expected on or off"),
        ("slow fast", "slow fast: expected a duration"),
        ("slow 2h", "slowSeconds: expected `int` <= 3600"),
        ("words add /(/", "addWords: expected '/(/'"),
        ("words add", "which words? Expected at least one, or -"),
        ("allow add", "which users? Expected at least one, or -"),
    ],
)
def test_a_rule_that_cannot_be_is_a_usage_error(
    shell: Shell, stream: str, words: str, told: str
) -> None:
    ran = shell("moderation", *words.split(), "--stream", stream)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_messages_are_pinned_listed_and_let_go(shell: Shell, stream: str) -> None:
    where = ("--stream", stream)
    pinned = moderate(shell, "pins", "add", "m1", "--content", "be 'kind'; or else", *where)
    assert plain(shell.good("moderation", "pins", "list", *where).out) == snapshot("""\
MESSAGE  AT  BY  CONTENT
m1  <time>  anna  be 'kind'; or else
""")
    gone = take_back(shell, pinned)
    assert ids(shell, "pins", "list", *where) == []
    take_back(shell, gone)
    (found,) = shell.json("moderation", "pins", "list", *where)
    assert (found["messageId"], found["content"]) == ("m1", "be 'kind'; or else")
    assert shell("moderation", "pins", "remove", "m2", *where).code == 3


@pytest.mark.parametrize("name", ["it's; rm -rf ~", "-rf", "$(reboot) `reboot`", "--everywhere"])
def test_whatever_a_user_is_called_the_command_that_takes_it_back_works_in_a_shell(
    shell: Shell, stream: str, name: str
) -> None:
    blocked = moderate(shell, "block", "--stream", stream, "--", name)
    ran = shell.command("bash", "-c", blocked["undo"])
    assert ran.code == 0, ran
    assert ids(shell, "blocked") == []


# What harms many, several at once.


WIDE = [
    *("block bob", "kick bob", "mute bob", "timeout bob --for 10m", "warn bob hello"),
    *("announce hello", "delete m1", "clear bob", "slow 10s", "freeze on", "links off"),
    *("allow on", "words add spam"),
]


def refused(shell: Shell, words: list[str]) -> str:
    """The question that a script cannot be asked."""
    before = shell.good("db", "export", "-").out
    ran = shell("moderation", *words, "-o", "json")
    assert (ran.code, ran.out, ran.error["hint"]) == (2, "", "add --yes")
    assert shell.good("db", "export", "-").out == before
    question: str = ran.error["error"]
    return question.removesuffix(" There is no terminal to ask on")


@pytest.mark.parametrize("words", WIDE)
def test_a_script_needs_yes_for_what_is_not_of_one_stream(bare_shell: Shell, words: str) -> None:
    given = words.split()
    assert refused(bare_shell, [*given, "--everywhere"]).endswith(" everywhere?")
    assert refused(bare_shell, [*given, "--owner", "anna"]).endswith(" in all streams of anna?")


def test_a_script_needs_yes_for_several_and_for_all_that_a_user_said(
    shell: Shell, stream: str
) -> None:
    where = ["--stream", stream]
    told = f"in stream {stream} (Evening, of anna)?"
    assert refused(shell, ["block", "bob", "eve", *where]) == f"Block bob, eve {told}"
    assert refused(shell, ["delete", "m1", "m2", *where]) == f"Delete 2 messages {told}"
    assert refused(shell, ["clear", "bob", *where]) == f"Clear all that was said by bob {told}"
    many = [f"user{number}" for number in range(12)]
    assert refused(shell, ["kick", *many, *where]).startswith("Put out user0, user1, ")
    assert " user9 and 2 more in stream" in refused(shell, ["kick", *many, *where])


def test_what_is_of_one_stream_and_one_person_needs_no_yes(shell: Shell, stream: str) -> None:
    for words in ("block bob", "slow 10s", "freeze on", "links off", "words add spam ham"):
        assert moderate(shell, *words.split(), "--stream", stream)["changed"] is True


@pytest.mark.parametrize(("typed", "code"), [("n\n", 1), ("\n", 1), ("y\n", 0)])
def test_on_a_terminal_it_is_asked_for_first(
    shell: Shell, stream: str, typed: str, code: int
) -> None:
    words = ("moderation", "block", "bob", "--owner", "anna")
    ran = shell.terminal(*words, typed=typed, when="[y/N]", size=200)
    assert ran.code == code
    assert "Block bob in all streams of anna? [y/N]" in ran.out
    assert ("undo: livectl moderation unblock bob --owner anna" in ran.out) is (code == 0)
    assert ("not confirmed; nothing was done" in ran.out) is (code == 1)
    assert ids(shell, "blocked") == ([] if code else ["bob"])


def test_one_that_fails_does_not_stop_the_others(shell: Shell, stream: str) -> None:
    where = ("--stream", stream, "--yes", "-o", "json")
    moderate(shell, "block", "bob", "--stream", stream)
    some = shell("moderation", "unblock", "eve", "bob", *where)
    assert (some.code, [one["userId"] for one in some.json]) == (7, ["bob"])
    assert some.error["error"] == "1 could not be done: eve: eve is not blocked there"
    none = shell("moderation", "unblock", "eve", "bob", *where)
    assert (none.code, none.json, none.error["code"]) == (3, [], "not_found")
    assert "eve is not blocked there; bob: bob is not blocked there" in none.error["error"]


def test_users_come_from_standard_input_each_once(shell: Shell, stream: str) -> None:
    given = "bob\r\n  two words \n\nbob\n"
    done = moderate(shell, "block", "-", "eve", "--stream", stream, "--yes", stdin=given)
    assert [one["userId"] for one in done] == ["eve", "bob", "two words"]
    empty = shell("moderation", "block", "-", "--stream", stream, "--yes")
    assert empty == Ran(3, "", "error: no users came on standard input\n")


def test_a_dry_run_says_what_would_be_done_and_does_nothing(shell: Shell, stream: str) -> None:
    before = shell.good("db", "export", "-").out
    for words, _ in BODIES:
        for where in (["--stream", stream], ["--everywhere"]):
            ran = shell("moderation", *words.split(), *where, "--dry-run", "-o", "json")
            # What takes something back, or mutes, has nothing to do here.
            assert ran.code in {0, 3}
            for one in ran.json:
                assert (one["dryRun"], one["changed"], one["undo"]) == (True, False, None)
                assert one["detail"].startswith("would: ") or one["count"] == 0
    assert shell.good("db", "export", "-").out == before


@pytest.mark.parametrize("form", ["json", "yaml", "jsonl", "id"])
def test_what_was_done_is_data_where_data_was_chosen(shell: Shell, stream: str, form: str) -> None:
    words = ("moderation", "block", "bob", "--stream", stream, "-o", form)
    ran = shell.good(*words)
    (entry,) = shell.json("moderation", "audit")
    assert ran.err == ""
    assert entry["id"] in ran.out
    if form == "id":
        assert ran.out == f"{entry['id']}\n"
        assert shell.good(*words, "--dry-run").out == ""
    if form == "json":
        (done,) = ran.json
        assert done["undo"] == entry["undo"]


# Lists of blocks.


def test_blocks_are_exported_and_imported_as_they_were(shell: Shell, stream: str) -> None:
    moderate(shell, "block", "bob", "--stream", stream, "--for", "7d", "--reason", "spam\u2028ü")
    moderate(shell, "block", "eve", "--owner", "anna", "--yes")
    moderate(shell, "block", "two words", "--everywhere", "--yes", "--reason", "ads")
    exported = shell.good("moderation", "blocked", "--export", "-")
    assert exported.err == "3 blocks\n"
    before = [json.loads(line) for line in exported.out.split("\n")[:-1]]
    for one in before:
        kind, _, name = one["scope"].partition(":")
        where = [f"--{kind}", name] if name else ["--everywhere"]
        moderate(shell, "unblock", one["user"], *where)
    assert ids(shell, "blocked") == []
    moderate(shell, "block", "--import", "-", "--yes", stdin=exported.out)
    again = shell.good("moderation", "blocked", "--export", "-").out
    assert _sorted(json.loads(line) for line in again.split("\n")[:-1]) == _sorted(before)


def _sorted(lines: Iterable[dict[str, Any]]) -> list[Any]:
    """By user; an end is the same to a few seconds, which is what an act can say."""
    return sorted(
        (one["user"], one["scope"], one["reason"], one["until"] and one["until"][:15])
        for one in lines
    )


def test_blocks_are_exported_to_a_file_and_imported_elsewhere(shell: Shell, stream: str) -> None:
    moderate(shell, "block", "bob", "--stream", stream)
    moderate(shell, "block", "eve", "--everywhere", "--yes")
    shell.good("moderation", "blocked", "--export", "blocks.jsonl")
    elsewhere = shell.having(LIVECTL_DATA_DIR=str(shell.home / "elsewhere"))
    ran = elsewhere("moderation", "block", "--import", "blocks.jsonl", "--yes", "-o", "json")
    # The stream is not there: the others are blocked all the same.
    assert (ran.code, [one["userId"] for one in ran.json]) == (7, ["eve"])
    assert f"bob (stream:{stream}): stream not found" in ran.error["error"]
    # Where a scope is given it is for all.
    moderate(elsewhere, "block", "--import", "blocks.jsonl", "--owner", "anna", "--yes")
    found = elsewhere.json("moderation", "blocked", "--owner", "anna")
    assert {one["userId"] for one in found} == {"bob", "eve"}


def test_a_list_of_plain_user_ids_is_blocked_where_the_command_says(
    shell: Shell, stream: str
) -> None:
    (shell.home / "list.txt").write_text("bob\n\n two words \n")
    words = ["--import", "list.txt", "--for", "1d", "--reason", "raid"]
    nowhere = shell("moderation", "block", *words, "--yes")
    assert (nowhere.code, nowhere.out) == (2, "")
    assert "where? Expected --stream, --owner or --everywhere" in nowhere.err
    moderate(shell, "block", *words, "--stream", stream, "--yes")
    found = shell.json("moderation", "blocked")
    assert {(one["userId"], one["reason"]) for one in found} == {
        ("bob", "raid"),
        ("two words", "raid"),
    }
    assert all(one["until"] for one in found)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"user": "bob"', "list.txt, line 2: Input data was truncated"),
        ('{"user": 7}', "list.txt, line 2: Expected `str`, got `int` - at `$.user`"),
        ('{"scope": "everywhere"}', "list.txt, line 2: Object missing required field `user`"),
        ('{"user": "bob", "scope": "here"}', "list.txt, line 2: Expected `str` matching regex"),
        ('{"user": "bob", "until": "soon"}', "list.txt, line 2: Invalid RFC3339"),
    ],
)
def test_a_list_with_a_wrong_line_blocks_nobody(bare_shell: Shell, line: str, told: str) -> None:
    (bare_shell.home / "list.txt").write_text(f"eve\n{line}\n")
    ran = bare_shell("moderation", "block", "--import", "list.txt", "--everywhere", "--yes")
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ids(bare_shell, "blocked") == []


def test_who_is_listed_for_a_time_that_is_over_is_not_blocked(bare_shell: Shell) -> None:
    over = json.dumps({"user": "bob", "scope": "everywhere", "until": "2020-01-31T20:00:00Z"})
    words = ("moderation", "block", "--import", "-", "--yes")
    none = bare_shell(*words, stdin=over)
    assert none == Ran(3, "", "error: nobody is named there whom to block\n")
    some = bare_shell.good(*words, "--everywhere", stdin=f"{over}\neve\neve\n")
    assert some.err == "2 are over, or named twice\n"
    assert ids(bare_shell, "blocked") == ["eve"]


@pytest.mark.parametrize("words", [["bob", "--import", "-"], ["--import", "nowhere"]])
def test_an_import_needs_its_file_and_nothing_else(bare_shell: Shell, words: list[str]) -> None:
    ran = bare_shell("moderation", "block", *words, "--everywhere", "--yes")
    assert (ran.code, ran.out) == (2, "")
    assert ("expected one of them" in ran.err) or ("nowhere: " in ran.err)


def test_an_import_asks_first(bare_shell: Shell) -> None:
    ran = bare_shell("moderation", "block", "--import", "-", "--everywhere", stdin="bob\neve\n")
    assert (ran.code, ran.out) == (2, "")
    assert "Block bob (as given), eve (as given)?" in ran.err
    assert ids(bare_shell, "blocked") == []


def test_an_export_that_cannot_be_written_is_a_usage_error(bare_shell: Shell) -> None:
    ran = bare_shell("moderation", "blocked", "--export", "no/such/folder")
    assert (ran.code, ran.out) == (2, "")
    assert "no/such/folder: No such file or directory" in ran.err


# Reports.


def test_reports_are_listed_shown_and_resolved(shell: Shell, stream: str) -> None:
    (message,) = say(shell, stream, "buy now")
    one, two = report(shell, stream, message), report(shell, stream, reason="loud")
    assert ids(shell, "reports", "list") == [two, one]
    assert plain(shell.good("moderation", "reports", "list").out) == snapshot("""\
REPORT  AT  STREAM  BY  MESSAGES  TYPE  REASON
<id>  <time>  <id>  operator 0  abuse  loud
<id>  <time>  <id>  operator 1  abuse  spam
""")
    shown = shell.good("moderation", "reports", "show", one).out
    assert re.search(r"^reason +spam$", shown, re.MULTILINE)
    assert re.search(rf"^{message} .*buy now$", shown, re.MULTILINE)
    assert shell.json("moderation", "reports", "show", one)["messages"][0]["id"] == message
    ran = shell.good("moderation", "reports", "resolve", one, two, "--resolution", "no harm")
    assert ran.out == f"{one} is resolved\n{two} is resolved\n"
    assert ids(shell, "reports", "list") == []
    resolved = shell.json("moderation", "reports", "list", "--resolved", "--stream", stream)
    assert [item["resolution"] for item in resolved] == ["no harm", "no harm"]
    again = shell("moderation", "reports", "resolve", one, "--resolution", "harm")
    assert (again.code, again.out) == (5, "")
    assert "has resolved it: no harm" in again.err
    assert shell("moderation", "reports", "show", NO_STREAM).code == 3


def test_a_resolve_can_be_tried(shell: Shell, stream: str) -> None:
    one = report(shell, stream)
    words = ("moderation", "reports", "resolve", "-", "--resolution", "x", "--dry-run")
    ran = shell(*words, stdin=f"{one}\n{NO_STREAM}\n")
    assert (ran.code, ran.out) == (7, f"{one} would be resolved\n")
    assert ids(shell, "reports", "list") == [one]


def test_a_report_is_acted_on_and_resolved_with_what_was_done(shell: Shell, stream: str) -> None:
    evidence = say(shell, stream, "buy now", "buy!") + say(shell, stream, "ads", by="eve")
    evidence += say(shell, stream, "welcome", by="anna")
    one = report(shell, stream, *evidence)
    words = ["--delete", "--block", "--timeout", "10m", "--kill", "--yes"]
    ran = shell.good("moderation", "reports", "act", one, *words)
    assert plain(ran.out).replace(stream, "<id>") == snapshot("""\
delete 4 messages: 4 messages hidden
  undo: livectl moderation restore --event <id> --stream <id>
block bob: bob is blocked; 0 put out
  undo: livectl moderation unblock bob --stream <id>
time out bob for 600 s: bob is quiet until <time> UTC
  undo: livectl moderation timeout bob --off --stream <id>
block eve: eve is blocked; 0 put out
  undo: livectl moderation unblock eve --stream <id>
time out eve for 600 s: eve is quiet until <time> UTC
  undo: livectl moderation timeout eve --off --stream <id>
end the stream: done
resolve: done
""")
    assert set(ids(shell, "blocked")) == set(ids(shell, "timeouts")) == {"bob", "eve"}
    assert ids(shell, "messages") == []
    assert shell.json("streams", "show", stream)["isLive"] is False
    shown = shell.json("moderation", "reports", "show", one)
    assert (shown["status"], shown["resolution"]) == (
        "resolved",
        "delete 4 messages; block bob; time out bob for 600 s; block eve; time out eve for 600 s; "
        "end the stream",
    )
    audit = shell.json("moderation", "audit", "--act", "block")
    assert {entry["reason"] for entry in audit} == {f"report {one}"}


def test_acting_on_a_report_is_asked_for_and_can_be_tried_and_shown(
    shell: Shell, stream: str
) -> None:
    (message,) = say(shell, stream, "buy now")
    one = report(shell, stream, message)
    words = ["reports", "act", one, "--delete", "--block", "--kill"]
    question = refused(shell, words)
    assert question == (
        f"Do this in stream {stream} (Evening, of anna): "
        "delete 1 message; block bob; end the stream?"
    )
    before = shell.good("db", "export", "-").out
    tried = shell.good("moderation", *words, "--dry-run")
    assert tried.out == snapshot("""\
delete 1 message: would: 1 message hidden
block bob: would: bob is blocked
end the stream: would be done
""")
    curl = shell.good("moderation", *words, "--curl", "--reason", "ads")
    assert shown_bodies(curl) == [
        {"act": "delete", "streamId": stream, "reason": "ads", "messageIds": [message]},
        {"act": "block", "streamId": stream, "reason": "ads", "userId": "bob"},
        {"reason": "ads"},
        {"resolution": "delete 1 message; block bob; end the stream"},
    ]
    assert shell.good("db", "export", "-").out == before


def test_a_report_that_was_not_wholly_acted_on_stays_open(
    shell: Shell, away: Shell, stream: str
) -> None:
    (message,) = say(shell, stream, "buy now")
    one = report(shell, stream, message)
    words = ("moderation", "reports", "act", one, "--delete", "--block", "--yes", "-o", "json")
    ran = away(*words)
    assert ran.code == 7
    assert ids(shell, "messages") == []
    assert ids(shell, "reports", "list") == [one]
    assert [item["step"] for item in shell.json(*words[:-2])] == [
        "delete 1 message",
        "block bob",
        "resolve",
    ]
    again = shell(*words)
    assert (again.code, again.out, again.error["code"]) == (5, "", "conflict")


def test_a_stream_that_a_report_ends_while_livekit_is_away_ends_with_6(
    shell: Shell, away: Shell, stream: str
) -> None:
    one = report(shell, stream)
    ran = away("moderation", "reports", "act", one, "--kill", "--yes", "-o", "json")
    assert (ran.code, [item["step"] for item in ran.json]) == (6, ["end the stream", "resolve"])
    assert shell.json("moderation", "reports", "show", one)["status"] == "resolved"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "what is to be done? Expected --delete, --block, --timeout or --kill"),
        (["--delete"], 3, "no message is its evidence: there is none to delete"),
        (["--block"], 3, "no message of anybody but the owner is its evidence"),
        (["--timeout", "10m", "--kill"], 3, "no message of anybody but the owner"),
        (["--timeout", "soon"], 2, "--timeout soon: expected a duration"),
    ],
)
def test_a_report_without_messages_has_nobody_to_act_on(
    shell: Shell, stream: str, words: list[str], code: int, told: str
) -> None:
    one = report(shell, stream)
    ran = shell("moderation", "reports", "act", one, *words, "--yes")
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err
    assert ids(shell, "reports", "list") == [one]


# The audit.


def test_the_audit_tells_who_did_what_to_whom_and_why_and_how_to_take_it_back(
    shell: Shell, stream: str
) -> None:
    moderate(shell, "block", "bob", "--stream", stream, "--reason", "spam")
    moderate(shell, "slow", "10s", "--owner", "anna", "--yes")
    shell.good("streams", "kill", stream, "--yes", "--ban", "1h", "--reason", "x\x1b[31m")
    ran = shell.good("moderation", "audit")
    assert plain(ran.out) == snapshot("""\
<time>  block  bob  stream:<id>  by operator spam
  undo: livectl moderation unblock bob --stream <id>
<time>  rules  owner:anna  by operator before={} after={"slowSeconds": 10}
  undo: livectl moderation slow off --owner anna
<time>  user.banned anna  everywhere  by operator x�[31m  seconds=3600
  undo: livectl streams unban anna
<time>  stream.ended stream:<id>  by operator x�[31m  room=live_anna_<n>
""")


def test_the_audit_is_filtered_and_the_newest_is_last(shell: Shell, stream: str) -> None:
    moderate(shell, "block", "bob", "--stream", stream)
    moderate(shell, "timeout", "eve", "--for", "1m", "--everywhere", "--yes")
    moderate(shell, "unblock", "bob", "--stream", stream)

    def acts(*words: str) -> list[str]:
        return [one["act"] for one in shell.json("moderation", "audit", *words)]

    assert acts() == acts("--all") == acts("--since", "1h") == ["block", "timeout", "unblock"]
    assert acts("--actor", "operator") == acts()
    assert acts("--limit", "2") == ["timeout", "unblock"]
    assert acts("--act", "block") == ["block"]
    assert acts("--user", "bob") == acts("--stream", stream[:-1]) == ["block", "unblock"]
    assert acts("--actor", "nobody") == acts("--since", "2099-01-01") == []
    assert shell.good("moderation", "audit", "--user", "nobody").err == "nothing found\n"


def test_the_audit_is_exported_page_after_page(shell: Shell, stream: str) -> None:
    from livectl.domain.event import event

    now = datetime.now(UTC)
    long_ago = [
        event("moderation.kick", now - timedelta(days=30), "operator", user=f"user{number}")
        for number in range(1100)
    ]

    async def keep(store: SqliteStore) -> None:
        for one in long_ago:
            await store.append_event(one)

    stored(shell, keep)
    moderate(shell, "block", "bob", "--stream", stream)
    assert len(shell.good("moderation", "audit", "--all", "-o", "jsonl").lines) == 1101
    assert [one["user"] for one in shell.json("moderation", "audit")] == ["bob"]


# From elsewhere.


def test_a_server_and_this_process_answer_alike(here: Shell, there: Shell) -> None:
    stream = go_live(there, "dora", "--title", "Remote")
    for words in (
        ["block", "bob", "--stream", stream],
        ["block", "bob", "eve", "--stream", stream],
        ["block", "bob", "--everywhere", "-o", "json"],
        ["unblock", "nobody", "--stream", stream, "-o", "json"],
        ["rules", "--stream", stream[:-1]],
        ["slow", "2h", "--stream", stream],
        ["blocked", "--stream", stream],
        ["pins", "list", "--stream", stream],
        ["messages", "--stream", stream, "--hidden"],
        ["delete", NO_MESSAGE, "--stream", stream],
    ):
        local, remote = here("moderation", *words), there("moderation", *words)
        assert remote == local, words


def test_an_act_over_the_network_bears_the_name_of_the_caller(here: Shell, there: Shell) -> None:
    stream = go_live(there, "emil")
    blocked = moderate(there, "block", "bob", "--stream", stream)
    (entry,) = here.json("moderation", "audit", "--stream", stream)
    assert (entry["actor"], entry["undo"]) == ("user:me", blocked["undo"])
    take_back(there, blocked)
    assert ids(here, "blocked", "--stream", stream) == []
