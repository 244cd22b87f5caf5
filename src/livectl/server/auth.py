"""Who calls, and what they may. The one place where authorisation is decided."""

from __future__ import annotations

import asyncio
import enum
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection

from livectl.domain.people import Caller
from livectl.domain.stream import Stream
from livectl.errors import BadInput, Forbidden, LivectlError, NotFound, Unauthenticated, Unavailable
from livectl.server.session import Sessions

if TYPE_CHECKING:
    import jwt

_ADMINISTRATORS = {"administrator", "admin"}
_PROVIDER_ALGORITHMS = ["RS256", "ES256"]
_MAX_USER_ID = 128
_ASK_AGAIN_S = 10.0


class Allow(enum.Enum):
    """Who may make a call; every route names one."""

    EVERYONE = "everyone"
    BROWSE = "any user; everyone where LIVECTL_PUBLIC_BROWSE is true"
    USER = "any user"
    OWNER = "the stream's owner"
    PIN = "the stream's owner (403 to others)"
    MODERATOR = (
        "of a stream its owner, its moderators and administrators; of an owner's streams the owner "
        "and administrators; everywhere administrators"
    )
    ADMINISTRATOR = "administrators"
    MONITOR = "administrators, or the metrics token"
    LIVEKIT = "LiveKit, by its webhook signature"
    ENCODER = "encoders, by their stream key"
    SIGN_IN = "whoever brings a token"

    @property
    def of_stream(self) -> bool:
        """Whether it depends on whose stream it is."""
        return self in {Allow.OWNER, Allow.PIN}

    @property
    def reads_caller(self) -> bool:
        """Whether the Authorization or the session counts. LiveKit's signs the body and an
        encoder's is its stream key: their routes check them. Who signs in brings the token in the
        body, and what is open to everyone answers as well to those whose token has run out."""
        return self not in {Allow.EVERYONE, Allow.LIVEKIT, Allow.ENCODER, Allow.SIGN_IN}


_ANONYMOUS = Caller(role="anonymous")


class Authenticator:
    """Turns a bearer token, or the console's session, into a caller."""

    def __init__(
        self,
        *,
        secret: str,
        jwks_url: str,
        issuer: str,
        audience: str,
        metrics_token: str,
        public_browse: bool,
        sessions: Sessions,
    ) -> None:
        self._secret = secret
        self._jwks_url = jwks_url
        self._issuer = issuer
        self._audience = audience
        self._metrics_token = metrics_token
        self._public_browse = public_browse
        self.sessions = sessions
        self._jwks: jwt.PyJWKClient | None = None
        self._asked_at = float("-inf")

    async def caller_of(self, request: HTTPConnection) -> Caller:
        """Whoever makes a request, by its bearer or else by the console's session. Raises
        Unauthenticated, Forbidden for a session that another site makes use of, and Unavailable."""
        bearer = request.headers.get("authorization", "")
        caller = await self.caller(request.scope, bearer)
        if caller.role == "anonymous":
            return await self.sessions.caller(request) or caller
        return caller

    async def caller(self, scope: Mapping[str, Any], authorization: str) -> Caller:
        """Raises Unauthenticated for a token that is there and not good."""
        if operator := scope.get("livectl.operator"):
            # Only a caller inside this process can put this into the scope.
            return Caller(role="administrator", name=f"operator:{operator}")
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if not authorization:
            return _ANONYMOUS
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Authorization: expected `Bearer <token>`")
        if self._metrics_token and hmac.compare_digest(
            token.encode(), self._metrics_token.encode()
        ):
            return Caller(role="monitor", name="monitor")
        return _caller_of(await self._claims(token, self._audience))

    def admit(self, allow: Allow, caller: Caller) -> None:
        """Raises Unauthenticated or Forbidden for what the role alone decides."""
        if not allow.reads_caller:
            return
        if allow is Allow.BROWSE and self._public_browse:
            return
        if caller.role == "anonymous":
            raise Unauthenticated(
                "a bearer token is needed", hint="send `Authorization: Bearer <token>`"
            )
        if allow is Allow.MONITOR and caller.role == "monitor":
            return
        if caller.role == "monitor" or (
            allow in {Allow.ADMINISTRATOR, Allow.MONITOR} and not caller.is_administrator
        ):
            raise Forbidden("this call is for administrators")

    async def by_id_token(self, token: str, *, client_id: str, nonce: str) -> Caller:
        """Whom the identity provider signed in for `client_id`, when it was asked with `nonce`
        (OpenID Connect Core, 3.1.3.7). Raises Unauthenticated."""
        claims = await self._claims(token, client_id)
        if not hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode()):
            raise Unauthenticated("the ID token answers another sign-in")
        return _caller_of(claims)

    async def _claims(self, token: str, audience: str) -> dict[str, Any]:
        import jwt

        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            key, algorithms = await self._key(token, str(algorithm))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=algorithms,
                issuer=self._issuer or None,
                audience=audience or None,
                options={"verify_aud": bool(audience)},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise Unavailable(
                "the identity provider's keys could not be read", hint="see JWT_JWKS_URL"
            ) from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthenticated(
                f"the bearer token is not valid ({type(error).__name__})"
            ) from None
        return claims

    async def _key(self, token: str, algorithm: str) -> tuple[Any, list[str]]:
        """The key and the algorithms it may be used with: never one kind's key for the other's."""
        import jwt

        if algorithm == "HS256" and self._secret:
            return self._secret, ["HS256"]
        if algorithm in _PROVIDER_ALGORITHMS and self._jwks_url:
            return await asyncio.to_thread(self._provider_key, token), [algorithm]
        raise jwt.InvalidAlgorithmError(algorithm)

    def _provider_key(self, token: str) -> Any:
        """The key that the token names. Blocks while the provider is asked, which is at most once
        in ten seconds: whoever makes up key ids must not make us ask for each."""
        import jwt

        if self._jwks is None:
            self._jwks = jwt.PyJWKClient(self._jwks_url, timeout=5)
        key_id = jwt.get_unverified_header(token).get("kid")
        found = self._jwks.match_kid(self._jwks.get_signing_keys(), str(key_id))
        if found is None and time.monotonic() - self._asked_at > _ASK_AGAIN_S:
            self._asked_at = time.monotonic()
            found = self._jwks.match_kid(self._jwks.get_signing_keys(refresh=True), str(key_id))
        if found is None:
            raise jwt.PyJWKClientError("no such key")
        return found.key


