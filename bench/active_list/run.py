"""`GET /api/live/active`, 100 live of 100,000 streams, beside Express. See README.md."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import jwt  # noqa: E402
import servers  # noqa: E402
from pymongo import AsyncMongoClient  # noqa: E402
from tests.parts.ferretdb import FerretDB  # noqa: E402

import load  # noqa: E402
from livectl.adapters.mongo.documents import bson_stream  # noqa: E402
from livectl.adapters.mongo.store import MongoStore  # noqa: E402
from livectl.adapters.sqlite.store import SqliteStore  # noqa: E402
from livectl.domain.clock import iso  # noqa: E402
from livectl.ports.store import Record  # noqa: E402

STREAMS, LIVE = 100_000, 100
# A LiveKit would say that it has none of these rooms, and the streams would be ended.
NO_LIVEKIT = "http://127.0.0.1:1"
ROUNDS, SECONDS, CONNECTIONS = 3, 4.0, 32


def records() -> Iterator[Record]:
    noon = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(STREAMS):
        stream_id = f"{number:08x}" + secrets.token_hex(8)
        started = noon + timedelta(minutes=number)
        # Live ones are spread over all, as they are in a database that has grown.
        live = number % (STREAMS // LIVE) == 0
        document: dict[str, Any] = {
            "id": stream_id,
            "ownerId": f"{number % 5000:024x}",
            "roomName": f"live_{number}_{1_700_000_000_000 + number}",
            "title": f"Stream number {number}",
            "coverUrl": f"https://cdn.example.com/{number}.jpg",
            "isLive": live,
            "startedAt": iso(started),
            "viewers": number % 100 if live else 0,
            "peakViewers": number % 300,
            "tags": ["music", f"tag{number % 20}"],
            "totalGifts": number % 1000,
            "enableRecording": True,
            "enableReplay": True,
            "createdAt": iso(started),
            "updatedAt": iso(started),
        }
        if not live:
            document["endedAt"] = iso(started + timedelta(minutes=50))
        yield Record(kind="stream", key=stream_id, document=document)


async def fill(store: SqliteStore) -> None:
    await store.open()
    batch: list[Record] = []
    for record in records():
        batch.append(record)
        if len(batch) == 2000:
            await store.load(batch)
            batch = []
    await store.close()


async def fill_mongo(uri: str) -> None:
    """By plain inserts: the store's own way to load compares each record with what is there."""
    store = MongoStore(uri)
    await store.open()
    await store.close()
    async with AsyncMongoClient[dict[str, Any]](uri) as client:
        streams = client.get_default_database()["livestreams"]
        batch: list[dict[str, Any]] = []
        for record in records():
            batch.append(bson_stream(record.document))
            if len(batch) == 2000:
                await streams.insert_many(batch)
                batch = []


def request(port: int, *more: str) -> bytes:
    claims = {"userId": "bench", "exp": int(time.time()) + 3600}
    token = jwt.encode(claims, servers.JWT_SECRET, algorithm="HS256")
    lines = [
        "GET /api/live/active HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {token}",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def etag_of(port: int) -> str:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port)
    token = request(port).decode().split("Bearer ")[1].split("\r\n")[0]
    connection.request("GET", "/api/live/active", headers={"Authorization": f"Bearer {token}"})
    reply = connection.getresponse()
    reply.read()
    return reply.headers["ETag"]


def compare(name: str, database: str, directory: Path) -> None:
    mine, express = servers.free_port(), servers.free_port()
    ours = servers.livectl(
        mine,
        directory,
        NO_LIVEKIT,
        DATABASE_URL=database,
        LIVECTL_RECONCILE_SECONDS="86400",
    )
    theirs = (
        ["node", str(HERE / "express.js"), str(express), database],
        express,
        {"JWT_SECRET": servers.JWT_SECRET},
    )
    for number in range(ROUNDS):
        for who, (command, port, env) in (("livectl", ours), ("Express", theirs)):
            with servers.pinned(command, port, env, directory / f"{who}.log"):
                full = request(port)
                result = load.run(port, lambda r=full: r, connections=CONNECTIONS, seconds=SECONDS)
                print(f"{name:8} {who:8} 200  {result}", flush=True)
                if number == 0:
                    same = request(port, f"If-None-Match: {etag_of(port)}")
                    result = load.run(
                        port,
                        lambda r=same: r,
                        connections=CONNECTIONS,
                        seconds=SECONDS,
                        expect=304,
                    )
                    print(f"{name:8} {who:8} 304  {result}", flush=True)


def main() -> None:
    subprocess.run(["npm", "ci", "--silent"], cwd=HERE, check=True)
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        path = directory / "livectl.db"
        asyncio.run(fill(SqliteStore(path)))
        compare("SQLite", f"sqlite:///{path}", directory)
        with FerretDB() as ferretdb:
            uri = ferretdb.databases.fresh_uri()
            asyncio.run(fill_mongo(uri))
            compare("FerretDB", uri, directory)


if __name__ == "__main__":
    main()
