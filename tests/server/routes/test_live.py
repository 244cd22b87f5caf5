from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from livectl.ports.store import EventQuery
from tests.parts import free_port
from tests.parts.livekit import LiveKit
from tests.server.api import NO_STREAM, ROOT, Api, block, good, refused, wrong_fields
from tests.server.conftest import NewApi

COVER = "https://pictures.test/a.png"


def grants(token: str, livekit: LiveKit) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, livekit.secret, algorithms=["HS256"])
    return claims


async def test_start_answers_what_a_host_needs_to_publish(api: Api, livekit: LiveKit) -> None:
    before = int(datetime.now(UTC).timestamp() * 1000)
    started = await api.start("alice", title="Hello", tags=["music"], coverUrl=COVER)
    assert set(started) == {"streamId", "roomName", "token", "url"}
    assert re.fullmatch("[0-9a-f]{24}", started["streamId"])
    prefix, millis = started["roomName"].rsplit("_", 1)
    assert prefix == "live_alice"
    assert before <= int(millis) <= before + 60_000
    assert started["url"] == livekit.url.replace("http", "ws")
    claims = grants(started["token"], livekit)
    assert claims["sub"] == "alice"
    assert claims["video"]["room"] == started["roomName"]
    assert claims["video"]["roomJoin"]
    assert claims["video"]["canPublish"]
    assert 0 < claims["exp"] - before / 1000 <= 601


async def test_start_needs_no_body_at_all(api: Api) -> None:
    started = good(await api.post("/api/live/start", "alice"))
    shown = await api.shown(started["streamId"])
    assert (shown["title"], shown["tags"], shown["coverUrl"]) == ("", [], None)
    assert shown["enableRecording"]
    assert shown["enableReplay"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, {"records": True, "autoRecord": False}),
        ({"LIVECTL_AUTO_RECORD": "true"}, {"records": True, "autoRecord": True}),
        (
            {"LIVECTL_AUTO_RECORD": "true", "LIVECTL_RECORDER": "off"},
            {"records": False, "autoRecord": False},
        ),
    ],
)
async def test_one_is_told_how_a_stream_is_recorded_whose_start_does_not_say(
    new_api: NewApi, settings: dict[str, str], told: dict[str, bool]
) -> None:
    api = await new_api(**settings)
    assert good(await api.get("/api/live/start", "alice")) == told


async def test_start_takes_null_for_a_value_that_is_not_given(api: Api) -> None:
    nothing = dict.fromkeys(["title", "tags", "coverUrl", "enableRecording", "enableReplay"])
    shown = await api.shown((await api.start(**nothing))["streamId"])
    assert shown["enableRecording"]
    assert shown["title"] == ""


async def test_start_passes_over_fields_that_it_does_not_know(api: Api) -> None:
    assert await api.start(title="Hello", whatever={"a": [1]})


async def test_start_cuts_a_title_to_120_characters_and_tags_to_10(api: Api) -> None:
    started = await api.start(title="é" * 500, tags=[f"t{n}" for n in range(25)])
    shown = await api.shown(started["streamId"])
    assert shown["title"] == "é" * 120
    assert shown["tags"] == [f"t{n}" for n in range(10)]


async def test_start_removes_control_characters_from_a_title(api: Api) -> None:
    shown = await api.shown((await api.start(title=" a\u0000b\u001b[31m\n "))["streamId"])
    assert shown["title"] == "ab[31m"


@pytest.mark.parametrize(
    "cover",
    ["javascript:alert(1)", "ftp://a.test/b", "//a.test/b", "https://", "", 7, "x" * 3000],
)
async def test_start_refuses_a_cover_that_is_no_web_address(api: Api, cover: Any) -> None:
    answer = await api.post("/api/live/start", "alice", json={"coverUrl": cover})
    assert wrong_fields(answer) == ["coverUrl"]


async def test_start_names_every_wrong_field_at_once(api: Api) -> None:
    wish = {"title": 3, "tags": "music", "coverUrl": "x", "enableRecording": "yes"}
    answer = await api.post("/api/live/start", "alice", json=wish)
    assert wrong_fields(answer) == ["title", "tags", "coverUrl", "enableRecording"]
    assert all(one["expected"] for one in answer.json()["details"])


