"""Acts of operators, and what they are about, for the tests of `livectl moderation`."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from livectl.adapters.sqlite.store import SqliteStore
from livectl.client import connect
from livectl.config import load
from livectl.domain.chat import ChatEntry, entry_id
from tests.commands.test_streams import plain as without_ids
from tests.shell import Ran, Shell

NO_MESSAGE = "0" * 24
A_DAY = 86_400


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


def refused(shell: Shell, words: list[str]) -> str:
    """The question that a script cannot be asked."""
    before = shell.good("db", "export", "-").out
    ran = shell("moderation", *words, "-o", "json")
    assert (ran.code, ran.out, ran.error["hint"]) == (2, "", "add --yes")
    assert shell.good("db", "export", "-").out == before
    question: str = ran.error["error"]
    return question.removesuffix(" There is no terminal to ask on")
