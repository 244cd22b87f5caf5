"""Can this server do its work now?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from livectl.errors import LivectlError

_PATIENCE_S = 3.0


class Check(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One part: whether it answered, in how many ms, and what it said if not."""

    ok: bool
    ms: int
    error: str | None = None


class Health:
    """`parts` by name: each a call that returns when the part works and raises when not."""

    def __init__(self, parts: dict[str, Callable[[], Awaitable[None]]]) -> None:
        self._parts = parts

    async def checks(self) -> dict[str, Check]:
        results = await asyncio.gather(*(_check(ask) for ask in self._parts.values()))
        return dict(zip(self._parts, results, strict=True))


async def _check(ask: Callable[[], Awaitable[None]]) -> Check:
    began = time.perf_counter()
    error = None
    try:
        await asyncio.wait_for(ask(), _PATIENCE_S)
    except LivectlError as failure:
        error = failure.message
    except TimeoutError:
        error = f"no answer within {_PATIENCE_S:g} s"
    return Check(ok=error is None, ms=round((time.perf_counter() - began) * 1000), error=error)
