"""Keeping order, as those in the room feel it; each act from REST, or from a shell with only the
database."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from typing import Any

import pytest

from tests.server.api import ROOT
from tests.server.live.client import Stage, User, refusal
from tests.server.process import Server
from tests.shell import Shell


@pytest.fixture
async def stage(websocket_stage: Stage) -> Stage:
    return websocket_stage


@pytest.fixture
async def host(stage: Stage) -> User:
    return await stage.enter(stage.owner)


@pytest.fixture
async def troll(stage: Stage) -> User:
    return await stage.enter(f"troll-{secrets.token_hex(4)}")


async def test_a_deleted_message_is_gone_from_screens_and_history_and_can_be_restored(
    stage: Stage, host: User, troll: User
) -> None:
    bad = await troll.say("buy followers")
    await host.say("good")
    await host.hears("live:message", 2)

    deleted = await stage.act("delete", by=stage.owner, messageIds=[bad["id"]], reason="spam")

    assert await host.hears("live:message:deleted") == [{"ids": [bad["id"]]}]
    assert [one["content"] for one in await stage.messages()] == ["good"]
    late = await stage.enter("late")
    assert [one["content"] for one in late.state["recentMessages"]] == ["good"]
    await stage.act("restore", eventId=deleted["eventId"])
    assert [one["content"] for one in await stage.messages()] == ["good", "buy followers"]


async def test_everything_that_a_user_said_is_cleared(
    stage: Stage, host: User, troll: User
) -> None:
    for number in range(3):
        await troll.say(f"spam {number}")
    await host.say("good")

    cleared = await stage.act("clear", by=stage.owner, userId=troll.user)

    assert cleared["count"] == 3
    assert await host.hears("live:message:deleted") == [{"userId": troll.user}]
    assert [one["content"] for one in await stage.messages()] == ["good"]


async def test_who_is_timed_out_is_told_and_says_nothing_until_it_is_over(
    stage: Stage, host: User, troll: User
) -> None:
    await stage.act("timeout", by=stage.owner, userId=troll.user, seconds=600)

    (told,) = await troll.hears("error")
    assert (told["code"], told["retryAfter"]) == ("timed_out", 600)
    for event, data in (
        ("live:message", {"content": "let me"}),
        ("live:reaction", {"emoji": "🔥"}),
        ("live:gift", {"giftType": "rose", "value": 1}),
    ):
        answer = await troll.send(event, **data)
        assert answer["code"] == "timed_out"
        assert 590 <= answer["retryAfter"] <= 600
    await stage.act("untimeout", by=stage.owner, userId=troll.user)
    await _may_speak(troll)


async def _may_speak(user: User, within: float = 3) -> None:
    async with asyncio.timeout(within):
        for wait in itertools.repeat(0.1):
            if (await user.say("may I?"))["ok"]:
                return
            await asyncio.sleep(wait)


async def test_who_is_blocked_is_told_put_out_and_not_let_in_again(
    stage: Stage, host: User, troll: User
) -> None:
    second_tab = await stage.enter(troll.user)

    await stage.act("block", by=stage.owner, userId=troll.user)

    for one in (troll, second_tab):
        await one.is_gone()
        assert one.all("error")[-1]["code"] == "blocked"
    assert (await refusal(stage.user(troll.user)))["message"] == "Blocked"
    watching = await stage.call("GET", f"/api/live/{stage.stream_id}/watch", troll.user)
    assert watching.status_code == 403
    reading = await stage.call("GET", f"/api/live/{stage.stream_id}/messages", troll.user)
    assert reading.status_code == 403
    assert not host.gone.is_set()
    await stage.act("unblock", by=stage.owner, userId=troll.user)
    await stage.enter(troll.user)


async def test_a_block_ends_by_itself(stage: Stage, troll: User) -> None:
    await stage.act("block", userId=troll.user, seconds=1)
    await troll.is_gone()
    await asyncio.sleep(1.1)
    await stage.enter(troll.user)


async def test_a_block_by_address_keeps_out_who_comes_back_under_another_name(
    stage: Stage, host: User, troll: User
) -> None:
    other = await stage.enter("somebody-else")  # from the same address, as all are here

    outcome = await stage.act("block", userId=troll.user, address=True)

    assert "1 address" in outcome["detail"]
    await other.is_gone()
    assert (await refusal(stage.user("new-name")))["message"] == "Blocked"
    assert not host.gone.is_set(), "the host stays, wherever the host is"
    await stage.act("unblock", userId=troll.user)
    await stage.enter("new-name")


async def test_a_block_everywhere_and_one_of_an_owner_hold_in_their_streams(
    stage: Stage, troll: User
) -> None:
    for scope in ({"ownerId": stage.owner}, {}):
        body = {"act": "block", "userId": troll.user, **scope}
        answer = await stage.call("POST", "/api/moderation", json=body)
        assert answer.status_code == 200, answer.text
        await troll.is_gone()
        assert (await refusal(stage.user(troll.user)))["message"] == "Blocked"
        lifted = await stage.call("POST", "/api/moderation", json={**body, "act": "unblock"})
        assert lifted.status_code == 200
        troll = await stage.enter(troll.user)


async def test_who_is_kicked_is_put_out_and_may_come_back(stage: Stage, troll: User) -> None:
    await stage.act("kick", by=stage.owner, userId=troll.user)
    await troll.is_gone()
    assert troll.all("error")[-1]["code"] == "kicked"
    await stage.enter(troll.user)


async def test_slow_mode_lets_one_message_in_its_time_through(
    stage: Stage, host: User, troll: User
) -> None:
    await stage.act("rules", by=stage.owner, slowSeconds=2)
    await troll.comes_true(lambda: troll.state["chat"]["slowSeconds"] == 2)

    assert (await troll.say("one"))["ok"]
    refused = await troll.say("two")
    assert (refused["code"], refused["retryAfter"]) == ("slow_mode", 2)
    assert all([(await host.say(f"{n}"))["ok"] for n in range(3)]), "hosts are free of it"
    await asyncio.sleep(refused["retryAfter"])
    assert (await troll.say("three"))["ok"]


async def test_a_frozen_chat_is_for_hosts_and_moderators(
    stage: Stage, host: User, troll: User
) -> None:
    moderator = await stage.enter("mona")
    await stage.act("moderators", by=stage.owner, add=["mona"])
    await stage.act("rules", by="mona", frozen=True)
    await troll.comes_true(lambda: troll.state["chat"]["frozen"])

    assert (await troll.say("hm"))["code"] == "chat_frozen"
    assert (await moderator.say("quiet, please"))["ok"]
    assert (await host.say("thank you"))["ok"]
    await stage.act("rules", by="mona", frozen=False)
    await _may_speak(troll)


async def test_a_chat_for_a_list_is_for_those_on_it(stage: Stage, troll: User) -> None:
    friend = await stage.enter("friend")
    await stage.act("rules", allowedOnly=True, allow=["friend"])
    await troll.comes_true(lambda: troll.state["chat"]["allowedOnly"])
    assert (await troll.say("hm"))["code"] == "not_allowed"
    assert (await friend.say("hello"))["ok"]


async def test_blocked_words_and_links_are_refused(stage: Stage, host: User, troll: User) -> None:
    await stage.act("rules", addWords=["slur"], linksOff=True)
    await troll.comes_true(lambda: troll.state["chat"]["linksOff"])

    assert (await troll.say("what a SLÜR, you"))["code"] == "blocked_word"
    assert (await troll.say("see https://evil.example/x"))["code"] == "links_off"
    gift = await troll.send("live:gift", giftType="rose", value=1, message="slur")
    assert gift["code"] == "blocked_word"
    assert (await troll.say("what a slurry"))["ok"]
    assert (await host.say("see https://good.example"))["ok"]
    assert not [one for one in host.contents() if "evil" in one]


async def test_the_system_speaks_and_is_kept(stage: Stage, host: User) -> None:
    await stage.act("announce", content="maintenance at noon")
    (heard,) = await host.hears("live:message")
    assert (heard["userId"], heard["content"], heard["system"]) == (
        "system",
        "maintenance at noon",
        True,
    )
    (kept,) = await stage.messages()
    assert (kept["id"], kept["kind"]) == (heard["id"], "system")


async def test_a_warning_is_told_to_one_user(stage: Stage, host: User, troll: User) -> None:
    await stage.act("warn", userId=troll.user, content="be kind")
    assert await troll.hears("error") == [{"message": "be kind", "code": "warned"}]
    assert not host.all("error")


async def test_those_who_keep_order_hear_of_it_and_others_do_not(
    stage: Stage, host: User, troll: User
) -> None:
    viewer = await stage.enter("vera")
    await stage.act("timeout", by=stage.owner, userId=troll.user, seconds=60, reason="spam")
    (told,) = await host.hears("live:moderation")
    assert (told["act"], told["user"], told["reason"]) == ("timeout", troll.user, "spam")
    assert not viewer.all("live:moderation")


async def test_moderators_keep_order_and_name_no_others(stage: Stage, troll: User) -> None:
    body = {"act": "kick", "streamId": stage.stream_id, "userId": troll.user}
    assert (await stage.call("POST", "/api/moderation", "mona", json=body)).status_code == 404
    await stage.act("moderators", by=stage.owner, add=["mona"])
    assert (await stage.call("POST", "/api/moderation", "mona", json=body)).status_code == 200
    naming = {"act": "moderators", "streamId": stage.stream_id, "add": ["mate"]}
    assert (await stage.call("POST", "/api/moderation", "mona", json=naming)).status_code == 403
    everywhere = {"act": "kick", "userId": troll.user}
    assert (await stage.call("POST", "/api/moderation", "mona", json=everywhere)).status_code == 403


async def test_a_report_keeps_its_messages_as_evidence(stage: Stage, troll: User) -> None:
    said = await troll.say("something awful")
    filed = await stage.call(
        "POST",
        f"/api/live/{stage.stream_id}/report",
        "vera",
        json={"type": "abuse", "reason": "awful", "evidence": [said["id"]]},
    )
    await stage.act("delete", messageIds=[said["id"]])

    path = f"/api/reports/{filed.json()['reportId']}"
    report = (await stage.call("GET", path)).json()
    assert [one["content"] for one in report["messages"]] == ["something awful"]
    queue = (await stage.call("GET", "/api/reports", params={"status": "open"})).json()["items"]
    assert filed.json()["reportId"] in [one["reportId"] for one in queue]
    resolved = await stage.call("POST", f"{path}/resolve", json={"resolution": "deleted"})
    assert resolved.json()["status"] == "resolved"
    again = await stage.call("POST", f"{path}/resolve", json={"resolution": "again"})
    assert again.status_code == 409


async def test_the_audit_says_who_did_what_to_whom_and_how_to_take_it_back(
    stage: Stage, troll: User
) -> None:
    await stage.act("block", by=stage.owner, userId=troll.user, reason="spam")
    found = await stage.call("GET", "/api/moderation/audit", params={"user": troll.user})
    (entry,) = found.json()["items"]
    assert entry["act"] == "block"
    assert entry["actor"] == f"user:{stage.owner}"
    assert entry["reason"] == "spam"
    assert entry["undo"] == f"livectl moderation unblock {troll.user} --stream {stage.stream_id}"


@pytest.fixture
def beside(live_server: Server) -> Shell:
    """A shell on the server's host that has only its database: no server is named."""
    home = live_server.dir / "shell"
    home.mkdir(exist_ok=True)
    shell = Shell.at(home)
    return shell.having(**live_server.settings)


