"""`livectl db …`, on SQLite and on a MongoDB-wire store."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_streams import go_live
from tests.parts.ferretdb import Databases
from tests.shell import Ran, Shell


@pytest.fixture
def full(shell: Shell) -> Shell:
    """A shell whose store holds something of most kinds."""
    stream = go_live(shell, "anna", "--title", "Evening ünd", "--tag", "music")
    go_live(shell, "bert")
    shell.good("streams", "kill", stream, "--yes", "--ban", "1h", "--reason", "spam")
    shell.good("webhooks", "send")
    return shell


@pytest.fixture
def empty(full: Shell) -> Shell:
    """The same with an empty store."""
    return full.having(LIVECTL_DATA_DIR=str(full.home / "empty"))


@pytest.fixture
def backup(full: Shell) -> Path:
    full.good("db", "export", "backup.jsonl")
    return full.home / "backup.jsonl"


def seal(export: Path | str) -> Any:
    text = export if isinstance(export, str) else export.read_text()
    return json.loads(text.splitlines()[-1])


def exported(shell: Shell) -> str:
    return shell.good("db", "export", "-").out


def counts(shell: Shell) -> dict[str, int]:
    found: dict[str, int] = shell.json("db", "check")["counts"]
    return found


def refused(ran: Ran, code: int, told: str) -> None:
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err


def test_init_makes_what_the_store_needs_and_is_safe_to_repeat(bare_shell: Shell) -> None:
    first = bare_shell.good("db", "init")
    assert first.out.startswith("sqlite is ready, schema ")
    assert bare_shell.good("db", "init") == first
    found = bare_shell.json("db", "init")
    assert all(found["indexes"].values())


def test_check_shows_schema_indexes_and_counts(full: Shell) -> None:
    ran = full.good("db", "check")
    assert ran.out.splitlines()[0].split() == ["INDEX", "THERE"]
    assert "sqlite, schema " in ran.err
    assert "2 livestreams" in ran.err
    found = full.json("db", "check")
    assert (found["backend"], found["counts"]["livestreams"]) == ("sqlite", 2)


def test_a_store_of_a_newer_livectl_is_refused(full: Shell) -> None:
    script = "import sqlite3,sys; sqlite3.connect(sys.argv[1]).execute('pragma user_version=99')"
    assert full.command("python", "-c", script, str(full.data_dir / "livectl.db")).code == 0
    for words in (["db", "check"], ["streams", "list"]):
        ran = full(*words, "-o", "json")
        assert (ran.code != 0, ran.out) == (True, "")
        assert "99" in ran.error["error"]


def test_everything_moves_to_mongodb_and_back_with_the_same_digest(
    full: Shell, empty: Shell, backup: Path, mongodb: Databases
) -> None:
    mongo = full.having(DATABASE_URL=mongodb.fresh_uri())
    moved = mongo.json("db", "import", str(backup))
    assert moved["sha256"] == seal(backup)["sha256"]
    assert mongo.json("db", "check")["backend"] != "sqlite"
    there = full.home / "there.jsonl"
    mongo.good("db", "export", str(there))
    assert there.read_bytes() == backup.read_bytes()
    back = empty.json("db", "import", str(there))
    assert back == moved
    assert exported(empty) == exported(full)
    assert empty.json("streams", "list") == full.json("streams", "list")


def test_an_export_is_whole_sealed_and_its_owners_alone(full: Shell) -> None:
    ran = full.good("db", "export", "all.jsonl")
    file = full.home / "all.jsonl"
    lines = file.read_text().splitlines()
    assert (ran.out, ran.err) == ("", f"{len(lines) - 1} records\n")
    assert sum(seal(file)["counts"].values()) == len(lines) - 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(full.home.glob("*.part"))
    assert exported(full) == file.read_text()


def test_an_export_that_cannot_be_written_says_why(full: Shell) -> None:
    refused(full("db", "export", "nowhere/x.jsonl"), 2, "error: nowhere/x.jsonl: No such file")


def test_an_import_reads_standard_input(full: Shell, empty: Shell, backup: Path) -> None:
    ran = empty.good("db", "import", "-", "-o", "json", stdin=backup.read_bytes())
    assert ran.json["sha256"] == seal(backup)["sha256"]
    assert counts(empty) == counts(full)


def test_an_import_is_safe_to_repeat(full: Shell, empty: Shell, backup: Path) -> None:
    first = empty.json("db", "import", str(backup))
    assert empty.json("db", "import", str(backup)) == first
    assert full.json("db", "import", str(backup)) == first


def cut(lines: list[str]) -> list[str]:
    return lines[:-1]


def cut_in_a_line(lines: list[str]) -> list[str]:
    return [*lines[:-2], lines[-2][:20]]


def changed(lines: list[str]) -> list[str]:
    return [line.replace("Evening", "Morning") for line in lines]


def swapped(lines: list[str]) -> list[str]:
    return [lines[1], lines[0], *lines[2:]]


def one_line_less(lines: list[str]) -> list[str]:
    return lines[1:]


def one_line_twice(lines: list[str]) -> list[str]:
    return [lines[0], *lines]


def not_json(lines: list[str]) -> list[str]:
    return [lines[0], "oops", *lines[1:]]


def another_kind(lines: list[str]) -> list[str]:
    return ['{"kind": 7}', *lines]


def nothing(lines: list[str]) -> list[str]:
    return []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (cut, "the export is cut off after line"),
        (cut_in_a_line, "not JSON"),
        (changed, "the export was changed or damaged"),
        (swapped, "the export was changed or damaged"),
        (one_line_less, "the export was changed or damaged"),
        (one_line_twice, "the export was changed or damaged"),
        (not_json, "line 2: not JSON"),
        (another_kind, "line 1: no record"),
        (nothing, "the export is cut off after line 0"),
    ],
)
@pytest.mark.parametrize("merge", [[], ["--merge"]])
def test_an_export_that_is_not_whole_is_refused_and_nothing_is_written(
    empty: Shell, backup: Path, harm: Any, told: str, merge: list[str]
) -> None:
    lines = harm(backup.read_text().splitlines())
    backup.write_text("".join(f"{line}\n" for line in lines))
    refused(empty("db", "import", str(backup), *merge), 2, told)
    assert not any(counts(empty).values())


def test_a_store_that_holds_other_records_is_left_alone_unless_merge_is_said(
    full: Shell, empty: Shell, backup: Path
) -> None:
    other = go_live(empty, "carol")
    before = exported(empty)
    ran = empty("db", "import", str(backup))
    refused(ran, 5, "records that the export does not")
    assert "--merge" in ran.err
    assert exported(empty) == before
    empty.good("db", "import", str(backup), "--merge")
    owners = {one["ownerId"] for one in empty.json("streams", "list")}
    assert owners == {"anna", "bert", "carol"}
    assert empty.json("streams", "show", other)["isLive"] is True


def test_an_import_of_what_is_not_there_is_a_usage_error(bare_shell: Shell) -> None:
    refused(bare_shell("db", "import", "none.jsonl"), 2, "none.jsonl: there is no such file")


def test_a_store_that_is_away_ends_with_6(bare_shell: Shell) -> None:
    url = "mongodb://127.0.0.1:9/live?serverSelectionTimeoutMS=200"
    for words in (["db", "check"], ["db", "init"], ["db", "export", "x"], ["streams", "list"]):
        ran = bare_shell.having(DATABASE_URL=url)(*words, "-o", "json")
        assert (ran.code, ran.out) == (6, "")
        assert ran.error["code"] in {"unavailable", "outside_timeout"}
    assert not (bare_shell.home / "x").exists()
