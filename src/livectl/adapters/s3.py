"""The bucket of recordings and VOD, over the S3 API."""

from __future__ import annotations

import asyncio

from livectl.errors import Unavailable


async def look_at_bucket(
    bucket: str, *, region: str, endpoint_url: str, key_id: str, secret_key: str
) -> str:
    """That the bucket is there and these credentials may see it; empty ones are looked for as AWS
    tools do. Raises Unavailable."""
    return await asyncio.to_thread(_look, bucket, region, endpoint_url, key_id, secret_key)


def _look(bucket: str, region: str, endpoint_url: str, key_id: str, secret_key: str) -> str:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    client = boto3.client(
        "s3",
        region_name=region or None,
        endpoint_url=endpoint_url or None,
        aws_access_key_id=key_id or None,
        aws_secret_access_key=secret_key or None,
        config=Config(connect_timeout=3, read_timeout=5, retries={"max_attempts": 1}),
    )
    try:
        client.head_bucket(Bucket=bucket)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        raise Unavailable(
            f"S3 bucket {bucket}: {code or type(error).__name__}",
            hint="check S3_BUCKET, S3_ENDPOINT_URL and the AWS credentials",
        ) from error
    return f"bucket {bucket} is there"
