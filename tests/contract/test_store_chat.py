"""What is said in the rooms: history, gifts that count once, and what is taken off the screens."""

from __future__ import annotations

import pytest

from livectl.domain.chat import ChatEntry
from livectl.domain.ids import new_id
from livectl.ports.chat import ChatQuery
from livectl.ports.store import Record, Store
from tests.contract.examples import (
    NOON,
    a_gift,
    a_message,
    added,
    an_event,
    at,
    dumped,
    event_types,
    read,
    together,
)

STREAM, OTHER = new_id(), new_id()


async def found(store: Store, **query: object) -> list[ChatEntry]:
    return await store.entries(ChatQuery(**query))  # type: ignore[arg-type]


async def said(store: Store, count: int, stream_id: str = STREAM) -> list[ChatEntry]:
    """Messages that are in the store, oldest first."""
    entries = [a_message(stream_id, str(number), at=at(number)) for number in range(count)]
    await store.add_entries(entries)
    return entries


def ids(entries: list[ChatEntry]) -> list[str]:
    return [entry.id for entry in entries]


# --- history


async def test_entries_are_read_back_as_they_were_added(store: Store, twin: Store) -> None:
    entries = [
        a_message(STREAM, 'é "quoted" \N{PARTY POPPER}\nsecond line', at=at(1.001)),
        a_message(STREAM, "by the house", kind="system", user_id="system", client_id="c"),
        a_gift(STREAM, 500, content="for you", client_id="c"),
        a_message(STREAM, "gone", hidden_by="e"),
    ]
    await store.add_entries(entries)
    by_id = sorted(entries, key=lambda entry: entry.id)
    assert await found(twin, stream_ids=(STREAM,), oldest_first=True, hidden=True) == by_id


async def test_an_entry_that_is_known_stays_as_it_is(store: Store, twin: Store) -> None:
    first, second = await said(store, 2)
    await store.hide_entries(ChatQuery(ids=(first.id,)), event=an_event())
    again = [a_message(STREAM, "other", id=first.id), second, a_message(STREAM, "third", at=at(9))]
    await together(handle.add_entries(again) for handle in (store, twin))
    assert [entry.content for entry in await found(store)] == ["third", "1"]
    await store.add_entries([])


async def test_each_condition_finds_its_entries_and_no_others(store: Store) -> None:
    one = a_message(STREAM, "Straße one", at=at(1), user_id="bob")
    two = a_message(STREAM, "two 50%", at=at(2), user_id="eve")
    three = a_message(OTHER, "three a.c*(", at=at(3), user_id="bob")
    four = a_gift(STREAM, at=at(4), user_id="eve", content="four")
    five = a_message(STREAM, "five", at=at(5), user_id="bob", hidden_by="e")
    await store.add_entries([five, three, one, four, two])
    for query, expected in (
        ({}, [four, three, two, one]),
        ({"hidden": True}, [five, four, three, two, one]),
        ({"oldest_first": True}, [one, two, three, four]),
        ({"limit": 2}, [four, three]),
        ({"limit": 1, "oldest_first": True}, [one]),
        ({"stream_ids": (STREAM,)}, [four, two, one]),
        ({"stream_ids": (STREAM, OTHER, new_id())}, [four, three, two, one]),
        ({"stream_ids": (new_id(),)}, []),
        ({"ids": (two.id, three.id, new_id())}, [three, two]),
        ({"ids": (five.id,)}, []),
        ({"ids": (five.id,), "hidden": True}, [five]),
        ({"ids": (two.id, three.id), "stream_ids": (OTHER,)}, [three]),
        ({"user_id": "bob"}, [three, one]),
        ({"user_id": "bob", "stream_ids": (STREAM,)}, [one]),
        ({"kind": "gift"}, [four]),
        ({"kind": "message", "user_id": "eve"}, [two]),
        ({"before": three.id}, [two, one]),
        ({"after": two.id}, [four, three]),
        ({"after": one.id, "before": four.id, "ids": (one.id, two.id, four.id)}, [two]),
        ({"since": at(2)}, [four, three, two]),
        ({"until": at(2)}, [one]),
        ({"since": at(2), "until": at(4)}, [three, two]),
        ({"text": "STRA"}, [one]),
        ({"text": "50%"}, [two]),
        ({"text": "A.C*("}, [three]),
        ({"text": ".*"}, []),
        ({"text": ""}, [four, three, two, one]),
    ):
        assert await found(store, **query) == expected, query