async def test_start_says_so_when_going_live_is_switched_off(new_api: NewApi) -> None:
    api = await new_api(FEATURE_GO_LIVE="false")
    refused(await api.post("/api/live/start", "alice", json={}), 403, "feature_disabled")
    assert good(await api.get("/api/live/active", "alice")) == {"items": []}


async def test_start_is_refused_to_a_banned_user_until_the_ban_is_lifted(api: Api) -> None:
    good(await api.post("/api/bans", ROOT, json={"userId": "alice", "seconds": 60}))
    refused(await api.post("/api/live/start", "alice"), 403, "banned")
    good(await api.delete("/api/bans/alice", ROOT))
    assert await api.start("alice")


async def test_start_with_the_same_key_is_the_same_stream(api: Api) -> None:
    key = {"Idempotency-Key": "one"}
    wish = {"title": "Hello"}
    first = good(await api.post("/api/live/start", "alice", json=wish, headers=key))
    again = good(await api.post("/api/live/start", "alice", json=wish, headers=key))
    others = good(await api.post("/api/live/start", "bob", json=wish, headers=key))
    assert again["streamId"] == first["streamId"]
    assert again["roomName"] == first["roomName"]
    assert others["streamId"] != first["streamId"]


async def test_start_with_the_same_key_and_other_values_is_a_conflict(api: Api) -> None:
    key = {"Idempotency-Key": "one"}
    good(await api.post("/api/live/start", "alice", json={"title": "Hello"}, headers=key))
    answer = await api.post("/api/live/start", "alice", json={"title": "Bye"}, headers=key)
    refused(answer, 409, "conflict")


async def test_start_with_the_key_of_an_ended_stream_is_a_conflict(api: Api) -> None:
    key = {"Idempotency-Key": "one"}
    started = good(await api.post("/api/live/start", "alice", headers=key))
    good(await api.post("/api/live/stop", "alice", json={"streamId": started["streamId"]}))
    refused(await api.post("/api/live/start", "alice", headers=key), 409, "conflict")


async def test_many_starts_at_once_with_one_key_make_one_stream(api: Api) -> None:
    key = {"Idempotency-Key": "one"}
    answers = await asyncio.gather(
        *(api.post("/api/live/start", "alice", headers=key) for _ in range(8))
    )
    assert len({good(answer)["streamId"] for answer in answers}) == 1
    assert len(good(await api.get("/api/live/active", "bob"))["items"]) == 1


async def test_many_starts_at_once_without_a_key_make_a_stream_each(api: Api) -> None:
    answers = await asyncio.gather(*(api.post("/api/live/start", "alice") for _ in range(8)))
    assert len({good(answer)["roomName"] for answer in answers}) == 8


