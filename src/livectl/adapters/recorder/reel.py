"""The thread that encodes: what came is queued with its time, and written in that order.

When the encoder cannot keep up, pictures are left out before anything else: a film that stutters
can be watched, one whose sound is torn cannot.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from livectl.adapters.recorder.film import Film
from livectl.adapters.recorder.picture import Picture, film_size
from livectl.adapters.recorder.sound import Samples
from livectl.domain.clock import to_millis

_PICTURES: Final = 8  # that may wait
_WAITING: Final = 30 * 100  # of everything: half a minute of sound
_LATE_S: Final = 1.0  # that what waits may be, before pictures are skipped
_FIRST_PICTURE_S: Final = 3.0
_NO_PICTURE: Final = Picture(width=1280, height=720, data=memoryview(b""))


@dataclass(frozen=True, slots=True)
class _Item:
    """Something at a time (s, monotonic): a picture, a piece of sound, or only the time."""

    at: float
    what: Picture | Samples | None = None


class Reel(threading.Thread):
    """One film in the making. It begins with the first picture or sound: `began_at` is then set.
    Without a picture it waits a little for one, whose size will be the film's.

    `error` is why it had to stop by itself. Once the thread has ended, `whole` says whether the
    file was closed as it should.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(name="reel", daemon=True)
        self.began_at: datetime | None = None
        self.seconds = 0.0
        self.error: str | None = None
        self.whole = False
        self._file = file
        self._queue: queue.Queue[_Item | None] = queue.Queue()
        self._room_for_pictures = threading.Semaphore(_PICTURES)
        self._refused = self._skipped = 0  # by whoever tells, and by the thread
        self._zero = 0.0
        self._film: Film | None = None
        self._early: list[_Item] = []

    @property
    def dropped(self) -> int:
        """How many pictures were left out."""
        return self._refused + self._skipped

    def picture(self, at: float, picture: Picture) -> None:
        if self._room_for_pictures.acquire(blocking=False):
            self._put(_Item(at, picture))
        else:
            self._refused += 1

    def sound(self, at: float, piece: Samples) -> None:
        if self._queue.qsize() < _WAITING:
            self._put(_Item(at, piece))

    def tick(self, at: float) -> None:
        if self.began_at is not None and self._queue.qsize() < _WAITING:
            self._put(_Item(at))

    def finish(self) -> None:
        """Write all that waits, and close the file; blocks until that is done."""
        self.tick(time.monotonic())
        self._queue.put(None)
        self.join()

    def _put(self, item: _Item) -> None:
        if self.began_at is None:
            # Sound is told when it is over.
            length = 0.0 if isinstance(item.what, Picture) else 0.01
            self._zero = item.at - length
            ago = timedelta(seconds=time.monotonic() - self._zero)
            self.began_at = to_millis(datetime.now(UTC) - ago)
        self._queue.put(item)

    def run(self) -> None:
        at = 0.0
        try:
            while (item := self._queue.get()) is not None:
                at = max(at, item.at - self._zero)
                self._take(item, at)
            if self.began_at is not None:
                self._opened().close(at)
                self.seconds = self._opened().seconds
                self.whole = True
        except Exception as error:  # whatever it is, what was written so far is to be kept
            self.error = f"{type(error).__name__}: {error}"

    def _take(self, item: _Item, now: float) -> None:
        if isinstance(item.what, Picture):
            self._room_for_pictures.release()
        if self._film is None:
            self._early.append(item)
            if isinstance(item.what, Picture) or now > _FIRST_PICTURE_S:
                self._opened()
        else:
            self._play(self._film, item)

    def _opened(self) -> Film:
        """The film, which begins now if it has not: what came early is played first."""
        if self._film is None:
            pictures = (item.what for item in self._early if isinstance(item.what, Picture))
            self._film = Film(self._file, film_size(next(pictures, _NO_PICTURE)))
            for item in self._early:
                self._play(self._film, item)
            self._early.clear()
        return self._film

    def _play(self, film: Film, item: _Item) -> None:
        at = max(0.0, item.at - self._zero)
        late = time.monotonic() > item.at + _LATE_S
        if isinstance(item.what, Picture):
            if late:
                self._skipped += 1
            else:
                film.picture(at, item.what)
        elif item.what is None:
            film.tick(at, hurried=late)
        else:
            film.sound(at, item.what)
        self.seconds = film.seconds
