"""The load of a chat: against a real socket.io server that does right, and one that does not."""

from __future__ import annotations

import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from msgspec import structs

from livectl.errors import BadInput, Unavailable
from livectl.load.chat import Phase, Plan, Result, run, websocket_url
from livectl.load.worker import Standing
from tests.load.server import GOOD, ROOM, ChatServer, Fault
from tests.parts import free_port


def plan(server: ChatServer, **changed: Any) -> Plan:
    plain = Plan(
        url=websocket_url(server.url),
        room=ROOM,
        tokens=[f"{GOOD}-{number}" for number in range(12)],
        senders=3,
        rate=40,
        ramp_s=0.2,
        send_s=1.5,
        enter_within_s=10,
    )
    return structs.replace(plain, **changed)


def unwatched(phase: Phase, now: Standing) -> None:
    pass


def load(server: ChatServer, fault: Fault = "", **changed: Any) -> Result:
    server.fresh(fault)
    return run(plan(server, **changed), unwatched)


def test_a_good_server_loses_and_doubles_nothing(chat: ChatServer) -> None:
    result = load(chat)
    assert (result.viewers, result.senders) == (12, 3)
    assert abs(result.sent - 40 * result.seconds) < 10
    assert result.sent == result.accepted == chat.messages
    assert result.deliveries == 12 * result.accepted
    assert result.complaints == []
    assert sorted(chat.users) == sorted(f"{GOOD}-{number}" for number in range(12))


def test_the_result_says_how_long_deliveries_took_and_what_the_load_took(chat: ChatServer) -> None:
    result = load(chat)
    latency = result.latency_ms
    assert latency is not None
    assert 0 <= latency.p50 <= latency.p90 <= latency.p99 <= latency.max
    (cpu,) = result.generator.cpu
    assert 0 < cpu < 2
    assert result.generator.lag_ms >= 0
    assert result.seconds >= 1.5
    assert 0 < result.deliveries_per_second <= result.deliveries


def test_in_a_closed_loop_the_next_follows_when_all_have_the_last(chat: ChatServer) -> None:
    result = load(chat, rate=0, window=2)
    assert result.sent > 3 * 2
    assert result.deliveries == 12 * result.accepted
    assert result.complaints == []


@pytest.mark.parametrize("pace", [{"rate": 40}, {"rate": 0, "window": 2}])
def test_several_processes_share_the_viewers_and_the_senders(
    chat: ChatServer, pace: dict[str, int]
) -> None:
    result = load(chat, processes=2, **pace)
    assert (result.viewers, result.senders, len(result.generator.cpu)) == (12, 3, 2)
    assert result.sent == result.accepted == chat.messages
    assert result.deliveries == 12 * result.accepted
    assert result.complaints == []


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("fault", "count"), [("lose", "lost"), ("double", "doubled"), ("swap", "out_of_order")]
)
def test_every_fault_is_counted(chat: ChatServer, fault: Fault, count: str, processes: int) -> None:
    # One sender, so that neighbours in the chat are of the same one.
    result = load(chat, fault, senders=1, processes=processes)
    counted = {name: getattr(result, name) for name in ("lost", "doubled", "out_of_order")}
    assert chat.faults >= 3
    still_held = 1 if chat.held else 0
    expected = {"lost": still_held, "doubled": 0, "out_of_order": 0}
    expected[count] = expected[count] + chat.faults - still_held
    assert counted == expected
    assert f"{count.replace('_', ' ')}: {expected[count]}" in result.complaints


def test_what_is_lost_does_not_hold_up_a_closed_loop(chat: ChatServer) -> None:
    result = load(chat, "lose", senders=2, rate=0, window=3, send_s=2)
    assert result.lost == chat.faults >= 1
    assert result.sent > 10


def test_refused_messages_are_counted_by_code_and_are_not_lost(chat: ChatServer) -> None:
    result = load(chat, "refuse")
    assert result.refused["too_many_requests"] == chat.messages - result.accepted
    assert abs(chat.messages - 2 * result.accepted) <= 1
    assert result.complaints == []


def test_a_closed_loop_waits_as_long_as_it_is_told(chat: ChatServer) -> None:
    result = load(chat, "refuse all", rate=0, window=1, send_s=1)
    assert result.refused == {"too_many_requests": result.sent}
    assert 3 <= result.sent <= 3 * (result.seconds + 1)
    assert result.complaints == ["every message was refused"]


def test_messages_without_an_acknowledgement_are_told(chat: ChatServer) -> None:
    result = load(chat, "silent", send_s=0.5)
    assert result.unanswered == result.sent == chat.messages
    assert result.lost == 0
    assert result.complaints == [f"not answered: {result.sent}"]


