from __future__ import annotations

from typing import Any

import pytest

from tests.server.api import ROOT, Api, block, good, refused, wrong_fields


async def ids(api: Api, **query: Any) -> list[str]:
    found = good(await api.get("/api/streams", ROOT, params=query))
    return [one["streamId"] for one in found["items"]]


async def test_an_administrator_sees_a_stream_whole_but_never_a_key(api: Api) -> None:
    stream_id = (await api.start("alice", title="Hello"))["streamId"]
    await block(api, stream_id, "alice", "mallory")
    answer = await api.get(f"/api/streams/{stream_id}", ROOT)
    shown = good(answer)
    assert shown["blockedUserIds"] == ["mallory"]
    assert shown["ingress"] is None
    assert shown["isLive"]
    assert "streamKey" not in answer.text


async def test_streams_are_found_by_each_filter_and_by_all_together(api: Api) -> None:
    first = await api.start("alice", title="Late Music", tags=["music"])
    second = await api.start("bob", title="Talk", tags=["talk"])
    await api.post("/api/live/stop", "bob", json={"streamId": second["streamId"]})
    assert await ids(api) == [second["streamId"], first["streamId"]]
    assert await ids(api, live="true") == [first["streamId"]]
    assert await ids(api, live="false") == [second["streamId"]]
    assert await ids(api, owner="bob") == [second["streamId"]]
    assert await ids(api, tag="music") == [first["streamId"]]
    assert await ids(api, title="MUSIC") == [first["streamId"]]
    assert await ids(api, teardownOwed="true") == []
    assert await ids(api, ref=first["streamId"][:23]) == [first["streamId"]]
    assert await ids(api, ref=second["roomName"]) == [second["streamId"]]
    assert await ids(api, live="true", owner="bob") == []


async def test_streams_are_found_by_when_they_started(api: Api) -> None:
    first = await api.start("alice")
    at = (await api.shown(first["streamId"]))["startedAt"]
    assert await ids(api, since=at) == [first["streamId"]]
    assert await ids(api, until=at) == []
    assert await ids(api, since="2099-01-01T00:00:00Z") == []
    assert await ids(api, until="2099-01-01T00:00:00+02:00") == [first["streamId"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"live": "maybe"}, "live"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"until": "2026-13-01T00:00:00Z"}, "until"),
        ({"limit": "1001"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(
    api: Api, query: dict[str, str], field: str
) -> None:
    assert wrong_fields(await api.get("/api/streams", ROOT, params=query)) == [field]


async def test_streams_are_paged_by_cursor(api: Api) -> None:
    started = [(await api.start(f"user{n}"))["streamId"] for n in range(5)]
    page = good(await api.get("/api/streams", ROOT, params={"limit": 2}))
    seen = [one["streamId"] for one in page["items"]]
    while cursor := page.get("nextCursor"):
        page = good(await api.get("/api/streams", ROOT, params={"limit": 2, "cursor": cursor}))
        seen += [one["streamId"] for one in page["items"]]
    assert seen == started[::-1]


async def test_an_administrator_starts_a_stream_in_the_name_of_its_owner(api: Api) -> None:
    started = good(await api.post("/api/streams", ROOT, json={"ownerId": "carol", "title": "Hi"}))
    assert started["roomName"].startswith("live_carol_")
    good(await api.post("/api/live/stop", "carol", json={"streamId": started["streamId"]}))


async def test_a_start_for_somebody_needs_to_say_for_whom(api: Api) -> None:
    assert wrong_fields(await api.post("/api/streams", ROOT, json={"title": "Hi"})) == ["ownerId"]
    for bad in ("", "a\u0000b", "x" * 129):
        answer = await api.post("/api/streams", ROOT, json={"ownerId": bad})
        assert wrong_fields(answer) == ["ownerId"]


async def test_a_timeline_tells_who_did_what_in_order(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    headers = {"X-Request-Id": "request-0001"}
    await api.post(f"/api/live/{stream_id}/end", ROOT, json={"reason": "rules"}, headers=headers)
    items = good(await api.get(f"/api/streams/{stream_id}/timeline", ROOT))["items"]
    assert [(one["what"], one["actor"]) for one in items] == [
        ("stream.started", "user:alice"),
        ("stream.ended", f"user:{ROOT}"),
        ("stream.enforced", f"user:{ROOT}"),
    ]
    assert items[1]["data"]["reason"] == "rules"
    assert [one["at"] for one in items] == sorted(one["at"] for one in items)


async def test_a_timeline_holds_the_webhooks_of_the_room(api: Api) -> None:
    started = await api.start("alice")
    body, signature = api.context.inbox.sample("track_published", started["roomName"])
    sent = await api.post(
        "/api/webhooks/livekit", content=body, headers={"Authorization": signature}
    )
    good(sent)
    items = good(await api.get(f"/api/streams/{started['streamId']}/timeline", ROOT))["items"]
    hook = next(one for one in items if one["source"] == "webhook")
    assert (hook["what"], hook["actor"]) == ("track_published", "livekit")
    assert hook["delayMs"] >= 0


async def test_a_stream_that_is_not_there_has_no_timeline(api: Api) -> None:
    refused(await api.get(f"/api/streams/{'0' * 24}/timeline", ROOT), 404, "not_found")
