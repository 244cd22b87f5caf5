"""The bucket of a single host: a directory, whose files `livectl serve` gives out itself.

An object is a file at its path. What cannot be seen from the file (its SHA-256 and content type) is
kept beside the objects, under `.livectl/about/`, and counts only while size and time of the file
are those it was written with: a file that somebody changed by hand has no checksum, not a wrong
one. Under `.livectl/incoming/` lies what is not whole yet.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import mimetypes
import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal
from urllib.parse import quote, urlencode

import msgspec

from livectl.adapters.part_file import PartFile, write_whole
from livectl.domain.clock import to_millis
from livectl.domain.signature import Signer
from livectl.errors import BadInput, Forbidden, NotFound, Unavailable
from livectl.ports.clock import Clock
from livectl.ports.objects import LinkedFile, Progress, StoredObject

log = logging.getLogger(__name__)

_OURS = ".livectl"
_PIECE = 8 * 1024 * 1024
_PAGE = 1000

_CAUSES = {
    errno.ENOSPC: ("the disk is full", "Free some space on the disk that holds {root}."),
    errno.EDQUOT: ("the quota is used up", "Raise the quota of the disk that holds {root}."),
    errno.EFBIG: ("the file is too large", "Check the limit of file sizes, ulimit -f."),
    errno.EROFS: ("the disk is read-only", "See the kernel's log, then check the disk."),
    errno.EACCES: ("permission denied", "Check the owner and the permissions of {root}."),
    errno.EAGAIN: ("another process is at it", "Wait until that one has ended."),
}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_THERE = (FileNotFoundError, IsADirectoryError, NotADirectoryError)


class _About(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is kept of an object, with the file's size and time (ns) that it was written of."""

    sha256: str
    content_type: str
    size: int
    modified_ns: int


