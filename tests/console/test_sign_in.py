"""Signing in and out, as a person does it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.console.conftest import NewVisitor, World, serious_findings
from tests.server.process import bearer

pytestmark = pytest.mark.e2e


def token_of(user: str) -> str:
    return bearer(user)["Authorization"].removeprefix("Bearer ")


def test_a_pasted_token_signs_in_by_keyboard_alone_and_is_kept_nowhere_in_the_page(
    new_visitor: NewVisitor,
) -> None:
    page = new_visitor().visit("/sign-in")
    page.get_by_label("Bearer token").focus()
    page.keyboard.insert_text(f"Bearer {token_of('alice')}")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()
    kept = page.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie]")
    assert kept == [{}, {}, ""]
    assert token_of("alice").split(".")[0] not in page.content()
    cookie = next(one for one in page.context.cookies() if one["name"] == "livectl_session")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_a_reload_stays_signed_in_and_signing_out_ends_it_for_good(
    new_visitor: NewVisitor,
) -> None:
    visitor = new_visitor("alice")
    page = visitor.visit("/")
    page.get_by_text("Nobody is live right now.").wait_for()
    page.reload()
    page.get_by_role("button", name="Sign out").wait_for()
    copied = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Bearer token").wait_for()
    assert page.request.get(f"{visitor.url}/api/session").status == 401
    page.context.add_cookies(copied)  # type: ignore[arg-type]
    assert page.request.get(f"{visitor.url}/api/session").status == 401


def test_an_outage_while_the_page_opens_sends_nobody_to_sign_in(new_visitor: NewVisitor) -> None:
    visitor = new_visitor("alice")
    visitor.page.route("**/api/session", lambda route: route.fulfill(status=503), times=1)
    page = visitor.visit("/studio")
    page.get_by_role("button", name="Sign out").wait_for()
    page.get_by_role("heading", name="Go live").wait_for()
    expect(page.get_by_text("The server answered 503.")).to_have_count(0)
    visitor.forgive("status of 503")


def test_a_token_that_is_not_good_is_told_and_the_form_stays(new_visitor: NewVisitor) -> None:
    page = new_visitor().visit("/sign-in")
    page.get_by_label("Bearer token").fill("a.b.c")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("The bearer token is not valid").wait_for()
    page.get_by_role("button", name="Sign in").wait_for()


def test_a_link_into_the_console_asks_who_one_is_and_then_goes_on(
    new_visitor: NewVisitor, world: World
) -> None:
    started = world.start(title="Deep link")
    page = new_visitor().visit(f"/s/{started['streamId']}")
    page.get_by_label("Bearer token").fill(token_of("alice"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Deep link").wait_for()


def test_a_code_leaves_the_address_at_once_and_one_that_is_no_good_is_told(
    new_visitor: NewVisitor,
) -> None:
    page = new_visitor().visit("/#code=used-long-ago")
    page.get_by_text("This link does not sign you in any more.").wait_for()
    assert "code" not in page.url
    page.get_by_label("Bearer token").fill(token_of("alice"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()
    expect(page.get_by_text("This link does not sign you in any more.")).to_have_count(0)


def test_operators_pages_are_not_for_everyone(new_visitor: NewVisitor) -> None:
    page = new_visitor("alice").visit("/ops")
    page.get_by_text("This page is for administrators.").wait_for()
    assert page.get_by_role("link", name="Operate").count() == 0


def test_a_page_of_another_origin_cannot_act_with_the_session(
    new_visitor: NewVisitor, world: World
) -> None:
    """Another port is another origin, and yet the same site: the cookie would be sent."""
    visitor = new_visitor("alice")
    visitor.page.goto(world.livekit.url.replace("ws://", "http://"))
    with visitor.page.expect_response(f"{world.url}/api/live/start") as answered:
        visitor.page.evaluate(
            """url => void fetch(url + "/api/live/start",
                {method: "POST", credentials: "include", mode: "no-cors", body: "{}"})""",
            world.url,
        )
    assert answered.value.status == 403  # without the cookie it would be 401
    assert world.call("GET", "/api/live/active", "bob")["items"] == []


def test_the_way_in_shuts_nobody_out(new_visitor: NewVisitor) -> None:
    page = new_visitor().visit("/sign-in")
    page.get_by_label("Bearer token").wait_for()
    found = serious_findings(page)
    assert found == [], json.dumps(found)
