"""By a server, from another machine."""

from __future__ import annotations

from tests.commands.moderation.acts import NO_MESSAGE, ids, moderate, take_back
from tests.commands.test_streams import go_live
from tests.shell import Shell


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
