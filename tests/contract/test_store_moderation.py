"""Chat rules, restrictions, the queue of reports, and where people came from."""

from __future__ import annotations

import msgspec

from livectl.domain.ids import new_id
from livectl.domain.moderation import EVERYWHERE, ChatRules, Restriction
from livectl.domain.people import Report
from livectl.ports.moderation import ReportQuery, RestrictionQuery, SeenAddress
from livectl.ports.store import Store
from tests.contract.examples import (
    HEX_USER,
    NOON,
    a_message,
    a_report,
    a_restriction,
    an_event,
    at,
    event_types,
    together,
)

FULL = ChatRules(
    slow_seconds=5,
    frozen=True,
    links_off=True,
    allowed_only=True,
    allowed=["bob", HEX_USER],
    words=["spam", "/s.*m$/", "a.b", "$set"],
    moderators=["eve"],
)


# --- chat rules


async def test_rules_are_read_back_one_revision_on(store: Store, twin: Store) -> None:
    assert await store.chat_rules([EVERYWHERE]) == {}
    assert await store.set_chat_rules(EVERYWHERE, FULL, an_event("rules.changed"))
    assert await store.set_chat_rules("owner:a.b/$c", ChatRules(), an_event("rules.changed"))
    assert await twin.chat_rules([EVERYWHERE, "stream:x"]) == {
        EVERYWHERE: msgspec.structs.replace(FULL, rev=1)
    }
    assert await twin.chat_rules(["owner:a.b/$c"]) == {"owner:a.b/$c": ChatRules(rev=1)}
    assert await twin.chat_rules([]) == {}
    assert await event_types(store) == ["rules.changed"] * 2


async def test_rules_replace_those_they_were_made_from_and_no_others(store: Store) -> None:
    await store.set_chat_rules(EVERYWHERE, FULL, an_event("first"))
    changed = ChatRules(slow_seconds=9, rev=1)
    assert await store.set_chat_rules(EVERYWHERE, changed, an_event("second"))
    for late in (FULL, changed, ChatRules(rev=3)):
        assert not await store.set_chat_rules(EVERYWHERE, late, an_event("late"))
    assert not await store.set_chat_rules("stream:x", ChatRules(rev=1), an_event("late"))
    assert await store.chat_rules([EVERYWHERE]) == {EVERYWHERE: ChatRules(slow_seconds=9, rev=2)}
    assert await event_types(store) == ["first", "second"]


async def test_of_rules_that_race_just_one_wins(store: Store, twin: Store) -> None:
    for rev in range(3):
        rules = [ChatRules(slow_seconds=10 * rev + number, rev=rev) for number in range(8)]
        handles = (store, twin) * 4
        won = await together(
            handle.set_chat_rules(EVERYWHERE, one, an_event(f"won.{one.slow_seconds}"))
            for handle, one in zip(handles, rules, strict=True)
        )
        assert sorted(won) == [False] * 7 + [True]
        winner = msgspec.structs.replace(rules[won.index(True)], rev=rev + 1)
        assert await store.chat_rules([EVERYWHERE]) == {EVERYWHERE: winner}
        types = await event_types(twin)
        assert (len(types), types[-1]) == (rev + 1, f"won.{winner.slow_seconds}")


# --- restrictions


async def found(store: Store, **query: object) -> list[Restriction]:
    return await store.restrictions(RestrictionQuery(**query))  # type: ignore[arg-type]


async def test_a_restriction_is_read_back_and_lifted_once(store: Store, twin: Store) -> None:
    restriction = a_restriction(
        scope=f"stream:{new_id()}", subject=HEX_USER, user_id=HEX_USER, until=at(60), reason="spam"
    )
    await store.restrict(restriction, an_event("user.blocked"))
    assert await found(twin) == [restriction]
    lifted = await together(
        handle.lift_restriction(restriction.key, an_event("user.unblocked"))
        for handle in (store, twin) * 3
    )
    assert sorted(lifted) == [False] * 5 + [True]
    assert await found(store) == []
    assert await event_types(store) == ["user.blocked", "user.unblocked"]


async def test_a_later_restriction_replaces_the_earlier_one(store: Store) -> None:
    await store.restrict(a_restriction(until=at(60), reason="spam"), an_event("first"))
    later = a_restriction(at=at(5), by="user:eve")
    await store.restrict(later, an_event("second"))
    assert await found(store) == [later]
    assert await store.lift_restriction(later.key, an_event("lifted"))
    await store.restrict(later, an_event("third"))
    assert await found(store) == [later]
    assert await event_types(store) == ["first", "second", "lifted", "third"]


async def test_where_nobody_is_restricted_nothing_is_lifted(store: Store) -> None:
    assert not await store.lift_restriction("everywhere/block/bob", an_event())
    assert await event_types(store) == []


