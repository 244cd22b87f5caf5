"""`livectl webhooks …`, with and without a server that works through the inbox."""

from __future__ import annotations

import re

import pytest

from tests.shell import Shell, until


def sample(shell: Shell, event: str = "room_started") -> str:
    """The id of a sample webhook that was sent."""
    before = {one["id"] for one in shell.json("webhooks", "list")}
    shell.good("webhooks", "send", "--event", event)
    (new,) = {one["id"] for one in shell.json("webhooks", "list")} - before
    return str(new)


def test_a_sample_is_signed_sent_and_stored(shell: Shell) -> None:
    ran = shell.good("webhooks", "send", "--room", "live_x_1")
    assert ran.out == "signed, sent, received and stored\n"
    (found,) = shell.json("webhooks", "list")
    assert (found["type"], found["room"], found["status"]) == (
        "room_started",
        "live_x_1",
        "pending",
    )


def test_a_sample_reaches_a_server_and_is_handled(there: Shell) -> None:
    assert there.json("webhooks", "send") == {"received": True}
    (found,) = there.json("webhooks", "list", "--limit", "1")
    shown = until(lambda: _done(there, found["id"]))
    assert shown["attempts"] == 1


def _done(shell: Shell, webhook: str) -> dict[str, object] | None:
    found: dict[str, object] = shell.json("webhooks", "show", webhook)
    return found if found["status"] == "done" else None


def test_a_list_is_a_table_with_what_waits_and_what_is_parked(shell: Shell) -> None:
    webhook = sample(shell)
    ran = shell.good("webhooks", "list")
    assert re.search(rf"^{webhook}  pending  room_started ", ran.out, re.MULTILINE)
    assert ran.err == "1 wait, 0 are parked\n"


def test_a_list_is_filtered(shell: Shell) -> None:
    webhook = sample(shell)

    def found(*words: str) -> list[str]:
        return shell.good("webhooks", "list", "-o", "id", *words).out.split()

    assert found() == found("--pending") == found("--event", "room_started") == [webhook]
    assert found("--room", "livectl-sample") == found("--since", "1h") == [webhook]
    assert found("--failed") == found("--room", "other") == found("--event", "other") == []


def test_one_is_shown_with_its_body_and_without_its_keys(shell: Shell) -> None:
    webhook = sample(shell)
    shown = shell.json("webhooks", "show", webhook)
    assert shown["id"] == webhook
    assert "livectl-sample" in str(shown["body"])
    assert shell.environment["LIVEKIT_API_SECRET"] not in str(shown)
    missing = shell("webhooks", "show", "EV_none")
    assert (missing.code, missing.out) == (3, "")


def test_a_replay_counts_what_is_queued(here: Shell, there: Shell) -> None:
    webhook = sample(there)
    until(lambda: _done(there, webhook))
    assert there.good("webhooks", "replay", webhook).out == "1 webhooks are queued\n"
    until(lambda: _done(there, webhook))
    assert here.json("webhooks", "replay", "--since", "1h")["queued"] >= 1
    assert here.json("webhooks", "replay", "--failed")["queued"] == 0


@pytest.mark.parametrize("words", [[], ["--since", "soon"]])
def test_a_replay_of_nothing_is_a_usage_error(shell: Shell, words: list[str]) -> None:
    ran = shell("webhooks", "replay", *words)
    assert (ran.code, ran.out) == (2, "")


def test_a_sample_of_another_key_is_refused(shell: Shell, there: Shell) -> None:
    stranger = shell.having(LIVEKIT_API_SECRET="x" * 40)
    assert stranger.good("webhooks", "send").code == 0  # its own key, for itself
    without = shell.having(LIVEKIT_URL="", LIVEKIT_API_KEY="", LIVEKIT_API_SECRET="")
    ran = without("webhooks", "send", "-o", "json")
    assert (ran.out, ran.code != 0) == ("", True)
