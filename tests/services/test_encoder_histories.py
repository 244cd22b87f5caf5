"""Whatever an encoder does and whatever becomes of the webhooks, one state is the end of it.

A history is what an encoder of a standing key did. Its webhooks come in any order, doubled and
lost, between the ticks of the clock; then the reconcile runs. Whether the encoder is in decides.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.event import event
from livectl.ports.streams import StreamQuery
from tests.services.conftest import NOON, Stage
from tests.services.ingresses import Venue

HOOKS = ["ingress_started", "ingress_ended", "participant_joined", "participant_left"]

turns = st.lists(
    st.tuples(
        st.sampled_from(["connect", "disconnect", "stay"]),
        st.lists(st.sampled_from(HOOKS), max_size=3),
        st.sampled_from([0.0, 5.0, 45.0, 70.0]),
    ),
    max_size=10,
)


def test_any_history_of_an_encoder_ends_in_what_livekit_says(stage: Stage) -> None:
    @stage.examples(sqlite=100, mongo=8)
    @given(moves=turns)
    def play(moves: list[tuple[str, list[str], float]]) -> None:
        stage.runner.run(_play(Venue(stage.store), moves))

    play()


async def _play(venue: Venue, moves: list[tuple[str, list[str], float]]) -> None:
    key = await venue.key(owner="alice")
    secret = key.line.stream_key
    connected = False
    for act, hooks, seconds in moves:
        if act == "connect":
            connected = venue.ingresses.connect(secret) is not None
        elif act == "disconnect":
            venue.ingresses.disconnect(secret)
            connected = False
        for hook in hooks:
            await venue.tell(await venue.again(key), hook)
        venue.clock.advance(seconds)
        await venue.encoders.tend()
        connected = connected and venue.media.is_in((await venue.again(key)).room, key.identity)
    await venue.reconcile()
    await _check(venue, key.id, connected)
    venue.ingresses.disconnect(secret)
    await venue.store.remove_ingress_key(await venue.book.get(key.id), event("test", NOON, "test"))
    for stream in await venue.store.find_streams(StreamQuery(live=True)):
        await venue.teardown.end(stream, reason="test over", by="test")


async def _check(venue: Venue, key_id: str, connected: bool) -> None:
    key = await venue.book.get(key_id)
    live = await venue.store.find_streams(StreamQuery(live=True))
    assert len(live) <= 1
    assert [one.id for one in live] == ([key.live_stream_id] if key.live_stream_id else [])
    assert key.enabled
    if connected:
        assert key.connection.status == "publishing"
        assert key.live_stream_id is not None
        assert key.gone_since is None
    else:
        assert key.connection.status == "inactive"
        assert (key.gone_since is not None) == (key.live_stream_id is not None)
        venue.clock.advance(61)
        await venue.encoders.tend()
        assert await venue.store.find_streams(StreamQuery(live=True)) == []
        assert (await venue.book.get(key_id)).live_stream_id is None
    assert (await venue.reconcile()).corrections == []