def test_who_is_put_out_has_lost_nothing_that_was_said_later(chat: ChatServer) -> None:
    result = load(chat, "put out", send_s=1)
    assert result.disconnected == {"kicked": 1}
    assert result.lost == 0
    assert result.complaints == ["viewers disconnected: 1"]


def test_a_stream_that_ends_ends_the_load(chat: ChatServer) -> None:
    result = load(chat, "end", send_s=100)
    assert result.seconds < 100
    assert result.disconnected == {"the stream ended: killed": 12}
    assert result.lost == 0


def test_a_viewer_who_is_refused_is_counted_and_the_others_go_on(chat: ChatServer) -> None:
    result = load(chat, tokens=["bad", *plan(chat).tokens], send_s=0.5)
    assert (result.viewers, result.not_connected) == (12, {"Authentication failed": 1})
    assert result.deliveries == 12 * result.accepted > 0
    assert result.complaints == ["viewers not let in: 1"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"tokens": ["bad"] * 3}, "no viewer was let in: Authentication failed (3)"),
        ({"room": "live_nobody_1700000000000"}, "no viewer was let in: Stream not found (12)"),
    ],
)
def test_where_nobody_is_let_in_the_error_says_what_was_told(
    chat: ChatServer, changed: dict[str, Any], told: str
) -> None:
    with pytest.raises(Unavailable) as refusal:
        load(chat, **changed)
    assert refusal.value.message == told


def test_a_server_that_is_away_is_told() -> None:
    with pytest.raises(Unavailable) as refusal:
        run(plan(ChatServer()), unwatched)
    assert "Connect" in refusal.value.message or "refused" in refusal.value.message


def test_a_server_that_says_nothing_is_told(chat: ChatServer) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as mute:
        url = f"ws://127.0.0.1:{mute.getsockname()[1]}/"
        with pytest.raises(Unavailable) as refusal:
            load(chat, url=url, enter_within_s=0.3)
    assert refusal.value.message == "no viewer was let in: no answer within 0.3 s (12)"


def test_something_else_than_a_live_socket_is_told(chat: ChatServer) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as web:
        threading.Thread(target=web.serve_forever).start()
        with pytest.raises(Unavailable) as refusal:
            load(chat, url=f"ws://127.0.0.1:{web.server_port}/")
        web.shutdown()
    assert "no WebSocket there: HTTP/1.0 501" in refusal.value.message


@pytest.mark.parametrize("moment", ["ramp", "send"])
def test_ctrl_c_ends_it_early_with_the_result(chat: ChatServer, moment: str) -> None:
    pressed = threading.Event()

    def press(phase: Phase, now: Standing) -> None:
        if phase == moment and now.here >= 3 and not pressed.is_set():
            pressed.set()
            os.kill(os.getpid(), signal.SIGINT)

    result = run(plan(chat, ramp_s=3, send_s=60), press)
    assert 3 <= result.viewers <= 12
    assert result.seconds < 30
    assert result.complaints == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_ends_it_at_once(chat: ChatServer) -> None:
    def press(phase: Phase, now: Standing) -> None:
        if phase == "send":
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(plan(chat, send_s=60), press)


def test_watching_shows_all_phases(chat: ChatServer) -> None:
    seen: list[tuple[Phase, Standing]] = []
    run(plan(chat, send_s=1), lambda phase, now: seen.append((phase, now)))
    assert list(dict.fromkeys(phase for phase, _ in seen)) == ["ramp", "send", "drain"]
    assert seen[-1][1].delivered == 12 * seen[-1][1].accepted


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a:8080", "ws://a:8080/socket.io/?EIO=4&transport=websocket"),
        ("https://a/", "wss://a/socket.io/?EIO=4&transport=websocket"),
        ("wss://a/live", "wss://a/live/socket.io/?EIO=4&transport=websocket"),
        ("ws://[::1]:1", "ws://[::1]:1/socket.io/?EIO=4&transport=websocket"),
    ],
)
def test_the_live_socket_of_a_server(url: str, expected: str) -> None:
    assert websocket_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "a:8080",
        "ftp://a",
        "http://",
        "http://a:x",
        "http://[",
        "http://u:secret@a",
        "http://a?b=secret",
    ],
)
def test_what_is_no_address_is_told_without_its_secrets(url: str) -> None:
    with pytest.raises(BadInput) as error:
        websocket_url(url)
    assert "expected a server's address" in error.value.message
    assert "secret" not in error.value.message
