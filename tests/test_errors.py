"""Every class of the tree goes through HTTP and comes out the same, on both transports."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from starlette.routing import Router
from starlette.types import ASGIApp

from livectl import errors
from livectl.adapters.no_meter import NoMeter
from livectl.app import create_app
from livectl.client import Client, InProcess, Network, Transport
from livectl.config import Settings, load
from livectl.errors import LivectlError, TooMany, all_errors, error_for
from livectl.runner import server_options
from livectl.server.auth import Allow
from livectl.server.edge import Edge
from livectl.server.http import Call, Done, Route
from tests.parts import free_port
from tests.shell import Shell, until

BY_CODE = {cls.code: cls for cls in all_errors()}
every_class = pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.__name__)


def made(cls: type[LivectlError]) -> LivectlError:
    return cls(
        f"{cls.__name__}: ünlucky",
        hint=f"look at {cls.code}",
        details=[{"field": "title", "expected": "fewer words"}],
        retry_after=7 if issubclass(cls, TooMany) else None,
    )


async def fail(call: Call) -> Done:
    """The end of the path names the class."""
    raise made(BY_CODE[call.request.url.path.rpartition("/")[2]])


def application(settings: Settings) -> ASGIApp:
    """The edge of the server over a route that fails as it is told."""
    route = Route("GET", "/{rest:path}", fail, Allow.EVERYONE, "Fail")
    return Edge(Router([route.mounted()]), create_app(settings).context, NoMeter())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = load({}, environ={}, cwd=tmp_path_factory.mktemp("settings"))
    port = free_port()
    options = {**server_options(settings), "port": port, "lifespan": "off"}
    server = uvicorn.Server(uvicorn.Config(application(settings), **options))
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


class ToTheSame(InProcess):
    """The in-process transport, to that application."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._app = application(settings)


@pytest.fixture(params=[ToTheSame, Network], ids=["in this process", "over the network"])
def client(request: pytest.FixtureRequest, url: str) -> Iterator[Client]:
    settings = load({"LIVECTL_SERVER": url, "LIVECTL_TOKEN": "any"}, environ={})
    transport: Transport = request.param(settings)
    client = Client(transport, timeout=10)
    yield client
    client.close()


def told(error: LivectlError) -> list[Any]:
    return [type(error), error.message, error.hint, error.details, error.retry_after]


def ask(client: Client, path: str) -> Any:
    return client.get(path)


def follow(client: Client, path: str) -> Any:
    return list(client.lines(path))


@every_class
@pytest.mark.parametrize("how", [ask, follow])
def test_an_error_comes_out_of_the_client_as_it_was_raised(
    client: Client, cls: type[LivectlError], how: Callable[[Client, str], Any]
) -> None:
    with pytest.raises(LivectlError) as caught:
        how(client, f"/api/{cls.code}")
    assert told(caught.value) == told(made(cls))


@every_class
def test_an_error_of_a_server_ends_a_command_with_its_exit_code(
    bare_shell: Shell, url: str, cls: type[LivectlError]
) -> None:
    remote = bare_shell.having(LIVECTL_SERVER=url, LIVECTL_TOKEN="any")
    ran = remote("webhooks", "show", cls.code, "-o", "json")
    assert (ran.code, ran.out) == (cls.exit_code, "")
    assert ran.error == {
        "error": f"{cls.__name__}: ünlucky",
        "code": cls.code,
        "exitCode": cls.exit_code,
        "hint": f"look at {cls.code}",
        "details": [{"field": "title", "expected": "fewer words"}],
    }


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"(\w+) +(\w+) +(\d{3})   exit (\d)", errors.__doc__ or "")
    assert sorted(drawn) == sorted(
        (cls.__name__, cls.code, str(cls.status), str(cls.exit_code)) for cls in all_errors()
    )


def test_a_narrower_class_of_an_adapter_is_told_as_what_it_narrows() -> None:
    class Narrower(errors.Unavailable):
        """Like those that adapters have for themselves."""

    assert Narrower not in all_errors()
    assert error_for("unavailable", 502) is errors.Unavailable


def test_codes_are_stable_names_that_stand_for_one_class_each() -> None:
    assert len(BY_CODE) == len(all_errors())
    assert all(code.replace("_", "").isalpha() and code.islower() for code in BY_CODE)


@every_class
def test_an_exit_code_is_one_of_those_that_are_documented(cls: type[LivectlError]) -> None:
    assert cls.exit_code in range(1, 8)
    assert 400 <= cls.status < 600


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, errors.BadInput),
        (401, errors.Unauthenticated),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (500, errors.LivectlError),
        (502, errors.Unavailable),
        (503, errors.NotReady),
        (504, errors.TimedOutside),
        (520, errors.Unavailable),
        (418, errors.LivectlError),
    ],
)
def test_an_unknown_code_is_read_by_its_status(status: int, cls: type[LivectlError]) -> None:
    assert error_for("of_a_newer_server", status) is cls
