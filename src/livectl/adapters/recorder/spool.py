"""The folder of one recording in the spool: what its recorder and everybody else tell each other.

A file lock says whether somebody works on it. The kernel lets go of it when the last process that
has it is gone, however that ended, so nobody ever has to trust a process id.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from livectl.domain.recording import State


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What the child needs to know, told on its standard input: `token` is a secret."""

    url: str
    token: str
    owner_id: str


class Status(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far the recorder is, at the time `at`; written anew each second.

    `bytes` is the size of the file, `seconds` its length. `dropped` counts pictures left out
    because the encoder could not keep up. `error` is what went wrong, if something did.
    `finishings` counts how often somebody set out to finish what a killed recorder left.
    """

    state: State
    at: datetime
    joined: bool = False
    room_missing: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    bytes: int = 0
    seconds: float = 0.0
    dropped: int = 0
    error: str | None = None
    finishings: int = 0

    @property
    def final(self) -> bool:
        return self.state in {"uploading", "failed"}


class Spool:
    """The folder. It is for its owner alone, as are the files in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.media = folder / "recording.mp4"
        self.log = folder / "log"
        self._status = folder / "status.json"
        self._stop = folder / "stop"
        self._lock = folder / "lock"

    @property
    def exists(self) -> bool:
        return self.folder.is_dir()

    def make(self) -> int:
        """Make it, and give the lock, as `claim` does; whoever sees the folder sees it taken.
        Raises FileExistsError."""
        if self.exists:
            raise FileExistsError(self.folder)
        aside = Spool(self.folder.with_name(f".{self.folder.name}"))
        aside.remove()
        aside.folder.mkdir(mode=0o700, parents=True)
        lock = aside.claim()
        assert lock is not None  # noqa: S101 (nobody else knows of the folder)
        aside.folder.rename(self.folder)
        return lock

    def remove(self) -> None:
        """Take it away. A recorder that is still at work ends when it sees that."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def claim(self) -> int | None:
        """The lock, as a descriptor that a child may inherit; None while somebody has it. Raises
        FileNotFoundError when the folder is gone."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def ask_stop(self) -> None:
        with suppress(FileNotFoundError):
            self._stop.touch(mode=0o600)

    @property
    def stop_asked(self) -> bool:
        return self._stop.exists() or not self.exists

    def read(self) -> Status | None:
        """None before the first, when the folder is gone, and of what a crash of the host tore.
        Raises OSError."""
        try:
            return msgspec.json.decode(self._status.read_bytes(), type=Status)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, status: Status) -> None:
        """Atomically. Raises OSError, e.g. where the disk is full or the folder is gone."""
        aside = self._status.with_suffix(".new")
        with aside.open("wb") as file:
            file.write(msgspec.json.encode(status))
            file.flush()
            os.fsync(file)
        aside.replace(self._status)

    def last_words(self) -> str:
        """The last line of the recorder's log."""
        with suppress(OSError):
            lines = self.log.read_text(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""
