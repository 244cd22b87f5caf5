"""`livectl streams …`, on a real application, SQLite and a real LiveKit."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import Any

import jwt
import pytest
import yaml
from inline_snapshot import snapshot

from tests.parts.livekit import LiveKit
from tests.shell import Ran, Shell, until

NO_STREAM = "0" * 24


def go_live(shell: Shell, owner: str = "anna", *more: str) -> str:
    """The id of a new stream."""
    return shell.good("-o", "id", "streams", "start", "--owner", owner, *more).out.strip()


def live(shell: Shell) -> list[str]:
    return shell.good("streams", "list", "--live", "-o", "id").out.split()


def plain(text: str) -> str:
    """Without what differs from run to run."""
    text = re.sub(r"\b[0-9a-f]{24}\b", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+Z?)?", "<time>", text)
    text = re.sub(r"\b0:0\d:\d\d\b", "<lasts>", text)
    text = re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "<time>", text)
    text = re.sub(r"(live_\w+_)\d+", r"\1<n>", text)
    text = re.sub(r"in \d+ ms", "in <n> ms", text)
    text = re.sub(r"steps={.*}", "steps=<steps>", text)
    return re.sub(r"operator:\S+ *", "operator ", text)


def test_a_stream_that_was_started_can_be_published_to(shell: Shell, livekit: LiveKit) -> None:
    found = shell.json("streams", "start", "--owner", "anna", "--title", "Evening", "--tag", "a")
    claims = jwt.decode(found["token"], livekit.secret, algorithms=["HS256"])
    assert (claims["sub"], claims["video"]["room"]) == ("anna", found["roomName"])
    assert claims["video"]["canPublish"] is True
    shown = shell.json("streams", "show", found["streamId"])
    assert (shown["title"], shown["tags"], shown["isLive"]) == ("Evening", ["a"], True)


def test_what_is_wrong_with_a_start_is_named(shell: Shell) -> None:
    ran = shell("streams", "start", "--owner", "x", "--cover-url", "ftp://x", "-o", "json")
    assert (ran.code, ran.out) == (2, "")
    assert [one["field"] for one in ran.error["details"]] == ["coverUrl"]


def test_a_list_is_a_table_with_the_newest_first(shell: Shell) -> None:
    go_live(shell, "anna", "--title", "Evening", "--tag", "music")
    go_live(shell, "bert")
    assert plain(shell.good("streams", "list").out) == snapshot("""\
STREAM                    LIVE  OWNER  VIEWERS  PEAK  STARTED                LASTS  TITLE
<id>  yes   bert         0     0  <time>  <lasts>
<id>  yes   anna         0     0  <time>  <lasts>  Evening
""")


def test_a_list_in_every_format_holds_the_same(shell: Shell) -> None:
    ids = [go_live(shell, name) for name in ("anna", "bert")][::-1]
    found = shell.json("streams", "list")
    assert [one["streamId"] for one in found] == ids
    assert shell.good("streams", "list", "-o", "jsonl").lines == found
    assert yaml.safe_load(shell.good("streams", "list", "-o", "yaml").out) == found
    assert shell.good("streams", "list", "-o", "id").out.split() == ids


def test_a_list_is_filtered(shell: Shell) -> None:
    anna = go_live(shell, "anna", "--title", "Evening song", "--tag", "music")
    bert = go_live(shell, "bert", "--title", "Chess")
    shell.good("streams", "stop", bert, "--yes")

    def found(*words: str) -> list[str]:
        return shell.good("streams", "list", "-o", "id", *words).out.split()

    assert found() == [bert, anna]
    assert found("--live") == [anna]
    assert found("--ended") == [bert]
    assert found("--owner", "bert") == [bert]
    assert found("--tag", "music") == [anna]
    assert found("--title", "chess") == [bert]
    assert found("--since", "1h", "--limit", "1") == [bert]
    assert found("--until", "1h") == []
    assert found("--since", "2020-01-31T20:00Z", "--until", "2020-02-01") == []


def test_a_terminal_gets_a_table_that_fits_and_watch_draws_it_again(shell: Shell) -> None:
    go_live(shell, "anna", "--title", "Evening")
    assert "Evening" in shell.terminal("streams", "list").out
    ran = shell.terminal("streams", "list", "--watch", typed="\x03", when="Evening")
    assert ran.code == 130
    assert "Ctrl-C ends" in ran.out


@pytest.mark.parametrize("cut", [24, 23])
def test_a_stream_is_shown_by_its_id_its_beginning_or_its_room(shell: Shell, cut: int) -> None:
    stream = go_live(shell)
    shown = shell.json("streams", "show", stream)
    assert shell.json("streams", "show", stream[:cut]) == shown
    assert shell.json("streams", "show", stream[:cut].upper()) == shown
    assert shell.json("streams", "show", shown["roomName"]) == shown


def test_a_beginning_of_several_names_none(shell: Shell) -> None:
    one, two = go_live(shell, "anna"), go_live(shell, "bert")
    for words in (["show"], ["kill", "--yes"], ["explain"], ["watch"]):
        ran = shell("streams", *words, one[:2])
        assert (ran.code, ran.out) == (5, "")
        assert f"{one[:2]} is the beginning of several streams" in ran.err
        assert one in ran.err
    assert live(shell) == [two, one]


def test_an_empty_word_does_not_name_the_only_stream(shell: Shell) -> None:
    stream = go_live(shell)
    ran = shell("streams", "kill", "--yes", "")
    assert (ran.code, ran.out) == (3, "")
    assert live(shell) == [stream]


def test_what_does_not_exist_ends_with_3(shell: Shell) -> None:
    for words in (["show"], ["kill", "--yes"], ["stop", "--yes"], ["explain"], ["watch"]):
        ran = shell("streams", *words, NO_STREAM)
        assert (ran.code, ran.out) == (3, "")
        assert f"error: no stream {NO_STREAM}" in ran.err


def test_a_kill_lists_its_steps(shell: Shell) -> None:
    stream = go_live(shell, "anna", "--title", "Evening")
    ran = shell.good("streams", "kill", stream, "--yes", "--reason", "stolen match")
    assert plain(ran.out) == snapshot("""\
