"""What is printed: tables for people, data for programs, and nothing that a terminal obeys."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from inline_snapshot import snapshot

from livectl.errors import BadInput, LivectlError
from livectl.output import (
    Column,
    Output,
    exact_time,
    in_words,
    lasted,
    printable,
    short_time,
)
from tests.shell import Shell

COLUMNS = (Column("NAME", "name"), Column("N", "n", right=True), Column("TAGS", "tags"))
ITEMS = [
    {"name": "anna", "n": 7, "tags": ["music", "late"], "on": True},
    {"name": "bertrand", "n": 1234, "tags": [], "on": None},
]
EVIL = "a\x1b[2Jb\x9b31mc\r\nd\u202ee\x07"


def printed(form: Any, what: str, *args: Any, **more: Any) -> str:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        getattr(Output(form), what)(*args, **more)
    return out.getvalue()


def test_a_table_in_a_pipe_is_aligned_and_whole() -> None:
    assert printed("table", "items", ITEMS, COLUMNS, id_key="name") == snapshot("""\
NAME         N  TAGS
anna         7  music, late
bertrand  1234  -
""")


def test_json_is_the_data_and_not_the_columns() -> None:
    assert json.loads(printed("json", "items", ITEMS, COLUMNS, id_key="name")) == ITEMS
    assert json.loads(printed("json", "item", ITEMS[0], id_key="name", text="x")) == ITEMS[0]


def test_jsonl_is_a_line_for_each() -> None:
    lines = printed("jsonl", "items", ITEMS, COLUMNS, id_key="name").splitlines()
    assert [json.loads(line) for line in lines] == ITEMS
    assert printed("jsonl", "item", ITEMS[0], id_key="name").count("\n") == 1


def test_yaml_is_the_data() -> None:
    assert yaml.safe_load(printed("yaml", "items", ITEMS, COLUMNS, id_key="name")) == ITEMS
    assert yaml.safe_load(printed("yaml", "item", ITEMS[1], id_key="name")) == ITEMS[1]


def test_ids_are_one_a_line() -> None:
    assert printed("id", "items", ITEMS, COLUMNS, id_key="name") == "anna\nbertrand\n"
    assert printed("id", "item", ITEMS[0], id_key="n") == "7\n"


def test_one_thing_is_told_in_its_own_words_or_field_by_field() -> None:
    assert printed("table", "item", ITEMS[0], id_key="name", text="anna is on") == "anna is on\n"
    assert printed("table", "item", ITEMS[0], id_key="name") == snapshot("""\
name  anna
n     7
tags  music, late
on    yes
""")


def test_nothing_is_printed_for_an_empty_table() -> None:
    assert printed("table", "items", [], COLUMNS, id_key="name") == ""


def test_what_users_typed_cannot_steer_the_terminal() -> None:
    item = {"name": EVIL, "n": 1, "tags": [EVIL]}
    for shown in (
        printed("table", "items", [item], COLUMNS, id_key="name"),
        printed("table", "item", item, id_key="name"),
        printable(EVIL) + "\n",
    ):
        assert not [char for char in shown if not char.isprintable() and char != "\n"]
        assert "a\ufffd[2Jb" in shown


def test_an_error_that_repeats_what_users_typed_cannot_either() -> None:
    err = io.StringIO()
    with redirect_stderr(err):
        Output().error(LivectlError(f"no {EVIL}", hint=EVIL))
    assert all(char.isprintable() for char in err.getvalue().replace("\n", ""))


def test_an_error_is_a_sentence_and_a_hint() -> None:
    err = io.StringIO()
    with redirect_stderr(err):
        Output().error(BadInput("--limit 0: expected 1 or more", hint="leave it out"))
    assert err.getvalue() == snapshot("""\
error: --limit 0: expected 1 or more
  leave it out
""")


def test_notes_are_not_part_of_the_answer() -> None:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        Output("json").note("3 records")
        Output("json", quiet=True).note("not this")
    assert (out.getvalue(), err.getvalue()) == ("", "3 records\n")


def test_without_a_terminal_nobody_is_asked() -> None:
    Output().confirm("End it?", yes=True)
    with redirect_stderr(io.StringIO()), pytest.raises(BadInput, match="End it") as caught:
        Output().confirm("End it?", yes=False)
    assert caught.value.hint == "add --yes"


def test_the_facts_of_an_event_are_words() -> None:
    assert (
        in_words({"a": "x y", "b": True, "c": {"ü": None}, "d": 3})
        == 'a=x y b=true c={"ü": null} d=3'
    )


def test_times_are_short_and_in_utc() -> None:
    assert short_time("2026-01-31T20:00:07.123000Z") == "2026-01-31 20:00:07"
    assert short_time(None) == "-"


def test_how_long_a_stream_lasted_or_lasts() -> None:
    times = {"startedAt": "2026-01-31T20:00:00Z", "endedAt": "2026-02-01T21:01:02.9Z"}
    assert lasted(times) == "25:01:02"
    began = datetime.now(UTC) - timedelta(minutes=5, seconds=3)
    assert lasted({"startedAt": began.isoformat(), "endedAt": None}).startswith("0:05:0")
    assert lasted({"startedAt": "2999-01-01T00:00:00Z"}) == "0:00:00"


@pytest.mark.parametrize("width", [200, 100, 60])
def test_a_table_on_a_terminal_fits_and_never_cuts_what_names_a_thing(
    bare_shell: Shell, width: int
) -> None:
    script = f"""
from livectl.output import Column, Output
columns = (Column("STREAM", "id"), Column("OWNER", "owner"), Column("WHEN", "when", spare=True),
           Column("TITLE", "title"))
item = dict(id="6b0505798c7974cb8121a953", owner="a" * 40, when="2026-01-31", title="{"t" * 90}")
Output().items([item, dict(item, id="6b05057a65b7afce451a8887")], columns, id_key="id")
"""
    ran = bare_shell.terminal_of("python", "-c", script, size=width)
    assert ran.code == 0
    plain = ran.out.replace("\x1b[1m", "").replace("\x1b[0m", "")
    lines = plain.splitlines()
    assert len(lines) == 3
    assert [line[:24] for line in lines[1:]] == [
        "6b0505798c7974cb8121a953",
        "6b05057a65b7afce451a8887",
    ]
    assert max(map(len, lines)) <= width
    assert ("WHEN" in lines[0]) is (width >= 100)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-01-31T20:00:00Z", "2026-01-31 20:00:00.000"),
        ("2026-01-31T20:00:00.120Z", "2026-01-31 20:00:00.120"),
        ("2026-01-31T20:00:00.123000Z", "2026-01-31 20:00:00.123"),
    ],
)
def test_an_exact_time_has_its_milliseconds(value: str, shown: str) -> None:
    assert exact_time(value) == shown
