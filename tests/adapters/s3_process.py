"""Sends a file to a bucket and says how much is there, until it is done or killed:
`python -m tests.adapters.s3_process FILE SHA256 PATH URL BUCKET`, credentials by the environment.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from livectl.adapters.no_meter import NoMeter
from livectl.adapters.s3 import S3Objects


async def main(file: str, sha256: str, path: str, url: str, bucket: str) -> None:
    objects = S3Objects(
        bucket,
        region="us-east-1",
        endpoint_url=url,
        key_id="",
        secret_key="",
        encryption="",
        probe="probe",
        meter=NoMeter(),
    )
    await objects.send_file(path, Path(file), content_type="video/mp4", sha256=sha256, told=say)
    await objects.close()


def say(size: int) -> None:
    sys.stdout.write(f"{size}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
