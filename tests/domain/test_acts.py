"""Acts as they are decoded, where they hold, and the commands that take them back."""

from __future__ import annotations

import shlex
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.acts import BULK_MAX, Act, AnyAct, Block, Moderators, Rules, undo_command
from livectl.domain.chat import MESSAGE_MAX
from livectl.domain.moderation import (
    PEOPLE_MAX,
    SLOW_MAX_S,
    TIMEOUT_MAX_S,
    TIMEOUT_MIN_S,
    WORDS_MAX,
)

STREAM = "0123456789abcdef01234567"
EVENT = "6a5f02c19d7be1304f8a2b61"
IN = f"--stream {STREAM}"


def undo(act: str, **data: Any) -> str | None:
    return undo_command(f"moderation.{act}", EVENT, {"scope": f"stream:{STREAM}", **data})


def read(**content: Any) -> Act:
    act: Act = msgspec.convert(content, AnyAct)  # type: ignore[call-overload]
    return act


UNDONE: list[tuple[str, dict[str, Any], str | None]] = [
    ("delete", {"ids": ["a"]}, f"restore --event {EVENT} {IN}"),
    ("clear", {"user": "bob"}, f"restore --event {EVENT} {IN}"),
    ("restore", {"ids": ["a", "b"]}, f"delete a b {IN}"),
    ("restore", {"hid": EVENT}, None),
    ("timeout", {"user": "bob", "seconds": 600}, f"timeout bob --off {IN}"),
    ("untimeout", {"user": "bob", "seconds": 90}, f"timeout bob --for 90s {IN}"),
    ("untimeout", {"user": "bob", "seconds": 3}, f"timeout bob --for 10s {IN}"),
    ("block", {"user": "bob"}, f"unblock bob {IN}"),
    ("unblock", {"user": "bob"}, f"block bob {IN}"),
    ("unblock", {"user": "bob", "seconds": 60}, f"block bob --for 60s {IN}"),
    ("unblock", {"user": "bob", "address": True}, f"block bob --address {IN}"),
    ("kick", {"user": "bob"}, None),
    ("mute", {"user": "bob"}, None),
    ("announce", {"content": "hello"}, None),
    ("warn", {"user": "bob", "content": "hello"}, None),
    ("pin", {"message": "m1"}, f"pins remove m1 {IN}"),
    ("unpin", {"message": "m1", "content": "be kind"}, f"pins add m1 --content='be kind' {IN}"),
    ("moderators", {"before": [], "after": ["carl"]}, f"moderators remove carl {IN}"),
    ("moderators", {"before": ["carl", "dan"], "after": []}, f"moderators add carl dan {IN}"),
    ("rules", {"before": {}, "after": {"slowSeconds": 5}}, f"slow off {IN}"),
    ("rules", {"before": {"slowSeconds": 9}, "after": {}}, f"slow 9s {IN}"),
    ("rules", {"before": {}, "after": {"frozen": True}}, f"freeze off {IN}"),
    ("rules", {"before": {"frozen": True}, "after": {}}, f"freeze on {IN}"),
    ("rules", {"before": {}, "after": {"linksOff": True}}, f"links on {IN}"),
    ("rules", {"before": {"linksOff": True}, "after": {}}, f"links off {IN}"),
    ("rules", {"before": {}, "after": {"allowedOnly": True}}, f"allow off {IN}"),
    ("rules", {"before": {"allowedOnly": True}, "after": {}}, f"allow on {IN}"),
    ("rules", {"before": {}, "after": {"allowed": ["a"]}}, f"allow remove a {IN}"),
    (
        "rules",
        {"before": {"allowed": ["a", "b"]}, "after": {"allowed": ["b"]}},
        f"allow add a {IN}",
    ),
    ("rules", {"before": {}, "after": {"words": ["/a b/"]}}, f"words remove '/a b/' {IN}"),
    ("rules", {"before": {"words": ["spam"]}, "after": {}}, f"words add spam {IN}"),
    ("rules", {"before": {}, "after": {}}, None),
]


@pytest.mark.parametrize(("act", "data", "words"), UNDONE)
def test_an_act_knows_the_command_that_takes_it_back(
    act: str, data: dict[str, Any], words: str | None
) -> None:
    assert undo(act, **data) == (words and f"livectl moderation {words}")


def test_there_is_none_that_was_not_thought_of() -> None:
    tags = {one.__struct_config__.tag for one in get_args(AnyAct)}
    assert tags == {act for act, _, _ in UNDONE}


def test_several_changes_at_once_take_several_commands() -> None:
    before = {"words": ["spam", "ham"], "slowSeconds": 5}
    after = {"words": ["ham", "eggs"], "frozen": True}
    assert undo("rules", before=before, after=after) == (
        f"livectl moderation slow 5s {IN}"
        f" && livectl moderation freeze off {IN}"
        f" && livectl moderation words remove eggs {IN}"
        f" && livectl moderation words add spam {IN}"
    )


@pytest.mark.parametrize(
    ("scope", "option"),
    [
        (f"stream:{STREAM}", IN),
        ("owner:anna", "--owner anna"),
        ("owner:a b:c", "--owner 'a b:c'"),
        ("everywhere", "--everywhere"),
    ],
)
def test_an_act_is_taken_back_where_it_was_done(scope: str, option: str) -> None:
    found = undo_command("moderation.block", EVENT, {"scope": scope, "user": "bob"})
    assert found == f"livectl moderation unblock bob {option}"