<id>  Evening
  stream ended      done in <n> ms
  ingress off       nothing to do: there is none
  recording stopped nothing to do: none is running
  room deleted      done in <n> ms
  room gone         done in <n> ms
""")
    shown = shell.json("streams", "show", stream)
    assert (shown["isLive"], shown["endReason"]) == (False, "stolen match")


def test_several_are_killed_by_id_beginning_and_room_at_once(shell: Shell) -> None:
    one, two, three, four = (go_live(shell, name) for name in ("a", "b", "c", "d"))
    room = shell.json("streams", "show", two)["roomName"]
    killed = shell.json("streams", "kill", one, room, three[:-1], one, "--yes")
    assert [item["streamId"] for item in killed] == [one, two, three]
    assert all(item["held"] for item in killed)
    assert live(shell) == [four]


def test_ids_are_read_from_standard_input(shell: Shell) -> None:
    for name in ("a", "b"):
        go_live(shell, name)
    ids = shell.good("streams", "list", "--live", "-o", "id").out
    assert len(shell.json("streams", "kill", "-", "--yes", stdin=ids)) == 2
    assert live(shell) == []


def test_all_streams_of_an_owner_are_killed(shell: Shell) -> None:
    go_live(shell, "anna")
    other = go_live(shell, "bert")
    shell.good("streams", "kill", "--owner", "anna", "--yes")
    assert live(shell) == [other]
    again = shell("streams", "kill", "--owner", "anna", "--yes")
    assert (again.code, again.err) == (3, "error: anna has no live stream\n")


def test_a_kill_of_nothing_is_a_usage_error(shell: Shell) -> None:
    ran = shell("streams", "kill", "--yes")
    assert (ran.code, ran.err) == (2, "error: which streams? Expected ids, -, or --owner\n")


def test_an_empty_standard_input_names_no_stream(shell: Shell) -> None:
    ran = shell("streams", "kill", "-", "--yes")
    assert ran == Ran(3, "", "error: no ids came on standard input\n")


def test_without_a_terminal_a_kill_needs_yes_and_otherwise_does_nothing(shell: Shell) -> None:
    stream = go_live(shell)
    for verb in ("kill", "stop"):
        ran = shell("streams", verb, stream, "-o", "json")
        assert (ran.code, ran.out, ran.error["hint"]) == (2, "", "add --yes")
    assert live(shell) == [stream]


@pytest.mark.parametrize(("typed", "code"), [("n\n", 1), ("\n", 1), ("y\n", 0), ("yes\n", 0)])
def test_on_a_terminal_a_kill_asks_first(shell: Shell, typed: str, code: int) -> None:
    stream = go_live(shell, "anna", "--title", "Evening")
    ran = shell.terminal("streams", "kill", stream, typed=typed, when="[y/N]", size=200)
    assert ran.code == code
    assert f"End {stream} (Evening, of anna, 0 watching)? [y/N]" in ran.out
    assert ("not confirmed; nothing was done" in ran.out) is (code == 1)
    assert ("\x1b[32mdone\x1b[0m" in ran.out) is (code == 0)
    assert live(shell) == ([stream] if code else [])


def test_a_dry_run_says_what_would_be_done_and_does_nothing(shell: Shell) -> None:
    stream = go_live(shell)
    (planned,) = shell.json("streams", "kill", stream, "--dry-run", "--ban", "1h")
    assert {step["result"] for step in planned["steps"]} == {"planned"}
    assert "would be done" in shell.good("streams", "kill", stream, "--dry-run").out
    assert live(shell) == [stream]
    assert shell.json("streams", "bans") == []


def test_a_kill_of_what_is_already_dark_is_good(shell: Shell) -> None:
    stream = go_live(shell)
    shell.good("streams", "kill", stream, "--yes")
    (again,) = shell.json("streams", "kill", stream, "--yes")
    assert again["held"] is True


def test_a_banned_user_may_not_start_until_the_ban_is_lifted(shell: Shell) -> None:
    stream = go_live(shell)
    shell.good("streams", "kill", stream, "--yes", "--ban", "24h", "--reason", "spam")
    (ban,) = shell.json("streams", "bans")
    assert (ban["userId"], ban["reason"]) == ("anna", "spam")
    refused = shell("streams", "start", "--owner", "anna", "-o", "json")
    assert (refused.code, refused.out, refused.error["code"]) == (4, "", "banned")
    assert shell.json("streams", "unban", "anna")["userId"] == "anna"
    go_live(shell)
    again = shell("streams", "unban", "anna")
    assert (again.code, again.out) == (3, "")


def test_where_some_fail_the_others_go_dark_and_the_exit_code_says_so(shell: Shell) -> None:
    # A beginning that is not found stops before anything is done.
    one = go_live(shell, "a")
    ran = shell("streams", "kill", one, NO_STREAM, "--yes")
    assert (ran.code, live(shell)) == (3, [one])


def test_a_kill_while_livekit_is_away_is_recorded_and_ends_with_6(
    shell: Shell, away: Shell
) -> None:
    stream = go_live(shell)
    ran = away("streams", "kill", stream, "--yes", "-o", "json")
    assert (ran.code, ran.error["code"]) == (6, "unavailable")
    assert "will be enforced" in ran.error["hint"]
    (told,) = ran.json
    results = {step["step"]: step["result"] for step in told["steps"]}
    assert (results["stream_ended"], results["room_deleted"]) == ("done", "failed")
    assert shell.json("streams", "show", stream)["teardownOwed"] is True
    room = shell.json("streams", "show", stream)["roomName"]
    found = shell.json("reconcile")["corrections"]  # also of rooms that other tests left
    assert [one["result"] for one in found if one["roomName"] == room] == ["done"]
    assert shell.json("streams", "show", stream)["teardownOwed"] is False


def test_a_start_while_livekit_is_away_ends_with_6(away: Shell) -> None:
    ran = away("streams", "start", "--owner", "anna", "-o", "json")
    assert (ran.code, ran.out, ran.error["code"]) == (6, "", "unavailable")
    assert "LiveKit" in ran.error["error"]
    assert live(away) == []


def test_a_watch_is_a_token_that_can_only_subscribe(shell: Shell, livekit: LiveKit) -> None:
    stream = go_live(shell)
    token = shell.good("streams", "watch", stream, "-o", "id").out.strip()
    claims = jwt.decode(token, livekit.secret, algorithms=["HS256"])
    assert claims["video"]["canPublish"] is False
    assert claims["video"]["canSubscribe"] is True
    shell.good("streams", "kill", stream, "--yes")
    assert shell("streams", "watch", stream).code in {3, 5}


def test_wait_comes_back_as_soon_as_it_is_so(shell: Shell) -> None:
    stream = go_live(shell)
    assert shell.good("streams", "wait", stream, "--for", "live").out == f"{stream} live\n"
    shell.good("streams", "wait", stream, "--for", "viewers=0")
    with shell.spawn("streams", "wait", stream, "--for", "ended", "-o", "json") as waiting:
        time.sleep(0.3)
        assert waiting.poll() is None
        shell.good("streams", "kill", stream, "--yes")
        assert waiting.wait(10) == 0
        assert waiting.stdout is not None
        assert json.loads(waiting.stdout.read())["isLive"] is False


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("--for ended --timeout 1s", 1, "was not ended within 1s"),
        ("--for viewers=1 --timeout 1s", 1, "was not viewers=1 within 1s"),
        ("--for dead", 2, "--for dead: expected live, ended or viewers=N"),
        ("--for viewers=x", 2, "expected live, ended or viewers=N"),
        ("--for live --timeout soon", 2, "--timeout soon: expected a duration"),
    ],
)
def test_wait_gives_up(shell: Shell, words: str, code: int, told: str) -> None:
    ran = shell("streams", "wait", go_live(shell), *words.split())
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err


def test_explain_tells_all_in_one_line_of_time(shell: Shell) -> None:
    stream = go_live(shell, "anna", "--title", "Evening")
    shell.good("streams", "kill", stream, "--yes", "--reason", "spam")
    assert plain(shell.good("streams", "explain", stream).out) == snapshot("""\
