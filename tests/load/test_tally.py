"""Counting, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.load.tally import Record, Tally, lost, ticks

MARK = "load-0123abcd-"
SENDERS = 2


@pytest.fixture
def tally() -> Tally:
    return Tally(mark=MARK, senders=SENDERS, epoch=ticks())


def come(tally: Tally, record: Record, contents: Sequence[str]) -> None:
    for content in contents:
        data = f'padding ["live:message",{{"content":"{content}","id":"x"}}] padding'.encode()
        tally.got(record, data, 8, len(data) - 8, tally.now())


def test_numbers_are_unique_and_tell_their_sender(tally: Tally) -> None:
    numbers = [tally.next_message(sender)[0] for sender in (0, 1, 0, 0, 1)]
    assert numbers == [0, 1, 2, 4, 3]
    assert tally.sent == 5


def test_what_others_say_does_not_count(tally: Tally) -> None:
    record = tally.new_record()
    come(tally, record, ["hello", "load-ffffffff-000000000000000000", ""])
    assert (tally.delivered, tally.doubled) == (0, 0)


def test_a_mark_outside_the_packet_does_not_count(tally: Tally) -> None:
    _, content = tally.next_message(0)
    data = content.encode()
    tally.got(tally.new_record(), data, 0, 5, tally.now())
    assert tally.delivered == 0


@given(
    st.lists(st.tuples(st.sampled_from(range(8)), st.booleans()), max_size=40),
)
def test_loss_doubling_and_order_are_what_they_are(came: list[tuple[int, bool]]) -> None:
    """Against a count that is plain and slow: any messages, in any order, to two viewers."""
    tally = Tally(mark=MARK, senders=SENDERS, epoch=ticks())
    contents = [tally.next_message(number % SENDERS)[1] for number in range(8)]
    records = [tally.new_record(), tally.new_record()]
    for record in records:
        tally.came(record)
    doubled, out_of_order = 0, 0
    seen: list[list[int]] = [[], []]
    for number, second in came:
        before = seen[second]
        if number in before:
            doubled += 1
        elif any(other > number and other % SENDERS == number % SENDERS for other in before):
            out_of_order += 1
        before.append(number)
        come(tally, records[second], [contents[number]])
    for number in range(6):  # the last two are not answered
        tally.answered(number, {"ok": True}, tally.now())
    missing = sum(number not in one for one in seen for number in range(6))
    assert (tally.doubled, tally.out_of_order) == (doubled, out_of_order)
    assert lost(tally.accepted, records) == missing
    assert tally.delivered == sum(len(set(one)) for one in seen)
    assert sum(tally.latencies.values()) == tally.delivered


def test_who_left_misses_only_what_was_accepted_before() -> None:
    record = Record(seen=bytearray([1, 0, 0]), last=[0], left_at=20)
    assert lost({0: 5, 1: 10, 2: 20, 9000: 30}, [record]) == 1


def test_nothing_accepted_is_nothing_lost(tally: Tally) -> None:
    assert lost({}, [tally.new_record()]) == 0


def test_records_grow_with_the_numbers(tally: Tally) -> None:
    record = tally.new_record()
    come(tally, record, [f"{MARK}{20_000:09}{0:09}", f"{MARK}{7:09}{0:09}"])
    assert (tally.delivered, tally.out_of_order) == (2, 0)
    assert record.seen[20_000] == record.seen[7] == 1


async def test_a_message_is_in_flight_until_all_have_it(tally: Tally) -> None:
    first, second = tally.new_record(), tally.new_record()
    tally.came(first)
    tally.came(second)
    number, content = tally.next_message(0)
    waiting = tally.wait_for(number)
    come(tally, first, [content, content])
    assert not waiting.done()
    come(tally, second, [content])
    assert await waiting == 0


@pytest.mark.parametrize(
    ("answer", "pause"), [({"code": "slow_mode", "retryAfter": 3}, 3), ({"code": "x"}, 1)]
)
async def test_a_refused_message_tells_how_long_to_wait(
    tally: Tally, answer: dict[str, object], pause: float
) -> None:
    tally.came(tally.new_record())
    waiting = tally.wait_for(tally.next_message(0)[0])
    tally.answered(0, {"ok": False, **answer}, tally.now())
    assert await waiting == pause
    assert (tally.refused, tally.accepted, tally.sent) == ({answer["code"]: 1}, {}, 1)


async def test_whoever_gave_up_waiting_is_not_told(tally: Tally) -> None:
    record = tally.new_record()
    tally.came(record)
    number, content = tally.next_message(0)
    waiting = tally.wait_for(number)
    waiting.cancel()
    come(tally, record, [content])
    with pytest.raises(asyncio.CancelledError):
        await waiting
