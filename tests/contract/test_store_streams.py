"""Streams: every store keeps, finds and changes them alike."""

from __future__ import annotations

import msgspec
import pytest

from livectl.domain.ids import new_id
from livectl.domain.stream import EPOCH, Stream
from livectl.errors import Conflict
from livectl.ports.store import Record, Store
from livectl.ports.streams import StreamQuery
from tests.contract.examples import (
    HEX_USER,
    NOON,
    a_stream,
    added,
    an_event,
    at,
    event_types,
    read,
    together,
)

NOWHERE = "0" * 24


async def found(store: Store, **query: object) -> list[str]:
    return [stream.id for stream in await store.find_streams(StreamQuery(**query))]  # type: ignore[arg-type]


# --- adding and reading


async def test_a_stream_is_read_back_as_it_was_added(store: Store, twin: Store) -> None:
    stream = a_stream(
        owner_id=HEX_USER,
        cover_url="https://example.com/a.jpg",
        ended_at=at(60.001),
        end_reason="killed",
        ended_by="operator:eve",
        viewers=3,
        peak_viewers=9,
        tags=["a", "b"],
        blocked_user_ids=["bob", "64b7f0c2a1d3e4f5a6b7c8d0"],
        recording={"status": "recording", "egressId": "EG_1"},
        vod={"status": "available", "size": 2**40},
        ingress={"enabled": True, "ingressId": "IN_1"},
        pinned_messages=[{"messageId": "m1", "content": "hi"}],
        enable_recording=False,
        total_gifts=7,
        rev=4,
        extra={"legacy": {"deep": [1, 2.5, None, "é"]}},
    )
    await store.add_stream(stream, an_event())
    assert await twin.stream(stream.id) == stream
    assert await twin.stream_in_room(stream.room_name) == stream


async def test_a_stream_that_is_not_there_is_none(store: Store) -> None:
    assert await store.stream(NOWHERE) is None
    assert await store.stream_in_room("live_nobody_1") is None


async def test_streams_are_read_by_their_ids_those_that_there_are(store: Store) -> None:
    streams = [await added(store) for _ in range(4)]
    wanted = [stream.id for stream in streams[1:]] + [NOWHERE, streams[1].id]
    known = await store.streams_by_id(wanted)
    assert sorted(known, key=lambda stream: stream.id) == sorted(
        streams[1:], key=lambda stream: stream.id
    )
    assert await store.streams_by_id([]) == []
    many = [f"{number:024x}" for number in range(500)]
    assert await store.streams_by_id([*many, streams[0].id]) == [streams[0]]


async def test_a_taken_id_is_a_conflict_and_no_event(store: Store) -> None:
    stream = await added(store)
    with pytest.raises(Conflict):
        await store.add_stream(a_stream(id=stream.id, room_name="live_other_1"), an_event())
    assert await event_types(store) == []
    assert await store.stream_in_room("live_other_1") is None


async def test_a_taken_room_name_is_a_conflict_and_no_event(store: Store) -> None:
    stream = await added(store)
    twin_in_name = a_stream(room_name=stream.room_name)
    with pytest.raises(Conflict):
        await store.add_stream(twin_in_name, an_event())
    assert await event_types(store) == []
    assert await store.stream(twin_in_name.id) is None


async def test_one_of_many_racing_for_a_room_name_gets_it(store: Store, twin: Store) -> None:
    async def tried(handle: Store) -> bool:
        try:
            await handle.add_stream(a_stream(room_name="live_alice_7"), an_event())
        except Conflict:
            return False
        return True

    assert sum(await together(tried(handle) for handle in (store, twin) * 4)) == 1
    assert await event_types(store) == ["test.happened"]


# --- finding


async def test_the_newest_come_first_and_equals_by_id_descending(store: Store) -> None:
    ids = sorted(new_id() for _ in range(4))
    for id_ in (ids[2], ids[0], ids[3]):
        await added(store, id=id_)
    await added(store, id=ids[1], started_at=at(-1))
    assert await found(store) == [ids[3], ids[2], ids[0], ids[1]]


