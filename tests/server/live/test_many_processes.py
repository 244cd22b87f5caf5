"""Two server processes on one store, with a real Redis between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.parts.livekit import LiveKit
from tests.parts.redis import Redis
from tests.server.live.client import Stage, User, refusal
from tests.server.live.conftest import NewStage, settings_for
from tests.server.process import Server, sqlite_url


class Pair:
    """Two servers, one store, one Redis of the test's own."""

    def __init__(self, one: Server, two: Server, redis: Redis) -> None:
        self.one = one
        self.two = two
        self.redis = redis


@pytest.fixture
def pair(livekit: LiveKit, redis: Redis, tmp_path: Path) -> Iterator[Pair]:
    """`redis` is asked for so that the test is skipped where there is none."""
    own = Redis()
    settings = settings_for(
        livekit,
        DATABASE_URL=sqlite_url(tmp_path),
        REDIS_URL=own.url,
        LIVECTL_GIFT_LIMIT="100000/3",
    )
    with ExitStack() as stack:
        stack.enter_context(own)
        one, two = (stack.enter_context(Server(settings)) for _ in range(2))
        yield Pair(one, two, own)


@pytest.fixture
async def stage(pair: Pair, new_stage: NewStage) -> Stage:
    return await new_stage(pair.one.url)


async def test_the_two_are_one_room(pair: Pair, stage: Stage) -> None:
    host = await stage.enter(stage.owner)
    there = await stage.enter("vera", pair.two.url)

    said = [f"number {number}" for number in range(40)]
    await asyncio.gather(*(host.say(one) for one in said))
    await there.hears("live:message", len(said))
    assert there.contents() == said
    await there.send("live:gift", giftType="rose", value=100)
    await host.hears("live:gift:highlight")
    assert (await there.send("live:reaction", emoji="🔥"))["ok"]
    await host.hears("live:reaction")
    late = await stage.enter("late", pair.two.url)
    assert [one["content"] for one in late.state["recentMessages"][:40]] == said
    await host.send("live:pin", messageId="m1", content="look")
    await there.hears("live:pinned:updated", within=2)


async def test_a_limit_is_one_over_both_processes(pair: Pair, stage: Stage) -> None:
    here, there = await stage.enter("vera"), await stage.enter("vera", pair.two.url)
    answers = [await (here, there)[number % 2].say(f"{number}") for number in range(11)]
    assert [answer["ok"] for answer in answers] == [True] * 10 + [False]


async def test_a_user_has_left_when_the_last_socket_of_both_is_gone(
    pair: Pair, stage: Stage
) -> None:
    host = await stage.enter(stage.owner)
    here, there = await stage.enter("vera"), await stage.enter("vera", pair.two.url)
    await here.leave()
    await asyncio.sleep(0.3)
    assert not host.all("live:viewer-left")
    await there.leave()
    assert await host.hears("live:viewer-left") == [{"userId": "vera"}]


async def test_a_thousand_gifts_from_many_sockets_of_both_add_up_exactly(
    pair: Pair, stage: Stage
) -> None:
    users = [
        await stage.enter(f"giver-{number}", (pair.one, pair.two)[number % 2].url)
        for number in range(20)
    ]
    values = [number % 97 + 1 for number in range(1000)]

    async def give(number: int) -> None:
        gift = {"giftType": "rose", "value": values[number], "clientId": f"tap-{number}"}
        user = users[number % 20]
        answers = await asyncio.gather(
            *(user.send("live:gift", **gift) for _ in range(1 + number % 2))
        )
        assert all(answer["ok"] for answer in answers), answers
        assert len({answer["id"] for answer in answers}) == 1

    await asyncio.gather(*(give(number) for number in range(1000)))

    status = await stage.call("GET", f"/api/live/{stage.stream_id}/status")
    assert status.json()["totalGifts"] == sum(values)
    kept = await _all_messages(stage, kind="gift")
    assert sum(one["value"] for one in kept) == sum(values)
    assert len(kept) == 1000


