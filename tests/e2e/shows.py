"""A host on air in front of a server that records: on MinIO, with the embedded recorder."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from livectl.adapters.livekit import LiveKit as LiveKitClient
from tests.e2e.clients import ClientProcess
from tests.e2e.conftest import until
from tests.parts.livekit import LiveKit
from tests.parts.minio import MinIO
from tests.server.api import ROOT, good
from tests.server.process import Server
from tests.shell import livekit_settings


@dataclass
class Show:
    """One live stream of `alice`."""

    server: Server
    livekit: LiveKit
    minio: MinIO
    bucket: str
    stream_id: str = ""
    room: str = ""
    token: str = ""

    @classmethod
    def prepared(
        cls, new_livekit: Callable[..., LiveKit], minio: MinIO, *, told: bool = True, **more: str
    ) -> Show:
        """A server that is not started yet; LiveKit tells it where `told`."""
        bucket = minio.bucket()
        server = Server({**minio.settings(bucket), "LIVECTL_RECONCILE_SECONDS": "1", **more})
        hooks = [f"{server.url}/api/webhooks/livekit"] if told else []
        livekit = new_livekit(webhook_urls=hooks)
        server.settings |= livekit_settings(livekit)
        return cls(server, livekit, minio, bucket)

    async def call(self, method: str, path: str, by: str = ROOT, **request: Any) -> Any:
        async with self.server.client(by) as http:
            return good(await http.request(method, path, **request))

    async def go_live(self, **wish: Any) -> None:
        begun = await self.call("POST", "/api/live/start", "alice", json=wish)
        self.stream_id, self.room = begun["streamId"], begun["roomName"]
        self.token = begun["token"]

    async def on_air(self) -> ClientProcess:
        # It gives up a join after two seconds, which a busy machine may need, and insists.
        host = await ClientProcess.start(
            "publish", self.livekit.url, self.token, insist=True, seconds=120
        )
        await host.says("connected")
        await until(self._is_on_air, 20, "the host never came on air")
        return host

    async def _is_on_air(self) -> bool:
        async with self.livekit.calls() as calls:
            here = await LiveKitClient(calls, public_url="").participants(self.room)
            return any(one.tracks for one in here)

    async def record(self) -> str:
        path = f"/api/live/{self.stream_id}/recording/start"
        begun = await self.call("POST", path, "alice")
        return str(begun["recordingId"])

    async def stop(self) -> None:
        await self.call("POST", f"/api/live/{self.stream_id}/recording/stop", "alice")

    async def recordings(self) -> list[dict[str, Any]]:
        """The oldest first."""
        found = await self.call("GET", "/api/recordings", params={"stream": self.stream_id})
        items: list[dict[str, Any]] = found["items"]
        return items[::-1]

    async def is_(self, state: str, *, number: int = 0, within: float = 30) -> dict[str, Any]:
        """The recording of that number, when it is so."""

        async def so() -> bool:
            found = await self.recordings()
            return len(found) > number and found[number]["state"] == state

        await until(so, within, f"{state} never came")
        return (await self.recordings())[number]

    async def films(self, seconds: float) -> None:
        """Until a recorder has that much on the disk, as it says itself."""
        await until(lambda: self._filmed() >= seconds, 30, "nothing was recorded")

    def _filmed(self) -> float:
        return max((status.get("seconds", 0) for status in self._statuses()), default=0)

    def _statuses(self) -> list[dict[str, Any]]:
        return [json.loads(one.read_bytes()) for one in self.spool.glob("*/status.json")]

    @property
    def spool(self) -> Path:
        return self.server.dir / "spool"

    def kill_recorder(self) -> None:
        """As a crash would: whoever has the lock of the spool's folder."""
        (pid,) = {
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and _records_into(entry, self.spool)
        }
        os.kill(pid, signal.SIGKILL)

    def film(self, path: str) -> tuple[float, int]:
        """What is in the bucket, decoded: seconds and pictures."""
        with self.minio.client() as client:
            content = client.get_object(Bucket=self.bucket, Key=path)["Body"].read()
        with av.open(io.BytesIO(content)) as film:
            pictures = sum(1 for _ in film.decode(video=0))
            return (film.duration or 0) / av.time_base, pictures

    def keys(self) -> list[str]:
        with self.minio.client() as client:
            found = client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [one["Key"] for one in found if one["Key"].endswith(".mp4")]


def _records_into(process: Path, spool: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return False
    return "livectl.adapters.recorder" in words and any(one.startswith(str(spool)) for one in words)


async def gone(path: Path) -> None:
    """Until nothing is left in a folder."""
    await until(lambda: not path.exists() or not any(path.iterdir()), 10, f"{path} is not empty")


async def settled(seconds: float = 2) -> None:
    """Long enough for a server to do what it should not."""
    await asyncio.sleep(seconds)
