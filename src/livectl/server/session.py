"""The console's session: a cookie that stands in for a bearer token in a browser.

A page never holds a token: scripts cannot read the cookie, other sites cannot send it, and what
changes something needs a value that only a page of ours can know (the session's `csrf`). Whoever
signs out ends it for good: a copy of the cookie is worth nothing after that.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import HTTPConnection
from starlette.responses import Response

from livectl.domain.people import Caller
from livectl.errors import Forbidden
from livectl.ports.clock import Clock
from livectl.ports.store import Store

COOKIE = "livectl_session"
CSRF_HEADER = "x-csrf-token"
LASTS = timedelta(hours=12)
_SAFE = {"GET", "HEAD", "OPTIONS"}


class Session(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who is signed in, until when; `csrf` is what their changes have to carry."""

    id: str
    user_id: str
    administrator: bool
    csrf: str
    expires_at: datetime

    @property
    def caller(self) -> Caller:
        return Caller(
            role="administrator" if self.administrator else "user",
            user_id=self.user_id,
            name=f"user:{self.user_id}",
            expires_s=int(self.expires_at.timestamp()),
        )


class Sessions:
    """Signs and reads them; the store only knows which were signed out, so that every process
    refuses those. `key` signs sessions only."""

    def __init__(self, key: bytes, store: Store, clock: Clock) -> None:
        self._key = key
        self._store = store
        self._clock = clock

    def start(self, caller: Caller) -> Session:
        """Twelve hours, but never longer than the token that it is made from."""
        ends = self._clock.now() + LASTS
        if caller.expires_s is not None:
            ends = min(ends, datetime.fromtimestamp(caller.expires_s, ends.tzinfo))
        return Session(
            id=secrets.token_urlsafe(12),
            user_id=caller.user_id,
            administrator=caller.is_administrator,
            csrf=secrets.token_urlsafe(24),
            expires_at=ends,
        )

    async def find(self, connection: HTTPConnection) -> Session | None:
        """The session that a request carries, if it is a good one. Raises Unavailable where the
        store cannot tell."""
        session = self._read(connection)
        if session is None:
            return None
        ended = await self._store.lease_held(_end_of(session), now=self._clock.now())
        return None if ended else session

    async def end(self, connection: HTTPConnection) -> None:
        """Sign out what a request carries, if anything. Raises Forbidden where no page of ours made
        it, Unavailable where the store is away: the session goes on then."""
        session = await self.find(connection)
        if session is None:
            return
        _refuse_others(connection, session)
        await self._store.take_lease(
            _end_of(session), session.user_id, now=self._clock.now(), until=session.expires_at
        )

    async def caller(self, connection: HTTPConnection) -> Caller | None:
        """Whose session a request carries. Raises Forbidden where no page of ours made it, and
        Unavailable."""
        session = await self.find(connection)
        if session is None:
            return None
        _refuse_others(connection, session)
        return session.caller

    def _read(self, connection: HTTPConnection) -> Session | None:
        import jwt

        try:
            claims: dict[str, Any] = jwt.decode(
                connection.cookies.get(COOKIE, ""),
                self._key,
                algorithms=["HS256"],
                options={"require": ["exp"]},
            )
            return Session(
                id=claims["jti"],
                user_id=claims["sub"],
                administrator=claims["administrator"],
                csrf=claims["csrf"],
                expires_at=datetime.fromtimestamp(claims["exp"], self._clock.now().tzinfo),
            )
        except (jwt.PyJWTError, KeyError):
            return None

    def keep(self, response: Response, session: Session, *, secure: bool) -> None:
        """Give it to the browser."""
        import jwt

        claims = {
            "jti": session.id,
            "sub": session.user_id,
            "administrator": session.administrator,
            "csrf": session.csrf,
            "exp": int(session.expires_at.timestamp()),
        }
        response.set_cookie(
            COOKIE,
            jwt.encode(claims, self._key, algorithm="HS256"),
            expires=session.expires_at,
            httponly=True,
            secure=secure,
            samesite="strict",
        )


def forget(response: Response) -> None:
    """Have the browser drop it."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


def _end_of(session: Session) -> str:
    """The lease that is held from when it is signed out until it would be over anyway."""
    return f"console-signed-out {session.id}"


def _refuse_others(connection: HTTPConnection, session: Session) -> None:
    """Raises Forbidden for what a page of ours did not send: whatever changes something, and a
    WebSocket, which no other origin's page is kept from opening."""
    method = connection.scope.get("method", "GET")
    if connection.scope["type"] == "websocket" or method not in _SAFE:
        refuse_other_sites(connection)
    if connection.scope["type"] == "http" and method not in _SAFE:
        given = connection.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), session.csrf.encode()):
            raise Forbidden(
                "X-CSRF-Token: expected the session's csrf",
                hint="with the console's cookie, what changes something needs it",
            )


def refuse_other_sites(connection: HTTPConnection) -> None:
    """Raises Forbidden for a request that a browser says comes from another origin."""
    fetched_from = connection.headers.get("sec-fetch-site", "same-origin")
    origin = connection.headers.get("origin")
    is_ours = origin is None or urlsplit(origin).netloc == connection.headers.get("host")
    if fetched_from not in {"same-origin", "none"} or not is_ours:
        raise Forbidden("this call is for pages of this server only")
