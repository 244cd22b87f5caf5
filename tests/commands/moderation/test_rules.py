from __future__ import annotations

import shlex
from typing import Any

import pytest
from inline_snapshot import snapshot

from tests.commands.moderation.acts import ids, moderate, plain, take_back
from tests.shell import Shell


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
