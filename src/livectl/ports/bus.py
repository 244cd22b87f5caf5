"""How the server's processes hear of each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Deliver = Callable[[str, bytes], None]


class Bus(Protocol):
    """How the server's processes hear of each other at once. Lossy by nature: what must not be
    lost is in the store. Never raises for an outside that is away; it heals by itself."""

    async def start(self, deliver: Deliver, nudged: Callable[[], None]) -> None:
        """From here on: `deliver(room, payload)` for what other processes said in rooms that this
        one has joined, in each one's order; `nudged()` when another process changed the store."""
        ...

    async def stop(self) -> None: ...

    async def join(self, room: str) -> None: ...

    async def leave(self, room: str) -> None: ...

    def say(self, room: str, payload: bytes, *, lossy: bool = False) -> None:
        """To the other processes. Never waits; lossy payloads are the first to go when it cannot
        keep up."""
        ...

    def nudge(self) -> None:
        """Tell the others that the event log has grown."""
        ...

    async def enter(self, room: str, user_id: str) -> None:
        """This process has the first socket of a user in a room."""
        ...

    async def exit(self, room: str, user_id: str) -> bool:
        """This process has lost the last one. True where no other process has any. One that died
        counts no more after half a minute."""
        ...

    async def ping(self) -> None:
        """Raises Unavailable where the others cannot be heard."""
        ...