class FileObjects:
    """The `Objects` port on a directory. `key` signs the links: all servers that give the same
    directory out need the same one."""

    type: Literal["Local"] = "Local"
    bucket = None

    def __init__(self, root: Path, *, key: bytes, clock: Clock) -> None:
        self._root = root
        self._incoming = root / _OURS / "incoming"
        self._signer = Signer(key)
        self._clock = clock

    async def close(self) -> None:
        pass

    async def ping(self) -> str:
        with self._failing("ping", ""):
            free = await asyncio.to_thread(self._try_to_write)
        return f"{self._root} takes files, {free / 1e9:.1f} GB are free"

    async def head(self, path: str) -> StoredObject | None:
        at = self._at(path)
        with self._failing("head", path):
            return await asyncio.to_thread(self._seen, path, at)

    async def send_file(
        self, path: str, file: Path, *, content_type: str, sha256: str, told: Progress | None = None
    ) -> StoredObject:
        at = self._at(path)
        with self._failing("send_file", path):
            part = await asyncio.to_thread(self._begin, path, file, sha256)
            try:
                await _copy(file, part, told)
                if part.sha256 != sha256:
                    part.drop()
                    raise Unavailable(
                        f"Files, send_file {path}: the file came out damaged.",
                        hint="It begins anew with the next try; if that fails, check the disk.",
                    )
                return await asyncio.to_thread(self._finish, part, path, at, content_type)
            except OSError as error:
                if error.errno in _FULL:  # what cannot be finished leaves room for the rest
                    part.drop()
                raise
            finally:
                await asyncio.to_thread(part.close)

    async def put(self, path: str, content: bytes, *, content_type: str) -> None:
        at = self._at(path)
        with self._failing("put", path):
            await asyncio.to_thread(self._put, path, at, content, content_type)

    async def get(self, path: str) -> bytes:
        at = self._at(path)
        with self._failing("get", path), _missing(path):
            return await asyncio.to_thread(at.read_bytes)

    async def fetch(self, path: str, file: Path, told: Progress | None = None) -> str:
        at = self._at(path)
        found = await self.head(path)
        if found is None:
            raise _no(path)
        with self._failing("fetch", path):
            version = found.sha256 or f"{found.size} {found.modified_at}"
            part = await asyncio.to_thread(PartFile, file, version)
            try:
                await _copy(at, part, told)
                if found.sha256 not in {None, part.sha256}:
                    part.drop()
                    raise Unavailable(
                        f"Files, fetch {path}: it is not what was stored (SHA-256).",
                        hint="Check the disk, and restore the file from a backup.",
                    )
                await asyncio.to_thread(part.finish, file)
            finally:
                await asyncio.to_thread(part.close)
        return part.sha256

    def open(self, path: str) -> BinaryIO:
        with self._failing("open", path), _missing(path):
            return self._at(path).open("rb")

    async def pages(
        self, prefix: str, *, after: str | None = None
    ) -> AsyncIterator[list[StoredObject]]:
        below = self._below("", prefix, after or "")
        while True:
            with self._failing("pages", prefix):
                page = await asyncio.to_thread(lambda: list(islice(below, _PAGE)))
            if not page:
                return
            yield page

    async def delete(self, paths: Sequence[str]) -> None:
        for path in paths:
            at = self._at(path)
            with self._failing("delete", path):
                await asyncio.to_thread(self._delete, path, at)

    async def set_storage_class(self, path: str, storage_class: str) -> None:
        raise BadInput.of("storageClass", "none: a directory has no storage classes")

    def locator(self, path: str) -> str:
        return f"file:{path}"

    def link(self, path: str, *, seconds: int, download_as: str | None = None) -> str:
        expires = int(self._clock.now().timestamp()) + seconds
        query = {
            "expires": str(expires),
            "signature": self._signer.sign(expires, path, download_as or ""),
            **({"download": download_as} if download_as else {}),
        }
        return f"/files/{quote(path)}?{urlencode(query)}"

    async def linked(
        self, path: str, *, expires: int, signature: str, download_as: str | None
    ) -> LinkedFile:
        now = self._clock.now().timestamp()
        if not self._signer.holds(signature, now, expires, path, download_as or ""):
            raise Forbidden("this link is not good, or no longer", hint="ask for a new one")
        at = self._at(path)
        try:
            with self._failing("linked", path):
                if await asyncio.to_thread(self._seen, path, at) is None:
                    raise _no(path)
                about = await asyncio.to_thread(self._about, path)
        except Unavailable as error:
            # Where files lie on this host is none of the holder's business.
            log.warning("%s %s", error.message, error.hint)
            raise Unavailable("the file cannot be read at this moment") from None
        guessed = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return LinkedFile(file=at, content_type=about.content_type if about else guessed)

    def _at(self, path: str) -> Path:
        """Where it lies. Raises BadInput for what is no path of an object, above all for one that
        leads out of the directory."""
        parts = path.split("/")
        if "\0" in path or {"", ".", ".."} & set(parts) or parts[0] == _OURS:
            raise BadInput.of("path", "names between single slashes, like recordings/a.mp4")
        at = self._root / path
        if not at.resolve().is_relative_to(self._root.resolve()):
            raise BadInput.of("path", "one within the directory, not a symbolic link out of it")
        return at

    def _about_at(self, path: str) -> Path:
        return self._root / _OURS / "about" / path

    def _try_to_write(self) -> int:
        """The free bytes, where it can be written to."""
        self._make_ready()
        write_whole(self._incoming / "ping", b"", aside=self._incoming)
        return shutil.disk_usage(self._root).free

    def _make_ready(self) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._incoming.mkdir(parents=True, exist_ok=True)

    def _begin(self, path: str, file: Path, sha256: str) -> PartFile:
        size = file.stat().st_size
        self._make_ready()
        name = hashlib.sha256(path.encode()).hexdigest()[:32]
        part = PartFile(self._incoming / name, sha256)
        if shutil.disk_usage(self._root).free < size - part.size:
            part.drop()
            part.close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return part

    def _finish(self, part: PartFile, path: str, at: Path, content_type: str) -> StoredObject:
        at.parent.mkdir(parents=True, exist_ok=True)
        about = _About(
            sha256=part.sha256,
            content_type=content_type,
            size=part.size,
            modified_ns=part.modified_ns,
        )
        # First, for without its file it counts for nothing.
        self._write_about(path, about)
        part.finish(at)
        return _found(path, at.stat(), part.sha256)

    def _put(self, path: str, at: Path, content: bytes, content_type: str) -> None:
        self._make_ready()
        at.parent.mkdir(parents=True, exist_ok=True)
        write_whole(at, content, aside=self._incoming)
        about = _About(
            sha256=hashlib.sha256(content).hexdigest(),
            content_type=content_type,
            size=len(content),
            modified_ns=at.stat().st_mtime_ns,
        )
        self._write_about(path, about)

    def _write_about(self, path: str, about: _About) -> None:
        kept = self._about_at(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, msgspec.json.encode(about), aside=self._incoming)

    def _about(self, path: str) -> _About | None:
        """What is kept of it; None where that is of another file."""
        try:
            about = msgspec.json.decode(self._about_at(path).read_bytes(), type=_About)
            seen = (self._root / path).stat()
        except (*_NOT_THERE, msgspec.DecodeError):
            return None
        same = (about.size, about.modified_ns) == (seen.st_size, seen.st_mtime_ns)
        return about if same else None

    def _seen(self, path: str, at: Path) -> StoredObject | None:
        try:
            seen = at.stat()
        except _NOT_THERE:
            return None
        if not stat.S_ISREG(seen.st_mode):
            return None
        about = self._about(path)
        return _found(path, seen, about.sha256 if about else None)

    def _below(self, directory: str, prefix: str, after: str) -> Iterator[StoredObject]:
        """The objects in a directory (its path with a slash at its end, or empty), by path."""
        for name, entry in _entries(self._root / directory):
            path = directory + name
            if entry.is_dir(follow_symlinks=False):
                wanted = path.startswith(prefix) or prefix.startswith(path)
                # A directory's objects come together: all of them before `after`, or not.
                passed = path < after and not after.startswith(path)
                if wanted and not passed and path != f"{_OURS}/":
                    yield from self._below(path, prefix, after)
            elif path.startswith(prefix) and path > after:
                with suppress(FileNotFoundError):  # it was deleted meanwhile
                    seen = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(seen.st_mode):
                        yield _found(path, seen, None)

    def _delete(self, path: str, at: Path) -> None:
        for top, file in ((self._root, at), (self._root / _OURS, self._about_at(path))):
            with suppress(*_NOT_THERE):
                file.unlink()
            for parent in file.parents:
                if parent == top or not _removed(parent):
                    break

    @contextmanager
    def _failing(self, call: str, path: str) -> Iterator[None]:
        """Tell what the disk did in words, for a person who keeps the machine."""
        try:
            yield
        except OSError as error:
            cause, hint = _CAUSES.get(
                error.errno or 0, (str(error), "Check {root} and the disk it is on.")
            )
            raise Unavailable(
                f"Files, {call} {path}: {cause}.", hint=hint.format(root=self._root)
            ) from error