def check_owner(allow: Allow, caller: Caller, stream: Stream | None) -> Stream:
    """The stream, where the caller may act on it as its owner. To anybody else it does not exist
    (contract, REST)."""
    if stream is None:
        raise NotFound("stream not found")
    if caller.user_id and caller.user_id == stream.owner_id:
        return stream
    if allow is Allow.PIN:
        raise Forbidden("only the stream's owner pins messages")
    raise NotFound("stream not found")


def check_moderator(
    caller: Caller,
    *,
    stream: Stream | None,
    owner_id: str | None,
    moderators: Sequence[str],
    owner_only: bool,
) -> None:
    """Whether a caller may keep order in a scope: a `stream` with its `moderators`, the streams
    of an owner, or everywhere. To those who may not, a stream does not exist."""
    if caller.is_administrator:
        return
    owner = stream.owner_id if stream else owner_id
    if owner is not None and caller.user_id and caller.user_id == owner:
        return
    if stream is not None and caller.user_id in moderators:
        if owner_only:
            raise Forbidden("only the stream's owner names moderators")
        return
    if stream is not None:
        raise NotFound("stream not found")
    raise Forbidden("this is for administrators")


def user_token(
    secret: str,
    user_id: str,
    *,
    administrator: bool,
    expires_s: int,
    now_s: int,
    issuer: str = "",
    audience: str = "",
) -> str:
    """An HS256 bearer as this server reads it. Raises LivectlError without a secret to sign."""
    import jwt

    if not secret:
        raise LivectlError("there is no JWT_SECRET to sign with", hint="set JWT_SECRET")
    claims: dict[str, str | int] = {"userId": user_id, "iat": now_s, "exp": now_s + expires_s}
    claims |= {name: value for name, value in (("iss", issuer), ("aud", audience)) if value}
    if administrator:
        claims["role"] = "administrator"
    return jwt.encode(claims, secret, algorithm="HS256")


def clean_user_id(raw: str, field: str = "userId") -> str:
    """A user id that can be part of a room name. Raises BadInput."""
    if not raw or len(raw) > _MAX_USER_ID or not raw.isprintable() or raw != raw.strip():
        raise BadInput.of(field, f"1 to {_MAX_USER_ID} printable characters")
    return raw


def _caller_of(claims: dict[str, Any]) -> Caller:
    found = next((claims[name] for name in ("userId", "id", "sub") if claims.get(name)), None)
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise Unauthenticated("the bearer token names no user (userId, id or sub)")
    try:
        user_id = clean_user_id(str(found))
    except BadInput as error:
        raise Unauthenticated(f"the bearer token names no usable user: {error.message}") from None
    given = claims.get("roles")
    roles = {claims.get("role")} if isinstance(claims.get("role"), str) else set()
    if isinstance(given, list):
        roles |= {role for role in given if isinstance(role, str)}
    role = "administrator" if roles & _ADMINISTRATORS else "user"
    expires = claims.get("exp")
    return Caller(
        role=role,  # type: ignore[arg-type]
        user_id=user_id,
        name=f"user:{user_id}",
        expires_s=int(expires) if isinstance(expires, int | float) else None,
    )
