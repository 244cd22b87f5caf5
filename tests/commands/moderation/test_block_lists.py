from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.commands.moderation.acts import ids, moderate
from tests.shell import Ran, Shell


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
