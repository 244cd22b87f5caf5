"""Files to a bucket in parts, going on with what an upload that was cut off has left there."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from livectl.adapters.s3_bucket import Bucket
from livectl.errors import Unavailable
from livectl.ports.objects import Progress

_MIB = 1024 * 1024
_PART_MIN = 8 * _MIB
_PARTS_MAX = 10_000


def part_size(size: int) -> int:
    """Bytes of each part but the last, for a file of `size` bytes: the same each time."""
    mebibytes = -(-size // (_PARTS_MAX * _MIB))
    return max(_PART_MIN, mebibytes * _MIB)


async def send(
    bucket: Bucket, path: str, file: Path, *, content_type: str, sha256: str, told: Progress
) -> None:
    """Put a file there. Raises Unavailable, also where the file has another SHA-256; OSError where
    it cannot be read."""
    about = {"ContentType": content_type, "Metadata": {"sha256": sha256}}
    size = (await asyncio.to_thread(file.stat)).st_size
    if size <= part_size(size):
        await asyncio.to_thread(_send_whole, bucket, path, file, about)
        told(size)
        return
    upload = await asyncio.to_thread(_Upload, bucket, path, file, about)
    while await asyncio.to_thread(upload.go_on):
        told(upload.size)
    await asyncio.to_thread(upload.finish)


def _send_whole(bucket: Bucket, path: str, file: Path, about: dict[str, Any]) -> None:
    content = file.read_bytes()
    _check(path, file, hashlib.sha256(content).hexdigest(), about)
    for upload_id in _unfinished(bucket, path):
        _abort(bucket, path, upload_id)
    bucket.write(path, content, **about)


class _Upload:
    """One file on its way, a part at a time in their order. All of the file is read: what is there
    already is compared with it, and not sent again."""

    def __init__(self, bucket: Bucket, path: str, file: Path, about: dict[str, Any]) -> None:
        self._bucket = bucket
        self._path = path
        self._file = file
        self._about = about
        self._part_size = part_size(file.stat().st_size)
        self._sum = hashlib.sha256()
        self._parts: list[dict[str, Any]] = []
        self.size = 0
        """Of what is there by now, in bytes."""
        self._id, self._there = self._resume() or (self._begin(), {})

    def go_on(self) -> bool:
        """Whether there was more."""
        number = len(self._parts) + 1
        if not (content := self._read(number)):
            return False
        self._parts.append(_same(self._there.get(number), content) or self._send(number, content))
        self._sum.update(content)
        self.size += len(content)
        return True

    def finish(self) -> None:
        """Only with this there is an object."""
        try:
            _check(self._path, self._file, self._sum.hexdigest(), self._about)
        except Unavailable:
            _abort(self._bucket, self._path, self._id)
            raise
        self._bucket.call(
            "complete_multipart_upload",
            self._path,
            UploadId=self._id,
            MultipartUpload={"Parts": self._parts},
        )

    def _read(self, number: int) -> bytes:
        with self._file.open("rb") as file:
            file.seek((number - 1) * self._part_size)
            return file.read(self._part_size)

    def _send(self, number: int, content: bytes) -> dict[str, Any]:
        checksum = _sha256(content)
        sent = self._bucket.call(
            "upload_part",
            self._path,
            UploadId=self._id,
            PartNumber=number,
            Body=content,
            ChecksumSHA256=checksum,
        )
        return {"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": checksum}

    def _begin(self) -> str:
        begun = self._bucket.call(
            "create_multipart_upload",
            self._path,
            ChecksumAlgorithm="SHA256",
            **self._about,
            **self._bucket.encryption,
        )
        return str(begun["UploadId"])

    def _resume(self) -> tuple[str, dict[int, dict[str, Any]]] | None:
        """An upload of this file that was cut off, with its parts by number. Those of other files
        are aborted: one whose first part is of another file, and one that has no part yet, which
        may be of any."""
        found = None
        for upload_id in _unfinished(self._bucket, self._path):
            there = self._parts_of(upload_id)
            if found is None and 1 in there and _same(there[1], self._read(1)):
                found = upload_id, there
            else:
                _abort(self._bucket, self._path, upload_id)
        return found

    def _parts_of(self, upload_id: str) -> dict[int, dict[str, Any]]:
        there: dict[int, dict[str, Any]] = {}
        marker = 0
        while True:
            page = self._bucket.call(
                "list_parts", self._path, UploadId=upload_id, PartNumberMarker=marker
            )
            there |= {part["PartNumber"]: part for part in page.get("Parts", [])}
            if not page["IsTruncated"]:
                return there
            marker = page["NextPartNumberMarker"]


def _unfinished(bucket: Bucket, path: str) -> list[str]:
    """The uploads to this very path that were begun and not ended."""
    # By key, so those of the path itself come before those of which it is only the beginning.
    page = bucket.call("list_multipart_uploads", Prefix=path)
    return [one["UploadId"] for one in page.get("Uploads", []) if one["Key"] == path]


def _abort(bucket: Bucket, path: str, upload_id: str) -> None:
    bucket.call("abort_multipart_upload", path, UploadId=upload_id)


def _same(part: dict[str, Any] | None, content: bytes) -> dict[str, Any] | None:
    """What completing an upload has to say of a part that is there, if it has this content."""
    if part is None or part["Size"] != len(content):
        return None
    checksum = _sha256(content)
    if "ChecksumSHA256" in part:
        same = part["ChecksumSHA256"] == checksum
    else:  # a store that keeps no checksums
        same = part["ETag"].strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest()
    if not same:
        return None
    return {"PartNumber": part["PartNumber"], "ETag": part["ETag"], "ChecksumSHA256": checksum}


def _sha256(content: bytes) -> str:
    return b64encode(hashlib.sha256(content).digest()).decode()


def _check(path: str, file: Path, sha256: str, about: dict[str, Any]) -> None:
    if sha256 != about["Metadata"]["sha256"]:
        raise Unavailable(
            f"S3, send_file {path}: {file.name} is not what it was (SHA-256)",
            hint="it was changed meanwhile, or the disk fails; the next try begins anew",
        )
