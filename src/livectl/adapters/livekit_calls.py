"""One connection to LiveKit, for all that is asked of it: tries, time limits, tokens, errors.

livekit-api takes 0.2 s to import, so it is loaded by the first call that needs it: a command that
only reads the store never pays for it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from livectl.errors import NotFound, NotReady, TimedOutside, Unavailable
from livectl.ports.meter import Meter

if TYPE_CHECKING:
    import aiohttp
    from livekit import api

T = TypeVar("T")

# Ten minutes to join; LiveKit renews the tokens of people who are in (contract, REST).
TOKEN_TTL = timedelta(minutes=10)
CALL_SECONDS = 3.0
# A worker of Egress that is gone is waited for by LiveKit as well (livekit#1717).
STOP_SECONDS = 10.0
STOP_ABSENT_SECONDS = 1.5
TRIES = 3

# How livekit-server begins the message of an error that comes from behind it.
_TWIRP = "twirp error unknown: "
_UNREACHABLE = "check LIVEKIT_URL and that livekit-server runs: `livectl doctor`"
_KEYS = "check LIVEKIT_API_KEY and LIVEKIT_API_SECRET: `livectl doctor`"


class NoService(Unavailable):
    """Ingress or Egress is not set up at this LiveKit."""


class AlreadyOver(Unavailable):
    """What should be stopped has ended."""


class Unanswered(Unavailable):
    """Nobody behind LiveKit took the call: no worker of Ingress or Egress is there, or is free."""


class Malformed(Unavailable):
    """What was asked for cannot be; the message ends with LiveKit's reason."""


class LiveKitCalls:
    """Times out each call after `seconds` (s) and repeats those that are safe to repeat. `url` is
    http or https."""

    def __init__(
        self, url: str, key: str, secret: str, *, meter: Meter, seconds: float = CALL_SECONDS
    ) -> None:
        self.url = "http" + url[2:] if url.startswith("ws") else url
        self.seconds = seconds
        self._key = key
        self._secret = secret
        self._meter = meter
        self._session: aiohttp.ClientSession | None = None
        self._opened: api.LiveKitAPI | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = self._opened = None

    async def call(
        self,
        name: str,
        call: Callable[[api.LiveKitAPI], Awaitable[T]],
        *,
        tries: int = TRIES,
        seconds: float | None = None,
    ) -> T:
        """The answer to a call of livekit-api, within `seconds` where they differ. Raises NotFound,
        NoService, AlreadyOver, Unanswered, Malformed, and Unavailable for all else, with the call's
        name and the reason."""
        limit = seconds or self.seconds
        for attempt in range(1, tries + 1):
            began = time.perf_counter()
            try:
                async with asyncio.timeout(limit):
                    answer = await call(self._client())
            except Exception as error:
                self._meter.outside_call("livekit", name, time.perf_counter() - began, ok=False)
                failure = self.failure(name, error, limit)
                if attempt == tries or not _worth_repeating(failure):
                    raise failure from error
                # Jitter keeps many processes from coming back in step.
                await asyncio.sleep(0.1 * 2**attempt * random.uniform(0.5, 1))  # noqa: S311
            else:
                self._meter.outside_call("livekit", name, time.perf_counter() - began, ok=True)
                return answer
        raise AssertionError("the last try returns or raises")

    async def stop_egress(self, egress_id: str, *, worker_here: bool) -> None:
        """Where its worker is not in the room, nobody waits for an answer, nor minds that there is
        none. One that has ended by itself is stopped."""
        from livekit import api

        stop = api.StopEgressRequest(egress_id=egress_id)
        try:
            await self.call(
                "StopEgress",
                lambda lk: lk.egress.stop_egress(stop),
                tries=1,
                seconds=STOP_SECONDS if worker_here else STOP_ABSENT_SECONDS,
            )
        except (NotFound, AlreadyOver):
            return
        except (Unanswered, TimedOutside):
            if worker_here:
                raise

    def http(self) -> aiohttp.ClientSession:
        """For what livekit-api has no call for. It sets no limit to a request's time."""
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout())
        return self._session

    def failure(self, name: str, error: Exception, seconds: float | None = None) -> Exception:
        """Our error for a failed call: which call, and why."""
        import aiohttp
        from livekit.api.twirp_client import ServerError

        if isinstance(error, ServerError):
            return _from_twirp(name, error)
        if isinstance(error, TimeoutError):
            return TimedOutside(
                f"LiveKit did not answer {name} within {seconds or self.seconds:g} s",
                hint=_UNREACHABLE,
            )
        if isinstance(error, aiohttp.ClientError | OSError):
            return Unavailable(
                f"LiveKit could not be reached for {name}: {error}", hint=_UNREACHABLE
            )
        return error

    def access_token(self) -> api.AccessToken:
        """One that lets nobody do anything yet."""
        from livekit import api

        return api.AccessToken(self._key, self._secret)

    def room_token(self, room: str, identity: str, *, publish: bool) -> str:
        """To join this room, and to publish in it or only subscribe."""
        from livekit import api

        grants = api.VideoGrants(
            room_join=True,
            room=room,
            can_publish=publish,
            can_publish_data=publish,
            can_subscribe=True,
        )
        token = self.access_token().with_identity(identity)
        return token.with_grants(grants).with_ttl(TOKEN_TTL).to_jwt()

    def verifier(self) -> api.TokenVerifier:
        from livekit import api

        return api.TokenVerifier(self._key, self._secret)

    def _client(self) -> api.LiveKitAPI:
        if self._opened is None:
            from livekit import api

            self._opened = api.LiveKitAPI(
                self.url,
                self._key,
                self._secret,
                session=self.http(),
                failover=False,  # tries and their pauses are ours, so that a kill stays quick
            )
        return self._opened


class NoLiveKit:
    """Every port of LiveKit's where none is configured: every call says so."""

    public_url = ""

    def __getattr__(self, name: str) -> Any:
        return _not_configured  # to hand a method on is no call


def _not_configured(*_: object, **__: object) -> NoReturn:
    raise NotReady(
        "LiveKit is not configured",
        hint="set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or use `livectl dev`",
    )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _from_twirp(name: str, error: Any) -> Exception:
    # A key that it does not know it refuses in plain text, without a code.
    told = f"{error.message.removeprefix(_TWIRP) or error.code} ({error.code})"
    said = f"LiveKit refused {name}: {told if error.code != 'unknown' else f'HTTP {error.status}'}"
    if error.code == "not_found":
        return NotFound(said)
    if error.code == "failed_precondition":
        return AlreadyOver(said)
    if "redis required" in error.message or "not connected" in error.message:
        return NoService(said)
    if error.status in {401, 403} or error.code in {"unauthenticated", "permission_denied"}:
        return Unavailable(said, hint=_KEYS)
    if error.code == "deadline_exceeded":
        return TimedOutside(said)
    if "no response" in error.message:
        return Unanswered(said)
    if error.code == "invalid_argument":
        return Malformed(said)
    return Unavailable(said)


def _worth_repeating(error: Exception) -> bool:
    # An answer that was a refusal will be the same again; silence may not be.
    return type(error) in {Unavailable, TimedOutside} and "refused" not in str(error)
