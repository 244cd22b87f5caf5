"""The live socket as the contract has it, through the official client, on both transports."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from livectl.server.session import COOKIE
from tests.server.api import ROOT
from tests.server.live.client import Stage, bearer_of, refusal
from tests.server.live.conftest import NewStage, settings_for
from tests.server.process import Server

# A message that every rule lets pass.
HELLO = "hello everyone"


async def test_who_comes_in_is_told_how_the_room_stands(stage: Stage) -> None:
    host = await stage.enter(stage.owner)
    viewer = await stage.enter("vera")
    await host.say("welcome")
    late = await stage.enter("late")

    assert host.state["isOwner"] is True
    assert viewer.state["isOwner"] is False
    state = late.all("live:state")[0]
    assert state["title"] == "A stage"
    assert state["isLive"] is True
    assert state["viewers"] == 0
    assert state["totalGifts"] == 0
    assert state["pinnedMessages"] == []
    assert [one["content"] for one in state["recentMessages"]] == ["welcome"]


async def test_a_message_reaches_everyone_and_is_acknowledged(stage: Stage) -> None:
    host, viewer = await stage.enter(stage.owner), await stage.enter("vera")

    answer = await viewer.say(f"  {HELLO}\x00\x07 ")

    assert answer == {"ok": True, "id": answer["id"]}
    for user in (host, viewer):
        (heard,) = await user.hears("live:message")
        assert heard == {
            "id": answer["id"],
            "userId": "vera",
            "content": HELLO,
            "timestamp": heard["timestamp"],
        }
        assert heard["timestamp"].endswith("Z")


async def test_messages_of_a_sender_come_in_their_order(stage: Stage) -> None:
    host, viewer = await stage.enter(stage.owner), await stage.enter("vera")
    said = [f"number {number}" for number in range(60)]

    await asyncio.gather(*(host.say(one) for one in said))

    await viewer.hears("live:message", len(said))
    assert viewer.contents() == said


@pytest.mark.parametrize(
    "content", ["", " \n ", "x" * 1001, "\x00", None, 7, ["a"], {"a": 1}, True]
)
async def test_a_message_that_is_none_is_refused_and_nobody_hears_it(
    websocket_stage: Stage, content: Any
) -> None:
    host = await websocket_stage.enter(websocket_stage.owner)

    answer = await host.send("live:message", content=content)

    assert answer["ok"] is False
    assert answer["code"] == "bad_request"
    assert "content" in answer["message"]
    (error,) = await host.hears("error")
    assert error["code"] == "bad_request"
    assert not host.all("live:message")


async def test_the_longest_message_is_let_through(websocket_stage: Stage) -> None:
    host = await websocket_stage.enter(websocket_stage.owner)
    assert (await host.say("é" * 1000))["ok"]


async def test_a_user_sends_ten_in_three_seconds_over_all_sockets_however_often_they_return(
    websocket_stage: Stage,
) -> None:
    first, second = await websocket_stage.enter("chatty"), await websocket_stage.enter("chatty")
    other = await websocket_stage.enter("otto")
    for number in range(10):
        assert (await (first, second)[number % 2].say(f"{number}"))["ok"]

    refused = await first.say("one too many")
    await first.leave()
    again = await websocket_stage.enter("chatty")
    refused_again = await again.say("still too many")

    for one in (refused, refused_again):
        assert one["code"] == "too_many_requests"
        assert 1 <= one["retryAfter"] <= 3
    assert (await other.say("others may speak"))["ok"]
    await asyncio.sleep(refused_again["retryAfter"])
    assert (await again.say("now again"))["ok"]


async def test_hosts_are_free_of_the_limit(websocket_stage: Stage) -> None:
    host = await websocket_stage.enter(websocket_stage.owner)
    answers = [await host.say(f"{number}") for number in range(25)]
    assert all(answer["ok"] for answer in answers)


async def test_a_reaction_reaches_the_others(stage: Stage) -> None:
    host, viewer = await stage.enter(stage.owner), await stage.enter("vera")

    assert (await viewer.send("live:reaction", emoji="👍🏽"))["ok"]

    (heard,) = await host.hears("live:reaction")
    assert (heard["emoji"], heard["userId"]) == ("👍🏽", "vera")
    assert not viewer.all("live:reaction")


@pytest.mark.parametrize("emoji", ["", "a", "👍👍", "1", None, 7, ["👍"], "x" * 5000])
async def test_only_one_emoji_is_a_reaction(websocket_stage: Stage, emoji: Any) -> None:
    viewer = await websocket_stage.enter("vera")
    assert (await viewer.send("live:reaction", emoji=emoji))["code"] == "bad_request"


async def test_reactions_of_a_flooding_room_are_summed_up(websocket_stage: Stage) -> None:
    host = await websocket_stage.enter(websocket_stage.owner)
    users = [await websocket_stage.enter(f"fan-{number}") for number in range(4)]

    await asyncio.gather(
        *(user.send("live:reaction", emoji="🔥") for user in users for _ in range(10))
    )

    def total() -> int:
        return sum(one.get("count", 1) for one in host.all("live:reaction"))

    await host.comes_true(lambda: total() == 40, what="40 reactions")
    assert len(host.all("live:reaction")) < 40


async def test_a_gift_counts_and_is_shown(stage: Stage) -> None:
    host, viewer = await stage.enter(stage.owner), await stage.enter("vera")

    answer = await viewer.send("live:gift", giftType="rose", value=99, message="for you")
    await viewer.send("live:gift", giftType="castle", value=100)

    rose, castle = await host.hears("live:gift", 2)
    assert rose == {
        "id": answer["id"],
        "userId": "vera",
        "giftType": "rose",
        "value": 99,
        "message": "for you",
        "timestamp": rose["timestamp"],
    }
    assert [one["id"] for one in await host.hears("live:gift:highlight")] == [castle["id"]]
    await viewer.comes_true(lambda: viewer.state["totalGifts"] == 199)
    status = (await stage.call("GET", f"/api/live/{stage.stream_id}/status")).json()
    assert status["totalGifts"] == 199


@pytest.mark.parametrize(
    "value", [0, -1, 1_000_001, 1.5, 1.0, True, "5", None, [1], float("1e30"), 2**63]
)
async def test_only_whole_numbers_within_bounds_are_gifts(
    websocket_stage: Stage, value: Any
) -> None:
    viewer = await websocket_stage.enter("vera")
    answer = await viewer.send("live:gift", giftType="rose", value=value)
    assert answer["code"] == "bad_request"
    assert "value" in answer["message"]
    status = (
        await websocket_stage.call("GET", f"/api/live/{websocket_stage.stream_id}/status")
    ).json()
    assert status["totalGifts"] == 0


async def test_a_gift_that_is_sent_twice_counts_once(websocket_stage: Stage) -> None:
    host, viewer = (
        await websocket_stage.enter(websocket_stage.owner),
        await websocket_stage.enter("vera"),
    )
    gift = {"giftType": "rose", "value": 7, "clientId": "tap-1"}

    answers = await asyncio.gather(*(viewer.send("live:gift", **gift) for _ in range(5)))

    assert len({answer["id"] for answer in answers}) == 1
    other = await websocket_stage.enter("otto")
    assert (await other.send("live:gift", **gift))["ok"], "another user's clientId is another gift"
    await host.comes_true(lambda: host.state["totalGifts"] == 14)
    assert len(host.all("live:gift")) == 2


async def test_the_owner_pins_at_most_five(stage: Stage) -> None:
    host, viewer = await stage.enter(stage.owner), await stage.enter("vera")

    for number in range(6):
        answer = await host.send("live:pin", messageId=f"m{number}", content=f"pin {number}")
        assert answer["ok"]
    refused = await viewer.send("live:pin", messageId="mine", content="look")

    assert refused["code"] == "forbidden"

    def pinned() -> list[str]:
        updates = viewer.all("live:pinned:updated")
        return [one["messageId"] for one in updates[-1]["pinnedMessages"]] if updates else []

    await viewer.comes_true(lambda: pinned() == ["m1", "m2", "m3", "m4", "m5"])
    last = viewer.all("live:pinned:updated")[-1]["pinnedMessages"][-1]
    assert last["content"] == "pin 5"
    assert last["authorId"] == stage.owner
    await viewer.comes_true(lambda: len(viewer.state["pinnedMessages"]) == 5)


async def test_why_a_recording_does_not_begin_is_told_to_the_owner_alone(
    websocket_stage: Stage,
) -> None:
    host, viewer = (
        await websocket_stage.enter(websocket_stage.owner),
        await websocket_stage.enter("vera"),
    )
    refused = await host.send("live:record:start")
    assert (refused["code"], refused["message"]) == ("conflict", "nobody publishes yet")
    assert (await host.hears("error"))[0]["code"] == "conflict"
    assert (await host.send("live:record:stop"))["code"] == "bad_request"
    for event in ("live:record:start", "live:record:stop"):
        assert (await viewer.send(event))["code"] == "forbidden"
    assert not viewer.all("live:record:starting")


async def test_others_hear_when_a_users_last_socket_is_gone(stage: Stage) -> None:
    host = await stage.enter(stage.owner)
    first, second = await stage.enter("vera"), await stage.enter("vera")

    await first.leave()
    await host.say("vera is here still")
    await host.hears("live:message")
    assert not host.all("live:viewer-left")
    await second.leave()

    assert await host.hears("live:viewer-left") == [{"userId": "vera"}]


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "Authentication required"),
        ("nonsense", "Authentication failed"),
        (bearer_of("vera", -5), "Authentication failed"),
    ],
    ids=["none", "no token", "run out"],
)
async def test_who_is_nobody_is_refused(stage: Stage, token: str, message: str) -> None:
    assert (await refusal(stage.user("vera"), token))["message"] == message


@pytest.mark.parametrize("room", ["live_nobody_1700000000000", "elsewhere", ""])
async def test_a_room_that_is_none_is_not_found(stage: Stage, room: str) -> None:
    stage.room = room
    assert (await refusal(stage.user("vera")))["message"] == "Stream not found"


async def test_a_stream_that_is_over_is_not_found(stage: Stage) -> None:
    await stage.call("POST", "/api/live/stop", stage.owner, json={"streamId": stage.stream_id})
    assert (await refusal(stage.user("vera")))["message"] == "Stream not found"


async def test_the_consoles_session_lets_in_until_it_is_signed_out(stage: Stage) -> None:
    async with httpx.AsyncClient(base_url=stage.url, timeout=30) as http:
        signed_in = await http.post("/api/session", json={"token": bearer_of("vera")})
        cookie = f"{COOKIE}={http.cookies[COOKIE]}"
        user = await stage.user("vera").enter("", Cookie=cookie)
        csrf = signed_in.json()["csrf"]
        answer = await http.delete("/api/session", headers={"X-CSRF-Token": csrf})
        assert answer.status_code == 200, answer.text
    told = await refusal(stage.user("vera"), "", Cookie=cookie)
    assert told["message"] == "Authentication required"
    assert (await user.say(HELLO))["ok"], "what was open stays open"


async def test_the_token_may_come_in_the_query(live_server: Server, websocket_stage: Stage) -> None:
    user = websocket_stage.user("vera", f"{live_server.url}?token={bearer_of('vera')}")
    await user.enter(token="")
    assert (await user.say(HELLO))["ok"]
    assert bearer_of("vera")[:40] not in live_server.log.read_text()
    assert "token=" not in live_server.log.read_text()


async def test_a_token_that_runs_out_ends_the_socket_with_a_reason(stage: Stage) -> None:
    user = await stage.user("vera").enter(bearer_of("vera", 2))
    await user.is_gone(within=6)
    assert user.all("error")[-1]["code"] == "token_expired"


async def test_a_page_of_another_origin_is_refused(websocket_stage: Stage) -> None:
    path = "/socket.io/?EIO=4&transport=polling"
    from_elsewhere = {"Origin": "https://evil.example"}
    async with httpx.AsyncClient(base_url=websocket_stage.url) as http:
        assert (await http.get(path, headers=from_elsewhere)).status_code == 400
        assert (await http.get(path)).status_code == 200
        assert (await http.get(path, headers={"Origin": websocket_stage.url})).status_code == 200


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_stream_that_ends_tells_its_room_why_and_closes_its_sockets(
    stage: Stage, how: str
) -> None:
    host, viewer = await stage.enter(stage.owner), await stage.enter("vera")

    if how == "stop":
        await stage.call("POST", "/api/live/stop", stage.owner, json={"streamId": stage.stream_id})
    else:
        path = f"/api/live/{stage.stream_id}/end"
        await stage.call("POST", path, ROOT, json={"reason": "stolen match"})

    for user in (host, viewer):
        await user.is_gone()
        assert user.all("live:state")[-1] == {
            "isLive": False,
            "reason": "stopped" if how == "stop" else "stolen match",
        }


async def test_an_event_that_is_none_of_ours_is_refused(stage: Stage) -> None:
    viewer = await stage.enter("vera")
    answer = await viewer.send("live:nonsense", a=1)
    assert answer["code"] == "bad_request"
    assert (await viewer.send_raw("live:message", "no object"))["code"] == "bad_request"
    assert (await viewer.say(HELLO))["ok"]


async def test_what_was_said_is_kept_and_read_page_by_page(stage: Stage) -> None:
    host = await stage.enter(stage.owner)
    for number in range(5):
        await host.say(f"number {number}")
    await host.send("live:gift", giftType="rose", value=3)

    newest = await stage.messages()
    assert [one["content"] for one in newest] == ["", *(f"number {n}" for n in (4, 3, 2, 1, 0))]
    assert (newest[0]["kind"], newest[0]["giftType"], newest[0]["value"]) == ("gift", "rose", 3)
    oldest = await stage.messages(order="oldest", limit=2)
    assert [one["content"] for one in oldest] == ["number 0", "number 1"]
    assert 0 <= oldest[0]["offsetMs"] <= oldest[1]["offsetMs"] < 60_000
    after = await stage.messages(order="oldest", cursor=oldest[1]["id"], limit=2)
    assert [one["content"] for one in after] == ["number 2", "number 3"]


async def test_the_history_outlasts_the_stream(websocket_stage: Stage) -> None:
    host = await websocket_stage.enter(websocket_stage.owner)
    await host.say("for the replay")
    await websocket_stage.call(
        "POST",
        "/api/live/stop",
        websocket_stage.owner,
        json={"streamId": websocket_stage.stream_id},
    )
    assert [one["content"] for one in await websocket_stage.messages()] == ["for the replay"]


async def test_viewers_are_told_when_the_number_changes(
    websocket_stage: Stage, live_server: Server
) -> None:
    viewer = await websocket_stage.enter("vera")
    before = len(viewer.all("live:state"))
    await websocket_stage.act("rules", slowSeconds=5)
    await viewer.comes_true(lambda: len(viewer.all("live:state")) > before)
    assert viewer.state["chat"]["slowSeconds"] == 5


async def test_a_stop_does_not_wait_for_polls_that_wait(livekit: Any, new_stage: NewStage) -> None:
    with Server(settings_for(livekit)) as server:
        stage = await new_stage(server.url, ["polling"])
        viewer = await stage.enter("vera")
        await asyncio.to_thread(server.stop)  # it would get a second signal after 5 s, and say so
        assert "timeout graceful shutdown exceeded" not in server.log.read_text()
        assert "Finished server process" in server.log.read_text()
        await viewer.leave()


async def test_who_connects_too_often_is_refused_until_later(
    livekit: Any, new_stage: NewStage
) -> None:
    with Server(settings_for(livekit, LIVECTL_CONNECT_LIMIT="2/60")) as server:
        stage = await new_stage(server.url)
        for _ in range(2):
            await (await stage.enter("vera")).leave()
        refused = await refusal(stage.user("vera"))
        assert refused["message"] == "Too many connections"
        assert refused["data"]["code"] == "too_many_requests"
        assert 1 <= refused["data"]["retryAfter"] <= 60
        await stage.enter("otto")


async def test_a_graceful_stop_keeps_all_that_was_said(livekit: Any, new_stage: NewStage) -> None:
    with Server(settings_for(livekit)) as server:
        stage = await new_stage(server.url)
        host = await stage.enter(stage.owner)
        await asyncio.gather(*(host.say(f"{number}") for number in range(50)))
        await asyncio.to_thread(server.restart)
        kept = await stage.messages(limit=100)
        assert len(kept) == 50