async def test_pages_have_no_gap_and_no_repetition(store: Store) -> None:
    entries = await said(store, 12)
    back: list[ChatEntry] = []
    while page := await found(
        store, stream_ids=(STREAM,), limit=5, before=back[-1].id if back else None
    ):
        back += page
    assert back == entries[::-1]
    forth: list[ChatEntry] = []
    while page := await found(
        store,
        stream_ids=(STREAM,),
        limit=5,
        oldest_first=True,
        after=forth[-1].id if forth else None,
    ):
        forth += page
    assert forth == entries


async def test_a_burst_is_added_whole(store: Store, twin: Store) -> None:
    await together(
        handle.add_entries([a_message(STREAM, str(number)) for number in range(1000)])
        for handle in (store, twin)
    )
    assert len(await found(store, stream_ids=(STREAM,), limit=5000)) == 2000


# --- gifts


async def test_a_gift_is_in_the_history_and_in_the_total(store: Store, twin: Store) -> None:
    stream = await added(store, total_gifts=5)
    gift = a_gift(stream.id, 100, client_id="c1", content="for you")
    assert await store.add_gift(gift) == (gift, True)
    now = await read(twin, stream.id)
    assert (now.total_gifts, now.rev) == (105, stream.rev + 1)
    assert await found(twin, stream_ids=(stream.id,)) == [gift]
    assert await event_types(store) == []


async def test_a_client_id_counts_once_for_its_user_in_its_stream(
    store: Store, twin: Store
) -> None:
    one, two = await added(store), await added(store)
    first, _ = await store.add_gift(a_gift(one.id, 10, client_id="c"))
    again, new = await twin.add_gift(a_gift(one.id, 99, client_id="c"))
    assert (again, new) == (first, False)
    for gift in (
        a_gift(one.id, 1, client_id="c", user_id="eve"),
        a_gift(one.id, 1, client_id="c/", user_id="bob"),
        a_gift(one.id, 1),
        a_gift(one.id, 1),
        a_gift(two.id, 7, client_id="c"),
        # Where a part could be taken for two.
        a_gift(one.id, 1, user_id="a", client_id="b/c"),
        a_gift(one.id, 1, user_id="a/b", client_id="c"),
    ):
        assert await store.add_gift(gift) == (gift, True)
    assert (await read(store, one.id)).total_gifts == 16
    assert (await read(store, two.id)).total_gifts == 7
    assert len(await found(store, kind="gift")) == 8


async def test_a_gift_whose_id_is_known_counts_once(store: Store, twin: Store) -> None:
    stream = await added(store)
    gift = a_gift(stream.id, 10)
    answers = await together(handle.add_gift(gift) for handle in (store, twin) * 3)
    assert sorted(new for _, new in answers) == [False] * 5 + [True]
    assert all(first == gift for first, _ in answers)
    assert (await read(store, stream.id)).total_gifts == 10


async def test_a_message_does_not_use_up_a_gifts_client_id(store: Store) -> None:
    stream = await added(store)
    await store.add_entries([a_message(stream.id, client_id="c"), a_message(stream.id)])
    _, new = await store.add_gift(a_gift(stream.id, 3, client_id="c"))
    assert new
    assert (await read(store, stream.id)).total_gifts == 3


async def test_a_thousand_gifts_at_once_over_two_handles_add_up_exactly(
    store: Store, twin: Store
) -> None:
    stream = await added(store)
    # Every fourth is sent twice, by both handles: the second one says less.
    gifts = [
        a_gift(stream.id, number % 9 + 1, user_id=f"user{number % 50}", client_id=f"c{number}")
        for number in range(800)
    ]
    twice = [a_gift(stream.id, 1000, user_id=g.user_id, client_id=g.client_id) for g in gifts[::4]]
    handles = (store, twin)
    answers = await together(
        handles[number % 2].add_gift(gift) for number, gift in enumerate([*gifts, *twice])
    )
    counted = [gift for gift, new in answers if new]
    assert len(counted) == 800
    assert len({(gift.user_id, gift.client_id) for gift in counted}) == 800
    assert {gift.id for gift, _ in answers} == {gift.id for gift in counted}
    expected = sum(gift.value or 0 for gift in counted)
    assert (await read(store, stream.id)).total_gifts == expected
    history = await found(twin, kind="gift", limit=5000)
    assert sorted(ids(history)) == sorted(ids(counted))


