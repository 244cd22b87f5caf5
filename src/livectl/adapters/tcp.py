"""Whether addresses take connections."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from livectl.errors import Unavailable

_PATIENCE_S = 3.0
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443, "redis": 6379, "rediss": 6379}


async def reach(urls: Mapping[str, str]) -> str:
    """Open a connection to each URL's host and port, by the name of the setting it is from; says
    which were reached. Raises Unavailable that names each that was not."""
    failed = []
    for name, url in urls.items():
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                _, writer = await asyncio.open_connection(parts.hostname, port)
            writer.close()
        except (OSError, TimeoutError) as error:
            failed.append(f"{name} ({parts.hostname}:{port}): {type(error).__name__}")
    if failed:
        raise Unavailable(
            "not reached: " + ", ".join(failed),
            hint="see that it runs there, and that no firewall is in between",
        )
    return ", ".join(urls) + " reached"
