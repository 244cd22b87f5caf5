"""Redis, for several server processes."""

from __future__ import annotations

import time

from livectl.errors import Unavailable


async def ping_redis(url: str) -> str:
    """How long an answer took. Raises Unavailable, without the URL's password."""
    try:
        from redis.asyncio import Redis
        from redis.exceptions import RedisError
    except ImportError as error:
        raise Unavailable(
            "REDIS_URL is set and the redis extra is not installed",
            hint="pip install 'livectl[redis]'",
        ) from error
    began = time.perf_counter()
    client = Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)
    try:
        await client.ping()
    except (RedisError, OSError) as error:
        raise Unavailable(
            f"Redis did not answer: {type(error).__name__}", hint="check REDIS_URL"
        ) from error
    finally:
        await client.aclose()
    return f"answered in {(time.perf_counter() - began) * 1000:.0f} ms"