async def test_gifts_that_race_with_other_changes_are_all_kept(store: Store, twin: Store) -> None:
    stream = await added(store)
    other = await added(store)
    await together(
        [
            *(store.add_gift(a_gift(stream.id, 3)) for _ in range(20)),
            *(twin.add_gift(a_gift(other.id, 5)) for _ in range(20)),
            *(twin.block_user(stream.id, f"u{number}", an_event()) for number in range(10)),
            store.end_stream(stream.id, at=at(1), reason="r", by="x", event=an_event()),
        ]
    )
    now = await read(store, stream.id)
    assert (now.total_gifts, len(now.blocked_user_ids), now.is_live) == (60, 10, False)
    assert stream.rev + 11 < now.rev <= stream.rev + 31
    assert (await read(store, other.id)).total_gifts == 100


@pytest.mark.parametrize("before", [{}, {"totalGifts": None}, {"totalGifts": "many"}])
async def test_a_total_that_is_missing_begins_at_nothing(
    store: Store, before: dict[str, object]
) -> None:
    id_ = new_id()
    document = {"id": id_, "ownerId": "alice", "roomName": f"live_{id_}", **before}
    await store.load([Record(kind="stream", key=id_, document=document)])
    await store.add_gift(a_gift(id_, 4))
    await store.add_gift(a_gift(id_, 3))
    assert (await read(store, id_)).total_gifts == 7


async def test_a_gift_for_a_stream_that_is_not_there_is_kept(store: Store) -> None:
    gift = a_gift(new_id(), 4)
    assert await store.add_gift(gift) == (gift, True)
    assert await found(store) == [gift]
    assert await store.prune_entries(before=at(1)) == 1


async def test_what_comes_as_history_adds_to_no_total(store: Store) -> None:
    stream = await added(store)
    await store.add_entries([a_gift(stream.id, 50)])
    await store.add_gift(a_gift(stream.id, 3))
    assert (await read(store, stream.id)).total_gifts == 3


# --- off the screens and back


async def test_what_is_hidden_is_found_no_more_unless_it_is_asked_for(
    store: Store, twin: Store
) -> None:
    entries = await said(store, 4)
    event = an_event("messages.deleted")
    hidden = await store.hide_entries(ChatQuery(ids=(entries[2].id, entries[1].id)), event=event)
    assert hidden == ids(entries[1:3])
    assert ids(await found(twin, oldest_first=True)) == [entries[0].id, entries[3].id]
    shown = await found(twin, hidden=True, oldest_first=True)
    assert [entry.hidden_by for entry in shown] == [None, event.id, event.id, None]
    assert await event_types(store) == ["messages.deleted"]


async def test_all_that_match_are_hidden_whatever_the_limit_and_the_order(store: Store) -> None:
    entries = await said(store, 6)
    await said(store, 2, OTHER)
    query = ChatQuery(stream_ids=(STREAM,), user_id="bob", limit=2, before=entries[5].id)
    assert await store.hide_entries(query, event=an_event()) == ids(entries[:5])
    assert len(await found(store)) == 3


async def test_where_nothing_is_hidden_nothing_is_told(store: Store) -> None:
    entries = await said(store, 2)
    query = ChatQuery(ids=(entries[0].id,), hidden=True)
    assert await store.hide_entries(query, event=an_event("first")) == [entries[0].id]
    assert await store.hide_entries(query, event=an_event("second")) == []
    assert await store.hide_entries(ChatQuery(user_id="nobody"), event=an_event("third")) == []
    assert await event_types(store) == ["first"]


