"""A process that writes to an embedded database, and says what was acknowledged to it.

`python -m tests.adapters.sqlite_process PATH NAME COUNT`: COUNT rounds of a webhook, of a change
of the stream NAME and of a gift in it; an id is printed once its call has returned.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from livectl.adapters.sqlite.store import SqliteStore
from tests.contract.examples import a_gift, a_stream, a_webhook, an_event


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def main(path: Path, name: str, count: int) -> None:
    store = SqliteStore(path)
    await store.open()
    stream = a_stream(room_name=name)
    await store.add_stream(stream, an_event("stream.started", stream_id=stream.id))
    say(f"stream {stream.id}")

    async def add_webhook(number: int) -> None:
        await store.add_webhook(a_webhook(id=f"{name}-{number}"))
        say(f"webhook {name}-{number}")

    async def block(number: int) -> None:
        event = an_event("user.blocked", stream_id=stream.id, user=number)
        await store.block_user(stream.id, f"user{number}", event)
        say(f"blocked {stream.id} user{number}")

    async def give(number: int) -> None:
        gift, _ = await store.add_gift(a_gift(stream.id, number + 1, client_id=str(number)))
        say(f"gift {stream.id} {gift.id}")

    for start in range(0, count, 4):
        numbers = range(start, start + 4)
        await asyncio.gather(*map(add_webhook, numbers), *map(block, numbers), *map(give, numbers))
    await store.close()
    say("closed")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
