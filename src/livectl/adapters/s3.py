"""The bucket of recordings and VOD, over the S3 API."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

from livectl.adapters.part_file import PartFile
from livectl.adapters.s3_bucket import Bucket
from livectl.adapters.s3_file import open_object
from livectl.adapters.s3_upload import send
from livectl.domain.clock import to_millis
from livectl.errors import NotFound, Unavailable
from livectl.ports.meter import Meter
from livectl.ports.objects import Progress, StoredObject

_PIECE = 8 * 1024 * 1024
_PAGE = 1000
# What an object that is written anew has to be told again.
_KEPT = ("ContentType", "ContentDisposition", "ContentEncoding", "CacheControl", "Metadata")


class S3Objects:
    """The `Objects` port on S3 and what is compatible. An empty `key_id` has the credentials looked
    for as AWS tools do; `encryption` is that of S3_ENCRYPTION; `probe` is a path that `ping` may
    try to write to."""

    type: Literal["S3"] = "S3"

    def __init__(
        self,
        bucket: str,
        *,
        region: str,
        endpoint_url: str,
        key_id: str,
        secret_key: str,
        encryption: str,
        probe: str,
        meter: Meter,
    ) -> None:
        self.bucket = bucket
        self._probe = probe
        self._bucket = Bucket(
            bucket,
            region=region,
            endpoint_url=endpoint_url,
            key_id=key_id,
            secret_key=secret_key,
            encryption=encryption,
            meter=meter,
        )

    async def close(self) -> None:
        await asyncio.to_thread(self._bucket.close)

    async def ping(self) -> str:
        await self._call("head_bucket")
        # An upload that is never ended leaves nothing, not even an old version.
        begun = await self._call("create_multipart_upload", self._probe, **self._bucket.encryption)
        await self._call("abort_multipart_upload", self._probe, UploadId=begun["UploadId"])
        return f"bucket {self.bucket} is there and takes files"

    async def head(self, path: str) -> StoredObject | None:
        try:
            found = await asyncio.to_thread(self._bucket.head, path)
        except NotFound:
            return None
        return StoredObject(
            path=path,
            size=found["ContentLength"],
            modified_at=to_millis(found["LastModified"]),
            sha256=found["Metadata"].get("sha256"),
            storage_class=found.get("StorageClass"),
        )

    async def send_file(
        self, path: str, file: Path, *, content_type: str, sha256: str, told: Progress | None = None
    ) -> StoredObject:
        with _disk("send_file", path):
            size = (await asyncio.to_thread(file.stat)).st_size
            # It may have come whole, and only the answer to it was lost.
            if there := await self._whole(path, size, sha256):
                return there
            await send(
                self._bucket,
                path,
                file,
                content_type=content_type,
                sha256=sha256,
                told=told or _tell_nobody,
            )
        if there := await self._whole(path, size, sha256):
            return there
        raise Unavailable(
            f"S3, send_file {path}: what is there now is not what was sent",
            hint="it begins anew with the next try; see that nobody else writes to this path",
        )

    async def put(self, path: str, content: bytes, *, content_type: str) -> None:
        sha256 = hashlib.sha256(content).hexdigest()
        await asyncio.to_thread(
            self._bucket.write,
            path,
            content,
            ContentType=content_type,
            Metadata={"sha256": sha256},
        )

    async def get(self, path: str) -> bytes:
        return await asyncio.to_thread(self._bucket.read, path)

    async def fetch(self, path: str, file: Path, told: Progress | None = None) -> str:
        found = await asyncio.to_thread(self._bucket.head, path)
        expected = found["Metadata"].get("sha256")
        with _disk("fetch", path):
            part = await asyncio.to_thread(PartFile, file, found["ETag"])
            try:
                while part.size < found["ContentLength"]:
                    await asyncio.to_thread(self._fetch_piece, path, part, found["ETag"])
                    if told is not None:
                        told(part.size)
                if expected not in {None, part.sha256}:
                    part.drop()
                    raise Unavailable(
                        f"S3, fetch {path}: it is not what was stored (SHA-256)",
                        hint="try again; if that fails too, see `livectl vod verify --deep`",
                    )
                await asyncio.to_thread(part.finish, file)
            finally:
                await asyncio.to_thread(part.close)
        return part.sha256

    def open(self, path: str) -> BinaryIO:
        return open_object(self._bucket, path)

    async def pages(
        self, prefix: str, *, after: str | None = None
    ) -> AsyncIterator[list[StoredObject]]:
        while True:
            start = {"StartAfter": after} if after else {}
            found = await self._call("list_objects_v2", Prefix=prefix, MaxKeys=_PAGE, **start)
            if page := [_listed(one) for one in found.get("Contents", [])]:
                yield page
                after = page[-1].path
            if not found["IsTruncated"]:
                return

    async def delete(self, paths: Sequence[str]) -> None:
        for first in range(0, len(paths), _PAGE):
            keys = [{"Key": path} for path in paths[first : first + _PAGE]]
            answer = await self._call("delete_objects", Delete={"Objects": keys, "Quiet": True})
            for stayed in answer.get("Errors", []):
                raise Unavailable(
                    f"S3, delete_objects {stayed['Key']}: {stayed['Code']}",
                    hint="check the rights (docs/storage.md), and whether a lock is on the object",
                )

    async def set_storage_class(self, path: str, storage_class: str) -> None:
        found = await asyncio.to_thread(self._bucket.head, path)
        kept = {name: found[name] for name in _KEPT if name in found}
        await asyncio.to_thread(
            self._bucket.copy_onto_itself, path, StorageClass=storage_class, **kept
        )

    def locator(self, path: str) -> str:
        return f"s3://{self.bucket}/{path}"

    def link(self, path: str, *, seconds: int, download_as: str | None = None) -> str:
        return self._bucket.link(path, seconds=seconds, download_as=download_as)

    async def _call(self, operation: str, path: str = "", **params: Any) -> Any:
        return await asyncio.to_thread(self._bucket.call, operation, path, **params)

    async def _whole(self, path: str, size: int, sha256: str) -> StoredObject | None:
        """What is there, where it is of this size and SHA-256."""
        there = await self.head(path)
        same = there is not None and (there.size, there.sha256) == (size, sha256)
        return there if same else None

    def _fetch_piece(self, path: str, part: PartFile, version: str) -> None:
        asked = f"bytes={part.size}-{part.size + _PIECE - 1}"
        part.write(self._bucket.read(path, Range=asked, IfMatch=version))


def _listed(one: dict[str, Any]) -> StoredObject:
    return StoredObject(
        path=one["Key"],
        size=one["Size"],
        modified_at=to_millis(one["LastModified"]),
        storage_class=one.get("StorageClass"),
    )


def _tell_nobody(_: int) -> None:
    pass


@contextmanager
def _disk(call: str, path: str) -> Iterator[None]:
    """What the disk on this side did, in words."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"S3, {call} {path}: {error}", hint="check the disk that the file is on"
        ) from error
