"""How long pictures and sound wait in the receiver before they are handed over.

Both are sent as they happen, and travel alike; but each has a jitter buffer of its own, of some 10
to 300 ms, and LiveKit keeps the two in step only in rooms made with `sync_streams`. The receiver's
statistics tell how long they wait, so that this can be made good.
"""

from __future__ import annotations

import asyncio
from typing import Final

from livekit import rtc

_ANSWER_S: Final = 0.3
_MOST_S: Final = 0.5
_NEW: Final = 0.5  # the share of a new reading: they waver


class Delay:
    """`sound_later` is how much longer sound waits than pictures do, in seconds."""

    def __init__(self) -> None:
        self.sound_later = 0.0
        self._before: dict[str, tuple[float, int]] = {}
        self._measured = False

    async def measure(self, picture: rtc.Track, sound: rtc.Track) -> None:
        """Take a reading, of the time since the last one."""
        waits = [await self._wait_of(track) for track in (sound, picture)]
        if None in waits:
            return
        apart = max(-_MOST_S, min(_MOST_S, (waits[0] or 0.0) - (waits[1] or 0.0)))
        self.sound_later += (apart - self.sound_later) * (_NEW if self._measured else 1.0)
        self._measured = True

    async def _wait_of(self, track: rtc.Track) -> float | None:
        """Of what this track handed over since the last reading, in seconds on average; None where
        that was nothing."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                stats = await track.get_stats()
        except Exception:  # the SDK's own, without a class, where the track is gone
            return None
        for one in stats:
            if one.HasField("inbound_rtp"):
                inbound = one.inbound_rtp.inbound
                waited, handed = inbound.jitter_buffer_delay, inbound.jitter_buffer_emitted_count
                waited_before, handed_before = self._before.get(track.sid, (0.0, 0))
                self._before[track.sid] = (waited, handed)
                if handed > handed_before:
                    return (waited - waited_before) / (handed - handed_before)
        return None
