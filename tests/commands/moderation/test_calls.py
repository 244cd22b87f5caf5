"""Each verb with the call that it makes, and where."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperGroup

from livectl.cli import load_noun
from tests.commands.moderation.acts import BODIES, moderate, shown_bodies
from tests.commands.test_completion import completed
from tests.commands.test_streams import NO_STREAM, go_live
from tests.shell import Shell


@pytest.mark.parametrize(("words", "body"), BODIES)
def test_an_act_is_one_call(shell: Shell, stream: str, words: str, body: dict[str, Any]) -> None:
    for option, scope in (
        (["--stream", stream], {"streamId": stream}),
        (["--owner", "anna"], {"ownerId": "anna"}),
        (["--everywhere"], {}),
    ):
        given = ["moderation", *words.split(), *option, "--reason", "why not"]
        ran = shell.good(*given, "--curl")
        assert shown_bodies(ran) == [{**body, **scope, "reason": "why not"}]
        assert "/api/moderation?dryRun=false" in ran.out


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (["add", "m1", "--content", "hi"], {"act": "pin", "messageId": "m1", "content": "hi"}),
        (["remove", "m1"], {"act": "unpin", "messageId": "m1"}),
    ],
)
def test_a_pin_is_of_one_stream(
    stream: str, shell: Shell, words: list[str], body: dict[str, Any]
) -> None:
    ran = shell.good("moderation", "pins", *words, "--stream", stream[:-1], "--curl")
    assert shown_bodies(ran) == [{**body, "streamId": stream}]
    assert shell("moderation", "pins", *words).code == 2


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("blocked", "/api/moderation/restrictions?kind=block&all=true"),
        ("blocked --addresses", "/api/moderation/restrictions?kind=address&all=true"),
        ("blocked --everywhere", "/api/moderation/restrictions?kind=block"),
        ("timeouts --owner anna", "/api/moderation/restrictions?kind=timeout&ownerId=anna"),
        ("messages --text hi", "/api/moderation/messages?limit=100&text=hi&hidden=false"),
        ("messages --all --hidden", "/api/moderation/messages?limit=500&hidden=true"),
        ("words list --everywhere", "/api/moderation/rules"),
        ("rules --everywhere", "/api/moderation/rules"),
        ("audit --all --act block", "/api/moderation/audit?limit=1000&act=block"),
        ("reports list", "/api/reports?limit=100&status=open"),
        ("reports list --resolved --limit 7", "/api/reports?limit=7&status=resolved"),
        (f"reports show {NO_STREAM}", f"/api/reports/{NO_STREAM}"),
        (f"reports resolve {NO_STREAM} --resolution no", f"/api/reports/{NO_STREAM}/resolve"),
    ],
)
def test_what_is_read_is_one_call(bare_shell: Shell, words: str, path: str) -> None:
    ran = bare_shell.good("moderation", *words.split(), "--curl")
    assert shlex.split(ran.out)[-1] == f"http://127.0.0.1:8080{path}"


def verbs(command: Any, *words: str) -> Iterator[tuple[str, Any]]:
    """Every verb, also of a part, with its words."""
    if isinstance(command, TyperGroup):
        for name, found in command.commands.items():
            yield from verbs(found, *words, name)
    else:
        yield " ".join(words), command


VERBS = dict(verbs(load_noun("moderation")))


@pytest.mark.parametrize("words", VERBS)
def test_every_verb_has_a_sentence_an_example_and_says_what_its_options_are(words: str) -> None:
    command = VERBS[words]
    sentence, _, rest = command.help.partition("\n\n")
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    (example,) = re.findall(r"^Example: (.+)$", rest, re.MULTILINE)
    assert example.startswith(f"livectl moderation {words}")
    assert all(one.help for one in command.params if one.param_type_name == "option")


# Where.


@pytest.mark.parametrize(
    "words",
    [words for words, _ in BODIES] + ["words list", "allow list", "moderators list", "rules"],
)
def test_nothing_is_done_everywhere_because_an_option_was_forgotten(
    bare_shell: Shell, words: str
) -> None:
    ran = bare_shell(
        "moderation", *words.split(), *([] if words.endswith(("list", "rules")) else ["--yes"])
    )
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: where? Expected --stream, --owner or --everywhere\n"


@pytest.mark.parametrize("words", ["block bob --yes", "blocked", "messages", "rules"])
def test_one_scope_is_enough(shell: Shell, stream: str, words: str) -> None:
    ran = shell("moderation", *words.split(), "--stream", stream, "--owner", "anna")
    assert (ran.code, ran.out) == (2, "")
    assert "--stream, --owner, --everywhere: expected one of them" in ran.err


def test_a_stream_is_named_by_its_id_its_beginning_or_its_room(shell: Shell, stream: str) -> None:
    room = shell.json("streams", "show", stream)["roomName"]
    for ref in (stream, stream[:-1], room):
        done = moderate(shell, "timeout", "bob", "--for", "10m", "--stream", ref)
        assert done["scope"] == f"stream:{stream}"
    missing = shell("moderation", "kick", "bob", "--stream", NO_STREAM)
    assert (missing.code, missing.err.splitlines()[0]) == (3, f"error: no stream {NO_STREAM}")
    go_live(shell, "bert")
    several = shell("moderation", "kick", "bob", "--stream", stream[:2])
    assert (several.code, several.out) == (5, "")


def test_live_streams_are_completed(shell: Shell, stream: str) -> None:
    for verb in ("block bob", "words add spam", "pins list", "messages", "reports list"):
        assert completed(shell, f"livectl moderation {verb} --stream ") == [stream]
