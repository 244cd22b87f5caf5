"""One bucket over the S3 API: its client, its calls, and what their failures mean.

All of it is for threads. boto3 is slow to import, so that is left to the first call.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from livectl.errors import NotFound, TimedOutside, Unavailable
from livectl.ports.meter import Meter

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_CONNECT_S = 3
_ANSWER_S = 20
_TRIES = 2
_AT_ONCE = 32
# Of a size that is copied well within the time that an answer may take.
_COPIED_WHOLE = 2**30
_COPIED_PART = 2**28

_SETTINGS = "check S3_BUCKET, S3_ENDPOINT_URL and the AWS credentials: `livectl doctor`"
_RIGHTS = "check the AWS credentials, and that they have the rights of docs/storage.md"
_HINTS = {
    "403": _RIGHTS,
    "AccessDenied": _RIGHTS,
    "ExpiredToken": _RIGHTS,
    "InvalidAccessKeyId": _RIGHTS,
    "NoCredentialsError": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role",
    "NoSuchBucket": "make the bucket, or check S3_BUCKET, S3_ENDPOINT_URL and AWS_REGION",
    "SignatureDoesNotMatch": _RIGHTS,
    "EndpointConnectionError": "check S3_ENDPOINT_URL and that the service answers",
    "InvalidObjectState": "it is archived: restore it first, which takes minutes to hours",
    "NoSuchUpload": "another process has ended this upload: try again",
    "NotImplemented": "the service cannot do this: check S3_ENCRYPTION",
    "PreconditionFailed": "it was written anew meanwhile: try again",
    "RequestTimeTooSkewed": "run NTP: requests carry the time",
}
_GONE = {"404", "NoSuchKey"}


class Bucket:
    """Calls of one bucket. Without a key the standard AWS chain is asked for credentials; an
    endpoint of one's own is spoken to in path style."""

    def __init__(
        self,
        name: str,
        *,
        region: str,
        endpoint_url: str,
        key_id: str,
        secret_key: str,
        encryption: str,
        meter: Meter,
    ) -> None:
        self.name = name
        self.encryption = _encryption(encryption)
        self._region = region
        self._endpoint_url = endpoint_url
        self._key_id = key_id
        self._secret_key = secret_key
        self._meter = meter
        self._lock = threading.Lock()
        self._made: Any = None

    def call(self, operation: str, path: str = "", **params: Any) -> Any:
        """One call about the bucket, or about an object in it. Raises NotFound where that is not
        there, Unavailable."""
        with self._outside(operation, path):
            return getattr(self._client(), operation)(Bucket=self.name, **_key(path), **params)

    def head(self, path: str) -> dict[str, Any]:
        """What is told of an object. Raises NotFound where it is not there; where the bucket is not
        there either, that is Unavailable, for then nothing is known of the object."""
        try:
            found: dict[str, Any] = self.call("head_object", path)
        except NotFound:
            self.call("head_bucket")
            raise
        return found

    def read(self, path: str, **params: Any) -> bytes:
        """The content of an object, or of a `Range` of it."""
        with self._outside("get_object", path):
            found = self._client().get_object(Bucket=self.name, Key=path, **params)
            content: bytes = found["Body"].read()
            return content

    def write(self, path: str, content: bytes, **about: Any) -> None:
        """An object of which all is at hand."""
        # All that is compatible takes an MD5, and not each another checksum of a whole object.
        md5 = b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        self.call("put_object", path, Body=content, ContentMD5=md5, **about, **self.encryption)

    def copy_onto_itself(self, path: str, **changed: Any) -> None:
        """Write an object anew as it is, but for what is changed; in parts where it is large."""
        from boto3.s3.transfer import TransferConfig

        with self._outside("copy_object", path):
            self._client().copy(
                {"Bucket": self.name, "Key": path},
                self.name,
                path,
                ExtraArgs={**changed, "MetadataDirective": "REPLACE", **self.encryption},
                Config=TransferConfig(
                    multipart_threshold=_COPIED_WHOLE, multipart_chunksize=_COPIED_PART
                ),
            )

    def link(self, path: str, *, seconds: int, download_as: str | None) -> str:
        """A signed URL; no call is made."""
        params = {"Bucket": self.name, "Key": path}
        if download_as:
            disposition = f"attachment; filename*=utf-8''{quote(download_as, safe='')}"
            params["ResponseContentDisposition"] = disposition
        with self._outside("sign", path):
            url: str = self._client().generate_presigned_url(
                "get_object", Params=params, ExpiresIn=seconds
            )
            return url

    def close(self) -> None:
        """Close its connections; a further call opens new ones."""
        with self._lock:
            if self._made is not None:
                self._made.close()
            self._made = None

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        # Below this it logs headers, with signatures and session tokens.
        logging.getLogger("botocore").setLevel(logging.INFO)
        return Session().client(
            "s3",
            region_name=self._region or None,
            endpoint_url=self._endpoint_url or None,
            aws_access_key_id=self._key_id or None,
            aws_secret_access_key=self._secret_key or None,
            config=Config(
                connect_timeout=_CONNECT_S,
                read_timeout=_ANSWER_S,
                retries={"mode": "standard", "total_max_attempts": _TRIES},
                max_pool_connections=_AT_ONCE,
                signature_version="s3v4",
                # Virtual hosts are regional ones, also in links; S3's global host would redirect,
                # and a signature is good for one host.
                s3={"addressing_style": "path" if self._endpoint_url else "virtual"},
                # Not all that is compatible knows the checksums that boto3 adds of its own accord.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    @contextmanager
    def _outside(self, operation: str, path: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        began = time.perf_counter()
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            failure = _failure(operation, path or self.name, error)
            answered = isinstance(failure, NotFound)
            self._note(operation, began, ok=answered)
            raise failure from error
        self._note(operation, began, ok=True)

    def _note(self, operation: str, began: float, *, ok: bool) -> None:
        self._meter.outside_call("s3", operation, time.perf_counter() - began, ok=ok)


def _key(path: str) -> dict[str, str]:
    return {"Key": path} if path else {}


def _encryption(setting: str) -> dict[str, str]:
    """What a write has to say for `AES256`, `aws:kms` or `aws:kms:KEY`."""
    if not setting:
        return {}
    if not setting.startswith("aws:kms:"):
        return {"ServerSideEncryption": setting}
    key = setting.removeprefix("aws:kms:")
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}


def _failure(
    operation: str, about: str, error: BotoCoreError | ClientError
) -> NotFound | Unavailable:
    """Ours for theirs, by its code alone: what else it says might hold a signature or a key."""
    from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

    is_answer = isinstance(error, ClientError)
    code = error.response["Error"]["Code"] if is_answer else type(error).__name__
    if operation == "head_bucket" and code in _GONE:
        code = "NoSuchBucket"
    if code in _GONE:
        return NotFound(f"there is no object {about}")
    slow = isinstance(error, ConnectTimeoutError | ReadTimeoutError)
    cls = TimedOutside if slow else Unavailable
    return cls(f"S3, {operation} {about}: {code}", hint=_HINTS.get(code, _SETTINGS))
