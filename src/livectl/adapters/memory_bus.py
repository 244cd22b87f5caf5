"""The `Bus` of a single process: there are no others to tell, or to hear from."""

from __future__ import annotations

from collections.abc import Callable

from livectl.ports.bus import Deliver


class MemoryBus:
    async def start(self, deliver: Deliver, nudged: Callable[[], None]) -> None:
        """Nobody will be heard."""

    async def stop(self) -> None:
        """Nothing was started."""

    async def join(self, room: str) -> None:
        """Nobody speaks there."""

    async def leave(self, room: str) -> None:
        """Nobody spoke there."""

    def say(self, room: str, payload: bytes, *, lossy: bool = False) -> None:
        """Nobody hears it."""

    def nudge(self) -> None:
        """Nobody else reads the log."""

    async def enter(self, room: str, user_id: str) -> None:
        """Nobody asks."""

    async def exit(self, room: str, user_id: str) -> bool:
        return True

    async def ping(self) -> None:
        """There is nobody who could not be heard."""
