from __future__ import annotations

import logging
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.parts import free_port
from tests.server.api import ROOT, Api, good, refused
from tests.server.conftest import NewApi

PAGE = "https://app.test"


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/api",
        "/api/live",
        "/api/live/active/",
        "/API/live/active",
        "/%00",
        "/%FF",
    ],
)
async def test_an_address_where_nothing_is_answers_json(api: Api, path: str) -> None:
    refused(await api.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/live/active", "GET"),
        ("GET", "/api/live/stop", "POST"),
        ("PUT", "/api/live/start", "POST"),
        ("PATCH", "/healthz", "GET"),
        ("PUT", "/api/bans", "GET"),
        ("PUT", "/api/bans", "POST"),
        ("OPTIONS", "/api/live/active", "GET"),
        ("TRACE", "/api/live/active", "GET"),
        ("BREW", "/api/live/active", "GET"),
    ],
)
async def test_another_method_is_405_and_names_the_right_one(
    api: Api, method: str, path: str, allowed: str
) -> None:
    answer = await api.call(method, path, ROOT)
    refused(answer, 405, "method_not_allowed")
    assert allowed in answer.headers["allow"]


async def test_every_answer_has_the_headers_that_keep_browsers_safe(api: Api) -> None:
    answers = [
        await api.get("/healthz"),
        await api.get("/nope"),
        await api.get("/api/live/active"),
        await api.get("/api/live/active", "bob"),
        await api.get("/docs"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


async def test_a_request_has_an_id_of_its_own_or_the_one_it_came_with(api: Api) -> None:
    ids = [(await api.get("/healthz")).headers["x-request-id"] for _ in range(2)]
    assert ids[0] != ids[1]
    assert all(re.fullmatch("[0-9a-f]{16}", one) for one in ids)
    given = {"X-Request-Id": "balancer.1234-a_b"}
    answer = await api.get("/healthz", headers=given)
    assert answer.headers["x-request-id"] == given["X-Request-Id"]


@pytest.mark.parametrize(
    "given", ["short", "x" * 65, "a b c d e f", '"quoted-12345"', "né-12345678"]
)
async def test_a_request_id_that_could_spoil_a_log_is_replaced(api: Api, given: str) -> None:
    answer = await api.get("/healthz", headers={"X-Request-Id": given.encode()})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


async def test_a_request_id_is_in_the_event_that_it_caused(api: Api) -> None:
    headers = {"X-Request-Id": "request-0001"}
    good(await api.post("/api/live/start", "alice", headers=headers))
    items = good(await api.get("/api/events?type=stream.started", ROOT))["items"]
    assert [one["requestId"] for one in items] == ["request-0001"]


async def test_each_request_is_logged_with_who_made_it_and_without_its_token(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "livectl.http")
    await api.get("/api/live/active?q=private", "bob")
    (line,) = [one for one in caplog.records if one.name == "livectl.http"]
    assert (line.route, line.status, line.caller) == ("/api/live/active", 200, "user:bob")
    assert api.bearer("bob")["Authorization"].split(".")[0] not in str(vars(line))


async def test_a_fault_of_ours_tells_no_more_than_that(
    new_api: NewApi, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # The real application with its real store, which somebody spoils.
    api = await new_api()
    with closing(sqlite3.connect(tmp_path / "livectl.db")) as database:
        database.execute("DROP TABLE livestreams")
    answer = await api.post("/api/live/start", "alice")
    assert answer.status_code >= 500
    assert answer.headers["content-type"] == "application/json"
    assert "Traceback" not in answer.text
    assert ".py" not in answer.text


async def test_a_page_of_an_allowed_origin_may_call_and_no_other(new_api: NewApi) -> None:
    api = await new_api(LIVECTL_CORS_ORIGINS=f"{PAGE},https://second.test")
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "idempotency-key",
    }

    async def preflight(origin: str) -> httpx.Response:
        return await api.call("OPTIONS", "/api/live/start", headers={"Origin": origin, **asked})

    allowed = await preflight(PAGE)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in allowed.headers
    assert "access-control-allow-origin" not in (await preflight("https://evil.test")).headers
    called = await api.get("/api/live/active", "bob", headers={"Origin": PAGE})
    assert called.headers["access-control-allow-origin"] == PAGE
    assert "ETag" in called.headers["access-control-expose-headers"]


async def test_a_page_can_read_an_error_too(new_api: NewApi) -> None:
    api = await new_api(LIVECTL_CORS_ORIGINS=PAGE, LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    for answer in (
        await api.get("/api/live/active", headers={"Origin": PAGE}),
        await api.post("/api/live/start", "alice", headers={"Origin": PAGE}),
    ):
        assert answer.status_code >= 400
        assert answer.headers["access-control-allow-origin"] == PAGE


async def test_without_a_list_of_origins_no_page_may_call(api: Api) -> None:
    answer = await api.get("/api/live/active", "bob", headers={"Origin": PAGE})
    assert "access-control-allow-origin" not in answer.headers
