"""Is everything in order? Each finding that is not ends with what to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from livectl.errors import LivectlError
from livectl.ports.clock import Clock
from livectl.ports.livekit import Media
from livectl.ports.store import Store
from livectl.services.inbox import Inbox

Verdict = Literal["pass", "warn", "fail"]
_SKEW_WARN_S = 5
_SKEW_FAIL_S = 30


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One check. `code` is that of the error behind a failure, for the exit code."""

    name: str
    status: Verdict
    detail: str
    remedy: str | None = None
    code: str | None = None


Probe = Callable[[], Awaitable[str]]


class Doctor:
    """`probes` are checks of further outside parts, by name: each returns a detail or raises."""

    def __init__(
        self, store: Store, media: Media, clock: Clock, inbox: Inbox, probes: dict[str, Probe]
    ) -> None:
        self._store = store
        self._media = media
        self._clock = clock
        self._inbox = inbox
        self._probes = probes

    async def examine(self) -> list[Finding]:
        findings = [
            await self._store_works(),
            await self._indexes(),
            *await self._livekit(),
            await self._webhooks(),
            await self._inbox_flows(),
        ]
        return [*findings, *await self.probe()]

    async def probe(self) -> list[Finding]:
        """Only the further parts."""
        return [await _probe(name, probe) for name, probe in self._probes.items()]

    async def _store_works(self) -> Finding:
        async def write_and_read() -> str:
            began = time.perf_counter()
            await self._store.ping()
            return f"written and read back in {_ms(began)} ms"

        return await _probe("store", write_and_read)

    async def _indexes(self) -> Finding:
        try:
            found = await self._store.check()
        except LivectlError as error:
            return _failed("indexes", error)
        missing = [name for name, there in found.indexes.items() if not there]
        if missing or found.schema_version != found.expected_schema_version:
            return Finding(
                name="indexes",
                status="fail",
                detail=f"{found.backend}: missing {', '.join(missing) or 'nothing'}; schema "
                f"{found.schema_version} of {found.expected_schema_version}",
                remedy="run `livectl db init`",
                code="failed",
            )
        return Finding(
            name="indexes",
            status="pass",
            detail=f"{found.backend}: {len(found.indexes)} indexes, schema {found.schema_version}",
        )

    async def _livekit(self) -> list[Finding]:
        async def answers() -> str:
            began = time.perf_counter()
            await self._media.ping()
            return f"accepts our key, answered in {_ms(began)} ms"

        first = await _probe("livekit", answers)
        if first.status == "fail":
            return [first]
        try:
            found = await self._media.check()
        except LivectlError as error:
            return [first, _failed("livekit clock", error)]
        return [
            msgspec.structs.replace(first, detail=f"{found.version}, {first.detail}"),
            _clock(found.clock_skew_s),
            _rooms_by_joining(found.joins_make_rooms),
        ]

    async def _webhooks(self) -> Finding:
        """A room made and deleted at LiveKit must come back as a webhook."""
        room = f"livectl-doctor-{int(self._clock.now().timestamp() * 1000)}"
        try:
            await self._media.create_room(room)
            await self._media.delete_room(room)
            came_after = await self._came_back(room)
        except LivectlError as error:
            return _failed("webhooks", error)
        if came_after is None:
            return Finding(
                name="webhooks",
                status="fail",
                detail="LiveKit made and deleted a room, and no webhook came within 5 s",
                remedy="set webhook.urls in LiveKit's config to this server's "
                "/api/webhooks/livekit, with the same API key, and see that a server runs",
                code="unavailable",
            )
        return Finding(
            name="webhooks", status="pass", detail=f"a webhook came back after {came_after} ms"
        )

    async def _came_back(self, room: str) -> int | None:
        began = time.perf_counter()
        while time.perf_counter() - began < 5:
            if await self._inbox.heard_of(room):
                return _ms(began)
            await asyncio.sleep(0.05)
        return None

    async def _inbox_flows(self) -> Finding:
        try:
            depth = await self._inbox.depth()
        except LivectlError as error:
            return _failed("inbox", error)
        if depth.parked:
            return Finding(
                name="inbox",
                status="warn",
                detail=f"{depth.parked} webhooks are parked after failing too often",
                remedy="see `livectl webhooks list --failed`, then `livectl webhooks replay "
                "--failed`",
            )
        age = (self._clock.now() - depth.oldest).total_seconds() if depth.oldest else 0
        if age > 60:
            return Finding(
                name="inbox",
                status="warn",
                detail=f"{depth.pending} webhooks wait, the oldest for {age:.0f} s",
                remedy="see that `livectl serve` runs: it works through the inbox",
            )
        return Finding(name="inbox", status="pass", detail=f"{depth.pending} webhooks wait")


async def _probe(name: str, probe: Probe) -> Finding:
    try:
        return Finding(name=name, status="pass", detail=await probe())
    except LivectlError as error:
        return _failed(name, error)


def _failed(name: str, error: LivectlError) -> Finding:
    return Finding(
        name=name, status="fail", detail=error.message, remedy=error.hint, code=error.code
    )


def _clock(skew: float) -> Finding:
    status: Verdict = "pass"
    if abs(skew) > _SKEW_WARN_S:
        status = "fail" if abs(skew) > _SKEW_FAIL_S else "warn"
    return Finding(
        name="livekit clock",
        status=status,
        detail=f"LiveKit's clock is {skew:+.0f} s from ours",
        remedy=None if status == "pass" else "run NTP on both: tokens and webhooks carry times",
        code="failed" if status == "fail" else None,
    )


def _rooms_by_joining(made: bool) -> Finding:
    if made:
        return Finding(
            name="dead rooms",
            status="warn",
            detail="a join with an old token makes a deleted room again; livectl deletes it again",
            remedy="set room.auto_create: false in LiveKit's config, then such a join is refused",
        )
    return Finding(name="dead rooms", status="pass", detail="a deleted room cannot be joined")


def _ms(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
