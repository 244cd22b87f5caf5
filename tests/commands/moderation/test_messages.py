from __future__ import annotations

import shlex

from inline_snapshot import snapshot

from tests.commands.moderation.acts import NO_MESSAGE, ids, moderate, plain, say, take_back
from tests.commands.test_streams import go_live
from tests.shell import Shell


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