async def test_each_condition_finds_its_restrictions_and_no_others(store: Store) -> None:
    one = a_restriction(at=at(1))
    two = a_restriction(scope="owner:alice", kind="timeout", at=at(2), until=at(100))
    three = a_restriction(scope="stream:x", kind="timeout", subject="bob", at=at(3), until=at(50))
    four = a_restriction(scope="stream:x", kind="address", subject="a1", at=at(3))
    for restriction in (three, one, four, two):
        await store.restrict(restriction, an_event())
    for query, expected in (
        ({}, [four, three, two, one]),
        ({"limit": 2}, [four, three]),
        ({"scopes": (EVERYWHERE,)}, [one]),
        ({"scopes": (EVERYWHERE, "owner:alice", "stream:y")}, [two, one]),
        ({"scopes": ("stream:y",)}, []),
        ({"kind": "timeout"}, [three, two]),
        ({"subject": "mallory"}, [two, one]),
        ({"subject": "mallory", "scopes": ("owner:alice",)}, [two]),
        ({"holding_at": at(50)}, [four, two, one]),
        ({"holding_at": at(49.999)}, [four, three, two, one]),
        ({"over_at": at(50)}, [three]),
        ({"over_at": at(49.999)}, []),
        ({"over_at": at(100)}, [three, two]),
        ({"scopes": ("stream:x",), "kind": "timeout", "holding_at": at(50)}, []),
    ):
        assert await found(store, **query) == expected, query


# --- reports


async def queue(store: Store, **query: object) -> list[Report]:
    return await store.reports(ReportQuery(**query))  # type: ignore[arg-type]


async def test_a_report_is_read_back_with_its_messages(store: Store, twin: Store) -> None:
    message = a_message(new_id(), "an insult", at=at(1.001), hidden_by="e")
    report = a_report(
        stream_id=message.stream_id,
        reporter_id=HEX_USER,
        description="twice",
        evidence=[message.id, "https://example.com/1.png"],
        messages=[message],
    )
    await store.add_report(report, an_event("report.filed"))
    assert await twin.report(report.id) == report
    assert await twin.report(new_id()) is None
    assert await queue(twin) == [report]


async def test_the_queue_is_filtered_and_paged_the_newest_first(store: Store) -> None:
    stream = new_id()
    reports = [a_report(at=at(number // 2), stream_id=stream) for number in range(6)]
    reports.append(a_report(at=at(9), status="resolved"))
    for report in reports:
        await store.add_report(report, an_event())
    newest = sorted(reports, key=lambda report: (report.at, report.id), reverse=True)
    assert await queue(store) == newest
    assert await queue(store, status="open") == newest[1:]
    assert await queue(store, status="resolved") == newest[:1]
    assert await queue(store, stream_id=stream) == newest[1:]
    assert await queue(store, stream_id=stream, status="resolved") == []
    seen: list[Report] = []
    while page := await queue(
        store, status="open", limit=2, before=(seen[-1].at, seen[-1].id) if seen else None
    ):
        seen += page
    assert seen == newest[1:]


async def test_a_report_is_resolved_once(store: Store, twin: Store) -> None:
    report = a_report()
    await store.add_report(report, an_event("report.filed"))
    resolved = await together(
        handle.resolve_report(
            report.id, resolution="timed out", by=f"n{number}", at=at(5), event=an_event("resolved")
        )
        for number, handle in enumerate((store, twin) * 3)
    )
    assert sorted(resolved) == [False] * 5 + [True]
    assert await store.report(report.id) == msgspec.structs.replace(
        report,
        status="resolved",
        resolution="timed out",
        resolved_by=f"n{resolved.index(True)}",
        resolved_at=at(5),
    )
    assert await queue(store, status="open") == []
    assert len(await queue(store, status="resolved")) == 1
    assert await event_types(store) == ["report.filed", "resolved"]


async def test_a_report_that_is_not_there_is_not_resolved(store: Store) -> None:
    assert not await store.resolve_report(
        new_id(), resolution="r", by="x", at=NOON, event=an_event()
    )
    assert await event_types(store) == []


# --- addresses


def seen(address: str, seconds: float, user_id: str = "mallory") -> SeenAddress:
    return SeenAddress(user_id=user_id, address=address, at=at(seconds))


async def test_addresses_are_remembered_with_their_latest_time(store: Store, twin: Store) -> None:
    await store.remember_addresses([seen("a", 5), seen("a", 1), seen("b", 3), seen("c", 9, "bob")])
    await together(
        handle.remember_addresses([seen("b", seconds), seen("a", 2)])
        for handle, seconds in ((store, 7), (twin, 4), (store, 6))
    )
    await store.remember_addresses([])
    assert await twin.addresses_of("mallory") == ["b", "a"]
    assert await twin.addresses_of("bob") == ["c"]
    assert await twin.addresses_of("alice") == []


async def test_the_latest_twenty_addresses_are_told(store: Store) -> None:
    await store.remember_addresses([seen(f"a{number}", number) for number in range(25)])
    assert await store.addresses_of("mallory") == [f"a{number}" for number in range(24, 4, -1)]


async def test_old_addresses_are_forgotten(store: Store) -> None:
    await store.remember_addresses([seen("a", 1), seen("b", 2), seen("c", 3)])
    assert await store.forget_addresses(before=at(2)) == 1
    assert await store.addresses_of("mallory") == ["c", "b"]
