from __future__ import annotations

from datetime import UTC, datetime, timedelta

from inline_snapshot import snapshot

from livectl.adapters.sqlite.store import SqliteStore
from tests.commands.moderation.acts import moderate, plain, stored
from tests.shell import Shell


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
