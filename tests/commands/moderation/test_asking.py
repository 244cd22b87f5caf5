"""What harms many, and several at once."""

from __future__ import annotations

import pytest

from tests.commands.moderation.acts import BODIES, ids, moderate, refused
from tests.shell import Ran, Shell

WIDE = [
    *("block bob", "kick bob", "mute bob", "timeout bob --for 10m", "warn bob hello"),
    *("announce hello", "delete m1", "clear bob", "slow 10s", "freeze on", "links off"),
    *("allow on", "words add spam"),
]


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
