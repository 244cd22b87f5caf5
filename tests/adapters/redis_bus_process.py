"""Holds a user in a room on the bus until it is killed: `redis_bus_process URL ROOM USER`."""

from __future__ import annotations

import asyncio
import sys

from livectl.adapters.no_meter import NoMeter
from livectl.adapters.redis_bus import RedisBus


async def main(url: str, room: str, user: str) -> None:
    bus = RedisBus(url, meter=NoMeter(), counts_for=1.5)
    await bus.start(lambda room, payload: None, lambda: None)
    await bus.ping()
    await bus.enter(room, user)
    sys.stdout.write("entered\n")
    sys.stdout.flush()
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
