"""Where recordings lie: a bucket, or a directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import msgspec


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object in the bucket. `sha256` (hex) is there where livectl sent it, and `head` asked."""

    path: str
    size: int
    modified_at: datetime
    sha256: str | None = None
    storage_class: str | None = None


Progress = Callable[[int], None]


class Objects(Protocol):
    """The bucket of recordings and VOD: S3, or a directory. Paths are keys without a leading
    slash. `type` is what documents call it (contract, Data), `bucket` its name (None where it has
    none). All raise Unavailable when it cannot be reached or refuses, with the call and path."""

    @property
    def type(self) -> Literal["S3", "Local"]: ...

    @property
    def bucket(self) -> str | None: ...

    async def close(self) -> None: ...

    async def ping(self) -> str:
        """That it is there and may be written to; what it is, in words."""
        ...

    async def head(self, path: str) -> StoredObject | None: ...

    async def send_file(
        self, path: str, file: Path, *, content_type: str, sha256: str, told: Progress | None = None
    ) -> StoredObject:
        """Put a file there, in parts. One that was cut off (of the same file, to the same path) is
        gone on with where it stopped. `told` is called with the bytes sent so far. What is then
        there has this size and this SHA-256, or Unavailable is raised."""
        ...

    async def put(self, path: str, content: bytes, *, content_type: str) -> None: ...

    async def get(self, path: str) -> bytes:
        """All of a small one. Raises NotFound."""
        ...

    async def fetch(self, path: str, file: Path, told: Progress | None = None) -> str:
        """Download to a file, going on where a part of it is there; its SHA-256. Raises
        NotFound."""
        ...

    def open(self, path: str) -> BinaryIO:
        """A seekable file that reads ranges as they are asked for; for threads, not for the event
        loop. Raises NotFound, Unavailable (also from its methods)."""
        ...

    def pages(self, prefix: str, *, after: str | None = None) -> AsyncIterator[list[StoredObject]]:
        """All under a prefix, by path, a page (at most 1000) at a time; `after` a path."""
        ...

    async def delete(self, paths: Sequence[str]) -> None:
        """Safe to repeat; those that are not there count as deleted. Raises Unavailable that names
        the first one that stayed."""
        ...

    async def set_storage_class(self, path: str, storage_class: str) -> None: ...

    def locator(self, path: str) -> str:
        """What names it for ever, and lets nobody in: `s3://bucket/key`, `file:key`."""
        ...

    def link(self, path: str, *, seconds: int, download_as: str | None = None) -> str:
        """A URL that anybody who has it can read it at for so long, with ranges. For a directory:
        a path of this server, with its signature."""
        ...


class LinkedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of this host that a link is for."""

    file: Path
    content_type: str


class LinkedFiles(Protocol):
    """What stands behind `Objects.link` where the bucket is a directory."""

    async def linked(
        self, path: str, *, expires: int, signature: str, download_as: str | None
    ) -> LinkedFile:
        """Raises Forbidden where the link is none of ours or has run out (`expires`, in seconds
        since 1970), NotFound where the object is gone."""
        ...
