"""The bucket of recordings and VOD, over the S3 API."""

from __future__ import annotations

import asyncio

from livectl.config import Settings
from livectl.errors import Unavailable


async def look_at_bucket(settings: Settings) -> str:
    """That the bucket is there and these credentials may see it. Raises Unavailable."""
    return await asyncio.to_thread(_look, settings)


def _look(settings: Settings) -> str:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client(
        "s3",
        region_name=settings.aws_region or None,
        endpoint_url=settings.s3_endpoint_url or None,
        aws_access_key_id=settings.aws_access_key_id.reveal() or None,
        aws_secret_access_key=settings.aws_secret_access_key.reveal() or None,
        config=Config(connect_timeout=3, read_timeout=5, retries={"max_attempts": 1}),
    )
    try:
        client.head_bucket(Bucket=settings.s3_bucket)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        raise Unavailable(
            f"S3 bucket {settings.s3_bucket}: {code or type(error).__name__}",
            hint="check S3_BUCKET, S3_ENDPOINT_URL and the AWS credentials",
        ) from error
    return f"bucket {settings.s3_bucket} is there"
