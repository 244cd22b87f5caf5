from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.parts.livekit import LiveKit
from tests.parts.redis import Redis
from tests.server.api import NO_STREAM, ROOT, Api, as_operator, good, refused, wrong_fields
from tests.server.conftest import NewApi


@pytest.fixture
async def with_ingress(new_api: NewApi, new_livekit: Callable[..., LiveKit], redis: Redis) -> Api:
    """An application whose LiveKit keeps ingress."""
    livekit = new_livekit(redis=redis.address, rtmp_base_url="rtmp://127.0.0.1:1/live")
    return await new_api(
        LIVEKIT_URL=livekit.url,
        LIVEKIT_API_KEY=livekit.key,
        LIVEKIT_API_SECRET=livekit.secret,
    )


async def whip(api: Api, stream: dict[str, Any], by: str = "alice") -> dict[str, Any]:
    path = f"/api/live/{stream['streamId']}/ingress"
    return good(await api.post(path, by, json={"type": "whip"}))


async def standing(api: Api, **fields: Any) -> dict[str, Any]:
    body = {"ownerId": "alice", "type": "whip", **fields}
    return good(await api.post("/api/ingress", ROOT, json=body))


async def test_an_owner_gets_what_an_encoder_needs_and_the_same_again(api: Api) -> None:
    stream = await api.start()
    first = await whip(api, stream)
    assert set(first) == {"ingressId", "streamKey", "whipUrl"}
    assert first["whipUrl"] == "http://livectl.test/whip"
    assert good(await api.post(f"/api/live/{stream['streamId']}/ingress", "alice")) == first


async def test_an_rtmp_key_of_a_live_stream_is_made_at_livekit_and_says_that_nothing_answers(
    with_ingress: Api,
) -> None:
    stream = await with_ingress.start()
    path = f"/api/live/{stream['streamId']}/ingress"
    made = good(await with_ingress.post(path, "alice"))
    assert made["rtmpUrl"] == "rtmp://127.0.0.1:1/live"
    assert made["ingressId"].startswith("IN_")
    assert "start LiveKit's Ingress service" in made["warning"]
    rotated = good(await with_ingress.post(f"{path}/rotate", "alice"))
    assert rotated["streamKey"] != made["streamKey"]
    good(await with_ingress.delete(path, "alice"))
    refused(await with_ingress.delete(path, "alice"), 404, "not_found")


async def test_without_redis_at_livekit_an_rtmp_key_is_refused_with_the_remedy(api: Api) -> None:
    stream = await api.start()
    answer = await api.post(f"/api/live/{stream['streamId']}/ingress", "alice", json={})
    assert "WHIP" in refused(answer, 503, "not_ready")["hint"]


async def test_a_stream_that_is_over_has_no_ingress_to_give(api: Api) -> None:
    stream = await api.start()
    good(await api.post("/api/live/stop", "alice", json={"streamId": stream["streamId"]}))
    answer = await api.post(f"/api/live/{stream['streamId']}/ingress", "alice", json={})
    refused(answer, 400, "bad_request")


async def test_another_type_than_the_one_there_is_is_a_conflict(api: Api) -> None:
    stream = await api.start()
    await whip(api, stream)
    answer = await api.post(
        f"/api/live/{stream['streamId']}/ingress", "alice", json={"type": "rtmp"}
    )
    refused(answer, 409, "conflict")


async def test_the_secret_is_shown_when_it_is_made_and_when_it_is_asked_for_which_is_logged(
    api: Api,
) -> None:
    made = await standing(api, title="Hall 2", expiresSeconds=3600)
    path = f"/api/ingress/{made['keyId']}"
    masked = "********" + made["streamKey"][-4:]
    assert good(await api.get(path, ROOT))["streamKey"] == masked
    (listed,) = good(await api.get("/api/ingress", ROOT))["items"]
    assert listed["streamKey"] == masked
    assert good(await api.get(f"{path}?reveal=true", ROOT))["streamKey"] == made["streamKey"]
    events = good(await api.get("/api/events?type=ingress.revealed", ROOT))["items"]
    assert [(one["actor"], one["data"]["key"]) for one in events] == [
        (f"user:{ROOT}", made["keyId"])
    ]
    everything = (await api.get("/api/events?limit=1000", ROOT)).text
    assert made["streamKey"] not in everything


async def test_the_password_of_a_source_is_shown_only_when_it_is_asked_for(
    with_ingress: Api,
) -> None:
    body = {"ownerId": "alice", "type": "url", "url": "https://me:pass@camera.test/a"}
    answer = await with_ingress.post("/api/ingress", ROOT, json=body)
    assert "pass" not in refused(answer, 503, "not_ready")["error"]