async def _all_messages(stage: Stage, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = {"streamId": stage.stream_id, "limit": 500, "order": "oldest", **query}
    while True:
        page = (await stage.call("GET", "/api/moderation/messages", params=query)).json()
        found += page["items"]
        if "nextCursor" not in page:
            return found
        query["cursor"] = page["nextCursor"]


async def test_a_kill_and_a_block_reach_the_sockets_of_the_other_process(
    pair: Pair, stage: Stage
) -> None:
    troll = await stage.enter("troll", pair.two.url)
    viewer = await stage.enter("vera", pair.two.url)

    await stage.act("block", userId="troll")
    await troll.is_gone(within=2)
    assert (await refusal(stage.user("troll", pair.two.url)))["message"] == "Blocked"
    await stage.call("POST", f"/api/live/{stage.stream_id}/end", json={"reason": "enough"})
    await viewer.is_gone(within=2)
    assert viewer.all("live:state")[-1] == {"isLive": False, "reason": "enough"}


async def test_while_redis_is_away_local_chat_goes_on_and_it_heals_by_itself(
    pair: Pair, stage: Stage
) -> None:
    host = await stage.enter(stage.owner)
    here, there = await stage.enter("vera"), await stage.enter("otto", pair.two.url)

    await asyncio.to_thread(pair.redis.stop)
    await _until_ready(pair.one, False)
    assert (await host.say("redis is away"))["ok"]
    await here.comes_true(lambda: "redis is away" in here.contents())
    metrics = await stage.call("GET", "/metrics")
    assert 'service="redis"' in metrics.text

    await asyncio.to_thread(pair.redis.start)
    await _until_ready(pair.one, True)
    await _until_ready(pair.two, True)
    await asyncio.sleep(0.5)
    assert (await host.say("redis is back"))["ok"]
    await there.comes_true(lambda: "redis is back" in there.contents())


async def _until_ready(server: Server, ready: bool) -> None:
    async with httpx.AsyncClient(base_url=server.url) as http, asyncio.timeout(15):
        while True:
            checks = (await http.get("/readyz")).json()["checks"]
            if checks["redis"]["ok"] is ready:
                return
            await asyncio.sleep(0.1)


async def test_when_one_of_two_is_killed_the_other_goes_on_and_no_counted_gift_is_lost(
    pair: Pair, stage: Stage
) -> None:
    """`kill -9` under load: acknowledged gifts are there, and messages but for the last 100 ms."""
    survivor = await stage.enter(stage.owner)
    doomed = [await stage.enter(f"doomed-{number}", pair.two.url) for number in range(5)]
    given: list[int] = []
    said: list[str] = []

    async def load(user: User) -> None:
        for number in range(200):
            gift = await user.send("live:gift", giftType="rose", value=number % 50 + 1)
            if gift["ok"]:
                given.append(number % 50 + 1)
            message = await user.say(f"{user.user} {number}")
            if message["ok"]:
                said.append(message["id"])

    loads = [asyncio.create_task(load(user)) for user in doomed]
    await asyncio.sleep(1)
    before_the_last = list(said)
    await asyncio.sleep(0.3)
    pair.two.kill()
    for task in loads:
        task.cancel()
    await asyncio.gather(*loads, return_exceptions=True)

    assert (await survivor.say("still here"))["ok"]
    kept = await _all_messages(stage)
    ids = {one["id"] for one in kept}
    assert set(before_the_last) <= ids
    total = (await stage.call("GET", f"/api/live/{stage.stream_id}/status")).json()["totalGifts"]
    assert total == sum(one["value"] for one in kept if one["kind"] == "gift")
    assert total >= sum(given)
    await asyncio.to_thread(pair.two.start)
    back = await stage.enter("back", pair.two.url)
    assert (await back.say("and again"))["ok"]
    await survivor.comes_true(lambda: "and again" in survivor.contents())
