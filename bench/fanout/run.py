"""One message to every viewer of a room, beside python-socketio and Node's. See README.md."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import httpx  # noqa: E402
import servers  # noqa: E402
import viewers  # noqa: E402
from tests.parts import free_port  # noqa: E402
from tests.parts.livekit import LiveKit  # noqa: E402
from tests.parts.redis import Redis  # noqa: E402
from viewers import Load  # noqa: E402

from livectl.server.auth import user_token  # noqa: E402

ROUNDS, SECONDS = 3, 5.0
VIEWERS = (100, 500, 1000)
PEERS = {
    "python-socketio": [sys.executable, str(HERE / "stock.py")],
    "Node": ["node", str(HERE / "server.js")],
}
# They are on, as in production, and all viewers of the bench come from one address.
LIMITS = {
    f"LIVECTL_{what}_LIMIT": "1000000/3" for what in ("CHAT", "REACTION", "CONNECT", "ADDRESS")
}


@contextmanager
def livectl(livekit: LiveKit, **settings: str) -> Iterator[Load]:
    """One process, or with REDIS_URL two on both cores, with a live stream."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        ports, pids = [], []
        for core in range(1 + ("REDIS_URL" in settings)):
            command, port, env = servers.livectl(
                free_port(), Path(scratch), livekit.url, **LIMITS, **settings
            )
            command = ["taskset", "-c", str(core), *command]
            log = Path(scratch) / f"{core}.log"
            pids.append(stack.enter_context(servers.pinned(command, port, env, log)))
            ports.append(port)
        answer = httpx.post(
            f"http://127.0.0.1:{ports[0]}/api/live/start",
            json={},
            headers={"Authorization": f"Bearer {_token('host')}"},
        ).raise_for_status()
        namespace = f"/live:{answer.json()['roomName']}"
        tokens = [_token(f"viewer-{number}") for number in range(max(VIEWERS))]
        yield Load(ports, pids, namespace, tokens, viewers=0, seconds=SECONDS)


@contextmanager
def peer(name: str) -> Iterator[Load]:
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as scratch,
        servers.pinned([*PEERS[name], str(port)], port, {}, Path(scratch) / "log") as pid,
    ):
        tokens = [""] * max(VIEWERS)
        yield Load([port], [pid], "/live:bench", tokens, viewers=0, seconds=SECONDS)


def each(livekit: LiveKit) -> Iterator[tuple[str, Load]]:
    """Every server in turn, fresh."""
    with livectl(livekit) as load:
        yield "livectl", load
    for name in PEERS:
        with peer(name) as load:
            yield name, load


def closed_loop(livekit: LiveKit) -> None:
    for number in range(1, ROUNDS + 1):
        for count in VIEWERS:
            for name, load in each(livekit):
                result = viewers.run(replace(load, viewers=count), cores={1})
                print(f"round {number}  {count:4} viewers  {name:15}  {result}", flush=True)


def paced(livekit: LiveKit) -> None:
    for number in range(1, ROUNDS + 1):
        for name, load in each(livekit):
            paced_load = replace(load, viewers=1000, rate=20, seconds=10)
            result = viewers.run(paced_load, cores={1})
            print(f"round {number}  20 messages/s to 1000  {name:15}  {result}", flush=True)


def two_processes(livekit: LiveKit) -> None:
    with Redis() as redis:
        for number in range(1, ROUNDS + 1):
            for settings in ({}, {"REDIS_URL": redis.url}):
                with livectl(livekit, **settings) as load:
                    paced_load = replace(load, viewers=500, rate=60, seconds=10)
                    result = viewers.run(paced_load, cores={0, 1})
                    print(f"round {number}  60/s to 500  {len(load.pids)} processes  {result}")


def memory(livekit: LiveKit) -> None:
    for name, load in each(livekit):
        size = viewers.memory_per_viewer(replace(load, viewers=1000))
        print(f"an idle viewer of 1000  {name:15}  {size:.1f} KB", flush=True)


PARTS = {part.__name__: part for part in (closed_loop, paced, two_processes, memory)}


def _token(user: str) -> str:
    return user_token(
        servers.JWT_SECRET, user, administrator=False, expires_s=3600, now_s=int(time.time())
    )


def main() -> None:
    subprocess.run(["npm", "ci", "--silent"], cwd=HERE, check=True)
    with LiveKit(key=servers.KEY, secret=servers.SECRET) as livekit:
        for name in sys.argv[1:] or PARTS:
            PARTS[name](livekit)


if __name__ == "__main__":
    main()
