"""A session in place of a bearer: what it opens, and what other sites cannot do with it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest

from livectl.adapters.sqlite.store import SqliteStore
from livectl.errors import Unavailable
from livectl.server.session import COOKIE
from tests.server.api import JWT_SECRET, ROOT, Api, good, refused
from tests.server.conftest import NewApi


async def sign_in(api: Api, user: str = "alice", **headers: str) -> dict[str, Any]:
    """The client keeps the cookie, as a browser does."""
    token = api.bearer(user)["Authorization"].removeprefix("Bearer ")
    return good(await api.http.post("/api/session", json={"token": token}, headers=headers))


async def test_a_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(api: Api) -> None:
    token = api.bearer("alice")["Authorization"].removeprefix("Bearer ")
    answer = await api.http.post("/api/session", json={"token": token})
    shown = good(answer)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie  # this test speaks plain HTTP
    assert token not in answer.text + cookie
    assert (shown["userId"], shown["administrator"]) == ("alice", False)


async def test_on_https_the_cookie_is_for_https_only(api: Api) -> None:
    token = api.bearer("alice")["Authorization"].removeprefix("Bearer ")
    answer = await api.http.post("https://livectl.test/api/session", json={"token": token})
    assert "Secure" in answer.headers["set-cookie"]


async def test_the_session_is_the_caller_with_the_same_rights(api: Api) -> None:
    shown = await sign_in(api)
    assert good(await api.http.get("/api/session")) == shown
    refused(await api.http.get("/api/streams"), 403, "forbidden")
    root = await sign_in(api, ROOT)
    assert root["administrator"]
    good(await api.http.get("/api/streams"))


async def test_what_changes_something_needs_the_csrf_value(api: Api) -> None:
    csrf = (await sign_in(api))["csrf"]
    refused(await api.http.post("/api/live/start", json={}), 403, "forbidden")
    wrong = {"X-CSRF-Token": "x" * len(csrf)}
    refused(await api.http.post("/api/live/start", json={}, headers=wrong), 403, "forbidden")
    right = {"X-CSRF-Token": csrf}
    good(await api.http.post("/api/live/start", json={}, headers=right))


@pytest.mark.parametrize(
    "said",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_other_origins_are_refused_even_with_the_csrf_value(
    api: Api, said: dict[str, str]
) -> None:
    csrf = (await sign_in(api))["csrf"]
    headers = {"X-CSRF-Token": csrf, **said}
    refused(await api.http.post("/api/live/start", json={}, headers=headers), 403, "forbidden")
    refused(
        await api.http.post("/api/session", json={"token": "t"}, headers=said), 403, "forbidden"
    )


async def test_our_own_origin_is_let_in(api: Api) -> None:
    ours = {"Origin": "http://livectl.test", "Sec-Fetch-Site": "same-origin"}
    csrf = (await sign_in(api, **ours))["csrf"]
    headers = {"X-CSRF-Token": csrf, **ours}
    good(await api.http.post("/api/live/start", json={}, headers=headers))


async def test_a_bearer_goes_before_the_session_and_needs_no_csrf_value(api: Api) -> None:
    await sign_in(api)
    shown = good(await api.get("/api/session", "bob"))
    assert (shown["userId"], shown["csrf"]) == ("bob", "")
    assert (await api.start("bob"))["roomName"].startswith("live_bob_")


async def test_a_session_ends_with_the_token_that_it_was_made_from(api: Api) -> None:
    ends = int(time.time()) + 60
    token = jwt.encode({"userId": "alice", "exp": ends}, JWT_SECRET)
    shown = good(await api.http.post("/api/session", json={"token": token}))
    assert datetime.fromisoformat(shown["expiresAt"]) == datetime.fromtimestamp(ends, UTC)


async def test_a_token_that_never_ends_makes_a_session_of_twelve_hours(api: Api) -> None:
    token = jwt.encode({"userId": "alice"}, JWT_SECRET)
    shown = good(await api.http.post("/api/session", json={"token": token}))
    lasts = datetime.fromisoformat(shown["expiresAt"]).timestamp() - time.time()
    assert 12 * 3600 - 60 < lasts <= 12 * 3600


async def test_a_token_that_is_not_good_makes_no_session(api: Api) -> None:
    for token in ("", "a.b.c", jwt.encode({"userId": "alice"}, "f" * 40)):
        answer = await api.http.post("/api/session", json={"token": token})
        refused(answer, 401, "unauthenticated")
        assert "set-cookie" not in answer.headers


async def test_a_users_token_in_the_cookie_is_no_session(api: Api) -> None:
    token = api.bearer(ROOT)["Authorization"].removeprefix("Bearer ")
    api.http.cookies.set(COOKIE, token)
    refused(await api.http.get("/api/session"), 401, "unauthenticated")


async def test_a_session_is_no_bearer(api: Api) -> None:
    await sign_in(api)
    cookie = api.http.cookies[COOKIE]
    api.http.cookies.clear()
    headers = {"Authorization": f"Bearer {cookie}"}
    refused(await api.http.get("/api/session", headers=headers), 401, "unauthenticated")


def carry(api: Api, cookie: str) -> None:
    """The client has this cookie and no other."""
    api.http.cookies.clear()
    api.http.cookies.set(COOKIE, cookie)


async def sign_out(api: Api, csrf: str = "") -> httpx.Response:
    return await api.http.delete("/api/session", headers={"X-CSRF-Token": csrf})


async def test_signing_out_drops_the_cookie(api: Api) -> None:
    good(await sign_out(api, (await sign_in(api))["csrf"]))
    assert COOKIE not in api.http.cookies


async def test_a_copied_cookie_is_good_in_no_process_after_signing_out(new_api: NewApi) -> None:
    first, second = await new_api(), await new_api()
    csrf = (await sign_in(first))["csrf"]
    copied = first.http.cookies[COOKIE]
    good(await sign_out(first, csrf))
    for api in (first, second):
        carry(api, copied)
        refused(await api.http.get("/api/session"), 401, "unauthenticated")
        headers = {"X-CSRF-Token": csrf}
        answer = await api.http.post("/api/live/start", json={}, headers=headers)
        refused(answer, 401, "unauthenticated")


async def test_signing_out_of_one_session_leaves_the_others(api: Api) -> None:
    await sign_in(api)
    other = api.http.cookies[COOKIE]
    good(await sign_out(api, (await sign_in(api))["csrf"]))
    carry(api, other)
    good(await api.http.get("/api/session"))


async def test_signing_out_of_what_is_over_is_done(api: Api) -> None:
    csrf = (await sign_in(api))["csrf"]
    copied = api.http.cookies[COOKIE]
    good(await sign_out(api, csrf))
    good(await sign_out(api))
    for dead in (copied, "a.b.c"):
        carry(api, dead)
        answer = await sign_out(api)
        assert good(answer) == {"success": True}
        assert answer.headers["set-cookie"].startswith(f'{COOKIE}="";')


async def test_nobody_is_signed_out_by_another_site(api: Api) -> None:
    csrf = (await sign_in(api))["csrf"]
    refused(await sign_out(api), 403, "forbidden")
    said = {"X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"}
    refused(await api.http.delete("/api/session", headers=said), 403, "forbidden")
    good(await api.http.get("/api/session"))


async def test_without_the_store_nobody_is_signed_out_and_no_session_is_believed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> bool:
        raise Unavailable("the store is away")

    csrf = (await sign_in(api))["csrf"]
    with monkeypatch.context() as away:
        away.setattr(SqliteStore, "take_lease", fails)
        answer = await sign_out(api, csrf)
        refused(answer, 502, "unavailable")
        assert "set-cookie" not in answer.headers
    with monkeypatch.context() as away:
        away.setattr(SqliteStore, "lease_held", fails)
        refused(await api.http.get("/api/session"), 502, "unavailable")
        good(await api.get("/api/session", "alice"))
    good(await api.http.get("/api/session"))


async def test_every_process_with_the_same_secrets_knows_the_session(new_api: NewApi) -> None:
    first, second = await new_api(), await new_api()
    shown = await sign_in(first)
    second.http.cookies = first.http.cookies
    assert good(await second.http.get("/api/session")) == shown
