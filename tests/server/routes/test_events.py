from __future__ import annotations

import pytest

from tests.server.api import NO_STREAM, ROOT, Api, good, wrong_fields


async def test_events_are_read_from_a_place_on(api: Api) -> None:
    first = await api.start("alice")
    page = good(await api.get("/api/events", ROOT, params={"type": "stream.started"}))
    assert [one["streamId"] for one in page["items"]] == [first["streamId"]]
    second = await api.start("bob")
    query = {"type": "stream.started", "after": page["last"]}
    page = good(await api.get("/api/events", ROOT, params=query))
    assert [one["streamId"] for one in page["items"]] == [second["streamId"]]
    query["after"] = page["last"]
    empty = good(await api.get("/api/events", ROOT, params=query))
    assert empty == {"items": [], "last": page["last"]}


async def test_events_are_filtered_by_stream(api: Api) -> None:
    started = [await api.start(user) for user in ("alice", "bob")]
    query = {"stream": started[1]["streamId"].upper()}
    items = good(await api.get("/api/events", ROOT, params=query))["items"]
    assert [(one["type"], one["actor"]) for one in items] == [("stream.started", "user:bob")]
    assert good(await api.get("/api/events", ROOT, params={"stream": NO_STREAM}))["items"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=9223372036854775808", "after"),
        ("stream=abc", "stream"),
        ("since=2026-01-01T00:00:00", "since"),
        ("limit=1001", "limit"),
        ("follow=maybe", "follow"),
    ],
)
async def test_a_filter_of_events_that_makes_no_sense_is_refused(
    api: Api, query: str, field: str
) -> None:
    assert wrong_fields(await api.get(f"/api/events?{query}", ROOT)) == [field]


async def test_the_last_place_that_can_be_named_is_after_every_event(api: Api) -> None:
    page = good(await api.get("/api/events?after=9223372036854775807", ROOT))
    assert page["items"] == []
