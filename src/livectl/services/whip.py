"""WHIP (RFC 9725) through livekit-server itself: an encoder with a stream key as its bearer."""

from __future__ import annotations

from typing import Literal

import msgspec

from livectl.domain.ingress import IngressKey, Line, digest_of
from livectl.errors import (
    BadInput,
    Conflict,
    LivectlError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from livectl.ports.clock import Clock
from livectl.ports.ingress import Ingresses, IngressQuery
from livectl.services.encoders import Encoders
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_lines import Lines
from livectl.services.streams import Streams


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """LiveKit's answer to an offer, where its session is to be changed, and LiveKit's headers."""

    answer: bytes
    location: str
    headers: dict[str, str]


class Whip:
    def __init__(
        self,
        ingresses: Ingresses,
        clock: Clock,
        book: IngressBook,
        lines: Lines,
        encoders: Encoders,
        streams: Streams,
    ) -> None:
        self._ingresses = ingresses
        self._clock = clock
        self._book = book
        self._lines = lines
        self._encoders = encoders
        self._streams = streams

    async def offer(self, stream_key: str, offer: bytes, address: str) -> Accepted:
        """Let an encoder in from an address. A standing key goes live.

        Raises Unauthenticated (no such key), Forbidden (it is off, or its owner may not go live),
        NotFound (it was deleted at this moment), Conflict (it is of another protocol), BadInput
        (LiveKit does not take the offer).
        """
        key, line = await self._admitted(stream_key)
        key = await self._encoders.settled(key)
        self._encoders.check_lets_in(key, line)
        if key.standing:
            # Nobody goes live by an offer that LiveKit does not take.
            await self._streams.check_may_start(key.owner_id)
            await self._lines.keep_room(key)
        answer, session, headers = await self._ingresses.whip_offer(key.room, key.identity, offer)
        try:
            await self._encoders.came(key, line, address)
        except LivectlError:
            await self._encoders.put_out(key)
            raise
        return Accepted(answer=answer, location=f"{line.url}/{session}", headers=headers)

    async def change(
        self,
        method: Literal["PATCH", "DELETE"],
        session: str,
        stream_key: str,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[int, dict[str, str], bytes]:
        """Pass a change of a session on, for who has its key: status, headers and body of
        LiveKit's answer. Raises Unauthenticated, NotFound (there is no such session),
        BadInput, Unavailable."""
        key, _ = await self._admitted(stream_key)
        answer = await self._ingresses.whip_change(
            method, key.room, key.identity, session, headers, body
        )
        if method == "DELETE":
            await self._encoders.look(key)
        if answer[0] >= 400:
            raise _refusal(answer[0])
        return answer

    async def _admitted(self, stream_key: str) -> tuple[IngressKey, Line]:
        digest = digest_of(stream_key)
        key = await self._book.one(IngressQuery(digest=digest)) if stream_key else None
        if key is None:
            raise Unauthenticated("there is no such stream key")
        line = next(one for one in key.lines if one.digest == digest)
        if line.ends_at is not None and line.ends_at <= self._clock.now():
            raise Unauthenticated("this stream key was replaced by another")
        if key.through != "livekit":
            raise Conflict(f"this stream key is for another address: {line.url}")
        return key, line


def _refusal(status: int) -> LivectlError:
    said = f"LiveKit did not take the change of the session (HTTP {status})"
    if status == 404:
        return NotFound("there is no such session")
    return BadInput(said) if status < 500 else Unavailable(said)