async def test_each_condition_finds_its_streams_and_no_others(store: Store) -> None:
    live = await added(store, owner_id=HEX_USER, tags=["Music", "x"], title="Über 100%_sicher")
    over = await added(
        store, is_live=False, teardown_owed=True, started_at=at(-100), ended_at=at(-50)
    )
    old = await added(store, is_live=False, started_at=at(-1000), ended_at=at(-900), title="")
    assert await found(store) == [live.id, over.id, old.id]
    for query, expected in (
        ({"live": True}, [live]),
        ({"live": False}, [over, old]),
        ({"owner_id": HEX_USER}, [live]),
        ({"owner_id": "alice"}, [over, old]),
        ({"owner_id": "alic"}, []),
        ({"tag": "Music"}, [live]),
        ({"tag": "Mus"}, []),
        ({"teardown_owed": True}, [over]),
        ({"teardown_owed": False}, [live, old]),
        ({"since": at(-100)}, [live, over]),
        ({"since": at(-99.999)}, [live]),
        ({"until": NOON}, [over, old]),
        ({"until": at(0.001)}, [live, over, old]),
        ({"ended_since": at(-50)}, [over]),
        ({"ended_since": at(-49.999)}, []),
        ({"live": False, "owner_id": "alice", "since": at(-500)}, [over]),
        ({"live": True, "owner_id": "alice"}, []),
        ({"limit": 2}, [live, over]),
    ):
        assert await found(store, **query) == [stream.id for stream in expected], query


async def test_streams_with_a_replay_are_found_and_no_others(store: Store) -> None:
    available = {"status": "available"}
    first = await added(store, is_live=False, vod=available)
    second = await added(store, is_live=False, vod=available, started_at=at(1))
    live = await added(store, vod=available, started_at=at(2))
    await added(store, is_live=False, vod=available, enable_replay=False)
    await added(store, is_live=False, vod={"status": "uploading"})
    await added(store, is_live=False)
    old = {"id": new_id(), "ownerId": "alice", "roomName": "live_alice_1", "vod": available}
    odd = {**old, "id": new_id(), "roomName": "live_alice_2", "vod": "available"}
    await store.load(
        [Record(kind="stream", key=str(one["id"]), document=one) for one in (old, odd)]
    )
    assert await found(store, live=False, with_replay=True) == [second.id, first.id, old["id"]]
    assert await found(store, with_replay=True, limit=2) == [live.id, second.id]
    assert await found(store, with_replay=True, before=(first.started_at, first.id)) == [old["id"]]


@pytest.mark.parametrize(
    ("part", "is_in_it"),
    [
        ("über", True),
        ("ÜBER 100", True),
        ("ŁÓDŹ", True),
        ("100%", True),
        ("%", True),
        ("_s", True),
        ("(draft)", True),
        ("[*]", True),
        ("100_", False),
        ("100.", False),
        (".*", False),
        ("über%sicher", False),
        ("\\", False),
    ],
)
async def test_a_part_of_a_title_is_found_in_any_case_and_has_no_wildcards(
    store: Store, part: str, is_in_it: bool
) -> None:
    stream = await added(store, title="Über 100%_sicher (Draft) [*] łódź")
    await added(store, title="something else", started_at=at(-1))
    assert await found(store, title=part) == ([stream.id] if is_in_it else [])


async def test_a_ref_is_the_start_of_an_id_or_a_whole_room_name(store: Store) -> None:
    one = await added(store, id="a" * 24, room_name="live_al.ce_1700000000000")
    two = await added(store, id="ab" + "c" * 22, started_at=at(-1))
    assert await found(store, ref="a") == [one.id, two.id]
    assert await found(store, ref="aa") == [one.id]
    assert await found(store, ref=two.id) == [two.id]
    assert await found(store, ref="b") == []
    assert await found(store, ref=one.room_name) == [one.id]
    assert await found(store, ref="live_al.ce") == []
    for wild in ("live_alxce_1700000000000", ".*", "%", "a%", "_" * 24, "[a]"):
        assert await found(store, ref=wild) == [], wild


