"""One-time codes: what a link carries into the console in place of a token.

A link ends up in histories, chats and terminals, so a code is good for a short time and once.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

import msgspec

from livectl.domain.people import Caller
from livectl.errors import Unauthenticated
from livectl.ports.clock import Clock
from livectl.ports.store import Store

LASTS = timedelta(seconds=60)


class Code(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    code: str
    expires_at: datetime


class Codes:
    """Signs them; the store only knows which were used, so that every process refuses those.
    `key` signs codes only."""

    def __init__(self, key: bytes, store: Store, clock: Clock) -> None:
        self._key = key
        self._store = store
        self._clock = clock

    def issue(self, caller: Caller, lasts: timedelta = LASTS) -> Code:
        """One that signs in as `caller`, for no longer than the caller's own token."""
        import jwt

        expires_s = int((self._clock.now() + lasts).timestamp())
        claims = {
            "sub": caller.user_id,
            "administrator": caller.is_administrator,
            "until": caller.expires_s,
            "jti": secrets.token_urlsafe(12),
            "exp": expires_s,
        }
        return Code(
            code=jwt.encode(claims, self._key, algorithm="HS256"),
            expires_at=self._moment(expires_s),
        )

    async def redeem(self, code: str) -> Caller:
        """Whom it signs in. Raises Unauthenticated where it is not ours, too old or used."""
        import jwt

        try:
            claims: dict[str, Any] = jwt.decode(
                code, self._key, algorithms=["HS256"], options={"require": ["exp", "jti"]}
            )
        except jwt.PyJWTError:
            raise Unauthenticated("this code is not good, or too old") from None
        first = await self._store.take_lease(
            f"console-code {claims['jti']}",
            secrets.token_hex(8),
            now=self._clock.now(),
            until=self._moment(claims["exp"]),
        )
        if not first:
            raise Unauthenticated("this code was used already")
        return Caller(
            role="administrator" if claims["administrator"] else "user",
            user_id=claims["sub"],
            name=f"user:{claims['sub']}",
            expires_s=claims["until"],
        )

    def _moment(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, self._clock.now().tzinfo)
