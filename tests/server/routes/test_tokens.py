from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.server.api import ROOT, Api, good, refused, wrong_fields


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
