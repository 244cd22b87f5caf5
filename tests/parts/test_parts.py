"""Each part starts, answers, and comes back when it was ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from livekit import api
from pymongo import AsyncMongoClient

from tests.parts import PartMissing, free_port
from tests.parts import livekit as livekit_part
from tests.parts.ferretdb import Databases, with_database
from tests.parts.livekit import LiveKit
from tests.parts.minio import MinIO
from tests.parts.redis import Redis

NewLiveKit = Callable[..., LiveKit]


@pytest.fixture
def hook() -> Iterator[tuple[str, Queue[Any]]]:
    """An URL, and what is posted to it: (Authorization, content type, body)."""
    posted: Queue[Any] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.put((self.headers["Authorization"], self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", posted
        server.shutdown()
        thread.join()


async def rooms(server: LiveKit, *create: str) -> set[str]:
    async with api.LiveKitAPI(server.url, server.key, server.secret) as client:
        for name in create:
            await client.room.create_room(api.CreateRoomRequest(name=name))
        listed = await client.room.list_rooms(api.ListRoomsRequest())
    return {room.name for room in listed.rooms}


async def test_livekit_makes_and_lists_rooms(livekit: LiveKit) -> None:
    assert "a-room" in await rooms(livekit, "a-room")


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_livekit_comes_back_with_the_same_ports_and_keys(
    new_livekit: NewLiveKit, end: str
) -> None:
    server = new_livekit()
    url = server.url
    assert await rooms(server, "lost") == {"lost"}
    getattr(server, end)()
    assert not server.running
    server.restart()
    assert server.url == url
    assert await rooms(server) == set()


async def test_livekit_posts_signed_webhooks(
    new_livekit: NewLiveKit, hook: tuple[str, Queue[Any]]
) -> None:
    url, posted = hook
    server = new_livekit(webhook_urls=[url])
    await rooms(server, "told")
    token, content_type, body = posted.get(timeout=10)
    receiver = api.WebhookReceiver(api.TokenVerifier(server.key, server.secret))
    event = receiver.receive(body.decode(), token)
    assert (event.event, event.room.name) == ("room_started", "told")
    assert content_type == "application/webhook+json"
    assert json.loads(body)["event"] == "room_started"


async def test_livekit_with_redis_makes_ingress(new_livekit: NewLiveKit, redis: Redis) -> None:
    server = new_livekit(redis=redis.address, rtmp_base_url="rtmp://in.test/live")
    async with api.LiveKitAPI(server.url, server.key, server.secret) as client:
        request = api.CreateIngressRequest(
            input_type=api.IngressInput.RTMP_INPUT,
            name="obs",
            room_name="r",
            participant_identity="host",
        )
        ingress = await client.ingress.create_ingress(request)
    assert ingress.url == "rtmp://in.test/live"
    assert ingress.stream_key


async def test_mongodb_keeps_a_document(ferretdb: str, mongodb: Databases) -> None:
    for uri in (ferretdb, mongodb.fresh_uri()):
        async with AsyncMongoClient(uri) as client:
            things = client.get_default_database()["things"]
            assert await things.count_documents({}) == 0
            await things.insert_one({"_id": "a", "n": 1})
            assert await things.find_one({"_id": "a"}) == {"_id": "a", "n": 1}


@pytest.mark.usefixtures("redis")  # there is one
def test_redis_answers_a_ping_and_forgets_when_it_is_killed() -> None:
    client_library = pytest.importorskip("redis")
    with Redis() as server, client_library.Redis.from_url(server.url) as client:
        assert client.ping()
        client.set("a", "1")
        server.kill()
        server.start()
        assert client.get("a") is None


@pytest.mark.usefixtures("minio")  # there is one
def test_minio_keeps_an_object_when_it_is_killed() -> None:
    with MinIO() as server:
        bucket = server.bucket()
        with server.client() as client:
            client.put_object(Bucket=bucket, Key="a", Body=b"1")
        server.kill()
        server.start()
        with server.client() as client:
            assert client.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


def test_a_session_fixture_answers(redis: Redis) -> None:
    assert redis.running
    assert redis.answers()


def test_a_part_that_is_missing_says_so_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(livekit_part, "_candidates", lambda: iter(["/bin/true", None]))
    livekit_part.find.cache_clear()
    with pytest.raises(PartMissing, match=r"livekit-server 1\.13\.5 cannot be had here: run `go "):
        livekit_part.find()


@pytest.mark.usefixtures("redis")
def test_a_part_that_cannot_start_shows_its_log() -> None:
    server = Redis()
    server.port = -1
    with pytest.raises(RuntimeError, match="ended at once"), server:
        pass
    server.close()


def test_ports_are_free_and_not_all_the_same() -> None:
    assert len({free_port() for _ in range(5)}) > 1


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mongodb://127.0.0.1:1/", "mongodb://127.0.0.1:1/db"),
        ("mongodb://u:p@h1,h2/?w=1", "mongodb://u:p@h1,h2/db?w=1&authSource=admin"),
        ("mongodb://u:p@h/users", "mongodb://u:p@h/db?authSource=users"),
        ("mongodb://u:p@h/x?authSource=y", "mongodb://u:p@h/db?authSource=y"),
    ],
)
def test_a_database_name_goes_into_an_uri(uri: str, expected: str) -> None:
    assert with_database(uri, "db") == expected
