"""A backfill over 10,000 recordings, beside `aws s3 ls --recursive` of the same bucket. See
README.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.parts.minio import MinIO

from livectl.adapters.sqlite.store import SqliteStore
from livectl.domain.event import event
from livectl.domain.ids import new_id
from livectl.domain.recording import Recording, Storage, Vod, object_path
from livectl.domain.stream import Stream
from livectl.domain.vod import poster_path, sprite_path, thumbnails_path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
A_DAY = 30
"""So many recordings."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recordings", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aws", default=shutil.which("aws"), help="the AWS command line")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, MinIO() as minio:
        settings = minio.settings(minio.bucket())
        recordings = asyncio.run(fill_store(Path(home), settings["S3_BUCKET"], given.recordings))
        began = time.perf_counter()
        fill_bucket(minio, settings["S3_BUCKET"], recordings)
        print(f"{len(recordings)} objects put in {time.perf_counter() - began:.0f} s")
        env = {**os.environ, **settings, "LIVECTL_DATA_DIR": home, "HOME": home}
        livectl = [str(Path(sys.executable).parent / "livectl"), "vod", "backfill"]
        commands = {
            "livectl vod backfill --dry-run": [*livectl, "--dry-run", "-q"],
            "livectl vod backfill": livectl,
        }
        if given.aws:
            listing = [given.aws, "--endpoint-url", minio.url, "s3", "ls", "--recursive"]
            commands["aws s3 ls --recursive"] = [*listing, f"s3://{settings['S3_BUCKET']}"]
        for _ in range(given.rounds):
            for name, command in commands.items():
                seconds, peak, out = measured(command, env)
                told = json.loads(out)["scanned"] if "livectl" in name else len(out.splitlines())
                print(f"{name:32} {seconds:6.1f} s  {peak:5.0f} MB peak  {told} looked at")


async def fill_store(home: Path, bucket: str, count: int) -> list[Recording]:
    """Streams of the last year, each with a VOD that is in order."""
    store = SqliteStore(home / "livectl.db")
    await store.open()
    made = []
    for number in range(count):
        at = NOON - timedelta(days=number / A_DAY)
        stream_id = f"{int(at.timestamp()):08x}{new_id()[8:]}"
        room = f"live_anna_{number:013}"
        stream = Stream(id=stream_id, owner_id="anna", room_name=room, started_at=at, ended_at=at)
        await store.add_stream(stream, event("stream.started", at, "bench", stream_id=stream_id))
        made.append(recording_of(stream, at, bucket))
        await store.add_recording(made[-1], event("recording.completed", at, "bench"))
    await store.close()
    return made


def recording_of(stream: Stream, at: datetime, bucket: str) -> Recording:
    bare = Recording(
        id=f"{int(at.timestamp()):08x}{new_id()[8:]}",
        stream_id=stream.id,
        owner_id="anna",
        room_name=stream.room_name,
        recorder="embedded",
        state="completed",
        requested_at=at,
        updated_at=at,
    )
    path = object_path("recordings", bare)
    vod = Vod(
        status="available",
        duration=60.0,
        size=4,
        poster=poster_path(path),
        sprite=sprite_path(path),
        thumbnails=thumbnails_path(path),
    )
    storage = Storage(type="S3", bucket=bucket, path=path, size=4)
    return Recording(
        **{
            **{name: getattr(bare, name) for name in bare.__struct_fields__},
            "path": path,
            "storage": storage,
            "vod": vod,
        }
    )


def fill_bucket(minio: MinIO, bucket: str, recordings: list[Recording]) -> None:
    with minio.client() as client, ThreadPoolExecutor(8) as threads:

        def put(recording: Recording) -> None:
            client.put_object(Bucket=bucket, Key=recording.path, Body=b"film")

        list(threads.map(put, recordings))


def measured(command: list[str], env: dict[str, str]) -> tuple[float, float, str]:
    """Seconds, the most memory (MB) that it held at a time, and what it printed."""
    peak = 0.0
    with tempfile.TemporaryFile("w+") as out:
        began = time.perf_counter()
        with subprocess.Popen(command, env=env, stdout=out) as process:
            # Not from getrusage, which counts what the child shared with this one before its exec.
            while process.poll() is None:
                peak = max(peak, resident(process.pid))
                time.sleep(0.05)
        seconds = time.perf_counter() - began
        if process.returncode:
            raise SystemExit(f"{command[0]} ended with {process.returncode}")
        out.seek(0)
        return seconds, peak, out.read()


def resident(pid: int) -> float:
    """Memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else 0.0


if __name__ == "__main__":
    main()
