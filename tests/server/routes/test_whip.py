from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.server.api import ROOT, Api, good, refused

PAGE = "https://studio.test"


@pytest.fixture
async def key(api: Api) -> dict[str, Any]:
    body = {"ownerId": "alice", "type": "whip"}
    return good(await api.post("/api/ingress", ROOT, json=body))


async def offered(
    api: Api, stream_key: str, sdp: str = "v=0\r\n", **headers: str
) -> httpx.Response:
    sent = {
        "Authorization": f"Bearer {stream_key}",
        "Content-Type": "application/sdp",
        **headers,
    }
    return await api.http.post("/whip", content=sdp, headers=sent)


async def test_it_says_what_it_takes(api: Api) -> None:
    answer = await api.http.options("/whip")
    assert (answer.status_code, answer.headers["accept-post"]) == (200, "application/sdp")


async def test_an_encoder_on_any_page_may_publish(api: Api) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    preflight = await api.http.options("/whip", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    answer = await offered(api, "nobody's", Origin=PAGE)
    refused(answer, 401, "unauthenticated")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Location" in answer.headers["access-control-expose-headers"]


async def test_without_a_good_key_nobody_gets_in(api: Api) -> None:
    refused(await offered(api, "nobody's"), 401, "unauthenticated")
    no_key = await api.http.post("/whip", headers={"Content-Type": "application/sdp"})
    refused(no_key, 401, "unauthenticated")
    for method in ("PATCH", "DELETE"):
        headers = {
            "Authorization": "Bearer nobody's",
            "Content-Type": "application/trickle-ice-sdpfrag",
        }
        answer = await api.http.request(method, "/whip/PA_1", headers=headers)
        refused(answer, 401, "unauthenticated")


async def test_a_key_that_is_off_is_refused_with_the_reason(api: Api, key: dict[str, Any]) -> None:
    good(await api.post(f"/api/ingress/{key['keyId']}/disable", ROOT, json={"reason": "closed"}))
    told = refused(await offered(api, key["streamKey"]), 403, "forbidden")
    assert told["error"] == "this stream key is off: closed"


async def test_what_is_no_offer_is_bad_input_and_nobody_goes_live(
    api: Api, key: dict[str, Any]
) -> None:
    told = refused(await offered(api, key["streamKey"], "hello"), 400, "bad_request")
    assert key["streamKey"] not in told["error"]
    wrong = await offered(api, key["streamKey"], **{"Content-Type": "application/json"})
    refused(wrong, 415, "wrong_media_type")
    refused(await offered(api, key["streamKey"], "v" * 100_000), 413, "too_large")
    assert good(await api.get("/api/live/active", "bob"))["items"] == []


async def test_a_session_that_there_is_not_is_not_found(api: Api, key: dict[str, Any]) -> None:
    sent = {"Authorization": f"Bearer {key['streamKey']}"}
    for session in ("PA_nobody", "..%2Fv1", "x" * 100):
        answer = await api.http.delete(f"/whip/{session}", headers=sent)
        refused(answer, 404, "not_found")
