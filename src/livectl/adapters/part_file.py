"""Files that are whole at their place or not there at all, and go on after any interruption."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import threading
from pathlib import Path


class PartFile:
    """What has come so far of a file, beside `base`. `tag` says of what: what is there with the
    same tag is gone on with, and parts with another are dropped.

    It is for threads. Making one raises BlockingIOError while another has it open, in any process;
    all its methods raise OSError.
    """

    def __init__(self, base: Path, tag: str) -> None:
        digest = hashlib.sha256(tag.encode()).hexdigest()[:16]
        self._path = base.with_name(f"{base.name}.{digest}.part")
        _drop_others(base, self._path)
        # Without a buffer: what does not fit on the disk is not written later, by a close.
        self._file = self._path.open("ab+", buffering=0)
        # A task that is cancelled closes it, perhaps while a thread still writes.
        self._lock = threading.Lock()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file.seek(0)
            self._sum = hashlib.file_digest(self._file, "sha256")
        except BaseException:
            self._file.close()
            raise
        self.size = self._file.tell()

    @property
    def sha256(self) -> str:
        """Of what there is, in hex."""
        return self._sum.hexdigest()

    @property
    def modified_ns(self) -> int:
        return os.fstat(self._file.fileno()).st_mtime_ns

    def write(self, content: bytes) -> None:
        """Go on with this."""
        with self._lock:
            rest = memoryview(content)
            while rest:
                written = self._file.write(rest)
                self._sum.update(rest[:written])
                self.size += written
                rest = rest[written:]

    def finish(self, target: Path) -> None:
        """It is whole: to its place, over what is there, and on the disk when this returns."""
        with self._lock:
            os.fsync(self._file.fileno())
            self._path.replace(target)
            _sync_directory(target.parent)

    def drop(self) -> None:
        """It is of no use: nothing of it stays."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """What there is stays. Safe to repeat."""
        with self._lock:
            self._file.close()


def write_whole(target: Path, content: bytes, *, aside: Path) -> None:
    """A small file to its place, over what is there. `aside` is a directory on the same disk where
    nobody looks for files."""
    new = aside / secrets.token_hex(8)
    try:
        with new.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _drop_others(base: Path, mine: Path) -> None:
    part = re.compile(re.escape(base.name) + r"\.[0-9a-f]{16}\.part")
    for other in base.parent.iterdir():
        if other != mine and part.fullmatch(other.name):
            other.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """Only then a rename in it outlives a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
