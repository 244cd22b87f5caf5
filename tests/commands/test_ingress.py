"""`livectl ingress …`, in this process and through a server."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from inline_snapshot import snapshot

from tests.shell import Ran, Shell

ENCODE = "ffmpeg -re -i FILE -c:v libx264 -preset veryfast -tune zerolatency -g 60 -bf 0"
PUBLIC = {"LIVECTL_PUBLIC_URL": "https://live.test"}


@pytest.fixture
def venue(shell: Shell) -> Shell:
    """A shell that knows where encoders reach the server."""
    return shell.having(**PUBLIC)


def made(shell: Shell, *options: str) -> Any:
    return shell.json("ingress", "create", "--owner", "anna", "--whip", *options)


def plain(ran: Ran, key: Any) -> str:
    """What was printed, without what differs each time."""
    text = ran.out.replace(key["keyId"], "KEY").replace(key["streamKey"], "SECRET")
    text = text.replace(key["streamKey"][-4:], "LAST").replace(ENCODE, "ENCODE")
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)


def test_a_key_is_made_listed_and_shown_with_the_settings_of_obs_and_ffmpeg(
    venue: Shell,
) -> None:
    key = made(venue, "--title", "Hall 2", "--expires", "30d", "--no-record")
    assert key["enableRecording"] is False
    assert key["obs"] == {
        "Service": "WHIP",
        "Server": "https://live.test/whip",
        "Bearer Token": key["streamKey"],
    }
    assert plain(venue.good("ingress", "list"), key) == snapshot("""\
KEY                       OWNER  TYPE  STATE  LAST USED  FROM  EXPIRES              TITLE
KEY  anna   whip  waits  -          -     TIME  Hall 2
""")
    shown = venue.good("ingress", "show", key["keyId"][:20])
    assert key["streamKey"] not in shown.out
    assert plain(shown, key) == snapshot("""\
key         KEY
owner       anna, standing
state       waits
title       Hall 2
expires     TIME
OBS         Service       WHIP
            Server        https://live.test/whip
            Bearer Token  ********LAST
ffmpeg      ENCODE -c:a libopus -ar 48000 -ac 2 -f whip -authorization '********LAST' 'https://live.test/whip'
""")
    revealed = venue.good("ingress", "show", key["keyId"], "--reveal")
    assert plain(revealed, key) == snapshot("""\
key         KEY
owner       anna, standing
state       waits
title       Hall 2
expires     TIME
OBS         Service       WHIP
            Server        https://live.test/whip
            Bearer Token  SECRET
ffmpeg      ENCODE -c:a libopus -ar 48000 -ac 2 -f whip -authorization 'SECRET' 'https://live.test/whip'
""")


def test_rtmp_where_livekit_has_no_ingress_says_what_to_do(venue: Shell) -> None:
    ran = venue("-o", "json", "ingress", "create", "--owner", "anna")
    assert ran.code == 6
    told = ran.error
    assert told["code"] == "not_ready"
    assert told["error"] == "LiveKit has no Ingress: it needs Redis and the Ingress service"
    assert "a WHIP key through livekit-server needs neither" in told["hint"]


def test_a_key_for_whip_needs_to_know_where_the_server_is(shell: Shell) -> None:
    ran = shell("ingress", "create", "--owner", "anna", "--whip")
    assert (ran.code, ran.err) == snapshot(
        (
            6,
            """\
error: nobody knows where encoders reach this server
  set LIVECTL_PUBLIC_URL, or work through LIVECTL_SERVER
""",
        )
    )


def test_a_key_of_a_live_stream_is_made_once(venue: Shell) -> None:
    stream = venue.json("streams", "start", "--owner", "anna")
    words = ("ingress", "create", "--stream", stream["streamId"][:20], "--whip")
    first = venue.json(*words)
    again = venue.json(*words)
    assert (again["ingressId"], again["streamKey"]) == (
        first["ingressId"],
        "********" + first["streamKey"][-4:],
    )
    assert [one["keyId"] for one in venue.json("ingress", "list", "--of-streams")] == [
        first["keyId"]
    ]
    assert venue.json("ingress", "list", "--standing") == []


def test_a_key_is_rotated_switched_off_and_on_and_deleted(venue: Shell) -> None:
    key = made(venue)
    ref = key["keyId"][:22]
    rotated = venue.json("ingress", "rotate", ref, "--overlap", "10m")
    assert rotated["streamKey"] != key["streamKey"]
    assert rotated["oldKeyUntil"]
    assert venue.json("ingress", "disable", ref, "--reason", "closed")["offReason"] == "closed"
    refused = venue("ingress", "rotate", ref)
    assert (refused.code, refused.err) == snapshot(
        (
            5,
            """\
error: the key is off
  switch it on first
""",
        )
    )
    assert venue.json("ingress", "enable", ref)["enabled"]
    assert plain(venue.good("ingress", "delete", ref), key) == snapshot("KEY is deleted\n")
    gone = venue("ingress", "show", ref)
    assert gone.code == 3


@pytest.mark.parametrize(
    "words",
    [
        ("create", "--whip"),
        ("create", "--owner", "anna", "--stream", "6b"),
        ("create", "--owner", "anna", "--whip", "--rtmp"),
        ("create", "--owner", "anna", "--whip", "--grace", "soon"),
        ("create", "--owner", "anna", "--url", "file:///etc/passwd"),
        ("create", "--owner", "anna", "--whip", "--through", "smoke"),
    ],
)
def test_what_does_not_fit_together_is_a_usage_error(venue: Shell, words: tuple[str, ...]) -> None:
    assert venue("ingress", *words).code == 2


def test_what_there_is_not_is_not_found(venue: Shell) -> None:
    made(venue)
    for words in (("show", "00"), ("rotate", "nonsense"), ("delete", ""), ("test", "00")):
        ran = venue("ingress", *words)
        assert (ran.code, ran.err) == (
            3,
            f"error: no ingress key {words[1]}\n  `livectl ingress list` shows their ids\n",
        )


def test_a_beginning_of_several_names_none_and_says_which(venue: Shell) -> None:
    one, two = made(venue)["keyId"], made(venue)["keyId"]
    ran = venue("ingress", "delete", one[:2])
    assert (ran.code, ran.err) == (
        5,
        f"error: {one[:2]} is the beginning of several ingress keys\n  such as {two}, {one}\n",
    )


def test_a_key_that_is_off_or_pulled_is_not_tested(venue: Shell) -> None:
    key = made(venue)
    venue.good("ingress", "disable", key["keyId"])
    ran = venue("ingress", "test", key["keyId"], "--yes")
    assert (ran.code, ran.err) == snapshot((5, "error: the key is off: switched off\n"))
    assert venue("ingress", "test", key["keyId"], "--curl").code == 2


def test_a_test_that_goes_live_is_asked_for_first(venue: Shell) -> None:
    key = made(venue)
    ran = venue("ingress", "test", key["keyId"])
    assert ran.code == 2
    assert "Go live as anna for 5 seconds?" in ran.err
    assert venue.json("streams", "list") == []


def test_through_a_server_it_is_the_same_and_the_server_knows_its_address(there: Shell) -> None:
    key = made(there)
    assert key["url"].startswith("http://127.0.0.1:")
    assert json.loads(there.good("-o", "json", "ingress", "show", key["keyId"]).out)["url"]
    there.good("ingress", "delete", key["keyId"])