async def _copy(source: Path, part: PartFile, told: Progress | None) -> None:
    """All that the part does not have yet."""
    while await asyncio.to_thread(_go_on, source, part):
        if told is not None:
            told(part.size)


def _go_on(source: Path, part: PartFile) -> bool:
    """Whether there was more."""
    with source.open("rb") as file:
        file.seek(part.size)
        piece = file.read(_PIECE)
    part.write(piece)
    return bool(piece)


def _entries(directory: Path) -> list[tuple[str, os.DirEntry[str]]]:
    """What is in it, in the order of whole paths: a directory's name counts with its slash."""
    try:
        with os.scandir(directory) as entries:
            named = [
                (entry.name + "/" * entry.is_dir(follow_symlinks=False), entry) for entry in entries
            ]
    except FileNotFoundError:
        return []
    return sorted(named, key=lambda one: one[0])


def _removed(directory: Path) -> bool:
    """Whether it was empty."""
    try:
        directory.rmdir()
    except OSError:
        return False
    return True


def _found(path: str, seen: os.stat_result, sha256: str | None) -> StoredObject:
    modified = datetime.fromtimestamp(seen.st_mtime, UTC)
    return StoredObject(
        path=path, size=seen.st_size, modified_at=to_millis(modified), sha256=sha256
    )


@contextmanager
def _missing(path: str) -> Iterator[None]:
    try:
        yield
    except _NOT_THERE as error:
        raise _no(path) from error


def _no(path: str) -> NotFound:
    return NotFound(f"there is no object {path}")
