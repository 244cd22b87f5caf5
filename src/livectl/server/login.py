"""Signing in at an identity provider: OpenID Connect's code flow with PKCE.

What a sign-in began with waits in a cookie of the browser that began it, signed, so that no other
browser can end it and every process can.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from livectl.domain.people import Caller
from livectl.errors import LivectlError, NotFound, Unauthenticated
from livectl.ports.identity import Granted, IdentityProvider
from livectl.server.auth import Authenticator

COOKIE = "livectl_login"
LASTS = timedelta(minutes=10)


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """`address` is the provider's page, `ticket` what the browser brings back from there."""

    address: str
    ticket: str


class Login:
    """Without a `provider` there is no such way in. `key` signs tickets only."""

    def __init__(
        self,
        key: bytes,
        provider: IdentityProvider | None,
        client_id: str,
        authenticator: Authenticator,
        now: Callable[[], datetime],
    ) -> None:
        self._key = key
        self._provider = provider
        self._client_id = client_id
        self._authenticator = authenticator
        self._now = now

    @property
    def provider(self) -> str | None:
        """Its host, for people."""
        return self._provider.host if self._provider else None

    async def begin(self, redirect_uri: str, then: str) -> Begun:
        """`then` is the page to go on with. Raises NotFound, Unavailable."""
        import jwt

        state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        address = await self._there().address(
            redirect_uri=redirect_uri,
            state=state,
            nonce=nonce,
            challenge=base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        )
        ticket = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "then": then,
            "exp": int((self._now() + LASTS).timestamp()),
        }
        return Begun(address=address, ticket=jwt.encode(ticket, self._key, algorithm="HS256"))

    async def finish(
        self, ticket: str, *, state: str, code: str, redirect_uri: str
    ) -> tuple[Caller, str]:
        """Who signed in, and the page to go on with. Raises TicketLost, Unauthenticated,
        Unavailable."""
        began = self._read(ticket)
        if not hmac.compare_digest(began["state"].encode(), state.encode()):
            raise TicketLost("another sign-in was begun in this browser")
        granted = await self._there().redeem(
            code, redirect_uri=redirect_uri, verifier=began["verifier"]
        )
        return await self._who(granted, began["nonce"]), began["then"]

    async def _who(self, granted: Granted, nonce: str) -> Caller:
        """As the API knows them: by the access token, where that is a good bearer here; it may be
        opaque, or for somebody else to read. A token lasts for minutes, and the session that is
        made of it does not end with it."""
        found = await self._authenticator.by_id_token(
            granted.id_token, client_id=self._client_id, nonce=nonce
        )
        with contextlib.suppress(LivectlError):
            found = await self._authenticator.caller({}, f"Bearer {granted.access_token}")
        return msgspec.structs.replace(found, expires_s=None)

    def _there(self) -> IdentityProvider:
        if self._provider is None:
            raise NotFound("no identity provider is set up", hint="see OIDC_CLIENT_ID")
        return self._provider

    def _read(self, ticket: str) -> dict[str, Any]:
        import jwt

        try:
            claims: dict[str, Any] = jwt.decode(ticket, self._key, algorithms=["HS256"])
        except jwt.PyJWTError:
            raise TicketLost("this sign-in was not begun here, or too long ago") from None
        return claims


class TicketLost(Unauthenticated):
    """What a sign-in began with is not there any more."""