async def test_pages_have_no_gap_and_no_repetition_where_starts_are_equal(store: Store) -> None:
    for number in range(23):
        await added(store, started_at=at(number // 5), tags=["even"] * (number % 2 == 0))
    for query in (StreamQuery(limit=4), StreamQuery(limit=3, tag="even", live=True)):
        whole = await store.find_streams(msgspec.structs.replace(query, limit=1000))
        seen: list[Stream] = []
        while page := await store.find_streams(query):
            seen += page
            query = msgspec.structs.replace(query, before=(page[-1].started_at, page[-1].id))
        assert seen == whole


async def test_live_streams_and_their_viewers_are_counted(store: Store) -> None:
    assert await store.live_totals() == (0, 0)
    await added(store, viewers=3)
    await added(store, viewers=4)
    await added(store, viewers=5, is_live=False)
    assert await store.live_totals() == (2, 7)


# --- ending


async def test_an_end_says_when_why_and_by_whom_and_owes_the_teardown(store: Store) -> None:
    ingress = {"enabled": True, "ingressId": "IN_1", "streamKey": "s"}
    stream = await added(store, viewers=3, peak_viewers=5, ingress=ingress, extra={"legacy": 1})
    ended = await store.end_stream(
        stream.id, at=at(9), reason="abuse", by="operator:eve", event=an_event("stream.ended")
    )
    assert ended == msgspec.structs.replace(
        stream,
        is_live=False,
        ended_at=at(9),
        end_reason="abuse",
        ended_by="operator:eve",
        viewers=0,
        ingress={**ingress, "enabled": False},
        teardown_owed=True,
        updated_at=ended.updated_at if ended else EPOCH,
        rev=stream.rev + 1,
    )
    assert await store.stream(stream.id) == ended
    assert await store.live_totals() == (0, 0)
    assert await found(store, teardown_owed=True, live=False) == [stream.id]


async def test_an_end_invents_no_ingress(store: Store) -> None:
    stream = await added(store)
    ended = await store.end_stream(stream.id, at=NOON, reason="", by="u", event=an_event())
    assert ended is not None
    assert ended.ingress is None


async def test_what_is_not_live_is_not_ended(store: Store) -> None:
    over = await added(store, is_live=False, ended_at=at(1))
    for id_ in (over.id, NOWHERE):
        assert await store.end_stream(id_, at=at(5), reason="", by="x", event=an_event()) is None
    assert await read(store, over.id) == over
    assert await event_types(store) == []


async def test_of_many_that_end_a_stream_one_does(store: Store, twin: Store) -> None:
    stream = await added(store)
    ends = await together(
        handle.end_stream(
            stream.id, at=at(number), reason=str(number), by="x", event=an_event(str(number))
        )
        for number, handle in enumerate((store, twin) * 5)
    )
    (winner,) = [end for end in ends if end is not None]
    assert await read(twin, stream.id) == winner
    assert await event_types(store) == [winner.end_reason]


async def test_a_teardown_is_owed_again_once_and_only_of_what_has_ended(
    store: Store, twin: Store
) -> None:
    stream = await added(store, is_live=False)
    event = an_event("teardown.owed")
    owed = await together(h.owe_teardown(stream.id, event) for h in (store, twin) * 3)
    assert sorted(owed) == [False] * 5 + [True]
    assert await found(store, teardown_owed=True) == [stream.id]
    live = await added(store)
    for id_ in (live.id, NOWHERE):
        assert await store.owe_teardown(id_, an_event()) is False
    assert await read(store, live.id) == live
    assert await event_types(store) == ["teardown.owed"]


async def test_a_teardown_is_settled_once(store: Store, twin: Store) -> None:
    stream = await added(store, is_live=False, teardown_owed=True)
    event = an_event("teardown.settled")
    settled = await together(h.settle_teardown(stream.id, event) for h in (store, twin) * 3)
    assert sorted(settled) == [False] * 5 + [True]
    assert (await read(store, stream.id)).teardown_owed is False
    assert await store.settle_teardown(NOWHERE, an_event()) is False
    assert await event_types(store) == ["teardown.settled"]


# --- blocking


@pytest.mark.parametrize("user", ["bob", HEX_USER])
async def test_a_user_is_blocked_once_and_unblocked_once(
    store: Store, twin: Store, user: str
) -> None:
    stream = await added(store, blocked_user_ids=["carol"])
    blocked = await together(
        h.block_user(stream.id, user, an_event("user.blocked")) for h in (store, twin) * 3
    )
    assert sorted(blocked) == [False] * 5 + [True]
    assert (await read(twin, stream.id)).blocked_user_ids == ["carol", user]
    unblocked = await together(
        h.unblock_user(stream.id, user, an_event("user.unblocked")) for h in (store, twin) * 3
    )
    assert sorted(unblocked) == [False] * 5 + [True]
    assert (await read(twin, stream.id)).blocked_user_ids == ["carol"]
    assert await event_types(store) == ["user.blocked", "user.unblocked"]


async def test_nobody_is_blocked_from_a_stream_that_is_not_there(store: Store) -> None:
    assert await store.block_user(NOWHERE, "bob", an_event()) is False
    assert await store.unblock_user(NOWHERE, "bob", an_event()) is False
    assert await event_types(store) == []


# --- the audience, and changes that race


async def test_an_audience_is_set_only_on_the_revision_it_was_counted_for(store: Store) -> None:
    stream = await added(store)
    told = an_event("audience.changed")
    assert await store.set_audience(stream.id, rev=stream.rev, viewers=2, peak=3, event=told)
    assert not await store.set_audience(stream.id, rev=stream.rev, viewers=8, peak=8, event=told)
    now = await read(store, stream.id)
    assert (now.viewers, now.peak_viewers) == (2, 3)
    assert now.rev != stream.rev
    assert await store.set_audience(stream.id, rev=now.rev, viewers=1, peak=3, event=None)
    assert await store.live_totals() == (1, 1)
    assert not await store.set_audience(NOWHERE, rev=0, viewers=1, peak=1, event=told)
    assert await event_types(store) == ["audience.changed"]


async def test_an_audience_loses_against_any_other_change(store: Store, twin: Store) -> None:
    stream = await added(store)
    await twin.block_user(stream.id, "bob", an_event())
    assert not await store.set_audience(stream.id, rev=stream.rev, viewers=2, peak=2, event=None)
    assert (await read(store, stream.id)).viewers == 0


async def test_of_many_audiences_for_a_revision_one_is_set(store: Store, twin: Store) -> None:
    stream = await added(store)
    done = await together(
        handle.set_audience(
            stream.id, rev=stream.rev, viewers=count, peak=count, event=an_event(str(count))
        )
        for count, handle in enumerate((store, twin) * 4)
    )
    assert sum(done) == 1
    assert await event_types(store) == [str((await read(store, stream.id)).viewers)]


async def test_different_changes_that_race_are_all_kept(store: Store, twin: Store) -> None:
    stream = await added(store, extra={"legacy": 1})
    users = [f"user{number}" for number in range(8)]
    handles = (store, twin) * 4
    await together(
        [
            *(h.block_user(stream.id, u, an_event(u)) for h, u in zip(handles, users, strict=True)),
            store.end_stream(stream.id, at=at(1), reason="r", by="x", event=an_event("end")),
        ]
    )
    now = await read(twin, stream.id)
    assert sorted(now.blocked_user_ids) == users
    assert (now.is_live, now.rev, now.extra) == (False, stream.rev + 9, {"legacy": 1})
    assert sorted(await event_types(store)) == ["end", *users]


# --- pins


def a_pin(message_id: str = "m1", **fields: object) -> dict[str, object]:
    pin = {"messageId": message_id, "authorId": HEX_USER, "content": "hi", "timestamp": at(1)}
    return {**pin, **fields}


async def pinned(store: Store, stream_id: str) -> list[str]:
    return [pin["messageId"] for pin in (await read(store, stream_id)).pinned_messages]


async def test_a_pin_is_read_back_and_is_the_last(store: Store, twin: Store) -> None:
    stream = await added(store)
    first = await store.pin_message(stream.id, a_pin("m1"), an_event("message.pinned"))
    second = await twin.pin_message(stream.id, a_pin("m2", authorId="eve"), an_event("pinned.2"))
    told = {"content": "hi", "timestamp": "2026-03-01T12:00:01.000Z"}
    one = {"messageId": "m1", "authorId": HEX_USER, **told}
    two = {"messageId": "m2", "authorId": "eve", **told}
    assert (first, second) == ([one], [one, two])
    now = await read(store, stream.id)
    assert now.pinned_messages == [one, two]
    assert (now.rev, now.updated_at) == (stream.rev + 2, NOON)
    assert await event_types(store) == ["message.pinned", "pinned.2"]


async def test_a_sixth_pin_pushes_the_oldest_out(store: Store) -> None:
    stream = await added(store)
    for number in range(7):
        pins = await store.pin_message(stream.id, a_pin(f"m{number}"), an_event())
    assert pins is not None
    assert [pin["messageId"] for pin in pins] == ["m2", "m3", "m4", "m5", "m6"]
    assert await pinned(store, stream.id) == ["m2", "m3", "m4", "m5", "m6"]


async def test_the_same_message_is_pinned_once(store: Store, twin: Store) -> None:
    stream = await added(store)
    answers = await together(
        handle.pin_message(stream.id, a_pin(), an_event("message.pinned"))
        for handle in (store, twin) * 3
    )
    assert all(answer == answers[0] for answer in answers)
    assert await pinned(store, stream.id) == ["m1"]
    assert (await read(store, stream.id)).rev == stream.rev + 1
    assert await event_types(store) == ["message.pinned"]


async def test_a_pin_is_taken_off_once(store: Store, twin: Store) -> None:
    stream = await added(store)
    for number in range(3):
        await store.pin_message(stream.id, a_pin(f"m{number}"), an_event("pinned"))
    off = await together(
        handle.unpin_message(stream.id, "m1", an_event("unpinned")) for handle in (store, twin) * 2
    )
    assert sorted(off) == [False] * 3 + [True]
    assert await pinned(store, stream.id) == ["m0", "m2"]
    assert not await store.unpin_message(stream.id, "unknown", an_event("unpinned"))
    assert await event_types(store) == ["pinned"] * 3 + ["unpinned"]


async def test_nothing_is_pinned_in_a_stream_that_is_not_there(store: Store) -> None:
    assert await store.pin_message(NOWHERE, a_pin(), an_event()) is None
    assert not await store.unpin_message(NOWHERE, "m1", an_event())
    assert await event_types(store) == []


async def test_pins_that_race_with_other_changes_are_all_kept(store: Store, twin: Store) -> None:
    stream = await added(store)
    names = [f"m{number}" for number in range(5)]
    await together(
        [
            *(store.pin_message(stream.id, a_pin(name), an_event()) for name in names),
            *(twin.block_user(stream.id, name, an_event()) for name in names),
        ]
    )
    now = await read(store, stream.id)
    assert sorted(await pinned(store, stream.id)) == names
    assert (sorted(now.blocked_user_ids), now.rev) == (names, stream.rev + 10)


# --- documents of other ages


async def test_an_old_document_is_read_found_and_changed(store: Store) -> None:
    id_ = new_id()
    old = {"id": id_, "ownerId": "alice", "roomName": "live_alice_1", "isLive": True}
    await store.load([Record(kind="stream", key=id_, document=old)])
    stream = await read(store, id_)
    assert stream == Stream(id=id_, owner_id="alice", room_name="live_alice_1", is_live=True)
    assert await found(store, live=True) == [id_]
    assert await found(store, title="x") == []
    assert await found(store, tag="x") == []
    assert await store.set_audience(id_, rev=0, viewers=1, peak=1, event=None)
    assert await store.block_user(id_, "bob", an_event())
    ended = await store.end_stream(id_, at=at(1), reason="r", by="x", event=an_event())
    assert ended is not None
    assert (ended.rev, ended.peak_viewers, ended.blocked_user_ids) == (3, 1, ["bob"])
    pins = await store.pin_message(id_, a_pin(), an_event())
    assert pins is not None
    assert await pinned(store, id_) == ["m1"]
    assert await store.settle_teardown(id_, an_event())


async def test_a_document_with_next_to_nothing_in_it_is_read(store: Store) -> None:
    id_ = new_id()
    odd = {"title": None, "viewers": "many", "tags": None, "pinnedMessages": "?"}
    document = {"id": id_, "isLive": True, **odd}
    await store.load([Record(kind="stream", key=id_, document=document)])
    assert await read(store, id_) == Stream(id=id_, owner_id="", room_name="", is_live=True)
    assert await found(store, live=True) == [id_]
    assert await store.live_totals() == (1, 0)
    ended = await store.end_stream(id_, at=at(1), reason="r", by="x", event=an_event())
    assert ended is not None
    assert ended.viewers == 0
    assert not await store.unpin_message(id_, "m1", an_event())
    await store.pin_message(id_, a_pin(), an_event())
    assert await pinned(store, id_) == ["m1"]


async def test_a_document_of_another_version_keeps_its_extra_fields(store: Store) -> None:
    id_ = new_id()
    extra = {
        "category": "games",
        "legacyOwner": {"$oid": HEX_USER},
        "approvedAt": {"$date": "2025-01-02T03:04:05.678Z"},
        "nested": {"list": [{"$oid": HEX_USER}, 1, None]},
        "__v": 3,
    }
    pin = {"_id": {"$oid": "6" * 24}, **a_pin("old", timestamp="2026-03-01T12:00:01.000Z")}
    document = {"id": id_, "ownerId": HEX_USER, "roomName": "live_1", "isLive": True, **extra}
    document["pinnedMessages"] = [pin]
    await store.load([Record(kind="stream", key=id_, document=document)])
    assert (await read(store, id_)).owner_id == HEX_USER
    await store.block_user(id_, "bob", an_event())
    await store.pin_message(id_, a_pin("new"), an_event())
    await store.end_stream(id_, at=at(1), reason="r", by="x", event=an_event())
    (record,) = [record async for record in store.dump() if record.kind == "stream"]
    assert {key: record.document[key] for key in extra} == extra
    assert record.document["pinnedMessages"][0] == pin
