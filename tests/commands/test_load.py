"""`livectl load chat`, against `livectl serve`, and against a chat that does wrong."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot

from tests.commands.test_streams import go_live
from tests.load.server import GOOD, ROOM, ChatServer
from tests.server.process import Server
from tests.shell import Ran, Shell, until

FEW = ("--viewers", "4", "--senders", "2", "--ramp", "1s", "--for", "1s")
SMALL = ("load", "chat", *FEW)


@pytest.fixture(scope="module")
def chat() -> Iterator[ChatServer]:
    with ChatServer().running() as server:
        yield server


def load(shell: Shell, chat: ChatServer, *words: str) -> Ran:
    chat.fresh(chat.fault)
    return shell(*SMALL, "--url", chat.url, "--room", ROOM, "--token", GOOD, *words)


def plain(text: str) -> str:
    """Without what differs from run to run."""
    text = re.sub(r"\d+\.\d+ (ms|s)\b", r"<n> \1", text)
    text = re.sub(r"\d+%", "<n>%", text)
    text = re.sub(r"\d+ of 2 senders in <n> s: \d+ a", "<n> of 2 senders in <n> s: <n> a", text)
    return re.sub(r"\d+   \d+ a second", "<n>   <n> a second", text)


def test_a_stream_at_this_host_is_loaded_by_users_of_its_own(here: Shell, server: Server) -> None:
    stream = go_live(here)[:20]
    ran = here.good(*SMALL, "--stream", stream, "--url", server.url, "--rate", "6/s")
    assert plain(ran.out) == snapshot("""\
