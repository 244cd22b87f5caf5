"""Can this server do its work now?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from livectl.errors import LivectlError

_PATIENCE_S = 3.0


Ask = Callable[[], Awaitable[None]]


class Check(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One part: whether it answered, in how many ms, and what it said if not; `needed` is False
    where the server does most of its work without it."""

    ok: bool
    needed: bool = True
    ms: int
    error: str | None = None


class Health:
    """Parts by name, `needed` ones and others: each a call that returns when the part works and
    raises when not."""

    def __init__(self, needed: dict[str, Ask], others: dict[str, Ask]) -> None:
        self._needed = needed
        self._parts = {**needed, **others}

    async def checks(self) -> dict[str, Check]:
        asking = (_check(ask, name in self._needed) for name, ask in self._parts.items())
        return dict(zip(self._parts, await asyncio.gather(*asking), strict=True))


async def _check(ask: Ask, needed: bool) -> Check:
    began = time.perf_counter()
    error = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await ask()
    except LivectlError as failure:
        error = failure.message
    except TimeoutError:
        error = f"no answer within {_PATIENCE_S:g} s"
    ms = round((time.perf_counter() - began) * 1000)
    return Check(ok=error is None, needed=needed, ms=ms, error=error)
