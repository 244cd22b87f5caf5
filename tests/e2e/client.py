"""A real participant in its own process: `python client.py publish|view URL SECONDS [--insist]`.

The token comes on standard input. Says what happens as JSON lines: {"what", "at", ...}, `at` in
seconds since 1970. With --insist it comes back with the same token whenever it is put out or
refused: the misbehaving client whose old token is still valid.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time

from livekit import rtc

from livectl.dev.synthetic import SyntheticHost

JOIN_S = 2


def say(what: str, **facts: object) -> None:
    print(json.dumps({"what": what, "at": time.time(), **facts}), flush=True)  # noqa: T201


class Host(SyntheticHost):
    """The synthetic host, small, that tells when it is put out."""

    async def stay(self) -> None:
        gone = asyncio.Event()

        def put_out(reason: object) -> None:
            say("disconnected", reason=rtc.DisconnectReason.Name(reason))
            gone.set()

        # A room that is deleted while one joins answers nothing: only patience ends that.
        await asyncio.wait_for(self.connect(), JOIN_S)
        assert self._room is not None
        self._room.on("disconnected", put_out)
        say("connected", sid=self._room.local_participant.sid)
        await gone.wait()


async def view(url: str, token: str) -> None:
    room, gone = rtc.Room(), asyncio.Event()
    streams: list[asyncio.Task[None]] = []

    async def first_picture(track: rtc.Track) -> None:
        stream = rtc.VideoStream(track)
        async for _ in stream:
            say("first_frame")
            break
        await stream.aclose()

    def subscribed(track: rtc.Track, *_: object) -> None:
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            streams.append(asyncio.create_task(first_picture(track)))

    def put_out(reason: object) -> None:
        say("disconnected", reason=rtc.DisconnectReason.Name(reason))
        gone.set()

    room.on("track_subscribed", subscribed)
    room.on("disconnected", put_out)
    try:
        await asyncio.wait_for(room.connect(url, token), JOIN_S)
        say("connected", sid=room.local_participant.sid)
        await gone.wait()
    finally:
        for task in streams:
            task.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        await room.disconnect()


async def main(role: str, url: str, seconds: float, insist: bool) -> None:
    token = sys.stdin.readline().strip()
    async with asyncio.timeout(seconds):
        while True:
            say("trying")
            try:
                if role == "publish":
                    host = Host(url, token, width=160, height=90, fps=5, audio=False)
                    try:
                        await host.stay()
                    finally:
                        await host.close()
                else:
                    await view(url, token)
            except Exception as error:  # whatever refuses it, it insists
                say("refused", error=str(error)[:200])
            if not insist:
                return
            await asyncio.sleep(0.2)


async def until_told() -> None:
    """SIGTERM is a goodbye; SIGKILL is none."""
    task = asyncio.ensure_future(
        main(sys.argv[1], sys.argv[2], float(sys.argv[3]), "--insist" in sys.argv)
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait([task])
    say("done")


if __name__ == "__main__":
    asyncio.run(until_told())
