"""Bans, reports and the keys of repeated starts."""

from __future__ import annotations

import msgspec
import pytest

from livectl.domain.people import Ban, Report
from livectl.ports.store import Store
from tests.contract.examples import (
    HEX_USER,
    NOON,
    a_report,
    an_event,
    at,
    dumped,
    event_types,
    together,
)


def a_ban(user_id: str = "mallory", **fields: object) -> Ban:
    return msgspec.structs.replace(
        Ban(user_id=user_id, until=at(3600), by="operator:eve", at=NOON, reason="spam"), **fields
    )


@pytest.mark.parametrize("user", ["mallory", HEX_USER])
async def test_a_ban_is_read_back_and_lifted_once(store: Store, twin: Store, user: str) -> None:
    ban = a_ban(user)
    await store.ban(ban, an_event("user.banned"))
    assert await twin.ban_of(user) == ban
    lifted = await together(h.lift_ban(user, an_event("ban.lifted")) for h in (store, twin) * 3)
    assert sorted(lifted) == [False] * 5 + [True]
    assert await store.ban_of(user) is None
    assert await event_types(store) == ["user.banned", "ban.lifted"]


async def test_a_later_ban_replaces_the_earlier_one(store: Store) -> None:
    await store.ban(a_ban(), an_event())
    longer = a_ban(until=at(7200), reason=None)
    await store.ban(longer, an_event())
    await store.ban(a_ban("other"), an_event())
    assert await store.ban_of("mallory") == longer
    assert sorted(ban.user_id for ban in await store.bans()) == ["mallory", "other"]
    assert len(await event_types(store)) == 3


async def test_who_is_not_banned_has_no_ban_to_lift(store: Store) -> None:
    assert await store.bans() == []
    assert await store.ban_of("alice") is None
    assert await store.lift_ban("alice", an_event()) is False
    assert await event_types(store) == []


async def test_a_report_is_kept_with_its_event(store: Store) -> None:
    report = a_report(reporter_id=HEX_USER, evidence=["https://example.com/1.png"])
    await store.add_report(report, an_event("report.filed"))
    (record,) = [record for record in await dumped(store) if record.kind == "report"]
    assert record.key == report.id
    assert msgspec.convert(record.document, Report) == report
    assert await event_types(store) == ["report.filed"]


async def test_the_first_start_with_a_key_is_what_all_later_ones_get(
    store: Store, twin: Store
) -> None:
    answers = await together(
        handle.remember_start(
            "alice", "key", digest=f"digest{number}", stream_id=f"{number:024x}", at=at(number)
        )
        for number, handle in enumerate((store, twin) * 4)
    )
    assert len(set(answers)) == 1
    digest, stream_id = answers[0]
    assert f"{int(digest.removeprefix('digest')):024x}" == stream_id


async def test_start_keys_are_each_owners_own(store: Store) -> None:
    async def start(owner: str, key: str, digest: str) -> tuple[str, str]:
        return await store.remember_start(owner, key, digest=digest, stream_id="a" * 24, at=NOON)

    assert await start("alice", "1", "x") == ("x", "a" * 24)
    assert await start("bob", "1", "y") == ("y", "a" * 24)
    assert await start("alice", "2", "z") == ("z", "a" * 24)
    assert await start(HEX_USER, "1", "w") == ("w", "a" * 24)
    assert await start("alice", "1", "other") == ("x", "a" * 24)


async def test_a_forgotten_start_key_is_free_again_and_only_for_its_own_stream(
    store: Store,
) -> None:
    async def start(stream_id: str) -> str:
        _, first = await store.remember_start(
            "alice", "1", digest="x", stream_id=stream_id, at=NOON
        )
        return first

    await start("a" * 24)
    await store.forget_start("alice", "1", stream_id="b" * 24)
    assert await start("c" * 24) == "a" * 24
    await store.forget_start("alice", "1", stream_id="a" * 24)
    assert await start("c" * 24) == "c" * 24
