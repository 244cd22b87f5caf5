"""One-time codes: what a link into the console carries."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import httpx
import jwt
import pytest

from livectl.domain.people import Caller
from tests.server.api import JWT_SECRET, ROOT, Api, as_operator, good, refused
from tests.server.conftest import NewApi


async def ask_code(api: Api, by: str = "alice", **wish: object) -> str:
    return str(good(await api.post("/api/session/codes", by, json=wish))["code"])


async def redeem(api: Api, code: str) -> httpx.Response:
    return await api.http.post("/api/session", json={"code": code})


async def test_a_code_signs_in_as_the_one_who_asked_for_it(api: Api) -> None:
    shown = good(await redeem(api, await ask_code(api)))
    assert (shown["userId"], shown["administrator"]) == ("alice", False)
    assert good(await api.http.get("/api/session")) == shown
    root = good(await redeem(api, await ask_code(api, ROOT)))
    assert (root["userId"], root["administrator"]) == (ROOT, True)


async def test_a_code_is_good_once_in_all_processes(new_api: NewApi) -> None:
    first, second = await new_api(), await new_api()
    code = await ask_code(first)
    good(await redeem(second, code))
    for api in (first, second):
        refused(await redeem(api, code), 401, "unauthenticated")


async def test_a_code_is_good_for_a_minute(api: Api) -> None:
    answer = good(await api.post("/api/session/codes", "alice", json={}))
    left = datetime.fromisoformat(answer["expiresAt"]).timestamp() - time.time()
    assert 50 < left <= 60
    late = api.context.codes.issue(Caller(role="user", user_id="alice"), -timedelta(seconds=1))
    refused(await redeem(api, late.code), 401, "unauthenticated")


async def test_the_session_of_a_code_ends_with_the_token_that_asked_for_it(api: Api) -> None:
    ends = int(time.time()) + 600
    token = jwt.encode({"userId": "alice", "exp": ends}, JWT_SECRET)
    headers = {"Authorization": f"Bearer {token}"}
    code = good(await api.http.post("/api/session/codes", json={}, headers=headers))["code"]
    shown = good(await redeem(api, code))
    assert datetime.fromisoformat(shown["expiresAt"]).timestamp() == ends


@pytest.mark.parametrize("by", ["alice", ROOT])
async def test_nobody_gets_a_code_of_somebody_else_over_the_network(api: Api, by: str) -> None:
    body = {"userId": "bob"}
    refused(await api.post("/api/session/codes", by, json=body), 403, "forbidden")


async def test_asking_to_be_an_administrator_makes_nobody_one(api: Api) -> None:
    code = await ask_code(api, "alice", userId="alice", administrator=True)
    assert not good(await redeem(api, code))["administrator"]


@pytest.mark.parametrize(
    ("wish", "user", "administrator"),
    [
        ({}, "tester", True),
        ({"userId": "anna"}, "anna", False),
        ({"userId": "anna", "administrator": True}, "anna", True),
    ],
)
async def test_an_operator_at_the_shell_gets_one_for_anybody(
    api: Api, wish: dict[str, object], user: str, administrator: bool
) -> None:
    async with as_operator(api.app) as operator:
        code = good(await operator.post("/api/session/codes", json=wish))["code"]
    shown = good(await redeem(api, code))
    assert (shown["userId"], shown["administrator"]) == (user, administrator)


@pytest.mark.parametrize("body", [{}, {"token": "t", "code": "c"}])
async def test_signing_in_takes_one_of_token_and_code(api: Api, body: dict[str, str]) -> None:
    refused(await api.http.post("/api/session", json=body), 400, "bad_request")


async def test_what_was_signed_for_another_use_is_no_code(api: Api) -> None:
    token = api.bearer(ROOT)["Authorization"].removeprefix("Bearer ")
    for code in ("", "a.b.c", token):
        refused(await redeem(api, code), 401, "unauthenticated")
    good(await redeem(api, await ask_code(api)))
    refused(await redeem(api, api.http.cookies["livectl_session"]), 401, "unauthenticated")


async def test_a_code_is_no_bearer_and_no_session(api: Api) -> None:
    code = await ask_code(api, ROOT)
    headers = {"Authorization": f"Bearer {code}"}
    refused(await api.http.get("/api/streams", headers=headers), 401, "unauthenticated")
    api.http.cookies.set("livectl_session", code)
    refused(await api.http.get("/api/streams"), 401, "unauthenticated")
