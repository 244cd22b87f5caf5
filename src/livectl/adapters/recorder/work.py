"""What the child does: record until something ends that, or finish what another left."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import signal
import sys
import time
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from livectl.adapters.recorder.attendance import Attendance, RoomMissing
from livectl.adapters.recorder.mend import mend
from livectl.adapters.recorder.reel import Reel
from livectl.adapters.recorder.spool import Job, Spool, Status
from livectl.domain.clock import to_millis

JOIN_S: Final = 8.0
GRACE_S: Final = 30.0
"""How long a host may be out of sight, or show nothing at first."""
FREE_MIN: Final = 64 << 20
"""Bytes of disk: enough to close the file, and for the database beside it."""

_TURN_S: Final = 0.05
_TELL_S: Final = 1.0
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")


def work(task: str, folder: Path, told: bytes) -> None:
    """Record into the folder until stopped, or finish what a dead recorder left there; and say
    there how it went."""
    logging.basicConfig(stream=sys.stderr, format="%(message)s")
    for handler in logging.root.handlers:
        handler.addFilter(_mask_tokens)
    spool = Spool(folder)
    try:
        if task == "record":
            asyncio.run(Recording(spool, msgspec.json.decode(told, type=Job)).run())
        else:
            _finish(spool)
    except Exception:
        logging.error(traceback.format_exc())  # noqa: TRY400 (as text, so that tokens are masked)


def _finish(spool: Spool) -> None:
    status = spool.read() or Status(state="ending", at=_now())
    ended_at = status.ended_at or status.at
    spool.write(_mended(spool, msgspec.structs.replace(status, ended_at=ended_at)))


class Recording:
    """One recording from joining the room to the finished file."""

    def __init__(self, spool: Spool, job: Job) -> None:
        self._spool = spool
        self._reel = Reel(spool.media)
        self._attendance = Attendance(job, self._reel)
        self._stopped = False
        self._seen_at = time.monotonic()
        self._status = Status(state="starting", at=_now())

    async def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop)
        self._tell()
        try:
            await self._attendance.join(JOIN_S)
        except RoomMissing:
            self._tell(state="failed", room_missing=True, error="there is no such room")
        except ConnectionError as error:
            self._tell(state="failed", error=_without_tokens(str(error)))
        else:
            await self._attend()

    async def _attend(self) -> None:
        self._tell(joined=True)
        self._reel.start()
        told_at = 0.0
        while (why := self._ended()) is None:
            await asyncio.sleep(_TURN_S)
            now = time.monotonic()
            self._reel.tick(now)
            if now > told_at + _TELL_S:
                told_at = now
                await asyncio.gather(self._attendance.measure(), asyncio.to_thread(self._keep))
        logging.warning("ended: %s", why)
        self._tell(state="ending", ended_at=_now())
        await asyncio.to_thread(self._reel.finish)
        self._tell(error=self._trouble())
        status = await asyncio.to_thread(self._outcome, why)
        self._tell(**msgspec.structs.asdict(status))

    def _outcome(self, why: str) -> Status:
        if self._reel.began_at is None:
            error = f"nothing was recorded: {why}"
            return msgspec.structs.replace(self._status, state="failed", error=error)
        if not self._reel.whole:
            return _mended(self._spool, self._status)
        return msgspec.structs.replace(self._status, state="uploading")

    def _ended(self) -> str | None:
        """Why it is over; None while it goes on."""
        if self._attendance.host_is_here and self._reel.began_at:
            self._seen_at = time.monotonic()
        if self._stopped or self._spool.stop_asked:
            return "it was stopped"
        if time.monotonic() > self._seen_at + GRACE_S:
            return "the host left" if self._reel.began_at else "the host published nothing"
        return self._attendance.over or self._trouble()

    def _trouble(self) -> str | None:
        return self._reel.error or self._disk_is_full()

    def _disk_is_full(self) -> str | None:
        with suppress(FileNotFoundError):
            free = shutil.disk_usage(self._spool.folder).free
            if free < FREE_MIN:
                return f"the disk is full: {free >> 20} MiB are free"
        return None

    def _stop(self) -> None:
        self._stopped = True

    def _keep(self) -> None:
        """Have what was written so far on the disk, and say how far it is."""
        if self._reel.began_at is None:
            self._tell()
            return
        with suppress(FileNotFoundError), self._spool.media.open("rb") as media:
            os.fsync(media)
        self._tell(state="recording")

    def _tell(self, **changes: Any) -> None:
        media = self._spool.media
        known = {
            "at": _now(),
            "started_at": self._reel.began_at,
            "bytes": media.stat().st_size if media.exists() else 0,
            "seconds": self._reel.seconds,
            "dropped": self._reel.dropped,
        }
        self._status = msgspec.structs.replace(self._status, **known | changes)
        with suppress(OSError):  # the disk is full, or the folder was taken away
            self._spool.write(self._status)


def _mended(spool: Spool, status: Status) -> Status:
    seconds = mend(spool.media)
    if seconds is None:
        error = status.error or spool.last_words() or "its recorder was killed"
        return msgspec.structs.replace(
            status, state="failed", at=_now(), error=f"nothing that plays was recorded: {error}"
        )
    size = spool.media.stat().st_size
    return msgspec.structs.replace(
        status, state="uploading", at=_now(), seconds=seconds, bytes=size
    )


def _now() -> datetime:
    return to_millis(datetime.now(UTC))


def _without_tokens(said: str) -> str:
    return _TOKEN.sub("<token>", said)


def _mask_tokens(record: logging.LogRecord) -> bool:
    record.msg, record.args = _without_tokens(record.getMessage()), None
    return True
