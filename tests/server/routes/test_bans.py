from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.server.api import ROOT, Api, good, refused, wrong_fields


async def test_a_ban_is_listed_until_it_is_lifted(api: Api) -> None:
    made = await api.post("/api/bans", ROOT, json={"userId": "bob", "seconds": 60, "reason": "x"})
    ban = good(made)
    assert (ban["userId"], ban["by"], ban["reason"]) == ("bob", f"user:{ROOT}", "x")
    assert ban["until"].endswith("Z")
    assert good(await api.get("/api/bans", ROOT)) == {"items": [ban]}
    assert good(await api.delete("/api/bans/bob", ROOT)) == {"success": True}
    assert good(await api.get("/api/bans", ROOT)) == {"items": []}
    refused(await api.delete("/api/bans/bob", ROOT), 404, "not_found")


async def test_a_ban_that_has_run_out_is_neither_listed_nor_felt(api: Api) -> None:
    good(await api.post("/api/bans", ROOT, json={"userId": "bob", "seconds": 1}))
    refused(await api.post("/api/live/start", "bob"), 403, "banned")
    await asyncio.sleep(1.1)
    assert good(await api.get("/api/bans", ROOT)) == {"items": []}
    assert await api.start("bob")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["userId", "seconds"]),
        ({"userId": "bob", "seconds": 0}, ["seconds"]),
        ({"userId": "bob", "seconds": 10**20}, ["seconds"]),
        ({"userId": "", "seconds": 5}, ["userId"]),
    ],
)
async def test_a_ban_needs_a_user_and_a_time(
    api: Api, body: dict[str, Any], fields: list[str]
) -> None:
    assert wrong_fields(await api.post("/api/bans", ROOT, json=body)) == fields
