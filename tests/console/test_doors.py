"""The ways in that are not a pasted token: a link with a code, and an identity provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.console.conftest import NewVisitor, World, serious_findings
from tests.parts.oidc import Provider
from tests.server.process import Server, bearer

pytestmark = pytest.mark.e2e


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as started:
        yield started


@pytest.fixture
def their_server(world: World, provider: Provider) -> Iterator[Server]:
    """A server whose people sign in at the provider."""
    livekit = {
        name: value for name, value in world.server.settings.items() if name.startswith("LIVEKIT_")
    }
    with Server({**livekit, **provider.settings}) as server:
        yield server


def console_open(url: str, user: str) -> str:
    """The link that `livectl console open` prints for a user of a running server."""
    done = subprocess.run(
        [sys.executable, "-m", "livectl", "console", "open", "--link", "-o", "json"],
        env={
            **os.environ,
            "LIVECTL_SERVER": url,
            "LIVECTL_TOKEN": bearer(user)["Authorization"].removeprefix("Bearer "),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return str(json.loads(done.stdout)["url"])


def test_a_link_of_the_shell_signs_in_once(new_visitor: NewVisitor, world: World) -> None:
    link = console_open(world.url, "alice")
    page = new_visitor().page
    page.goto(link)
    page.get_by_role("button", name="Sign out").wait_for()
    expect(page.get_by_title("alice")).to_be_attached()
    assert "code" not in page.url
    other = new_visitor().page
    other.goto(link)
    other.get_by_text("This code was used already.").wait_for()
    other.get_by_label("Bearer token").wait_for()


def test_a_link_leads_into_the_page_that_it_names(new_visitor: NewVisitor, world: World) -> None:
    code = world.call("POST", "/api/session/codes", "root", {})["code"]
    page = new_visitor().page
    page.goto(f"{world.url}/ops/reports#code={code}")
    page.get_by_role("heading", name="Reports").wait_for()


def test_one_signs_in_at_the_provider_and_goes_on_where_one_was(
    new_visitor: NewVisitor, their_server: Server, provider: Provider
) -> None:
    provider.user = {"sub": "zoe", "roles": ["admin"]}
    page = new_visitor().page
    page.goto(f"{their_server.url}/ops/events")
    assert serious_findings(page) == []
    page.get_by_role("link", name="Sign in with 127.0.0.1").click()
    page.get_by_role("heading", name="Events").wait_for()
    expect(page).to_have_url(f"{their_server.url}/ops/events")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in with 127.0.0.1").wait_for()
    cookies = {one["name"] for one in page.context.cookies()}
    assert cookies == set()


def test_who_is_not_signed_in_there_is_told(
    new_visitor: NewVisitor, their_server: Server, provider: Provider
) -> None:
    provider.refuses = True
    page = new_visitor().page
    page.goto(f"{their_server.url}/sign-in")
    page.get_by_role("link", name="Sign in with 127.0.0.1").click()
    page.get_by_role("alert").filter(has_text="You were not signed in there.").wait_for()
    expect(page).to_have_url(f"{their_server.url}/sign-in")
