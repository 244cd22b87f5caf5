"""Where people sign in."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What an identity provider gives for a code; neither token is verified yet."""

    id_token: str
    access_token: str


class IdentityProvider(Protocol):
    """Where people sign in. `host` is what they know it by."""

    @property
    def host(self) -> str: ...

    async def address(self, *, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Its page, asked for a code; `challenge` is that of PKCE's S256 (RFC 7636). Raises
        Unavailable."""
        ...

    async def redeem(self, code: str, *, redirect_uri: str, verifier: str) -> Granted:
        """Raises Unauthenticated where the code is not good, Unavailable."""
        ...