async def test_hidings_that_race_share_what_they_hide(store: Store, twin: Store) -> None:
    entries = await said(store, 20)
    hidden = await together(
        handle.hide_entries(ChatQuery(stream_ids=(STREAM,)), event=an_event(f"by.{number}"))
        for number, handle in enumerate((store, twin) * 3)
    )
    assert sorted(id_ for part in hidden for id_ in part) == sorted(ids(entries))
    told = {f"by.{number}" for number, part in enumerate(hidden) if part}
    assert set(await event_types(store)) == told
    assert len(await event_types(store)) == len(told)


async def test_one_events_hiding_is_undone_and_no_others(store: Store, twin: Store) -> None:
    entries = await said(store, 4)
    first, second = an_event("first"), an_event("second")
    await store.hide_entries(ChatQuery(ids=(entries[0].id,)), event=first)
    await store.hide_entries(ChatQuery(stream_ids=(STREAM,)), event=second)
    undone = await together(
        handle.restore_entries(hidden_by=second.id, event=an_event("undone"))
        for handle in (store, twin) * 2
    )
    assert sorted(undone) == [[], [], [], ids(entries[1:])]
    assert ids(await found(store, oldest_first=True)) == ids(entries[1:])
    assert (await found(store, ids=(entries[0].id,), hidden=True))[0].hidden_by == first.id
    assert await event_types(store) == ["first", "second", "undone"]


async def test_single_entries_are_shown_again(store: Store) -> None:
    entries = await said(store, 4)
    await store.hide_entries(ChatQuery(before=entries[3].id), event=an_event("hidden"))
    wanted = [entries[2].id, entries[3].id, entries[1].id, new_id()]
    shown = await store.restore_entries(ids=wanted, event=an_event("shown"))
    assert shown == ids(entries[1:3])
    assert await store.restore_entries(ids=wanted, event=an_event("again")) == []
    assert await store.restore_entries(event=an_event("nothing")) == []
    assert ids(await found(store, oldest_first=True)) == ids(entries[1:])
    assert await event_types(store) == ["hidden", "shown"]


async def test_what_was_shown_again_can_be_hidden_again(store: Store) -> None:
    entries = await said(store, 2)
    for _ in range(2):
        event = an_event()
        hidden = await store.hide_entries(ChatQuery(stream_ids=(STREAM,)), event=event)
        assert hidden == ids(entries)
        assert await store.restore_entries(hidden_by=event.id, event=an_event()) == hidden
    assert [entry.content for entry in await found(store)] == ["1", "0"]


async def test_a_hidden_gift_still_counts(store: Store) -> None:
    stream = await added(store)
    gift, _ = await store.add_gift(a_gift(stream.id, 9, client_id="c"))
    await store.hide_entries(ChatQuery(ids=(gift.id,)), event=an_event())
    again, new = await store.add_gift(a_gift(stream.id, 9, client_id="c"))
    assert (again.id, new) == (gift.id, False)
    assert (await read(store, stream.id)).total_gifts == 9


# --- how long it is kept


async def test_old_entries_go_and_those_of_live_streams_and_totals_stay(store: Store) -> None:
    live, over, again = await added(store), await added(store), await added(store)
    for stream in (live, over, again):
        await store.add_entries([a_message(stream.id, "old"), a_message(stream.id, at=at(60))])
        await store.add_gift(a_gift(stream.id, 20, at=at(1), client_id="c"))
    for stream in (over, again):
        await store.end_stream(stream.id, at=at(2), reason="r", by="x", event=an_event())
    assert await store.prune_entries(before=at(60)) == 4
    assert await store.prune_entries(before=at(60)) == 0
    assert len(await found(store, stream_ids=(live.id,))) == 3
    assert [entry.at for entry in await found(store, stream_ids=(over.id,))] == [at(60)]
    # Even where a gift comes after that, the total knows of all.
    await store.add_gift(a_gift(again.id, 1, at=at(70)))
    totals = [(await read(store, stream.id)).total_gifts for stream in (live, over, again)]
    assert totals == [20, 20, 21]


async def test_a_great_many_old_entries_go(store: Store) -> None:
    await store.add_entries([a_message(STREAM, at=NOON) for _ in range(5500)])
    assert await store.prune_entries(before=at(1)) == 5500
    assert await dumped(store) == []
