from __future__ import annotations

import asyncio
from typing import Any

import pytest

from livectl.adapters.livekit import LiveKit as LiveKitClient
from livectl.adapters.no_meter import NoMeter
from tests.parts import free_port
from tests.parts.livekit import LiveKit
from tests.server.api import NO_STREAM, ROOT, Api, good, refused, wrong_fields
from tests.server.conftest import NewApi


async def test_reconcile_shows_its_plan_before_it_acts(api: Api, livekit: LiveKit) -> None:
    started = await api.start("alice")
    client = LiveKitClient(livekit.url, livekit.key, livekit.secret, public_url="", meter=NoMeter())
    stray = f"live_stray_{started['roomName'].rpartition('_')[2]}"
    try:
        await client.create_room(stray)
        found = good(await api.post("/api/reconcile?dryRun=true", ROOT))
    finally:
        await client.delete_room(stray)
        await client.close()
    assert found["dryRun"]
    assert found["checkedStreams"] == 1
    assert found["checkedRooms"] >= 2
    # The stray one is young: its stream may be about to be stored.
    assert stray not in [one["roomName"] for one in found["corrections"]]


async def test_reconcile_without_livekit_says_so(new_api: NewApi) -> None:
    api = await new_api(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    said = refused(await api.post("/api/reconcile", ROOT), 502, "unavailable")
    assert "ListRooms" in said["error"]


async def test_reconcile_refuses_a_dry_run_that_is_neither_true_nor_false(api: Api) -> None:
    assert wrong_fields(await api.post("/api/reconcile?dryRun=maybe", ROOT)) == ["dryRun"]


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


async def test_a_token_is_issued_with_the_role_and_the_time_asked_for(api: Api) -> None:
    asked = {"userId": "carol", "administrator": True, "ttlSeconds": 60}
    issued = good(await api.post("/api/tokens", ROOT, json=asked))
    assert (issued["userId"], issued["administrator"]) == ("carol", True)
    headers = {"Authorization": f"Bearer {issued['token']}"}
    good(await api.get("/api/streams", headers=headers))


async def test_a_token_runs_out(api: Api) -> None:
    asked = {"userId": "carol", "ttlSeconds": 1}
    issued = good(await api.post("/api/tokens", ROOT, json=asked))
    headers = {"Authorization": f"Bearer {issued['token']}"}
    good(await api.get("/api/live/active", headers=headers))
    await asyncio.sleep(1.5)
    refused(await api.get("/api/live/active", headers=headers), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["userId"]),
        ({"userId": ""}, ["userId"]),
        ({"userId": "carol", "ttlSeconds": 0}, ["ttlSeconds"]),
        ({"userId": "carol", "ttlSeconds": 10**12}, ["ttlSeconds"]),
        ({"userId": 7, "administrator": "yes"}, ["userId", "administrator"]),
    ],
)
async def test_a_token_needs_a_user_and_a_sensible_time(
    api: Api, body: dict[str, Any], fields: list[str]
) -> None:
    assert wrong_fields(await api.post("/api/tokens", ROOT, json=body)) == fields


async def test_a_doctor_names_what_is_wrong_and_what_to_do(new_api: NewApi) -> None:
    api = await new_api(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    checks = {one["name"]: one for one in good(await api.get("/api/doctor", ROOT))["checks"]}
    assert checks["store"]["status"] == "pass"
    assert checks["indexes"]["status"] == "pass"
    assert checks["inbox"]["status"] == "pass"
    assert checks["livekit"]["status"] == "fail"
    assert checks["livekit"]["code"] == "unavailable"
    assert "LIVEKIT_URL" in checks["livekit"]["remedy"]
    assert checks["webhooks"]["status"] == "fail"
