"""People who come and go in rooms, as webhooks; and posting those as LiveKit does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import httpx

from livectl.domain.event import event
from livectl.domain.ids import new_id, room_name
from livectl.domain.stream import Stream
from livectl.ports.store import Store
from tests.server.process import Server
from tests.services.hooks import hook, id_of, participant, sign

WEBHOOKS = "/api/webhooks/livekit"


@dataclass
class Crowd:
    """Streams with the webhooks of their viewers, shuffled, and who is left in the end."""

    streams: list[Stream]
    hooks: list[bytes] = field(default_factory=list)
    viewers: dict[str, int] = field(default_factory=dict)


async def live_streams(store: Store, count: int) -> list[Stream]:
    """Streams that are live in the store; no LiveKit knows of them."""
    now = datetime.now(UTC)
    streams = []
    for number in range(count):
        stream = Stream(
            id=new_id(),
            owner_id="alice",
            room_name=room_name("alice", 1_700_000_000_000 + number),
            is_live=True,
            started_at=now,
        )
        await store.add_stream(stream, event("stream.started", now, "test"))
        streams.append(stream)
    return streams


def crowd(streams: list[Stream], people: int, chance: random.Random) -> Crowd:
    """`people` come to each stream, every third leaves again."""
    found = Crowd(streams)
    start = datetime.now(UTC) - timedelta(minutes=5)
    for stream in streams:
        for number in range(people):
            joined = start + timedelta(seconds=number)
            person = participant(f"PA_{stream.id[-4:]}_{number}", f"viewer{number}", joined)
            found.hooks.append(
                hook("participant_joined", stream.room_name, joined, participant=person)
            )
            if number % 3 == 0:
                left = joined + timedelta(seconds=60)
                found.hooks.append(
                    hook("participant_left", stream.room_name, left, participant=person)
                )
        found.viewers[stream.id] = people - len(range(0, people, 3))
    chance.shuffle(found.hooks)
    return found


async def post(server: Server, bodies: Iterable[bytes], secret: str, *, at_once: int) -> set[str]:
    """The ids of those that were acknowledged. Whatever is answered has to be a success."""
    acknowledged: set[str] = set()
    places = asyncio.Semaphore(at_once)

    async with server.client() as http:

        async def one(body: bytes) -> None:
            headers = {"Authorization": sign(body, secret=secret)}
            async with places:
                try:
                    answer = await http.post(WEBHOOKS, content=body, headers=headers)
                except httpx.TransportError:
                    return  # the server was gone
            assert answer.status_code == HTTPStatus.OK, answer.text
            acknowledged.add(id_of(body))

        await asyncio.gather(*(one(body) for body in bodies))
    return acknowledged