async def test_start_without_livekit_fails_and_leaves_no_live_stream(new_api: NewApi) -> None:
    api = await new_api(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    said = refused(await api.post("/api/live/start", "alice"), 502, "unavailable")
    assert "CreateRoom" in said["error"]
    assert good(await api.get("/api/live/active", "alice"))["items"] == []


async def test_a_host_goes_on_from_anywhere_with_a_token_of_the_same_stream(
    api: Api, livekit: LiveKit
) -> None:
    started = await api.start("alice")
    again = good(await api.post(f"/api/live/{started['streamId']}/token", "alice"))
    assert {**again, "token": ""} == {**started, "token": ""}
    was, is_now = (grants(one["token"], livekit) for one in (started, again))
    assert is_now["sub"] == was["sub"]
    assert is_now["video"] == was["video"]


async def test_nobody_goes_on_with_a_stream_that_is_over(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    good(await api.post(f"/api/live/{stream_id}/end", ROOT, json={}))
    refused(await api.post(f"/api/live/{stream_id}/token", "alice"), 404, "not_found")


async def test_stop_ends_it_and_stopping_twice_succeeds_twice(api: Api) -> None:
    started = await api.start("alice")
    for _ in range(2):
        answer = await api.post("/api/live/stop", "alice", json={"streamId": started["streamId"]})
        assert good(answer) == {"success": True, "held": True}
    shown = await api.shown(started["streamId"])
    assert not shown["isLive"]
    assert (shown["endReason"], shown["endedBy"]) == ("stopped", "user:alice")
    assert not shown["teardownOwed"]
    ends = await api.context.events.read(EventQuery(type="stream.ended"))
    assert len(ends[0]) == 1


@pytest.mark.parametrize("stream_id", ["", "abc", "g" * 24, "0" * 25, "\uff10" * 24])
async def test_stop_refuses_what_is_no_id(api: Api, stream_id: str) -> None:
    answer = await api.post("/api/live/stop", "alice", json={"streamId": stream_id})
    assert wrong_fields(answer) == ["streamId"]


async def test_stop_without_an_id_names_the_missing_field(api: Api) -> None:
    assert wrong_fields(await api.post("/api/live/stop", "alice", json={})) == ["streamId"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/live/{}/watch"),
        ("GET", "/api/live/{}/status"),
        ("POST", "/api/live/{}/end"),
        ("POST", "/api/live/{}/report"),
        ("GET", "/api/live/{}/messages"),
        ("POST", "/api/live/{}/pin-message"),
        ("DELETE", "/api/live/{}/pin-message/m1"),
        ("GET", "/api/streams/{}"),
        ("GET", "/api/streams/{}/timeline"),
    ],
)
async def test_an_id_is_400_when_it_is_none_and_404_when_nobody_has_it(
    api: Api, method: str, path: str
) -> None:
    body = (
        {}
        if method != "POST"
        else {"json": {"type": "a", "reason": "b", "messageId": "m", "content": "c"}}
    )
    for bad in ("abc", "g" * 24, "0" * 23, "0" * 25, "%00" * 24, "%F0%9F%98%80", " " + "0" * 23):
        assert wrong_fields(await api.call(method, path.format(bad), ROOT, **body)) == ["id"]
    refused(await api.call(method, path.format(NO_STREAM), ROOT, **body), 404, "not_found")


async def test_an_id_may_be_written_in_capitals(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    status = good(await api.get(f"/api/live/{stream_id.upper()}/status", "bob"))
    assert status["streamId"] == stream_id


async def test_active_shows_what_is_live_newest_first_and_no_secrets(api: Api) -> None:
    started = [(await api.start(f"user{n}", title=f"No {n}"))["streamId"] for n in range(3)]
    over = (await api.start("gone"))["streamId"]
    await api.post("/api/live/stop", "gone", json={"streamId": over})
    await block(api, started[0], "user0", "mallory")
    answer = await api.get("/api/live/active", "bob")
    items = good(answer)["items"]
    assert [one["streamId"] for one in items] == started[::-1]
    assert set(items[0]) == {
        "streamId",
        "ownerId",
        "roomName",
        "title",
        "coverUrl",
        "tags",
        "viewers",
        "peakViewers",
        "totalGifts",
        "startedAt",
    }
    assert items[0]["startedAt"].endswith("Z")
    assert "nextCursor" not in answer.json()
    for secret in ("mallory", "blocked", "streamKey", "token"):
        assert secret not in answer.text


async def test_active_pages_through_every_stream_once(api: Api) -> None:
    started = [(await api.start(f"user{n}"))["streamId"] for n in range(7)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    for _ in range(3):
        page = good(await api.get("/api/live/active", "bob", params=query))
        seen += [one["streamId"] for one in page["items"]]
        query["cursor"] = page.get("nextCursor")
    assert seen == started[::-1]
    assert query["cursor"] is None


async def test_active_filters_by_tag_by_owner_and_by_a_part_of_the_title(api: Api) -> None:
    music = (await api.start("a", title="Late Music", tags=["music", "live"]))["streamId"]
    talk = (await api.start("b", title="100% talk_show", tags=["talk"]))["streamId"]

    async def found(**query: str) -> list[str]:
        items = good(await api.get("/api/live/active", "bob", params=query))["items"]
        return [one["streamId"] for one in items]

    assert await found(tag="music") == [music]
    assert await found(tag="mus") == []
    assert await found(owner="b") == [talk]
    assert await found(owner="B") == []
    assert await found(q="MUSIC") == [music]
    assert await found(q="%") == [talk]
    assert await found(q="talk_show") == [talk]
    assert await found(q=".*") == []
    assert await found(tag="talk", q="music") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=MTIzNDU2", "cursor"),
        ("cursor=%F0%9F%98%80", "cursor"),
        ("cursor=", "cursor"),
        ("q=" + "x" * 121, "q"),
    ],
)
async def test_active_refuses_a_query_that_makes_no_sense(api: Api, query: str, field: str) -> None:
    assert wrong_fields(await api.get(f"/api/live/active?{query}", "bob")) == [field]


async def test_active_is_not_sent_again_while_nothing_has_changed(api: Api) -> None:
    await api.start("alice")
    first = await api.get("/api/live/active", "bob")
    etag = first.headers["etag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}"):
        again = await api.get("/api/live/active", "bob", headers={"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == etag
    await api.start("carol")
    changed = await api.get("/api/live/active", "bob", headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


async def test_many_who_ask_for_active_at_once_all_see_what_started_before(api: Api) -> None:
    for n in range(3):
        await api.start(f"user{n}")
        answers = await asyncio.gather(*(api.get("/api/live/active", "bob") for _ in range(20)))
        assert {len(good(answer)["items"]) for answer in answers} == {n + 1}


async def test_watch_gives_a_token_that_only_subscribes(api: Api, livekit: LiveKit) -> None:
    started = await api.start("alice", title="Hello", coverUrl=COVER)
    watching = good(await api.get(f"/api/live/{started['streamId']}/watch", "bob"))
    assert set(watching) == {"roomName", "token", "url", "title", "coverUrl"}
    assert watching["roomName"] == started["roomName"]
    assert (watching["title"], watching["coverUrl"]) == ("Hello", COVER)
    claims = grants(watching["token"], livekit)
    assert claims["sub"].startswith("bob#")
    assert claims["video"]["room"] == started["roomName"]
    assert claims["video"]["canSubscribe"]
    assert not claims["video"].get("canPublish", False)
    assert not claims["video"].get("canPublishData", False)


async def test_watch_is_404_once_the_stream_is_over(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    await api.post("/api/live/stop", "alice", json={"streamId": stream_id})
    refused(await api.get(f"/api/live/{stream_id}/watch", "bob"), 404, "not_found")


async def test_about_says_what_a_stream_is_while_it_is_live_and_after(api: Api) -> None:
    wish = {
        "title": "Chess",
        "tags": ["games"],
        "coverUrl": "https://covers.test/1.jpg",
        "enableReplay": False,
    }
    started = await api.start("alice", **wish)
    path = f"/api/live/{started['streamId']}/about"
    live = good(await api.get(path, "bob"))
    assert live.pop("startedAt").endswith("Z")
    assert live == {"streamId": started["streamId"], "ownerId": "alice", "isLive": True, **wish}
    await api.post("/api/live/stop", "alice", json={"streamId": started["streamId"]})
    assert good(await api.get(path, "bob"))["isLive"] is False


async def test_status_says_none_where_there_is_no_recording_and_no_vod(api: Api) -> None:
    started = await api.start("alice")
    status = good(await api.get(f"/api/live/{started['streamId']}/status", "bob"))
    assert status.pop("startedAt").endswith("Z")
    assert status == {
        "streamId": started["streamId"],
        "isLive": True,
        "viewers": 0,
        "peakViewers": 0,
        "totalGifts": 0,
        "recordingStatus": "none",
        "vodStatus": "none",
        "endedAt": None,
    }


async def test_status_of_an_ended_stream_tells_when_it_ended(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    await api.post("/api/live/stop", "alice", json={"streamId": stream_id})
    status = good(await api.get(f"/api/live/{stream_id}/status", "bob"))
    assert not status["isLive"]
    assert status["endedAt"].endswith("Z")
    assert status["endedAt"] >= status["startedAt"]


async def test_end_lists_each_step_and_says_that_it_holds(api: Api) -> None:
    stream_id = (await api.start("alice", title="Hello"))["streamId"]
    ended = good(await api.post(f"/api/live/{stream_id}/end", ROOT, json={"reason": "rules"}))
    assert ended["success"]
    assert ended["held"]
    assert ended["wasLive"]
    assert (ended["ownerId"], ended["title"]) == ("alice", "Hello")
    assert [(step["step"], step["result"]) for step in ended["steps"]] == [
        ("stream_ended", "done"),
        ("ingress_off", "nothing_to_do"),
        ("recording_stopped", "nothing_to_do"),
        ("room_deleted", "done"),
        ("room_gone", "done"),
    ]
    shown = await api.shown(stream_id)
    assert (shown["endReason"], shown["endedBy"]) == ("rules", f"user:{ROOT}")


async def test_end_of_an_ended_stream_changes_neither_its_time_nor_its_reason(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    await api.post("/api/live/stop", "alice", json={"streamId": stream_id})
    before = await api.shown(stream_id)
    ended = good(await api.post(f"/api/live/{stream_id}/end", ROOT, json={"reason": "late"}))
    assert not ended["wasLive"]
    assert ended["steps"][0]["result"] == "nothing_to_do"
    assert await api.shown(stream_id) == before


async def test_end_with_a_ban_keeps_the_owner_from_starting_again(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    good(await api.post(f"/api/live/{stream_id}/end", ROOT, json={"banSeconds": 3600}))
    refused(await api.post("/api/live/start", "alice"), 403, "banned")


async def test_end_as_a_dry_run_plans_every_step_and_does_none(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    path = f"/api/live/{stream_id}/end?dryRun=true"
    planned = good(await api.post(path, ROOT, json={"banSeconds": 60}))
    assert planned["dryRun"]
    assert {step["result"] for step in planned["steps"]} == {"planned"}
    assert (await api.shown(stream_id))["isLive"]
    assert await api.start("alice")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"reason": 5}, ["reason"]),
        ({"reason": "x" * 501}, ["reason"]),
        ({"banSeconds": 0}, ["banSeconds"]),
        ({"banSeconds": 1.5}, ["banSeconds"]),
        ({"banSeconds": 10**30}, ["banSeconds"]),
        ({"banSeconds": "60", "reason": []}, ["reason", "banSeconds"]),
    ],
)
async def test_end_refuses_fields_that_make_no_sense(
    api: Api, body: dict[str, Any], fields: list[str]
) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    assert wrong_fields(await api.post(f"/api/live/{stream_id}/end", ROOT, json=body)) == fields
    assert (await api.shown(stream_id))["isLive"]


async def test_a_report_is_filed_with_its_id(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    report = {
        "type": "spam",
        "reason": "it is",
        "description": "all of it",
        "evidence": ["https://pictures.test/1.png"],
    }
    filed = good(await api.post(f"/api/live/{stream_id}/report", "bob", json=report))
    assert filed["success"]
    assert re.fullmatch("[0-9a-f]{24}", filed["reportId"])
    assert filed["message"]
    events, _ = await api.context.events.read(EventQuery(type="report.filed"))
    assert [event.data["report"] for event in events] == [filed["reportId"]]


@pytest.mark.parametrize(
    ("report", "fields"),
    [
        ({}, ["type", "reason"]),
        ({"type": "spam"}, ["reason"]),
        ({"reason": "it is"}, ["type"]),
        ({"type": "", "reason": ""}, ["type", "reason"]),
        ({"type": None, "reason": None}, ["type", "reason"]),
        ({"type": "spam", "reason": "it is", "evidence": [1]}, ["evidence"]),
        (
            {"type": "x" * 65, "reason": "x" * 1001, "description": 1},
            ["type", "reason", "description"],
        ),
    ],
)
async def test_a_report_needs_a_type_and_a_reason(
    api: Api, report: dict[str, Any], fields: list[str]
) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    answer = await api.post(f"/api/live/{stream_id}/report", "bob", json=report)
    assert wrong_fields(answer) == fields


async def test_blocked_users_and_stream_keys_are_in_no_answer_to_a_viewer(api: Api) -> None:
    stream_id = (await api.start("alice"))["streamId"]
    await block(api, stream_id, "alice", "mallory")
    for path in ("active", f"{stream_id}/watch", f"{stream_id}/status"):
        answer = await api.get(f"/api/live/{path}", "bob")
        assert answer.status_code == 200
        assert "mallory" not in answer.text
        assert "streamKey" not in answer.text
