"""`livectl serve`; what it serves is shown in `tests/server`."""

from __future__ import annotations

import signal
import socket
import urllib.error
import urllib.request

import pytest

from tests.parts import free_port
from tests.parts.redis import Redis
from tests.shell import Shell, until


def test_it_serves_until_it_is_told_to_end(shell: Shell) -> None:
    port = free_port()
    with shell.spawn("serve", "--port", str(port), "--log-level", "warning") as process:
        assert until(lambda: _answers(port))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in {0, -signal.SIGTERM}  # uvicorn passes the signal on
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_an_address_that_is_taken_ends_it_with_6(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = shell.program("serve", "--port", str(taken.getsockname()[1]), "-o", "json")
    assert (ran.code, ran.out) == (6, "")
    assert ran.error["code"] == "not_ready"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def test_several_workers_without_redis_are_refused_before_anything_starts(shell: Shell) -> None:
    ran = shell("serve", "--workers", "2", "-o", "json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.error["code"] == "bad_settings"
    assert "REDIS_URL" in ran.error["error"]


def test_several_workers_share_a_port_and_take_websockets_only(shell: Shell, redis: Redis) -> None:
    port = free_port()
    there = shell.having(REDIS_URL=redis.url)
    words = ("serve", "--port", str(port), "--workers", "2", "--log-level", "warning")
    with there.spawn(*words) as process:
        assert until(lambda: _answers(port), 20)
        poll = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=polling"
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(poll, timeout=5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in {0, -signal.SIGTERM}


def test_workers_whose_parent_is_killed_give_the_port_back(shell: Shell, redis: Redis) -> None:
    port = free_port()
    there = shell.having(REDIS_URL=redis.url)
    words = ("serve", "--port", str(port), "--workers", "2", "--log-level", "warning")
    with there.spawn(*words) as process:
        assert until(lambda: _answers(port), 20)
        process.kill()
        process.wait()
    assert until(lambda: not _answers(port), 30)