@given(st.text(min_size=1), st.sampled_from(["block", "timeout", "pin", "unpin", "moderators"]))
def test_whatever_somebody_is_called_it_is_one_word_of_the_shell(name: str, act: str) -> None:
    data = {"user": name, "message": name, "content": name, "before": [], "after": [name]}
    found = undo(act, **data)
    assert found is not None
    words = shlex.split(found)
    assert name in words
    assert words[:2] == ["livectl", "moderation"]
    if name.startswith("-"):
        assert words[-2:] == ["--", name]


@pytest.mark.parametrize(
    ("given_scope", "scope"),
    [
        ({"streamId": STREAM.upper()}, f"stream:{STREAM}"),
        ({"ownerId": "anna"}, "owner:anna"),
        ({}, "everywhere"),
    ],
)
def test_an_act_is_for_a_stream_for_an_owners_or_for_all(
    given_scope: dict[str, str], scope: str
) -> None:
    act = read(act="kick", userId="bob", **given_scope)
    assert (act.scope, act.name) == (scope, "kick")


def test_only_the_naming_of_moderators_is_for_the_owner_alone() -> None:
    assert [one for one in get_args(AnyAct) if one.for_owner_only] == [Moderators]


def test_what_is_left_out_is_as_it_was() -> None:
    assert read(act="block", userId="bob") == Block(user_id="bob")
    assert read(act="rules") == Rules()
    assert read(act="rules", slowSeconds=0) == Rules(slow_seconds=0)


@pytest.mark.parametrize(
    "content",
    [
        {"act": "timeout", "userId": "b", "seconds": TIMEOUT_MIN_S},
        {"act": "timeout", "userId": "b", "seconds": TIMEOUT_MAX_S},
        {"act": "block", "userId": "b" * 128, "seconds": 1},
        {"act": "block", "userId": "b", "seconds": 10 * 366 * 86_400, "reason": "r" * 500},
        {"act": "delete", "messageIds": ["m"] * BULK_MAX},
        {"act": "restore", "messageIds": ["m"] * BULK_MAX},
        {"act": "rules", "slowSeconds": SLOW_MAX_S, "addWords": ["w" * 200] * WORDS_MAX},
        {"act": "moderators", "add": ["u"] * PEOPLE_MAX},
        {"act": "announce", "content": "c" * MESSAGE_MAX},
        {"act": "pin", "messageId": "m" * 128, "content": "c"},
    ],
)
def test_what_is_just_within_the_bounds_is_taken(content: dict[str, Any]) -> None:
    assert read(**content).name == content["act"]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"act": "timeout", "userId": "b", "seconds": TIMEOUT_MIN_S - 1}, "seconds"),
        ({"act": "timeout", "userId": "b", "seconds": TIMEOUT_MAX_S + 1}, "seconds"),
        ({"act": "timeout", "userId": "b", "seconds": 60.5}, "seconds"),
        ({"act": "timeout", "userId": "b", "seconds": "60"}, "seconds"),
        ({"act": "timeout", "userId": "b", "seconds": True}, "seconds"),
        ({"act": "timeout", "userId": "b"}, "seconds"),
        ({"act": "block", "userId": ""}, "userId"),
        ({"act": "block", "userId": "b" * 129}, "userId"),
        ({"act": "block", "userId": 7}, "userId"),
        ({"act": "block"}, "userId"),
        ({"act": "block", "userId": "b", "seconds": 0}, "seconds"),
        ({"act": "block", "userId": "b", "seconds": 10 * 366 * 86_400 + 1}, "seconds"),
        ({"act": "block", "userId": "b", "address": 1}, "address"),
        ({"act": "block", "userId": "b", "reason": "r" * 501}, "reason"),
        ({"act": "kick", "userId": "b", "streamId": "6b04fa"}, "streamId"),
        ({"act": "kick", "userId": "b", "streamId": f"{STREAM}\n"}, "streamId"),
        ({"act": "kick", "userId": "b", "ownerId": ""}, "ownerId"),
        ({"act": "delete", "messageIds": []}, "messageIds"),
        ({"act": "delete", "messageIds": ["m"] * (BULK_MAX + 1)}, "messageIds"),
        ({"act": "delete", "messageIds": [""]}, "messageIds"),
        ({"act": "delete", "messageIds": "m"}, "messageIds"),
        ({"act": "rules", "slowSeconds": -1}, "slowSeconds"),
        ({"act": "rules", "slowSeconds": SLOW_MAX_S + 1}, "slowSeconds"),
        ({"act": "rules", "frozen": "yes"}, "frozen"),
        ({"act": "rules", "addWords": ["w" * 201]}, "addWords"),
        ({"act": "rules", "addWords": ["w"] * (WORDS_MAX + 1)}, "addWords"),
        ({"act": "rules", "allow": ["u"] * (PEOPLE_MAX + 1)}, "allow"),
        ({"act": "moderators", "add": ["u", None]}, "add"),
        ({"act": "announce", "content": ""}, "content"),
        ({"act": "warn", "userId": "b", "content": "c" * (MESSAGE_MAX + 1)}, "content"),
        ({"act": "pin", "messageId": "m"}, "content"),
        ({"act": "burn"}, "act"),
        ({}, "act"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(content: dict[str, Any], field: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=field):
        read(**content)
