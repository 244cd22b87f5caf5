"""Who watches: facts in any order, doubled and racing, come to the same."""

from __future__ import annotations

from functools import reduce

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livectl.domain.ids import new_id
from livectl.domain.presence import Sighting, merge
from livectl.ports.store import Store
from tests.contract.examples import a_sighting, at, together

STREAM = new_id()
OTHER = new_id()

_times = st.none() | st.integers(0, 5).map(at)
_facts = st.lists(
    st.builds(
        lambda sid, joined, left: (f"PA_{sid}", f"user{sid % 2}", joined, left),
        st.integers(0, 3),
        _times,
        _times,
    ),
    max_size=10,
)


def by_sid(sightings: list[Sighting]) -> dict[str, Sighting]:
    return {seen.sid: seen for seen in sightings}


async def test_a_session_is_read_back_as_it_was_told(store: Store, twin: Store) -> None:
    both = a_sighting(STREAM, "PA_1", joined_at=at(1.001), left_at=at(2.002))
    left_only = a_sighting(STREAM, "PA_2", left_at=at(3))
    await store.add_sightings([both, left_only])
    assert by_sid(await twin.sightings(STREAM)) == {"PA_1": both, "PA_2": left_only}
    assert await twin.sightings(OTHER) == []


async def test_no_facts_change_nothing(store: Store) -> None:
    await store.add_sightings([])
    await store.overrule_sightings([])
    assert await store.sightings(STREAM) == []


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), facts=_facts)
async def test_facts_merge_the_same_in_any_order_and_number(
    store: Store, twin: Store, data: st.DataObject, facts: list[tuple]
) -> None:
    stream_id = new_id()
    told = [Sighting(stream_id=stream_id, sid=s, user_id=u, joined_at=j, left_at=e)
            for s, u, j, e in facts]  # fmt: skip
    expected: dict[str, Sighting] = {}
    for fact in told:
        expected[fact.sid] = merge(expected.get(fact.sid), fact)

    shuffled = data.draw(st.permutations(told)) + data.draw(
        st.lists(st.sampled_from(told), max_size=3) if told else st.just([])
    )
    middle = len(shuffled) // 2
    await store.add_sightings(shuffled[:middle])
    await twin.add_sightings(shuffled[middle:])

    assert by_sid(await store.sightings(stream_id)) == expected
    present = {s.user_id for s in expected.values() if s.joined_at and not s.left_at}
    assert await store.present_viewers(stream_id) == len(present)


async def test_facts_of_one_session_that_race_are_all_merged(store: Store, twin: Store) -> None:
    facts = [a_sighting(STREAM, "PA_1", joined_at=at(second)) for second in (5, 3, 9, 4)]
    facts += [a_sighting(STREAM, "PA_1", left_at=at(second)) for second in (20, 30, 15, 40)]
    handles = (store, twin) * 4
    await together(h.add_sightings([fact]) for h, fact in zip(handles, facts, strict=True))
    assert await store.sightings(STREAM) == [reduce(merge, facts)]


async def test_a_person_in_two_tabs_is_one_viewer_until_both_are_closed(store: Store) -> None:
    await store.add_sightings(
        [
            a_sighting(STREAM, "PA_1", "bob", joined_at=at(1)),
            a_sighting(STREAM, "PA_2", "bob", joined_at=at(2)),
            a_sighting(STREAM, "PA_3", "carol", joined_at=at(2)),
            a_sighting(STREAM, "PA_4", "dave", left_at=at(2)),
            a_sighting(OTHER, "PA_5", "erin", joined_at=at(2)),
        ]
    )
    assert await store.present_viewers(STREAM) == 2
    await store.add_sightings([a_sighting(STREAM, "PA_1", "bob", left_at=at(5))])
    assert await store.present_viewers(STREAM) == 2
    await store.add_sightings([a_sighting(STREAM, "PA_2", "bob", left_at=at(6))])
    assert await store.present_viewers(STREAM) == 1
    await store.add_sightings([a_sighting(STREAM, "PA_4", "dave", joined_at=at(7))])
    assert await store.present_viewers(STREAM) == 1


async def test_an_overruling_sighting_is_written_as_it_is(store: Store) -> None:
    await store.add_sightings(
        [
            a_sighting(STREAM, "PA_1", joined_at=at(1), left_at=at(2)),
            a_sighting(STREAM, "PA_2", "carol", joined_at=at(1)),
        ]
    )
    there_again = a_sighting(STREAM, "PA_1", joined_at=at(3))
    new = a_sighting(STREAM, "PA_3", "dave", joined_at=at(4))
    await store.overrule_sightings([there_again, new])
    assert by_sid(await store.sightings(STREAM)) == {
        "PA_1": there_again,
        "PA_2": a_sighting(STREAM, "PA_2", "carol", joined_at=at(1)),
        "PA_3": new,
    }
    assert await store.present_viewers(STREAM) == 3
