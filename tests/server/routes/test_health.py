from __future__ import annotations

import pytest

from tests.parts import free_port
from tests.parts.livekit import LiveKit
from tests.server.api import METRICS_TOKEN, ROOT, Api, good
from tests.server.conftest import NewApi


async def test_a_server_is_alive_even_where_livekit_is_away(new_api: NewApi) -> None:
    api = await new_api(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    assert good(await api.get("/healthz")) == {"ok": True}


async def test_a_server_is_ready_when_store_and_livekit_answer(api: Api) -> None:
    ready = good(await api.get("/readyz"))
    assert ready["ready"]
    assert {name: check["ok"] for name, check in ready["checks"].items()} == {
        "store": True,
        "livekit": True,
    }
    assert all(check["ms"] >= 0 for check in ready["checks"].values())


async def test_a_server_is_not_ready_while_livekit_is_away_and_says_why(new_api: NewApi) -> None:
    api = await new_api(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    answer = await api.get("/readyz")
    assert answer.status_code == 503
    ready = answer.json()
    assert not ready["ready"]
    assert ready["checks"]["store"]["ok"]
    assert not ready["checks"]["livekit"]["ok"]
    assert "could not be reached" in ready["checks"]["livekit"]["error"]
    assert isinstance(ready["checks"]["livekit"]["ms"], int)


async def test_a_server_is_not_ready_with_a_key_that_livekit_does_not_know(
    new_api: NewApi, livekit: LiveKit
) -> None:
    api = await new_api(LIVEKIT_API_SECRET="not-the-secret-" + "x" * 30)
    answer = await api.get("/readyz")
    assert answer.status_code == 503
    error = answer.json()["checks"]["livekit"]["error"]
    assert "LiveKit refused ListRooms" in error
    assert "xxx" not in error
    assert livekit.secret not in error


async def test_metrics_count_requests_webhooks_streams_and_calls_to_livekit(api: Api) -> None:
    await api.start("alice")
    await api.get("/api/live/nonsense/status", "bob")
    body, signature = api.context.inbox.sample("room_started", None)
    await api.post("/api/webhooks/livekit", content=body, headers={"Authorization": signature})
    answer = await api.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.text
    assert "livectl_streams_live 1" in text
    assert "livectl_viewers 0" in text
    assert "livectl_inbox_pending" in text
    assert 'livectl_webhooks_total{event="room_started",result="received"} 1.0' in text
    assert 'route="/api/live/{id}/status",status="400"' in text
    assert 'call="CreateRoom",ok="true",service="livekit"' in text


async def test_metrics_have_no_line_for_each_address_that_is_asked_for(api: Api) -> None:
    for n in range(20):
        await api.get(f"/nothing/{n}")
    text = (await api.get("/metrics", ROOT)).text
    assert "/nothing/" not in text
    assert 'route="none",status="404"' in text


@pytest.mark.parametrize("token", ["", "x", METRICS_TOKEN[:-1], METRICS_TOKEN + "x"])
async def test_metrics_are_closed_to_a_token_that_is_not_quite_theirs(api: Api, token: str) -> None:
    answer = await api.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
