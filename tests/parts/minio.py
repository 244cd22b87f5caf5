"""A real S3 server on loopback: MinIO with one disk, of the pinned version where it is built."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from boto3.session import Session

from tests.parts import VENV_BIN, Part, PartMissing, go, is_ok

NAME = "minio"
MODULE = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"


def find() -> str:
    """The program of the venv or of the PATH, else built into the venv: some minutes, once."""
    return shutil.which(NAME, path=VENV_BIN) or shutil.which(NAME) or _built()


def _built() -> str:
    env = {**os.environ, "GOBIN": VENV_BIN, "CGO_ENABLED": "0", "GOWORK": "off"}
    command = [go(NAME), "install", "-trimpath", "-ldflags=-s -w", MODULE]
    built = subprocess.run(command, env=env, capture_output=True, text=True)
    found = shutil.which(NAME, path=VENV_BIN)
    if built.returncode != 0 or not found:
        raise PartMissing(NAME, f"`go install {MODULE}` failed:\n{built.stderr.strip()}")
    return found


class MinIO(Part):
    name = NAME

    def __init__(self, *, readers: str = "*") -> None:
        """`readers`: the origin whose pages may read what is in it (CORS)."""
        self.binary = find()
        self.readers = readers
        super().__init__()
        self.key_id = f"key{secrets.token_hex(8)}"
        self.secret_key = secrets.token_hex(20)
        self.kms_key = base64.b64encode(secrets.token_bytes(32)).decode()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bucket(self) -> str:
        """The name of a bucket that nobody has used."""
        name = f"live-{secrets.token_hex(6)}"
        with self.client() as client:
            client.create_bucket(Bucket=name)
        return name

    @contextmanager
    def client(self) -> Iterator[Any]:
        """For what a test does behind the product's back."""
        with closing(
            Session().client(
                "s3",
                endpoint_url=self.url,
                region_name="us-east-1",
                aws_access_key_id=self.key_id,
                aws_secret_access_key=self.secret_key,
            )
        ) as client:
            yield client

    def settings(self, bucket: str) -> dict[str, str]:
        """The product's settings for a bucket here."""
        return {
            "S3_BUCKET": bucket,
            "S3_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def environment(self) -> dict[str, str]:
        return {
            "MINIO_ROOT_USER": self.key_id,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            # With a key of its own it encrypts when it is asked to.
            "MINIO_KMS_SECRET_KEY": f"test:{self.kms_key}",
            "MINIO_API_CORS_ALLOW_ORIGIN": self.readers,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }

    def command(self) -> list[str]:
        data = self.dir / "data"
        data.mkdir(exist_ok=True)
        return [self.binary, "server", "--address", f"127.0.0.1:{self.port}", str(data)]

    def answers(self) -> bool:
        return is_ok(self.port, "/minio/health/ready")