<id>  Evening  ended (spam)
  <time>  event   stream.started            operator owner=anna title=Evening
  <time>  event   stream.ended              operator reason=spam room=live_anna_<n>
  <time>  event   stream.enforced           operator held=true steps=<steps>
""")
    items = shell.json("streams", "explain", stream)
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)


def test_an_export_is_all_that_matches_line_by_line(shell: Shell) -> None:
    ids = {go_live(shell, f"user{number}") for number in range(3)}
    for form in ("table", "json", "jsonl"):
        ran = shell.good("streams", "export", "--live", "-o", form)
        assert {one["streamId"] for one in ran.lines} == ids
        assert ran.err == "3 streams\n"
    assert shell.good("streams", "export", "--owner", "nobody", "-q") == Ran(0, "", "")


@pytest.mark.parametrize(
    "words",
    [
        "streams list --live",
        "streams start --owner anna --title x",
        "streams kill {} --ban 1h",
        "streams stop {}",
        "streams explain {}",
        "streams watch {}",
        "streams export",
        "streams bans",
        "streams unban anna",
        "tokens issue --user me --admin",
        "webhooks list",
        "webhooks send",
        "webhooks replay --failed",
        "reconcile",
        "events tail",
        "events tail --follow",
    ],
)
def test_curl_prints_the_call_does_nothing_and_shows_no_secret(shell: Shell, words: str) -> None:
    stream = go_live(shell)
    before = shell.good("db", "export", "-").out
    ran = shell.good(*words.format(stream).split(), "--curl")
    assert ran.out.startswith("curl -sS ")
    assert "http://127.0.0.1:8080/api/" in ran.out
    assert "Bearer ********" in ran.out
    secrets = [shell.environment[name] for name in ("JWT_SECRET", "LIVEKIT_API_SECRET")]
    assert not [secret for secret in secrets if secret in ran.out + ran.err]
    assert shell.good("db", "export", "-").out == before


def test_a_curl_that_is_run_does_what_the_command_would(here: Shell, there: Shell) -> None:
    stream = go_live(here, "curly")
    shown = there.good("streams", "kill", stream, "--curl", "--reason", "it's over").out
    assert there.environment["LIVECTL_TOKEN"] not in shown
    line = shown.replace("********", there.environment["LIVECTL_TOKEN"])
    ran = there.command("bash", "-c", line)
    assert json.loads(ran.out)["held"] is True
    assert here.json("streams", "show", stream)["endReason"] == "it's over"


def test_a_server_and_this_process_answer_alike(here: Shell, there: Shell) -> None:
    stream = go_live(there, "dora", "--title", "Remote")
    for words in (
        ["streams", "list", "--owner", "dora"],
        ["streams", "list", "--owner", "dora", "-o", "json"],
        ["streams", "show", stream[:-1]],
        ["streams", "show", stream, "-o", "yaml"],
        ["streams", "show", NO_STREAM],
        ["streams", "show", NO_STREAM, "-o", "json"],
        ["streams", "kill", stream],
        ["streams", "kill", stream, "--dry-run"],
        ["streams", "list", "--limit", "0"],
        ["streams", "unban", "nobody", "-o", "json"],
    ):
        local, remote = here(*words), there(*words)
        assert remote == local, words


def test_a_kill_over_the_network_is_told_as_one_from_here(here: Shell, there: Shell) -> None:
    def killed(shell: Shell) -> Any:
        stream = go_live(shell, "emil", "--title", "Over")
        return plain(shell.good("streams", "kill", stream, "--yes").out)

    assert killed(there) == killed(here)


def test_a_server_without_the_right_token_refuses(there: Shell) -> None:
    stranger = there.having(LIVECTL_TOKEN="not-a-token")("streams", "list", "-o", "json")
    assert (stranger.code, stranger.error["code"]) == (4, "unauthenticated")
    assert stranger.error["hint"] == "check LIVECTL_TOKEN"
    token = there.good("tokens", "issue", "--user", "viewer").out.strip()
    viewer = there.having(LIVECTL_TOKEN=token)("streams", "list", "-o", "json")
    assert (viewer.code, viewer.error["code"]) == (4, "forbidden")


def test_two_kills_at_once_are_both_good(shell: Shell) -> None:
    stream = go_live(shell)
    codes: list[int] = []
    words = ("streams", "kill", stream, "--yes")
    threads = [
        threading.Thread(target=lambda: codes.append(shell.program(*words).code)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0]
    assert until(lambda: live(shell) == [])
