"""Putting people out of a room that stays.

Whoever joins a room while LiveKit closes it ends up in one that LiveKit has forgotten, where no
call reaches them (docs/decisions/0003). Closing takes a millisecond or two for each person in it,
and a tenth of one where nobody is. So people go one by one, and a room when it is empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from livectl.domain.webhook import Participant
from livectl.errors import TimedOutside
from livectl.ports.livekit import Media

T = TypeVar("T")

_AT_ONCE = 16
_LISTED_WITHIN_S = 1.0
_REMOVED_WITHIN_S = 0.5  # of one who leaves at this moment LiveKit says so after three seconds


async def put_out(
    media: Media, room: str, unwanted: Callable[[Participant], bool] = lambda _: True
) -> list[str]:
    """Remove them, whoever publishes first; the identities of those who were in.

    Raises the first failure, Unavailable or TimedOutside, where nobody could be removed.
    """
    listed = await _within(_LISTED_WITHIN_S, media.participants(room), "tell who is in")
    here = sorted(filter(unwanted, listed), key=lambda one: not one.publisher)
    places = asyncio.Semaphore(_AT_ONCE)

    async def remove(one: Participant) -> bool:
        async with places:
            removing = media.remove_participant(room, one.identity)
            return await _within(_REMOVED_WITHIN_S, removing, f"remove {one.identity}")

    results = await asyncio.gather(*map(remove, here), return_exceptions=True)
    removed = [one.identity for one, was_in in zip(here, results, strict=True) if was_in is True]
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures and not removed:
        raise failures[0]
    return removed


async def _within(seconds: float, answer: Awaitable[T], what: str) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError:
        raise TimedOutside(f"LiveKit did not {what} within {seconds:g} s") from None
