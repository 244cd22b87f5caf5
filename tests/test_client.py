"""The client as commands call it: over both transports to one real application."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any, ClassVar

import pytest

from livectl.client import Client, InProcess, Network, Reply, Request, connect, error_of
from livectl.config import Settings, load
from livectl.errors import (
    BadInput,
    BadSettings,
    LivectlError,
    NotFound,
    TimedOutside,
    Unauthenticated,
    Unavailable,
)
from livectl.output import Shown
from tests.parts import free_port
from tests.shell import Shell


def settings_of(shell: Shell, **changed: str) -> Settings:
    return load(environ={**shell.environment, **changed}, cwd=shell.home)


@pytest.fixture
def local(shell: Shell) -> Iterator[Client]:
    client = connect(settings_of(shell), timeout=10, curl=False)
    yield client
    client.close()


def start(client: Client, owner: str) -> Any:
    return client.post("/api/streams", {"ownerId": owner})


def test_a_list_is_read_page_after_page(local: Client) -> None:
    ids = [start(local, f"user{number}")["streamId"] for number in range(5)]
    found = [one["streamId"] for one in local.pages("/api/streams", at_most=None, live=True)]
    assert found == ids[::-1]
    assert [one["streamId"] for one in local.pages("/api/streams", at_most=2)] == found[:2]
    page = local.get("/api/streams", limit=2)
    assert [one["streamId"] for one in page["items"]] == found[:2]
    rest = local.get("/api/streams", limit=3, cursor=page["nextCursor"])
    assert [one["streamId"] for one in rest["items"]] == found[2:]


def test_one_client_makes_many_calls_in_one_lifespan(local: Client) -> None:
    began = time.monotonic()
    for _ in range(50):
        assert local.get("/healthz")
    assert time.monotonic() - began < 5


def test_an_error_of_the_application_is_raised_as_its_class(local: Client) -> None:
    with pytest.raises(NotFound, match="stream"):
        local.get(f"/api/streams/{'0' * 24}")
    with pytest.raises(BadInput) as caught:
        local.post("/api/streams", {"ownerId": "", "tags": 3})
    assert {one["field"] for one in caught.value.details} >= {"tags"}


def test_what_keeps_the_application_from_starting_is_raised(bare_shell: Shell) -> None:
    bare_shell.data_dir.write_text("a file is in the way")
    client = connect(settings_of(bare_shell), timeout=5, curl=False)
    with pytest.raises(LivectlError) as caught:
        client.get("/api/streams")
    client.close()
    assert caught.value.hint or caught.value.message


def test_curl_shows_the_call_in_place_of_making_it(shell: Shell) -> None:
    client = connect(settings_of(shell), timeout=5, curl=True)
    with pytest.raises(Shown) as shown:
        client.post("/api/streams", {"ownerId": "anna", "title": "it's"}, dryRun=True)
    assert str(shown.value) == (
        "curl -sS -X POST -H 'Authorization: Bearer ********' -H 'Content-Type: application/json'"
        """ -d '{"ownerId": "anna", "title": "it'"'"'s"}'"""
        " 'http://127.0.0.1:8080/api/streams?dryRun=true'"
    )
    with pytest.raises(Shown):
        next(client.lines("/api/events", follow=True))
    assert client.get("/api/streams", looking_up=True)["items"] == []
    client.close()


def test_a_server_needs_a_token(shell: Shell) -> None:
    with pytest.raises(BadSettings, match="LIVECTL_TOKEN") as caught:
        connect(settings_of(shell, LIVECTL_SERVER="http://x"), timeout=5, curl=False)
    assert caught.value.hint is not None
    assert "livectl tokens issue" in caught.value.hint


def test_the_setting_chooses_the_transport(shell: Shell) -> None:
    here = connect(settings_of(shell), timeout=5, curl=False)
    there = connect(
        settings_of(shell, LIVECTL_SERVER="http://x", LIVECTL_TOKEN="t"), timeout=5, curl=False
    )
    assert isinstance(here._transport, InProcess)
    assert isinstance(there._transport, Network)
    here.close()
    there.close()


class Odd(http.server.BaseHTTPRequestHandler):
    """A server that is not livectl: slow, or talking HTML."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.headers["Authorization"])
        if self.path == "/slow":
            time.sleep(1)
        self.send_response(504 if self.path == "/gateway" else 200)
        self.end_headers()
        with suppress(BrokenPipeError):  # whoever asked has given up
            self.wfile.write(b"<html>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def remote(url: str, timeout: float = 5) -> Client:
    options = {"LIVECTL_SERVER": url, "LIVECTL_TOKEN": "my-token"}
    return connect(load(options, environ={}), timeout=timeout, curl=False)


def test_a_gateways_error_is_something_outside_that_failed(odd: str) -> None:
    with (
        closing(remote(odd)) as client,
        pytest.raises(TimedOutside, match="answered 504 and not as livectl does") as caught,
    ):
        client.get("/gateway")
    assert caught.value.exit_code == 6
    assert Odd.seen[-1] == "Bearer my-token"


def test_an_answer_that_is_no_json_is_told_as_such(odd: str) -> None:
    with (
        closing(remote(odd)) as client,
        pytest.raises(Unavailable, match="not speak as livectl does"),
    ):
        client.get("/page")


def test_a_call_that_takes_too_long_is_given_up(odd: str) -> None:
    with (
        closing(remote(odd, timeout=0.2)) as client,
        pytest.raises(TimedOutside, match=r"no answer to GET /slow within 0.2 s") as caught,
    ):
        client.get("/slow")
    assert caught.value.hint == "give it more with --timeout"


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    port = free_port()
    with closing(remote(f"http://me:hunter2@127.0.0.1:{port}")) as client:
        for call in (lambda: client.get("/x"), lambda: next(client.lines("/x"))):
            with pytest.raises(
                Unavailable, match=f"127.0.0.1:{port} could not be reached"
            ) as caught:
                call()
            assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "x"}', b"null", b"7"])
def test_a_body_that_is_no_error_of_ours_still_makes_one(body: bytes) -> None:
    error = error_of(Reply(401, {}, body))
    assert isinstance(error, Unauthenticated)
    assert error.message == "the server answered 401 and not as livectl does"
    assert error.hint == "check LIVECTL_TOKEN"


def test_a_request_is_quoted_in_its_path_and_query() -> None:
    request = Request("GET", "/api/bans/a b/ü?", {"q": "x&y=ü"})
    assert request.target == "/api/bans/a%20b/%C3%BC%3F?q=x%26y%3D%C3%BC"


@pytest.mark.parametrize("user", ["a/b", "ü ö", "100%", "a?b", "a%2Fb", "x#y"])
def test_a_user_id_of_any_characters_gets_through(shell: Shell, local: Client, user: str) -> None:
    local.post("/api/bans", {"userId": user, "seconds": 60})
    (ban,) = local.get("/api/bans")["items"]
    assert ban["userId"] == user
    assert shell.good("streams", "unban", user).out == f"{user} may go live again\n"
    assert local.get("/api/bans")["items"] == []
