"""`livectl events …`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.commands.test_streams import go_live, plain
from tests.shell import Shell


def test_what_happened_is_told_oldest_first(shell: Shell) -> None:
    stream = go_live(shell)
    shell.good("streams", "kill", stream, "--yes", "--ban", "1h")
    types = [one["type"] for one in shell.json("events", "tail")]
    assert types[0] == "stream.started"
    assert {"user.banned", "stream.ended"} <= set(types)
    seqs = [one["seq"] for one in shell.json("events", "tail")]
    assert seqs == sorted(seqs)
    table = plain(shell.good("events", "tail").out).splitlines()
    assert table[0].split() == ["SEQ", "AT", "EVENT", "BY", "STREAM", "DATA"]
    assert table[1].split()[1:3] == ["<time>", "stream.started"]
    assert table[1].endswith("owner=anna")


def test_the_log_is_filtered(shell: Shell) -> None:
    one, two = go_live(shell, "anna"), go_live(shell, "bert")

    def streams(*words: str) -> list[str]:
        return [event["streamId"] for event in shell.json("events", "tail", *words)]

    assert streams() == [one, two]
    assert streams("--stream", two[:-1]) == [two]
    assert streams("--limit", "1") in ([one], [two])
    assert streams("--since", "2020-01-01") == [one, two]
    assert streams("--event", "stream.ended") == []
    assert shell("events", "tail", "--stream", "zz").code == 3


@pytest.mark.parametrize("where", ["here", "there"])
@pytest.mark.parametrize("form", ["table", "jsonl", "json"])
def test_followed_the_log_goes_on_as_it_grows(
    request: pytest.FixtureRequest, here: Shell, where: str, form: str
) -> None:
    shell: Shell = request.getfixturevalue(where)
    with shell.spawn("events", "tail", "--follow", "--since", "1s", "-o", form) as process:
        assert process.stdout is not None
        seen = []
        for owner in ("follow1", "follow2"):
            stream = go_live(here, owner)
            while stream not in (line := process.stdout.readline()):
                assert line
            seen.append(line)
            here.good("streams", "kill", stream, "--yes")
    if form != "table":
        found: list[Any] = [json.loads(line) for line in seen]
        assert [one["data"]["owner"] for one in found] == ["follow1", "follow2"]
