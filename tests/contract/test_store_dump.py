"""Everything out of a store and into another: the same bytes on every store."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from livectl.domain.event import Event
from livectl.domain.ids import new_id
from livectl.domain.ingress import digest_of
from livectl.domain.moderation import ChatRules
from livectl.domain.people import Ban
from livectl.errors import BadInput, Conflict
from livectl.ports.chat import ChatQuery
from livectl.ports.inbox import InboxQuery
from livectl.ports.ingress import IngressQuery
from livectl.ports.moderation import ReportQuery, RestrictionQuery, SeenAddress
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import EventQuery, Record, RecordKind, Store
from tests.contract.examples import (
    HEX_USER,
    NOON,
    a_gift,
    a_key,
    a_message,
    a_recording,
    a_replay,
    a_report,
    a_restriction,
    a_sighting,
    a_stream,
    a_webhook,
    an_event,
    as_bytes,
    at,
    dumped,
)

KINDS: tuple[RecordKind, ...] = get_args(RecordKind)
STREAM = "64b7f0c2a1d3e4f5a6b7c801"

EXPECTED = [
    Record(
        kind="stream",
        key=STREAM,
        document={
            "id": STREAM,
            "ownerId": HEX_USER,
            "roomName": f"live_{HEX_USER}_1",
            "title": "Title",
            "isLive": True,
            "startedAt": "2026-03-01T12:00:00.000Z",
            "teardownOwed": False,
            "viewers": 0,
            "peakViewers": 0,
            "tags": [],
            "blockedUserIds": ["bob", HEX_USER],
            "recording": {"status": "recording", "startedAt": "2026-03-01T12:00:01.002Z"},
            "pinnedMessages": [
                {"messageId": "m", "authorId": HEX_USER, "timestamp": "2026-03-01T12:00:01.000Z"}
            ],
            "enableRecording": True,
            "enableReplay": True,
            "totalGifts": 0,
            "createdAt": "2026-03-01T12:00:00.000Z",
            "updatedAt": "2026-03-01T12:00:00.000Z",
            "rev": 0,
            "legacy": {"at": {"$date": "2025-01-02T03:04:05.678Z"}, "by": {"$oid": HEX_USER}},
        },
    ),
    Record(
        kind="sighting",
        key=f"{STREAM}/PA_1",
        document={
            "streamId": STREAM,
            "sid": "PA_1",
            "userId": HEX_USER,
            "joinedAt": "2026-03-01T12:00:01.000Z",
        },
    ),
    Record(
        kind="event",
        key="00000000000000000007",
        document={
            "id": "64b7f0c2a1d3e4f5a6b7c8e1",
            "at": "2026-03-01T12:00:00.000Z",
            "type": "stream.started",
            "actor": "user:alice",
            "streamId": STREAM,
            "data": {"title": "Title"},
            "seq": 7,
        },
    ),
    Record(
        kind="event",
        key="00000000000000000012",
        document={
            "id": "64b7f0c2a1d3e4f5a6b7c8e0",
            "at": "2026-03-01T12:00:00.000Z",
            "type": "test.bare",
            "actor": "livekit",
            "seq": 12,
        },
    ),
    Record(
        kind="webhook",
        key="EV_1",
        document={
            "id": "EV_1",
            "type": "room_started",
            "receivedAt": "2026-03-01T12:00:00.000Z",
            "createdAt": "2026-03-01T12:00:00.000Z",
            "body": "{}",
            "status": "pending",
            "attempts": 0,
            "nextAt": "1970-01-01T00:00:00.000Z",
        },
    ),
    Record(
        kind="ban",
        key=HEX_USER,
        document={
            "userId": HEX_USER,
            "until": "2026-03-01T13:00:00.000Z",
            "by": "operator:eve",
            "at": "2026-03-01T12:00:00.000Z",
        },
    ),
    Record(
        kind="report",
        key="64b7f0c2a1d3e4f5a6b7c8f1",
        document={
            "id": "64b7f0c2a1d3e4f5a6b7c8f1",
            "streamId": STREAM,
            "reporterId": "bob",
            "type": "abuse",
            "reason": "insults",
            "at": "2026-03-01T12:00:00.000Z",
            "evidence": [],
            "status": "open",
        },
    ),
    Record(
        kind="report",
        key="64b7f0c2a1d3e4f5a6b7c8f2",
        document={
            "id": "64b7f0c2a1d3e4f5a6b7c8f2",
            "streamId": STREAM,
            "reporterId": "bob",
            "type": "abuse",
            "reason": "insults",
            "at": "2026-03-01T12:00:00.000Z",
            "evidence": ["019ca93f9c00000000000001"],
            "messages": [
                {
                    "id": "019ca93f9c00000000000001",
                    "streamId": STREAM,
                    "kind": "message",
                    "userId": HEX_USER,
                    "content": "an insult",
                    "at": "2026-03-01T12:00:00.000Z",
                }
            ],
            "status": "resolved",
            "resolution": "timed out",
            "resolvedBy": "operator:eve",
            "resolvedAt": "2026-03-01T12:05:00.000Z",
        },
    ),
    Record(
        kind="start_key",
        key=f"{HEX_USER}/key",
        document={
            "ownerId": HEX_USER,
            "key": "key",
            "digest": "d",
            "streamId": STREAM,
            "at": "2026-03-01T12:00:00.000Z",
        },
    ),
    Record(
        kind="chat",
        key="019ca93f9c00000000000001",
        document={
            "id": "019ca93f9c00000000000001",
            "streamId": STREAM,
            "kind": "message",
            "userId": HEX_USER,
            "content": "an insult",
            "at": "2026-03-01T12:00:00.000Z",
            "hiddenBy": "64b7f0c2a1d3e4f5a6b7c8e1",
        },
    ),
    Record(
        kind="chat",
        key="019ca93f9c00000000000002",
        document={
            "id": "019ca93f9c00000000000002",
            "streamId": STREAM,
            "kind": "gift",
            "userId": "bob",
            "content": "",
            "at": "2026-03-01T12:00:00.000Z",
            "giftType": "rose",
            "value": 100,
            "clientId": "c",
        },
    ),
    Record(
        kind="chat_rules",
        key="everywhere",
        document={"scope": "everywhere", "words": ["spam", "/sp.m/"], "rev": 2},
    ),
    Record(
        kind="chat_rules",
        key=f"stream:{STREAM}",
        document={
            "scope": f"stream:{STREAM}",
            "slowSeconds": 5,
            "frozen": True,
            "linksOff": True,
            "allowedOnly": True,
            "allowed": ["bob"],
            "moderators": [HEX_USER],
            "rev": 1,
        },
    ),
    Record(
        kind="restriction",
        key="everywhere/address/a1b2c3",
        document={
            "scope": "everywhere",
            "kind": "address",
            "subject": "a1b2c3",
            "userId": "mallory",
            "by": "operator:eve",
            "at": "2026-03-01T12:00:00.000Z",
            "until": "2026-03-02T12:00:00.000Z",
            "reason": "spam",
        },
    ),
    Record(
        kind="restriction",
        key=f"stream:{STREAM}/block/{HEX_USER}",
        document={
            "scope": f"stream:{STREAM}",
            "kind": "block",
            "subject": HEX_USER,
            "userId": HEX_USER,
            "by": "user:alice",
            "at": "2026-03-01T12:00:00.000Z",
        },
    ),
    Record(
        kind="recording",
        key="64b7f0c2a1d3e4f5a6b7c901",
        document={
            "id": "64b7f0c2a1d3e4f5a6b7c901",
            "streamId": STREAM,
            "ownerId": HEX_USER,
            "roomName": f"live_{HEX_USER}_1",
            "recorder": "embedded",
            "layout": "host",
            "format": "mp4",
            "state": "completed",
            "path": "a.mp4",
            "by": "user:alice",
            "requestedAt": "2026-03-01T12:00:00.000Z",
            "startedAt": "2026-03-01T12:00:01.000Z",
            "size": 5_000_000_000,
            "duration": 60.0,
            "stopAsked": True,
            "restarts": 0,
            "tries": 0,
            "storage": {"type": "S3", "path": "a.mp4", "duration": 60.0, "format": "mp4"},
            "vod": {
                "status": "available",
                "format": "mp4",
                "uploadedAt": "2026-03-01T12:02:00.000Z",
                "hold": {"by": "eve", "at": "2026-03-01T12:03:00.000Z", "reason": "evidence"},
                "deleting": False,
            },
            "updatedAt": "2026-03-01T12:03:00.000Z",
            "rev": 4,
        },
    ),
    Record(
        kind="recording",
        key="64b7f0c2a1d3e4f5a6b7c902",
        document={
            "id": "64b7f0c2a1d3e4f5a6b7c902",
            "streamId": STREAM,
            "ownerId": HEX_USER,
            "roomName": f"live_{HEX_USER}_1",
            "recorder": "egress",
            "layout": "host",
            "format": "mp4",
            "state": "starting",
            "path": "",
            "by": "",
            "requestedAt": "2026-03-01T13:00:00.000Z",
            "size": 0,
            "stopAsked": False,
            "restarts": 0,
            "tries": 0,
            "updatedAt": "2026-03-01T13:00:00.000Z",
            "rev": 0,
        },
    ),
    Record(
        kind="ingress_key",
        key="64b7f0c2a1d3e4f5a6b7ca01",
        document={
            "id": "64b7f0c2a1d3e4f5a6b7ca01",
            "ownerId": HEX_USER,
            "protocol": "rtmp",
            "through": "ingress",
            "identity": HEX_USER,
            "lines": [
                {
                    "ingressId": "IN_1",
                    "streamKey": "key-1",
                    "url": "rtmp://media.example.com/live",
                    "madeAt": "2026-03-01T12:00:00.000Z",
                    "endsAt": "2026-03-01T12:10:00.000Z",
                },
                {
                    "ingressId": "IN_2",
                    "streamKey": "key-2",
                    "url": "rtmp://media.example.com/live",
                    "madeAt": "2026-03-01T12:00:00.000Z",
                },
            ],
            "createdAt": "2026-03-01T12:00:00.000Z",
            "by": "user:alice",
            "updatedAt": "2026-03-01T12:00:00.000Z",
            "streamId": STREAM,
            "title": "",
            "tags": ["a"],
            "enableRecording": True,
            "enableReplay": True,
            "autoRecord": False,
            "graceS": 60,
            "enabled": True,
            "warned": False,
            "spent": False,
            "connection": {"status": "publishing", "since": "2026-03-01T12:00:01.000Z"},
            "rev": 3,
        },
    ),
]


async def fill(store: Store) -> None:
    """Two or more of each kind, put in as the product does."""
    for number in range(5):
        stream = a_stream(owner_id=f"owner{number}", tags=["a"], extra={"legacy": number})
        await store.add_stream(stream, an_event("stream.started", stream_id=stream.id, n=number))
        await store.add_sightings(
            [
                a_sighting(stream.id, "PA_1", HEX_USER, joined_at=at(1)),
                a_sighting(stream.id, "PA_2", "bob", left_at=at(2)),
            ]
        )
        await store.end_stream(stream.id, at=at(3), reason="r", by="x", event=an_event("ended"))
        entry = a_webhook(received_at=at(number), room=None if number % 2 else "room")
        await store.add_webhook(entry)
        if number % 2:
            await store.finish_webhooks([entry.id], at=at(9))
        ban = Ban(user_id=f"u{number}", until=at(60), by="x", at=NOON)
        await store.ban(ban, an_event("user.banned"))
        message = a_message(stream.id, at=at(number))
        await store.add_entries([message])
        await store.add_gift(a_gift(stream.id, client_id=str(number) if number % 2 else None))
        await store.hide_entries(ChatQuery(ids=(message.id,)), event=an_event("hidden"))
        report = a_report(stream_id=stream.id, messages=[message] if number % 2 else [])
        await store.add_report(report, an_event("report.filed"))
        rules = ChatRules(slow_seconds=number, words=["spam"])
        await store.set_chat_rules(f"stream:{stream.id}", rules, an_event("rules.changed"))
        await store.restrict(a_restriction(subject=f"u{number}"), an_event("user.blocked"))
        await store.remember_addresses([SeenAddress(user_id="bob", address="a1", at=NOON)])
        await store.add_recording(a_replay(stream.id), an_event("recording.added"))
        recording = a_recording(stream.id, size=number)
        await store.add_recording(recording, an_event("recording.added"))
        await store.save_recording(recording, an_event("recording.saved"))
        key = a_key(stream_id=stream.id if number % 2 else None)
        await store.add_ingress_key(key, an_event("ingress.added"))
        await store.remember_start(f"o{number}", "k", digest="d", stream_id=stream.id, at=NOON)
    await store.lift_restriction(a_restriction(subject="u1").key, an_event("user.unblocked"))
    await store.remove_ingress_key(key, an_event("ingress.removed"))
    await store.retry_webhook(entry.id, next_at=at(100), error="failed")
    await store.take_lease("tick", "me", now=NOON, until=at(60))


async def test_records_are_written_in_their_one_form(store: Store) -> None:
    await store.load(list(reversed(EXPECTED)))
    assert await dumped(store) == EXPECTED


async def test_what_has_no_value_is_left_out_except_in_fields_that_are_not_ours(
    store: Store,
) -> None:
    document = {**EXPECTED[0].document, "endedAt": None, "vod": None, "legacy": None}
    await store.load([msgspec.structs.replace(EXPECTED[0], document=document)])
    (record,) = await dumped(store)
    assert record.document == {**EXPECTED[0].document, "legacy": None}


async def test_what_is_loaded_is_there_for_the_product(store: Store) -> None:
    await store.load(EXPECTED)
    stream = await store.stream(STREAM)
    assert stream is not None
    assert stream.blocked_user_ids == ["bob", HEX_USER]
    assert await store.present_viewers(STREAM) == 1
    assert [event.seq for event in await store.events(EventQuery())] == [7, 12]
    assert [entry.id for entry in await store.webhooks(InboxQuery())] == ["EV_1"]
    assert await store.ban_of(HEX_USER) is not None
    known = await store.remember_start(HEX_USER, "key", digest="x", stream_id="y", at=NOON)
    assert known == ("d", STREAM)
    shown, hidden = [
        await store.entries(ChatQuery(stream_ids=(STREAM,), hidden=hidden))
        for hidden in (False, True)
    ]
    assert ([one.value for one in shown], len(hidden)) == ([100], 2)
    rules = await store.chat_rules(["everywhere", f"stream:{STREAM}"])
    assert rules["everywhere"] == ChatRules(words=["spam", "/sp.m/"], rev=2)
    assert rules[f"stream:{STREAM}"].slow_seconds == 5
    restrictions = await store.restrictions(RestrictionQuery(holding_at=at(0)))
    assert [one.key for one in restrictions] == [
        record.key for record in EXPECTED if record.kind == "restriction"
    ]
    (resolved,) = await store.reports(ReportQuery(status="resolved"))
    assert [one.content for one in resolved.messages] == ["an insult"]
    (running,) = await store.recordings(RecordingQuery(states=("starting",), has_vod=False))
    assert running.requested_at == at(3600)
    (kept,) = await store.recordings(RecordingQuery(paths=("a.mp4",), deleting=False))
    assert kept.vod is not None
    assert kept.vod.hold is not None
    with pytest.raises(Conflict):
        await store.add_recording(a_recording(STREAM), an_event())
    (key,) = await store.ingress_keys(IngressQuery(digest=digest_of("key-1"), stream_id=STREAM))
    assert await store.ingress_keys(IngressQuery(due_at=at(600), ingress_id="IN_2")) == [key]


async def test_what_is_loaded_adds_to_no_total_and_is_not_counted_again(store: Store) -> None:
    await store.load(EXPECTED)
    _, new = await store.add_gift(a_gift(STREAM, 7, user_id="bob", client_id="c"))
    assert not new
    await store.add_gift(a_gift(STREAM, 7))
    stream = await store.stream(STREAM)
    assert stream is not None
    assert stream.total_gifts == 7


async def test_a_load_does_not_take_another_gifts_client_id(store: Store) -> None:
    await store.load(EXPECTED)
    (gift,) = [record for record in EXPECTED if record.document.get("clientId") == "c"]
    other = {**gift.document, "id": "f" * 24}
    with pytest.raises(Conflict):
        await store.load([Record(kind="chat", key="f" * 24, document=other)])
    assert gift in await dumped(store)


@pytest.mark.parametrize(("kind", "state"), [("recording", "starting"), ("ingress_key", None)])
async def test_a_load_does_not_take_the_place_that_another_has_at_its_stream(
    store: Store, kind: RecordKind, state: str | None
) -> None:
    await store.load(EXPECTED)
    (there,) = [
        record
        for record in EXPECTED
        if record.kind == kind and record.document.get("state") == state
    ]
    other = {**there.document, "id": "f" * 24}
    with pytest.raises(Conflict):
        await store.load([Record(kind=kind, key="f" * 24, document=other)])
    assert await dumped(store) == EXPECTED
    elsewhere = {**other, "streamId": new_id()}
    await store.load([Record(kind=kind, key="f" * 24, document=elsewhere)])
    with pytest.raises(Conflict):
        await store.load([Record(kind=kind, key="f" * 24, document=other)])
    assert there in await dumped(store)


async def test_what_is_no_record_of_its_kind_is_refused(store: Store) -> None:
    for kind in KINDS:
        with pytest.raises(BadInput, match=f"{kind} bad"):
            await store.load([Record(kind=kind, key="bad", document={"at": 3, "rev": "?"})])
    assert await dumped(store) == []


async def test_an_export_of_a_stores_own_data_is_ordered_and_without_leases(store: Store) -> None:
    await fill(store)
    records = await dumped(store)
    assert records == sorted(records, key=lambda record: (KINDS.index(record.kind), record.key))
    assert {record.kind for record in records} == set(KINDS)
    assert len({(record.kind, record.key) for record in records}) == len(records)


async def test_an_export_loaded_elsewhere_is_the_same_bytes_again(
    store: Store, elsewhere: Store
) -> None:
    await fill(store)
    await store.load(EXPECTED)
    exported = await dumped(store)
    for _ in range(2):  # a repeated load changes nothing
        for start in range(0, len(exported), 20):
            await elsewhere.load(exported[start : start + 20])
        assert as_bytes(await dumped(elsewhere)) == as_bytes(exported)


async def test_the_log_goes_on_above_what_was_loaded(store: Store) -> None:
    await store.load(EXPECTED)
    assert await store.last_event_seq() == 12
    await store.append_event(an_event("test.later"))
    seqs = [event.seq for event in await store.events(EventQuery())]
    assert seqs[:2] == [7, 12]
    assert seqs[2] > 12


async def test_a_load_replaces_what_has_the_same_key(store: Store) -> None:
    await store.load(EXPECTED)
    changed = [
        msgspec.structs.replace(record, document={**record.document, **changes})
        for record in EXPECTED
        if (changes := {
            "stream": {"title": "Other", "isLive": False},
            "sighting": {"leftAt": "2026-03-01T12:00:05.000Z"},
            "event": {"actor": "someone"},
            "webhook": {"status": "done", "handledAt": "2026-03-01T12:00:05.000Z"},
            "ban": {"reason": "now with one"},
            "report": {"status": "closed"},
            "start_key": {"digest": "other"},
            "chat": {"content": "other"},
            "chat_rules": {"rev": 9},
            "restriction": {"reason": "now with one"},
            "recording": {"state": "failed", "error": "now with one"},
            "ingress_key": {"lines": [], "title": "other"},
        }[record.kind])
    ]  # fmt: skip
    await store.load(changed)
    assert await dumped(store) == changed
    assert await store.present_viewers(STREAM) == 0
    assert await store.live_totals() == (0, 0)


async def test_a_load_does_not_take_another_streams_room(store: Store) -> None:
    await store.load(EXPECTED)
    other = {**EXPECTED[0].document, "id": "f" * 24}
    with pytest.raises(Conflict):
        await store.load([Record(kind="stream", key="f" * 24, document=other)])
    assert await store.stream(STREAM) is not None
    assert await store.stream("f" * 24) is None


async def test_nothing_comes_from_an_empty_store_and_nothing_is_loaded(store: Store) -> None:
    assert await dumped(store) == []
    await store.load([])
    assert await dumped(store) == []


async def test_an_export_that_is_left_early_harms_nothing(store: Store) -> None:
    await fill(store)
    export = store.dump()
    assert (await anext(export)).kind == "stream"
    await export.aclose()  # type: ignore[attr-defined]
    await store.append_event(Event(id=new_id(), at=NOON, type="t", actor="a"))
