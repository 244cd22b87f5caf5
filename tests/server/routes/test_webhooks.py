from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.parts.livekit import LiveKit
from tests.server.api import ROOT, Api, good, refused, wrong_fields
from tests.services.hooks import hook, id_of, participant, real_bodies, sign

PATH = "/api/webhooks/livekit"


class Sender:
    """Posts as LiveKit does."""

    def __init__(self, api: Api, livekit: LiveKit) -> None:
        self.api = api
        self.livekit = livekit

    def sign(self, body: bytes) -> str:
        return sign(body, self.livekit.key, self.livekit.secret)

    async def __call__(self, body: bytes, signature: str | None = None) -> httpx.Response:
        headers = {
            "Content-Type": "application/webhook+json",
            "Authorization": self.sign(body) if signature is None else signature,
        }
        return await self.api.post(PATH, content=body, headers=headers)


@pytest.fixture
def send(api: Api, livekit: LiveKit) -> Sender:
    return Sender(api, livekit)


async def listed(api: Api, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = good(await api.get("/api/webhooks", ROOT, params=query))["items"]
    return items


async def until_done(api: Api) -> None:
    async with asyncio.timeout(10):
        while good(await api.get("/api/webhooks", ROOT))["pending"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_what_a_real_livekit_sent_is_all_taken_in_and_handled(api: Api, send: Sender) -> None:
    for body in real_bodies():
        assert good(await send(body)) == {"received": True}
    await until_done(api)
    found = await listed(api)
    assert sorted(one["id"] for one in found) == sorted(map(id_of, real_bodies()))
    assert {one["status"] for one in found} == {"done"}
    assert {one["attempts"] for one in found} == {1}


async def test_a_webhook_that_comes_twice_is_kept_once(api: Api, send: Sender) -> None:
    body = real_bodies()[0]
    for _ in range(3):
        good(await send(body))
    await until_done(api)
    assert len(await listed(api)) == 1


async def test_a_signature_counts_for_its_own_bytes_only(api: Api, send: Sender) -> None:
    body = real_bodies()[0]
    tampered = body.replace(b"room_started", b"room_finished")
    reformatted = json.dumps(json.loads(body)).encode()
    for other in (tampered, reformatted, body + b" ", b""):
        refused(await send(other, send.sign(body)), 401, "unauthenticated")
    assert await listed(api) == []


async def test_a_webhook_of_another_key_or_without_a_signature_is_refused(
    api: Api, send: Sender
) -> None:
    body = real_bodies()[0]
    strangers = [
        sign(body, "other", send.livekit.secret),
        sign(body, send.livekit.key, "s" * 40),
        api.bearer(ROOT)["Authorization"],
        "Bearer",
        "",
    ]
    for signature in strangers:
        refused(await send(body, signature), 401, "unauthenticated")
    refused(await api.post(PATH, content=body), 401, "unauthenticated")
    assert await listed(api) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"event":"room_started"}',
        b'{"id":"EV_1"}',
        b'{"event":"","id":"EV_1"}',
        b'{"event":"room_started","id":7}',
        b'{"event":"\xff","id":"EV_1"}',
        b'{"event":"\\ud800","id":"EV_1"}',
        b'{"event":"a","id":"EV_1","room":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
)
async def test_a_signed_body_that_is_no_webhook_is_bad_input(send: Sender, body: bytes) -> None:
    refused(await send(body), 400, "bad_request")


async def test_a_webhook_with_strange_values_is_taken_in_and_harms_nothing(
    api: Api, send: Sender
) -> None:
    strange = {
        "event": "participant_joined",
        "id": "EV_strange",
        "createdAt": "99999999999999999999",
        "room": {"name": "live_alice_1700000000000", "sid": 7},
        "participant": {"identity": {"a": 1}, "joinedAtMs": "-1e5", "kind": None},
        "numDropped": "many",
    }
    good(await send(json.dumps(strange).encode()))
    await until_done(api)
    assert [one["status"] for one in await listed(api)] == ["done"]


async def test_a_webhook_larger_than_a_mebibyte_is_refused(api: Api, send: Sender) -> None:
    refused(await send(b" " * (1024 * 1024 + 1)), 413, "too_large")


