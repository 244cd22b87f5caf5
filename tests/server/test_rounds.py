from __future__ import annotations

import asyncio

import pytest

from livectl.server.rounds import Rounds


class Source:
    """Answers with how often it was asked so far, when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.asked += 1
        mine = self.asked
        await self.gate.wait()
        return mine


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_who_ask_while_one_is_answered_share_the_next_answer() -> None:
    rounds: Rounds[int] = Rounds()
    source = Source()
    first = asyncio.create_task(rounds.ask("q", source))
    await settle()
    others = [asyncio.create_task(rounds.ask("q", source)) for _ in range(50)]
    await settle()
    source.gate.set()
    assert await first == 1
    assert set(await asyncio.gather(*others)) == {2}
    assert source.asked == 2


async def test_no_answer_was_made_before_it_was_asked_for() -> None:
    rounds: Rounds[int] = Rounds()
    state = 0

    async def look() -> int:
        seen = state
        await asyncio.sleep(0.001)
        return seen

    async def one(n: int) -> None:
        nonlocal state
        await asyncio.sleep(n * 0.0003)
        state += 1
        expected = state
        assert await rounds.ask("q", look) >= expected

    await asyncio.gather(*(one(n) for n in range(200)))


async def test_different_questions_do_not_wait_for_each_other() -> None:
    rounds: Rounds[int] = Rounds()
    slow, fast = Source(), Source()
    fast.gate.set()
    waiting = asyncio.create_task(rounds.ask("slow", slow))
    await settle()
    assert await rounds.ask("fast", fast) == 1
    slow.gate.set()
    assert await waiting == 1


async def test_one_who_gives_up_takes_the_answer_from_nobody() -> None:
    rounds: Rounds[int] = Rounds()
    source = Source()
    first = asyncio.create_task(rounds.ask("q", source))
    await settle()
    second, third = (asyncio.create_task(rounds.ask("q", source)) for _ in range(2))
    await settle()
    first.cancel()
    second.cancel()
    source.gate.set()
    assert await third == 2


async def test_a_failure_is_told_to_those_who_shared_it_and_not_to_the_next() -> None:
    rounds: Rounds[int] = Rounds()

    async def fail() -> int:
        raise LookupError

    async def answer() -> int:
        return 7

    with pytest.raises(LookupError):
        await rounds.ask("q", fail)
    assert await rounds.ask("q", answer) == 7
