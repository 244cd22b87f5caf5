"""An object of a bucket as a file to read in, for threads."""

from __future__ import annotations

import io
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, BinaryIO

from livectl.adapters.s3_bucket import Bucket

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 1024 * 1024
_BLOCKS_KEPT = 8


def open_object(bucket: Bucket, path: str) -> BinaryIO:
    """Raises NotFound, Unavailable."""
    return io.BufferedReader(_ObjectFile(bucket, path))


class _ObjectFile(io.RawIOBase):
    """Gets a block when something of it is asked for. Some are kept, since who reads a film goes to
    and fro between its pictures, its sound and its index. All are of one version of the object."""

    def __init__(self, bucket: Bucket, path: str) -> None:
        head = bucket.head(path)
        self._bucket = bucket
        self._path = path
        self._size: int = head["ContentLength"]
        self._version = head["ETag"]
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("seek: before the start")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        if self._position >= self._size:
            return 0
        number, skipped = divmod(self._position, _BLOCK)
        into = memoryview(buffer).cast("B")
        content = self._block(number)[skipped : skipped + len(into)]
        into[: len(content)] = content
        self._position += len(content)
        return len(content)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            first = number * _BLOCK
            asked = f"bytes={first}-{first + _BLOCK - 1}"
            content = self._bucket.read(self._path, Range=asked, IfMatch=self._version)
            self._blocks[number] = content
            if len(self._blocks) > _BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]