async def test_viewers_follow_the_webhooks(api: Api, send: Sender) -> None:
    started = await api.start("alice")
    room, now = started["roomName"], datetime.now(UTC)
    people = [
        participant("PA_1", "bob#00000001", now),
        participant("PA_2", "bob#00000002", now),
        participant("PA_3", "carol", now),
        participant("PA_4", "alice", now),
        participant("PA_5", "IN_x", now, kind="INGRESS"),
        participant("PA_6", "EG_x", now, kind="EGRESS"),
        participant("PA_7", "spy", now, permission={"hidden": True}),
        participant("PA_8", "tape", now, permission={"recorder": True}),
    ]
    for person in people:
        good(await send(hook("participant_joined", room, now, participant=person)))
    await until_done(api)
    path = f"/api/live/{started['streamId']}/status"
    assert good(await api.get(path, "bob"))["viewers"] == 2
    good(await send(hook("participant_left", room, now, participant=people[0])))
    good(await send(hook("participant_left", room, now, participant=people[2])))
    await until_done(api)
    status = good(await api.get(path, "bob"))
    assert (status["viewers"], status["peakViewers"]) == (1, 2)


async def test_the_inbox_shows_a_body_with_its_secrets_masked(api: Api, send: Sender) -> None:
    ingress = next(body for body in real_bodies() if b"streamKey" in body)
    good(await send(ingress))
    key = json.loads(ingress)["ingressInfo"]["streamKey"]
    answer = await api.get(f"/api/webhooks/{id_of(ingress)}", ROOT)
    assert good(answer)["body"]["ingressInfo"]["streamKey"] == "********"
    assert good(answer)["body"]["ingressInfo"]["roomName"] == "r3"
    assert key not in answer.text
    assert key not in (await api.get("/api/webhooks", ROOT)).text


async def test_the_inbox_shows_no_password_of_what_an_ingress_pulls(api: Api, send: Sender) -> None:
    source = "https://camera:hunter2@venue.example/a?token=abc"
    error = f'GET "{source}": 401'
    info = {"ingressId": "IN_1", "roomName": "r1", "url": source, "state": {"error": error}}
    body = hook("ingress_ended", "r1", datetime.now(UTC), ingressInfo=info)
    good(await send(body))
    answer = await api.get(f"/api/webhooks/{id_of(body)}", ROOT)
    shown = good(answer)["body"]["ingressInfo"]
    assert shown["url"] == "https://********@venue.example/a?********"
    assert shown["state"]["error"] == f'GET "{shown["url"]}": 401'


async def test_the_inbox_is_filtered_and_counted(api: Api, send: Sender) -> None:
    now = datetime.now(UTC)
    good(await send(hook("room_started", "r1", now)))
    good(await send(hook("room_finished", "r2", now)))
    await until_done(api)
    assert [one["room"] for one in await listed(api)] == ["r2", "r1"]
    assert [one["type"] for one in await listed(api, room="r1")] == ["room_started"]
    assert [one["room"] for one in await listed(api, type="room_finished")] == ["r2"]
    assert await listed(api, status="parked") == []
    assert len(await listed(api, limit=1)) == 1
    assert await listed(api, since="2099-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [("status=lost", "status"), ("since=2026-01-01T00:00:00", "since"), ("limit=0", "limit")],
)
async def test_a_filter_of_the_inbox_that_makes_no_sense_is_refused(
    api: Api, query: str, field: str
) -> None:
    assert wrong_fields(await api.get(f"/api/webhooks?{query}", ROOT)) == [field]


async def test_a_webhook_is_replayed_by_its_id_and_by_time(api: Api, send: Sender) -> None:
    body = real_bodies()[0]
    good(await send(body))
    await until_done(api)
    for chosen in ({"ids": [id_of(body)]}, {"since": "2000-01-01T00:00:00Z"}):
        assert good(await api.post("/api/webhooks/replay", ROOT, json=chosen)) == {"queued": 1}
        await until_done(api)
    assert good(await api.post("/api/webhooks/replay", ROOT, json={"failed": True})) == {
        "queued": 0
    }


async def test_a_replay_needs_a_choice_and_known_ids(api: Api) -> None:
    assert wrong_fields(await api.post("/api/webhooks/replay", ROOT, json={})) == ["ids"]
    answer = await api.post("/api/webhooks/replay", ROOT, json={"ids": ["EV_x"]})
    refused(answer, 404, "not_found")
    refused(await api.get("/api/webhooks/EV_x", ROOT), 404, "not_found")


async def test_a_sample_can_be_sent_as_it_is(api: Api) -> None:
    asked = {"event": "room_started", "room": "live_alice_1700000000000"}
    sample = good(await api.post("/api/webhooks/sample", ROOT, json=asked))
    headers = {"Authorization": sample["authorization"], "Content-Type": sample["contentType"]}
    good(await api.post(PATH, content=sample["body"].encode(), headers=headers))
    assert [one["room"] for one in await listed(api)] == [asked["room"]]


async def test_a_sample_of_a_strange_event_is_refused(api: Api) -> None:
    answer = await api.post("/api/webhooks/sample", ROOT, json={"event": "Room Started"})
    assert wrong_fields(answer) == ["event"]
