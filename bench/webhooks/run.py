"""Durable intake of signed webhooks, and the time from event to state. See README.md."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import httpx  # noqa: E402
import jwt  # noqa: E402
import servers  # noqa: E402
from tests.parts.livekit import LiveKit  # noqa: E402

import load  # noqa: E402

ROUNDS, SECONDS = 3, 4.0
EVENTS = 200


def webhook(event: str, room: str, number: int) -> tuple[bytes, str]:
    """A body and its Authorization, as LiveKit makes them."""
    now = int(time.time())
    body = json.dumps(
        {
            "event": event,
            "id": f"EV_bench_{number}_{now}",
            "createdAt": str(now),
            "room": {"name": room, "sid": "RM_bench"},
            "participant": {
                "sid": f"PA_{number}",
                "identity": f"viewer{number}",
                "joinedAtMs": str(int(time.time() * 1000)),
            },
        }
    ).encode()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    claims = {"iss": servers.KEY, "exp": now + 300, "sha256": digest}
    return body, jwt.encode(claims, servers.SECRET, algorithm="HS256")


def requests(port: int, path: str) -> Callable[[], bytes]:
    """A fresh webhook each time, of a room that is not ours: what is measured is the intake."""

    def all_of_them() -> Iterator[bytes]:
        for number in itertools.count(int(time.time() * 1000)):
            body, token = webhook("participant_joined", "another-products-room", number)
            head = (
                f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {token}\r\n"
                f"Content-Type: application/webhook+json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            yield head.encode() + body

    fresh = all_of_them()
    return lambda: next(fresh)


def intake(directory: Path, livekit: LiveKit) -> None:
    for number in range(ROUNDS):
        for connections in (1, 16, 64):
            port = servers.free_port()
            ours = servers.livectl(port, directory, livekit.url)
            theirs = (
                ["node", str(HERE / "express.js"), str(port), str(directory / "express.db")],
                port,
                {"LIVEKIT_API_SECRET": servers.SECRET},
            )
            for who, (command, at, env) in (("livectl", ours), ("Express", theirs)):
                with servers.pinned(command, at, env, directory / f"{who}.log"):
                    path = "/api/webhooks/livekit"
                    result = load.run(
                        at, requests(at, path), connections=connections, seconds=SECONDS
                    )
                    print(f"round {number + 1}  {who:8} {connections:3} at once  {result}")


def event_to_state(directory: Path, livekit: LiveKit) -> None:
    """From posting a join to the viewer count that shows it, polled every millisecond or so."""
    port = servers.free_port()
    took = []
    with (
        servers.pinned(*servers.livectl(port, directory, livekit.url), directory / "state.log"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        claims = {"userId": "bench", "exp": int(time.time()) + 3600}
        bearer = jwt.encode(claims, servers.JWT_SECRET, algorithm="HS256")
        user = {"Authorization": f"Bearer {bearer}"}
        started = client.post("/api/live/start", json={}, headers=user).json()
        status = f"/api/live/{started['streamId']}/status"
        for number in range(EVENTS):
            body, token = webhook("participant_joined", started["roomName"], number)
            began = time.perf_counter()
            client.post("/api/webhooks/livekit", content=body, headers={"Authorization": token})
            while client.get(status, headers=user).json()["viewers"] <= number:
                pass
            took.append((time.perf_counter() - began) * 1000)
    took.sort()
    print(
        f"event to state  median {statistics.median(took):.1f} ms  "
        f"p99 {took[int(len(took) * 0.99)]:.1f} ms  ({EVENTS} joins, one after another)"
    )


def main() -> None:
    subprocess.run(["npm", "ci", "--silent"], cwd=HERE, check=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        LiveKit(key=servers.KEY, secret=servers.SECRET) as livekit,
    ):
        intake(Path(scratch), livekit)
        event_to_state(Path(scratch), livekit)


if __name__ == "__main__":
    main()
