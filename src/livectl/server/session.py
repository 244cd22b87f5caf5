"""The console's session: a cookie that stands in for a bearer token in a browser.

A page never holds a token: scripts cannot read the cookie, other sites cannot send it, and what
changes something needs a value that only a page of ours can know (the session's `csrf`).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import HTTPConnection
from starlette.responses import Response

from livectl.domain.people import Caller
from livectl.errors import Forbidden

COOKIE = "livectl_session"
CSRF_HEADER = "x-csrf-token"
LASTS = timedelta(hours=12)
_SAFE = {"GET", "HEAD", "OPTIONS"}


class Session(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who is signed in, until when; `csrf` is what their changes have to carry."""

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
    """Signs and reads them; nothing is stored. `key` signs sessions only."""

    def __init__(self, key: bytes, now: Callable[[], datetime]) -> None:
        self._key = key
        self._now = now

    def start(self, caller: Caller) -> Session:
        """Twelve hours, but never longer than the token that it is made from."""
        ends = self._now() + LASTS
        if caller.expires_s is not None:
            ends = min(ends, datetime.fromtimestamp(caller.expires_s, ends.tzinfo))
        return Session(
            user_id=caller.user_id,
            administrator=caller.is_administrator,
            csrf=secrets.token_urlsafe(24),
            expires_at=ends,
        )

    def find(self, connection: HTTPConnection) -> Session | None:
        """The session that a request carries, if it is a good one."""
        import jwt

        try:
            claims: dict[str, Any] = jwt.decode(
                connection.cookies.get(COOKIE, ""),
                self._key,
                algorithms=["HS256"],
                options={"require": ["exp"]},
            )
            return Session(
                user_id=claims["sub"],
                administrator=claims["administrator"],
                csrf=claims["csrf"],
                expires_at=datetime.fromtimestamp(claims["exp"], self._now().tzinfo),
            )
        except (jwt.PyJWTError, KeyError):
            return None

    def caller(self, connection: HTTPConnection) -> Caller | None:
        """Whose session a request carries. Raises Forbidden where no page of ours made it."""
        session = self.find(connection)
        if session is None:
            return None
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
        return session.caller

    def keep(self, response: Response, session: Session, *, secure: bool) -> None:
        """Give it to the browser."""
        import jwt

        claims = {
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


def refuse_other_sites(connection: HTTPConnection) -> None:
    """Raises Forbidden for a request that a browser says comes from another origin."""
    fetched_from = connection.headers.get("sec-fetch-site", "same-origin")
    origin = connection.headers.get("origin")
    is_ours = origin is None or urlsplit(origin).netloc == connection.headers.get("host")
    if fetched_from not in {"same-origin", "none"} or not is_ours:
        raise Forbidden("this call is for pages of this server only")