viewers      4
messages     <n> of 2 senders in <n> s: <n> accepted, 0 not answered
deliveries   <n>   <n> a second
latency      p50 <n> ms   p90 <n> ms   p99 <n> ms   max <n> ms
lost         0
doubled      0
out of order 0
the load     <n>% of a core, late by <n> ms at the most
""")
    assert ran.err == ""


def test_a_server_elsewhere_makes_the_tokens(there: Shell) -> None:
    stream = go_live(there)
    ran = there.good(*SMALL, "--stream", stream, "-o", "json")
    assert ran.json.keys() == {
        *("url", "room", "viewers", "senders", "seconds", "sent", "accepted", "refused"),
        *("unanswered", "deliveries", "deliveriesPerSecond", "latencyMs", "lost", "doubled"),
        *("outOfOrder", "notConnected", "disconnected", "generator"),
    }
    assert ran.json["deliveries"] == 4 * ran.json["accepted"] > 0
    assert ran.json["latencyMs"].keys() == {"p50", "p90", "p99", "max"}
    assert ran.json["generator"].keys() == {"cpu", "lagMs", "saturated"}
    assert "eyJ" not in ran.out + ran.err


def test_what_the_chat_limit_refuses_is_counted_by_its_code(here: Shell, server: Server) -> None:
    words = ("--senders", "1", "--rate", "25/s", "--url", server.url, "-o", "json")
    found = here.json(*SMALL, "--stream", go_live(here), *words)
    assert found["refused"] == {"too_many_requests": found["sent"] - found["accepted"]}
    assert found["lost"] == 0


def test_nobody_let_in_is_exit_code_6(here: Shell, server: Server) -> None:
    words = ("--room", "live_nobody_1700000000000", "--url", server.url, "-o", "json")
    ran = here(*SMALL, *words)
    assert (ran.code, ran.out) == (6, "")
    assert ran.error["error"] == "no viewer was let in: Stream not found (4)"


def test_a_token_that_is_given_is_everybodys(bare_shell: Shell, chat: ChatServer) -> None:
    chat.fault = ""
    ran = load(bare_shell, chat, "-o", "json")
    assert ran.code == 0, ran
    assert chat.users == [GOOD] * 4


@pytest.mark.parametrize("form", ["table", "json"])
def test_what_was_lost_is_exit_code_7_with_the_result(
    bare_shell: Shell, chat: ChatServer, form: str
) -> None:
    chat.fault = "lose"
    ran = load(bare_shell, chat, "-o", form, "--closed-loop", "2", "--for", "2s")
    assert ran.code == 7
    assert str(chat.faults) in ran.out
    assert f"lost: {chat.faults}" in ran.err
    if form == "json":
        assert ran.json["lost"] == chat.faults
        assert ran.error["code"] == "partly_done"


def test_the_result_says_by_what_viewers_were_put_out(bare_shell: Shell, chat: ChatServer) -> None:
    chat.fault = "put out"
    ran = load(bare_shell, chat, "--processes", "2")
    assert ran.code == 7
    assert "viewers      4, disconnected: 1 kicked\n" in ran.out


def test_a_terminal_is_shown_how_it_goes(bare_shell: Shell, chat: ChatServer) -> None:
    chat.fresh("")
    words = (*SMALL, "--url", chat.url, "--room", ROOM, "--token", GOOD)
    ran = bare_shell.terminal(*words)
    assert ran.code == 0
    for phase in ("coming in", "sending", "4 viewers", "deliveries/s"):
        assert phase in ran.out
    quiet = bare_shell.terminal(*words, "--quiet")
    assert "sending" not in quiet.out
    assert "deliveries" in quiet.out


def test_ctrl_c_ends_it_early_and_the_result_is_printed(
    bare_shell: Shell, chat: ChatServer
) -> None:
    chat.fresh("")
    words = (*SMALL, "--url", chat.url, "--room", ROOM, "--token", GOOD, "--for", "1h")
    with bare_shell.spawn(*words) as process:
        until(lambda: chat.messages > 5, within=30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert out.startswith("viewers      4\n")
    assert err == ""


def test_nothing_is_left_of_it_when_it_is_killed(bare_shell: Shell, chat: ChatServer) -> None:
    chat.fresh("")
    words = (*SMALL, "--url", chat.url, "--room", ROOM, "--token", GOOD, "--for", "1h")
    with bare_shell.spawn(*words, "--processes", "2") as process:
        until(lambda: chat.viewers == 4, within=30)
        process.kill()
        until(lambda: chat.viewers == 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--url http://127.0.0.1:1", "which room? Expected one of --stream and --room"),
        ("--room a --stream b", "which room? Expected one of --stream and --room"),
        ("--room a --rate 5/s --closed-loop 1", "which pace? Expected one of --rate and"),
        ("--room a --rate fast", "--rate fast: expected messages a second like 20/s"),
        ("--room a --rate 0", "--rate 0: expected messages a second like 20/s"),
        ("--room a --rate 10001/s", "--rate 10001/s: expected messages a second"),
        ("--room a --ramp 1", "--ramp 1: expected a duration like 30s"),
        ("--room a --for 1d", "--ramp and --for: expected a day at the most"),
        ("--room a --viewers 1", "--viewers 1: expected as many as senders and processes"),
        ("--room a --viewers 2 --processes 3", "--viewers 2: expected as many as senders and"),
        ("--room a --url nowhere", "nowhere: expected a server's address"),
        ("--room a --curl", "--curl: a load is no HTTP call"),
        ("--room a --closed-loop 0", "Invalid value for '--closed-loop'"),
        ("--room a --url http://192.0.2.1", "Load 192.0.2.1 with 4 viewers?"),
    ],
)
def test_what_is_wrong_is_a_usage_error(bare_shell: Shell, words: str, message: str) -> None:
    ran = bare_shell(*SMALL, "--token", "t", *words.split())
    assert (ran.code, ran.out) == (2, "")
    assert f"error: {message}" in ran.err


def test_a_server_elsewhere_is_loaded_only_after_a_yes(bare_shell: Shell) -> None:
    words = (*SMALL, "--room", "a", "--token", "t", "--url", "https://live.example.com")
    ran = bare_shell.terminal(*words, typed="n\n", when="[y/N]")
    assert ran.code == 1
    assert "Load live.example.com with 4 viewers? [y/N]" in ran.out
    assert "not confirmed; nothing was done" in ran.out


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_is_loaded_without_a_question(bare_shell: Shell, host: str) -> None:
    url = f"http://{host}:1"
    ran = bare_shell(*SMALL, "--room", "a", "--token", "t", "--url", url)
    assert ran.code == 6
    assert "no viewer was let in" in ran.err


def test_without_a_secret_to_sign_with_the_remedy_is_told(bare_shell: Shell) -> None:
    ran = bare_shell(*SMALL, "--room", "a")
    assert (ran.code, ran.out) == (1, "")
    assert "set JWT_SECRET" in ran.err
