"""`livectl serve`; what it serves is shown in `tests/server`."""

from __future__ import annotations

import signal
import socket
import urllib.request

from tests.parts import free_port
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
