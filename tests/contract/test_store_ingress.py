"""Ingress keys, and what their streams show of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from livectl.domain.ids import new_id
from livectl.domain.ingress import Connection, IngressKey
from livectl.errors import Conflict
from livectl.ports.ingress import IngressQuery
from livectl.ports.store import Store
from tests.contract.examples import (
    HEX_USER,
    NOON,
    a_key,
    a_line,
    added,
    an_event,
    at,
    event_types,
    read,
    together,
)

FULL: dict[str, Any] = {
    "owner_id": HEX_USER,
    "protocol": "url",
    "lines": [a_line(made_at=at(1.5), ends_at=at(90)), a_line(stream_key="a.b/$c", url="whip:x")],
    "updated_at": at(5),
    "stream_id": "64b7f0c2a1d3e4f5a6b7c801",
    "source": "srt://me:secret@host",
    "title": "The venue",
    "tags": ["a", "b"],
    "cover_url": "https://example.com/1.png",
    "enable_recording": False,
    "enable_replay": False,
    "auto_record": True,
    "grace_s": 5,
    "enabled": False,
    "off_reason": "expired",
    "expires_at": at(200),
    "warned": True,
    "next_room": "live_alice_2",
    "live_stream_id": "64b7f0c2a1d3e4f5a6b7c802",
    "gone_since": at(50),
    "last_used_at": at(40),
    "connection": Connection(
        status="error", since=at(40), ingress_id="IN_1", came_from="192.0.2.1", error="no video"
    ),
}


def replace(key: IngressKey, **fields: Any) -> IngressKey:
    return msgspec.structs.replace(key, **fields)


async def put(store: Store, *keys: IngressKey) -> None:
    for key in keys:
        await store.add_ingress_key(key, an_event("ingress.added"))


async def save(store: Store, key: IngressKey, **fields: Any) -> IngressKey:
    saved = await store.save_ingress_key(replace(key, **fields), an_event("ingress.saved"))
    assert saved is not None
    return saved


async def found(store: Store, **query: Any) -> list[IngressKey]:
    return await store.ingress_keys(IngressQuery(**query))


async def shown(store: Store, stream_id: str) -> dict[str, Any] | None:
    return (await read(store, stream_id)).ingress


# --- one key


@pytest.mark.parametrize("fields", [{}, FULL])
async def test_a_key_is_read_back_as_it_was(
    store: Store, twin: Store, fields: dict[str, Any]
) -> None:
    key = a_key(**fields)
    await put(store, key)
    assert await twin.ingress_key(key.id) == key
    assert await found(twin) == [key]
    assert await twin.ingress_key(new_id()) is None
    assert await event_types(twin) == ["ingress.added"]


@pytest.mark.parametrize("before", [{}, FULL])
@pytest.mark.parametrize("after", [{}, FULL])
async def test_a_change_is_the_next_revision_and_leaves_nothing_of_the_one_before(
    store: Store, twin: Store, before: dict[str, Any], after: dict[str, Any]
) -> None:
    key = a_key(**before)
    await put(store, key)
    changed = a_key(id=key.id, **after)
    saved = await store.save_ingress_key(changed, an_event("ingress.saved"))
    assert saved == replace(changed, rev=1) == await twin.ingress_key(key.id)
    for line in key.lines:
        expected = [saved] if line in changed.lines else []
        assert await found(twin, ingress_id=line.ingress_id) == expected
        assert await found(twin, digest=line.digest) == expected
    assert await found(twin, due_at=at(1000)) == ([saved] if changed.due_at else [])
    assert await event_types(twin) == ["ingress.added", "ingress.saved"]


async def test_a_change_of_another_revision_changes_nothing(store: Store) -> None:
    key = a_key()
    await put(store, key)
    now = await save(store, key, title="now")
    for rev in (0, 2):
        late = replace(key, rev=rev, lines=[a_line()])
        assert await store.save_ingress_key(late, an_event("late")) is None
        assert await store.save_ingress_key(late, None) is None
        assert not await store.remove_ingress_key(late, an_event("late"))
    assert await store.save_ingress_key(a_key(), an_event("late")) is None
    assert not await store.remove_ingress_key(a_key(), an_event("late"))
    assert await found(store, digest=key.line.digest) == [now]
    assert await event_types(store) == ["ingress.added", "ingress.saved"]


async def test_of_changes_that_race_just_one_wins(store: Store, twin: Store) -> None:
    key = a_key()
    await put(store, key)
    saved = await together(
        handle.save_ingress_key(replace(key, lines=[*key.lines, a_line()]), an_event("rotated"))
        for handle in (store, twin) * 5
    )
    (winner,) = [one for one in saved if one is not None]
    assert await found(store) == [winner]
    assert await event_types(twin) == ["ingress.added", "rotated"]


async def test_a_key_is_removed_once(store: Store, twin: Store) -> None:
    key = a_key()
    await put(store, key)
    removed = await together(
        handle.remove_ingress_key(key, an_event("ingress.removed")) for handle in (store, twin) * 3
    )
    assert sorted(removed) == [False] * 5 + [True]
    assert await store.ingress_key(key.id) is None
    assert await found(store) == await found(store, digest=key.line.digest) == []
    assert await store.save_ingress_key(key, an_event("late")) is None
    await put(store, key)
    assert await found(store, digest=key.line.digest) == [key]


# --- one of a stream


async def test_of_keys_that_race_for_a_stream_one_is_its_own(store: Store, twin: Store) -> None:
    stream = await added(store)
    keys = [a_key(stream_id=stream.id) for _ in range(20)]

    async def add(handle: Store, key: IngressKey) -> bool:
        try:
            await handle.add_ingress_key(key, an_event("ingress.added"))
        except Conflict:
            return False
        return True

    given = await together(
        add(handle, key) for handle, key in zip((store, twin) * 10, keys, strict=True)
    )
    assert sorted(given) == [False] * 19 + [True]
    winner = keys[given.index(True)]
    assert await found(twin, stream_id=stream.id) == [winner]
    assert ((await shown(twin, stream.id)) or {})["ingressId"] == winner.line.ingress_id
    assert await event_types(twin) == ["ingress.added"]


async def test_a_stream_has_one_key_and_standing_ones_are_many(store: Store) -> None:
    first, second = a_key(stream_id="s"), a_key()
    await put(store, first, second, a_key(), a_key())
    with pytest.raises(Conflict, match="stream s"):
        await put(store, a_key(stream_id="s"))
    with pytest.raises(Conflict, match="stream s"):
        await store.save_ingress_key(replace(second, stream_id="s"), an_event("late"))
    with pytest.raises(Conflict, match=second.id):
        await put(store, a_key(id=second.id))
    assert len(await found(store)) == 4
    assert await store.remove_ingress_key(first, an_event("ingress.removed"))
    assert (await save(store, second, stream_id="s")).stream_id == "s"
    assert "late" not in await event_types(store)


# --- queries


async def test_each_condition_finds_its_keys_and_no_others(store: Store) -> None:
    old, new = a_line(), a_line()
    one = a_key(id="aa1", created_at=at(1), lines=[old, new], next_room="live_alice_1")
    two = a_key(id="aa2", created_at=at(2), stream_id="s", enabled=False, expires_at=at(5))
    three = a_key(id="ab3", created_at=at(3), owner_id=HEX_USER, live_stream_id="t")
    four = a_key(id="b44", created_at=at(3), expires_at=at(100), gone_since=at(50), grace_s=10)
    five = a_key(id="c55", created_at=at(3), lines=[a_line(ends_at=at(70)), a_line()])
    await put(store, two, five, four, one, three)
    for query, expected in (
        ({}, [five, four, three, two, one]),
        ({"limit": 2}, [five, four]),
        ({"owner_id": HEX_USER}, [three]),
        ({"stream_id": "s"}, [two]),
        ({"stream_id": "aa1"}, []),
        ({"live_stream_id": "t"}, [three]),
        ({"standing": True}, [five, four, three, one]),
        ({"standing": False}, [two]),
        ({"enabled": True, "owner_id": "alice"}, [five, four, one]),
        ({"enabled": False}, [two]),
        ({"ref": "a"}, [three, two, one]),
        ({"ref": "aa2"}, [two]),
        ({"ref": "aa22"}, []),
        ({"room": "live_alice_1"}, [one]),
        ({"room": "live_alice_2"}, []),
        ({"ingress_id": old.ingress_id}, [one]),
        ({"ingress_id": new.ingress_id}, [one]),
        ({"ingress_id": "IN_0"}, []),
        ({"digest": old.digest}, [one]),
        ({"digest": new.digest}, [one]),
        ({"digest": new.stream_key}, []),
        ({"due_at": at(59.999)}, []),
        ({"due_at": at(60)}, [four]),
        ({"due_at": at(70)}, [five, four]),
        ({"before": (at(3), "c55")}, [four, three, two, one]),
        ({"before": (at(3), "ab3"), "standing": True}, [one]),
    ):
        assert await found(store, **query) == expected, query
    await save(store, four, gone_since=None)
    assert [key.id for key in await found(store, due_at=at(99))] == ["c55"]
    assert [key.id for key in await found(store, due_at=at(100))] == ["c55", "b44"]


async def test_pages_go_on_where_many_were_made_at_the_same_time(store: Store) -> None:
    keys = [a_key(created_at=at(number // 4)) for number in range(9)]
    await put(store, *keys)
    newest = sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)
    seen: list[IngressKey] = []
    while page := await found(
        store, limit=2, before=(seen[-1].created_at, seen[-1].id) if seen else None
    ):
        seen += page
    assert seen == newest


# --- what the stream shows


async def test_a_stream_shows_its_key_until_that_is_removed(store: Store, twin: Store) -> None:
    stream = await added(store, ingress={"ingressId": "IN_0", "error": "old", "label": "desk"})
    key = a_key(stream_id=stream.id)
    await store.add_ingress_key(key, an_event("ingress.added", at=at(7)))
    ours = {
        "enabled": True,
        "ingressId": key.line.ingress_id,
        "streamKey": key.line.stream_key,
        "rtmpUrl": key.line.url,
    }
    stands = await read(twin, stream.id)
    assert stands.ingress == {"label": "desk", **ours}
    assert (stands.rev, stands.updated_at) == (1, at(7))

    rotated = [*key.lines, a_line()]
    key = await save(
        store, key, lines=rotated, enabled=False, connection=Connection(status="error", error="e")
    )
    assert await shown(twin, stream.id) == {
        "label": "desk",
        "enabled": False,
        "ingressId": key.line.ingress_id,
        "streamKey": key.line.stream_key,
        "rtmpUrl": key.line.url,
        "error": "e",
    }
    quiet = await store.save_ingress_key(replace(key, enabled=True), None)
    assert quiet is not None
    assert ((await shown(twin, stream.id)) or {})["enabled"] is False
    assert await store.remove_ingress_key(quiet, an_event("ingress.removed"))
    assert await shown(twin, stream.id) is None
    assert (await read(twin, stream.id)).rev == 3


async def test_of_a_whip_key_another_address_is_shown(store: Store) -> None:
    stream = await added(store, ingress={"rtmpUrl": "rtmp://old"})
    key = a_key(stream_id=stream.id, protocol="whip", lines=[a_line(url="https://whip")])
    await put(store, key)
    assert await shown(store, stream.id) == {
        "enabled": True,
        "ingressId": key.line.ingress_id,
        "streamKey": key.line.stream_key,
        "whipUrl": "https://whip",
    }


async def test_an_ended_stream_shows_no_key_that_is_enabled(store: Store) -> None:
    stream = await added(store)
    key = a_key(stream_id=stream.id)
    await put(store, key)
    await store.end_stream(stream.id, at=NOON, reason="over", by="x", event=an_event("ended"))
    key = await save(store, key, connection=Connection(status="inactive"))
    assert key.enabled
    assert ((await shown(store, stream.id)) or {})["enabled"] is False


async def test_standing_keys_and_those_of_no_stream_are_shown_nowhere(store: Store) -> None:
    ingress = {"ingressId": "IN_0", "enabled": True}
    stream = await added(store, ingress=ingress)
    standing, other = a_key(live_stream_id=stream.id), a_key(stream_id=new_id())
    await put(store, standing, other)
    for key in (standing, other):
        saved = await save(store, key, title="other")
        assert await store.remove_ingress_key(saved, an_event("ingress.removed"))
    stands = await read(store, stream.id)
    assert (stands.ingress, stands.rev) == (ingress, stream.rev)


async def test_what_another_program_made_does_not_go_with_a_key_of_ours(store: Store) -> None:
    stream = await added(store)
    key = a_key(stream_id=stream.id)
    await put(store, key)
    await save(store, key, lines=[a_line()])
    known = await store.ingress_key(key.id)
    assert known is not None
    renamed = {**((await shown(store, stream.id)) or {}), "ingressId": "IN_0"}
    (record,) = [one async for one in store.dump() if one.kind == "stream"]
    document = {**record.document, "ingress": renamed}
    await store.load([msgspec.structs.replace(record, document=document)])
    assert await store.remove_ingress_key(known, an_event("ingress.removed"))
    assert await shown(store, stream.id) == renamed
