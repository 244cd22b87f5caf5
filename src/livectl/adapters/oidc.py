"""An identity provider that speaks OpenID Connect: its sign-in page, and what a code of it is
worth."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from livectl.errors import Unauthenticated, Unavailable
from livectl.ports.identity import Granted

_PATIENCE_S = 10.0


class OidcProvider:
    """Where its endpoints are is asked of it once (OpenID Connect Discovery 1.0)."""

    def __init__(self, issuer: str, client_id: str, client_secret: str) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._said: dict[str, Any] = {}

    @property
    def host(self) -> str:
        return urlsplit(self._issuer).netloc

    async def address(self, *, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        endpoint = await self._endpoint("authorization_endpoint")
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client_id,
                "redirect_uri": redirect_uri,
                "scope": "openid profile",
                "state": state,
                "nonce": nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{query}"

    async def redeem(self, code: str, *, redirect_uri: str, verifier: str) -> Granted:
        endpoint = await self._endpoint("token_endpoint")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        auth = None
        if not self._client_secret:
            form["client_id"] = self._client_id
        elif "client_secret_basic" in self._said.get(
            "token_endpoint_auth_methods_supported", ["client_secret_basic"]
        ):
            # Encoded first (RFC 6749, 2.3.1).
            auth = (quote(self._client_id, safe=""), quote(self._client_secret, safe=""))
        else:
            form |= {"client_id": self._client_id, "client_secret": self._client_secret}
        answer = await _ask("POST", endpoint, data=form, auth=auth)
        if answer.is_client_error:
            raise Unauthenticated("the identity provider does not take its code back")
        content = _content(answer)
        return Granted(
            id_token=str(content.get("id_token", "")),
            access_token=str(content.get("access_token", "")),
        )

    async def _endpoint(self, name: str) -> str:
        if not self._said:
            where = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            said = _content(await _ask("GET", where))
            if said.get("issuer") != self._issuer:
                raise Unavailable(
                    "the identity provider calls itself by another name", hint="see JWT_ISSUER"
                )
            self._said = said
        return str(self._said[name])


async def _ask(method: str, url: str, **request: Any) -> httpx.Response:
    """Raises Unavailable where there is no answer."""
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
            return await client.request(method, url, **request)
    except httpx.HTTPError as error:
        raise Unavailable(
            f"the identity provider cannot be reached ({type(error).__name__})",
            hint="see JWT_ISSUER",
        ) from error


def _content(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json() if answer.is_success else None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Unavailable(
            f"the identity provider answered {answer.status_code}, and not what OpenID Connect says"
        )
    return content
