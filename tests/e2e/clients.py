"""Real participants. In a process of its own: `clients.py ROLE URL [--insist]`, where ROLE is
view, publish or publish-sound.

A child is the usual form, for the SDK's native half is no guest for the process of the tests: it
ends it with SIGTERM when it panics, and may abort while the interpreter ends. A child can also be
killed without a goodbye.

The token comes on standard input. What happens comes out as JSON lines: {"what", "at", ...}, `at`
in seconds since 1970. With --insist it comes back with the same token whenever it is put out or
refused: the misbehaving client whose old token is still valid.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from livectl.dev.synthetic import SyntheticHost, join, load_sdk, unwanted_joins_ended

JOIN_S = 2  # a room that is deleted while one joins answers nothing for 15 s: insist earlier
PAUSE_S = 0.2

Tell = Callable[..., None]


@dataclass(frozen=True)
class Tokens:
    """Tokens for one room, good for `ttl` seconds to join."""

    key: str
    secret: str
    room: str
    ttl: int = 600

    def host(self, identity: str = "host") -> str:
        return self._sign(identity, can_publish=True)

    def viewer(self, identity: str = "viewer") -> str:
        return self._sign(identity, can_publish=False)

    def recorder(self, identity: str = "recorder") -> str:
        """Sees the room, and nobody in the room sees it."""
        return self._sign(identity, can_publish=False, hidden=True, recorder=True)

    def _sign(self, identity: str, **grants: Any) -> str:
        from livekit import api

        may = api.VideoGrants(room_join=True, room=self.room, can_subscribe=True, **grants)
        token = api.AccessToken(self.key, self.secret).with_identity(identity)
        return token.with_grants(may).with_ttl(timedelta(seconds=self.ttl)).to_jwt()


class Viewer:
    """Subscribes to all there is. `gone` is set when it has left, `reason` says why; `frames`
    counts the pictures that it was shown."""

    def __init__(self, url: str, token: str, tell: Tell = lambda *_, **__: None) -> None:
        self.gone = asyncio.Event()
        self.reason: str | None = None
        self.frames = 0
        self._sdk = load_sdk()
        self._url = url
        self._token = token
        self._tell = tell
        self._room = self._sdk.Room()
        self._watching: list[asyncio.Task[None]] = []
        self._listen()

    @property
    def participants(self) -> list[str]:
        """The identities of those it can see, itself not among them."""
        return sorted(self._room.remote_participants)

    @property
    def sid(self) -> str:
        return str(self._room.local_participant.sid)

    async def connect(self) -> None:
        """Join. Raises livectl's Unavailable when refused."""
        await join(self._sdk, self._room, self._url, self._token)

    async def close(self) -> None:
        """Leave, with a goodbye. Safe to call when it never joined, or was put out."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self._room.disconnect()

    def _listen(self) -> None:
        self._room.on("disconnected", self._left)
        self._room.on("track_subscribed", self._subscribed)
        self._room.on("participant_connected", lambda who: self._tell("came", who=who.identity))
        self._room.on("participant_disconnected", lambda who: self._tell("went", who=who.identity))
        self._room.on("reconnecting", lambda: self._tell("reconnecting"))

    def _left(self, reason: Any) -> None:
        self.reason = self._sdk.DisconnectReason.Name(reason)
        self.gone.set()

    def _subscribed(self, track: Any, *_: object) -> None:
        if track.kind == self._sdk.TrackKind.KIND_VIDEO:
            self._watching.append(asyncio.create_task(self._watch(track)))

    async def _watch(self, track: Any) -> None:
        stream = self._sdk.VideoStream(track, capacity=1)
        try:
            async for _ in stream:
                self.frames += 1
                if self.frames == 1:
                    self._tell("first_frame")
        finally:
            await stream.aclose()


@dataclass
class ClientProcess:
    """A client in a process of its own, and what it said."""

    process: asyncio.subprocess.Process
    said: list[dict[str, Any]] = field(default_factory=list)
    noise: deque[str] = field(default_factory=lambda: deque(maxlen=20))
    _readers: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    async def start(
        cls, role: str, url: str, token: str, *, insist: bool = False, seconds: float = 60
    ) -> Self:
        """`role` is view or publish; it ends by itself after `seconds`."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, __file__, role, url, "--seconds", str(seconds)),
            *(["--insist"] if insist else []),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(token.encode() + b"\n")
        process.stdin.close()
        client = cls(process)
        client._readers = [asyncio.create_task(read()) for read in (client._hear, client._endure)]
        return client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    def all(self, what: str) -> list[dict[str, Any]]:
        return [one for one in self.said if one["what"] == what]

    async def says(self, what: str, *, times: int = 1, within: float = 20) -> dict[str, Any]:
        """The line of its saying `what` for the `times`th time, waited for `within` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while len(self.all(what)) < times:  # noqa: ASYNC110 (its lines have no event)
                    await asyncio.sleep(0.01)
        heard = self.all(what)
        assert len(heard) >= times, f"no {what} x{times}: {self.said}\n{''.join(self.noise)}"
        return heard[times - 1]

    async def leave(self) -> None:
        """End it with a goodbye to the room."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it without one (SIGKILL). Does nothing when it has ended."""
        await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(how)
        await self.process.wait()
        await asyncio.gather(*self._readers)

    async def _hear(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if line.endswith(b"\n"):  # else it was killed in the middle of a line
                self.said.append(json.loads(line))

    async def _endure(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.noise.append(line.decode(errors="replace"))


def say(what: str, **facts: object) -> None:
    print(json.dumps({"what": what, "at": time.time(), **facts}), flush=True)  # noqa: T201


def _client(role: str, url: str, token: str) -> SyntheticHost | Viewer:
    if role == "view":
        return Viewer(url, token, say)
    return SyntheticHost(url, token, width=160, height=90, fps=5, audio=role == "publish-sound")


async def _stay(role: str, url: str, token: str) -> None:
    """In once, and until it is put out."""
    client = _client(role, url, token)
    try:
        await asyncio.wait_for(client.connect(), JOIN_S)
        others = client.participants if isinstance(client, Viewer) else None
        say("connected", sid=client.sid, others=others)
        await client.gone.wait()
        say("disconnected", reason=client.reason)
    finally:
        await client.close()


async def _live(role: str, url: str, token: str, insist: bool) -> None:
    while True:
        say("trying")
        try:
            await _stay(role, url, token)
        except Exception as error:  # whatever refuses it, it insists
            say("refused", error=str(error)[:200] or type(error).__name__)
        if not insist:
            return
        await asyncio.sleep(PAUSE_S)


async def _until_told(options: argparse.Namespace, token: str) -> None:
    """SIGTERM is a goodbye; SIGKILL is none."""
    living = asyncio.create_task(_live(options.role, options.url, token, options.insist))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, living.cancel)
    await asyncio.wait([living], timeout=options.seconds)
    living.cancel()
    await asyncio.wait([living])
    await unwanted_joins_ended()
    say("done")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A participant, until SIGTERM.")
    parser.add_argument("role", choices=["view", "publish", "publish-sound"])
    parser.add_argument("url")
    parser.add_argument("--insist", action="store_true")
    parser.add_argument("--seconds", type=float, default=60)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(_until_told(_options(), sys.stdin.readline().strip()))
    os._exit(0)  # all is closed; the native half's own ending aborts now and then
