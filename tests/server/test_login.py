"""Signing in at an identity provider, a real one if a small one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from livectl.server.login import COOKIE
from tests.parts import free_port
from tests.parts.oidc import Provider
from tests.server.api import Api, good, refused
from tests.server.conftest import NewApi


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as started:
        yield started


@pytest.fixture
async def api(new_api: NewApi, provider: Provider) -> Api:
    return await new_api(**provider.settings)


async def go_there(api: Api, then: str = "/studio") -> str:
    """To the provider's page and back: where the provider sends the browser."""
    leaving = await api.http.get("/auth/login", params={"next": then})
    assert leaving.status_code == 303
    async with httpx.AsyncClient() as browser:
        return str((await browser.get(leaving.headers["location"])).headers["location"])


async def come_back(api: Api, address: str) -> str:
    """The page that the browser is left at."""
    answer = await api.http.get(address)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_who_signs_in_there_has_a_session_here(api: Api) -> None:
    assert await come_back(api, await go_there(api)) == "/studio"
    shown = good(await api.http.get("/api/session"))
    assert (shown["userId"], shown["administrator"]) == ("anna", False)
    started = await api.http.post(
        "/api/live/start", json={}, headers={"X-CSRF-Token": shown["csrf"]}
    )
    assert good(started)["roomName"].startswith("live_anna_")


async def test_the_session_does_not_end_with_the_providers_token(api: Api) -> None:
    await come_back(api, await go_there(api))
    shown = good(await api.http.get("/api/session"))
    lasts = datetime.fromisoformat(shown["expiresAt"]).timestamp() - time.time()
    assert 11 * 3600 < lasts <= 12 * 3600


@pytest.mark.parametrize("opaque", [True, False])
async def test_a_role_makes_an_administrator(api: Api, provider: Provider, opaque: bool) -> None:
    provider.user = {"sub": "root-of-them", "userId": "boss", "roles": ["admin"]}
    provider.opaque_access_tokens = opaque
    await come_back(api, await go_there(api))
    shown = good(await api.http.get("/api/session"))
    assert (shown["userId"], shown["administrator"]) == ("boss", True)


async def test_a_client_without_a_secret_is_fine(new_api: NewApi) -> None:
    with Provider(secret=None) as provider:
        api = await new_api(**provider.settings)
        await come_back(api, await go_there(api))
        assert good(await api.http.get("/api/session"))["userId"] == "anna"


async def test_an_id_token_is_not_for_the_api_where_that_has_an_audience(
    new_api: NewApi, provider: Provider
) -> None:
    api = await new_api(**provider.settings, JWT_AUDIENCE="livectl")
    await come_back(api, await go_there(api))
    assert good(await api.http.get("/api/session"))["userId"] == "anna"
    headers = {"Authorization": f"Bearer {provider.sign(sub='anna', aud='livectl-console')}"}
    refused(await api.http.get("/api/session", headers=headers), 401, "unauthenticated")


async def test_another_browser_cannot_end_a_sign_in(api: Api) -> None:
    address = await go_there(api)
    api.http.cookies.clear()
    assert await come_back(api, address) == "/sign-in#failed=late"
    refused(await api.http.get("/api/session"), 401, "unauthenticated")


async def test_a_sign_in_that_was_not_begun_last_is_not_ended(api: Api) -> None:
    first = await go_there(api)
    await go_there(api)
    assert await come_back(api, first) == "/sign-in#failed=late"


async def test_a_code_is_not_taken_twice(api: Api) -> None:
    address = await go_there(api)
    ticket = api.http.cookies[COOKIE]
    await come_back(api, address)
    api.http.cookies.clear()
    headers = {"Cookie": f"{COOKIE}={ticket}"}
    answer = await api.http.get(address, headers=headers)
    assert answer.headers["location"] == "/sign-in#failed=refused"


@pytest.mark.parametrize(
    "spoil",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"iss": "https://other.test"},
        {"exp": 1},
        {"sub": ""},
    ],
    ids=lambda spoil: next(iter(spoil)),
)
async def test_an_id_token_that_is_not_for_this_sign_in_signs_nobody_in(
    api: Api, provider: Provider, spoil: dict[str, Any]
) -> None:
    provider.spoil = spoil
    assert await come_back(api, await go_there(api)) == "/sign-in#failed=refused"
    refused(await api.http.get("/api/session"), 401, "unauthenticated")


async def test_who_declines_there_comes_back_and_is_told(api: Api, provider: Provider) -> None:
    provider.refuses = True
    assert await come_back(api, await go_there(api)) == "/sign-in#failed=refused"


async def test_a_provider_that_is_away_is_told_of(new_api: NewApi) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    api = await new_api(
        JWT_ISSUER=away, JWT_JWKS_URL=f"{away}/keys", OIDC_CLIENT_ID="livectl-console"
    )
    assert await come_back(api, "/auth/login") == "/sign-in#failed=away"


async def test_a_provider_by_another_name_is_not_believed(
    new_api: NewApi, provider: Provider
) -> None:
    other = provider.issuer.replace("127.0.0.1", "localhost")
    api = await new_api(**{**provider.settings, "JWT_ISSUER": other})
    assert await come_back(api, "/auth/login") == "/sign-in#failed=away"


@pytest.mark.parametrize("then", ["https://evil.test", "//evil.test", "/\\evil.test", "studio"])
async def test_one_goes_on_with_pages_of_this_server_only(api: Api, then: str) -> None:
    assert await come_back(api, await go_there(api, then)) == "/"


async def test_what_it_sends_there_is_what_pkce_asks_for(api: Api) -> None:
    leaving = await api.http.get("/auth/login")
    asked = parse_qs(urlsplit(leaving.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://livectl.test/auth/callback"]
    cookie = leaving.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/auth" in cookie


async def test_the_sign_in_page_knows_whether_there_is_a_provider(
    api: Api, new_api: NewApi, provider: Provider
) -> None:
    host = urlsplit(provider.issuer).netloc
    assert good(await api.http.get("/api/session/ways")) == {"provider": host}
    without = await new_api()
    assert good(await without.http.get("/api/session/ways")) == {"provider": None}
    assert await come_back(without, "/auth/login") == "/sign-in#failed=away"
