from __future__ import annotations

import re

import pytest
from inline_snapshot import snapshot

from tests.commands.moderation.acts import ids, plain, refused, report, say, shown_bodies
from tests.commands.test_streams import NO_STREAM
from tests.shell import Shell


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