async def test_a_kill_from_a_shell_with_only_the_database_closes_the_sockets(
    stage: Stage, host: User, troll: User, beside: Shell
) -> None:
    await _run(beside, "streams", "kill", stage.stream_id, "--yes", "--reason", "enough")
    for user in (host, troll):
        await user.is_gone(within=2)
        assert user.all("live:state")[-1] == {"isLive": False, "reason": "enough"}


async def test_a_block_from_a_shell_with_only_the_database_closes_the_sockets(
    stage: Stage, host: User, troll: User, beside: Shell
) -> None:
    await _run(
        beside, "moderation", "block", troll.user, "--stream", stage.stream_id, "--reason", "enough"
    )
    await troll.is_gone(within=2)
    assert troll.all("error")[-1]["code"] == "blocked"
    assert not host.gone.is_set()


async def _run(shell: Shell, *words: str) -> Any:
    ran = await asyncio.to_thread(shell, *words)
    assert ran.code == 0, ran.err
    return ran


async def test_an_act_in_a_stream_is_no_act_in_another(
    stage: Stage, troll: User, live_server: Server
) -> None:
    other = await stage.call("POST", "/api/streams", ROOT, json={"ownerId": "another"})
    elsewhere = Stage(
        stage.url, other.json()["streamId"], other.json()["roomName"], "another", [], ["websocket"]
    )
    there = await elsewhere.enter(troll.user)
    await stage.act("block", userId=troll.user)
    await troll.is_gone()
    assert (await there.say("still here"))["ok"]
    await there.leave()