async def test_a_stream_shows_its_ingress_without_the_secret(api: Api) -> None:
    stream = await api.start()
    made = await whip(api, stream)
    answer = await api.get(f"/api/streams/{stream['streamId']}", ROOT)
    assert good(answer)["ingress"]["ingressId"] == made["ingressId"]
    assert made["streamKey"] not in answer.text


async def test_keys_are_found_by_owner_stream_and_the_beginning_of_their_id(api: Api) -> None:
    stream = await api.start()
    of_stream = await whip(api, stream)
    key = await standing(api, ownerId="bob")

    async def found(**query: Any) -> list[str]:
        answer = await api.get("/api/ingress", ROOT, params=query)
        return [one["ingressId"] for one in good(answer)["items"]]

    assert await found(owner="alice") == [of_stream["ingressId"]]
    assert await found(stream=stream["streamId"]) == [of_stream["ingressId"]]
    assert await found(standing="true") == [key["ingressId"]]
    assert await found(ref=key["keyId"][:23]) == [key["ingressId"]]
    page = good(await api.get("/api/ingress?limit=1", ROOT))
    assert len(page["items"]) == 1
    after = good(await api.get(f"/api/ingress?limit=1&cursor={page['nextCursor']}", ROOT))
    assert after["items"][0]["keyId"] != page["items"][0]["keyId"]


async def test_a_key_is_switched_off_and_on_rotated_and_deleted(api: Api) -> None:
    made = await standing(api)
    path = f"/api/ingress/{made['keyId']}"
    off = good(await api.post(f"{path}/disable", ROOT, json={"reason": "closed"}))
    assert (off["enabled"], off["offReason"]) == (False, "closed")
    refused(await api.post(f"{path}/rotate", ROOT), 409, "conflict")
    on = good(await api.post(f"{path}/enable", ROOT, json={"expiresSeconds": 60}))
    assert on["enabled"]
    assert on["expiresAt"]
    assert on["streamKey"].startswith("********")  # it is the one that is known
    rotated = good(await api.post(f"{path}/rotate", ROOT, json={"overlapSeconds": 60}))
    assert rotated["streamKey"] != made["streamKey"]
    assert rotated["oldKeyUntil"]
    good(await api.delete(path, ROOT))
    refused(await api.get(path, ROOT), 404, "not_found")


async def test_the_secret_of_a_key_that_a_stream_has_already_is_not_shown_unasked(
    api: Api,
) -> None:
    stream = await api.start()
    made = await whip(api, stream)
    body = {"streamId": stream["streamId"], "type": "whip"}
    again = good(await api.post("/api/ingress", ROOT, json=body))
    assert again["streamKey"] == "********" + made["streamKey"][-4:]
    good(await api.post(f"/api/ingress/{again['keyId']}/disable", ROOT, json={"reason": "closed"}))
    asked = good(await api.post(f"/api/live/{stream['streamId']}/ingress", "alice"))
    assert asked["warning"] == "the key is off: closed"


async def test_the_stream_of_a_key_is_ended_and_the_key_stays_on(api: Api) -> None:
    made = await standing(api)
    path = f"/api/ingress/{made['keyId']}"
    good(await api.post(f"{path}/end", ROOT))
    assert good(await api.get(path, ROOT))["enabled"]


async def test_what_is_wrong_is_named(api: Api) -> None:
    body = {"ownerId": "alice", "type": "smoke", "graceSeconds": 0, "url": "file:///etc/passwd"}
    answer = await api.post("/api/ingress", ROOT, json=body)
    assert wrong_fields(answer) == ["type", "url", "graceSeconds"]
    refused(await api.post("/api/ingress", ROOT, json={}), 400, "bad_request")
    both = {"ownerId": "alice", "streamId": NO_STREAM}
    refused(await api.post("/api/ingress", ROOT, json=both), 400, "bad_request")
    nobodys = {"streamId": NO_STREAM, "type": "whip"}
    refused(await api.post("/api/ingress", ROOT, json=nobodys), 404, "not_found")
    refused(await api.get(f"/api/ingress/{NO_STREAM}", ROOT), 404, "not_found")
    refused(await api.get("/api/ingress/xyz", ROOT), 400, "bad_request")


async def test_a_command_in_this_process_has_to_know_where_encoders_reach_the_server(
    new_api: NewApi,
) -> None:
    body = {"ownerId": "alice", "type": "whip"}
    api = await new_api()
    async with as_operator(api.app) as operator:
        answer = await operator.post("/api/ingress", json=body)
    assert refused(answer, 503, "not_ready")["hint"] == (
        "set LIVECTL_PUBLIC_URL, or work through LIVECTL_SERVER"
    )
    api = await new_api(LIVECTL_PUBLIC_URL="https://live.test/app")
    async with as_operator(api.app) as operator:
        made = good(await operator.post("/api/ingress", json=body))
    assert made["url"] == "https://live.test/app/whip"
