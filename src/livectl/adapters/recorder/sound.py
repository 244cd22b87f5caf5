"""Sound that comes when it likes, as one unbroken line.

Sound carries no time of its own here: what counts is when it came. Deliveries are late by what the
machine was busy with, and never early, so the least late of half a second tells how far the line
and the clock are apart. What is a little apart is stretched or squeezed by a few samples in each
piece, which nobody hears; what is far apart is filled with silence, or cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

RATE: Final = 48_000  # samples a second
CHANNELS: Final = 2

_HOLE_S: Final = 0.5  # nothing came for this long: it will not come any more
_JUMP_S: Final = 0.06
_DRIFT_S: Final = 0.005
_WINDOW: Final = 50  # pieces of 10 ms
_STRETCH: Final = 2  # samples a piece at the most: 0.4 %

Samples = np.ndarray[Any, np.dtype[np.int16]]
"""int16, a row for each moment, a column for each channel."""


class SoundLine:
    """`written` counts the samples of the line so far. Times are seconds from its beginning."""

    def __init__(self) -> None:
        self.written = 0
        self._lates: list[float] = []
        self._owed = 0

    def take(self, at: float, piece: Samples) -> Iterator[Samples]:
        """What to write for a piece of 10 ms that came at the time `at`, when it was over."""
        late = at - (self.written + len(piece)) / RATE
        if late > _HOLE_S:
            yield self._silence(round(late * RATE))
        elif late < -_HOLE_S:
            return  # there is silence in its place by now
        else:
            yield from self._kept_in_step(late)
        piece = self._stretched(piece)
        self.written += len(piece)
        yield piece

    def fill(self, until: float) -> Iterator[Samples]:
        """Silence for what did not come."""
        missing = round(until * RATE) - self.written
        if missing > 0:
            yield self._silence(missing)

    def _kept_in_step(self, late: float) -> Iterator[Samples]:
        self._lates.append(late)
        if len(self._lates) < _WINDOW:
            return
        apart = min(self._lates)
        self._lates.clear()
        if apart > _JUMP_S:
            yield self._silence(round(apart * RATE))
        else:
            self._owed = round(apart * RATE) if abs(apart) > _DRIFT_S else 0

    def _stretched(self, piece: Samples) -> Samples:
        if not self._owed:
            return piece
        if self._owed < -_JUMP_S * RATE:
            self._owed += len(piece)
            return piece[:0]
        more = max(-_STRETCH, min(_STRETCH, self._owed))
        self._owed -= more
        old = np.arange(len(piece))
        new = np.linspace(0, len(piece) - 1, len(piece) + more)
        columns = [np.interp(new, old, piece[:, column]) for column in range(CHANNELS)]
        return np.stack(columns, axis=1).astype(np.int16)

    def _silence(self, length: int) -> Samples:
        self._lates.clear()
        self._owed = 0
        self.written += length
        return np.zeros((length, CHANNELS), np.int16)
