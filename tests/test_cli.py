"""The root command: help, global options, exit codes, and what goes to which stream."""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperGroup

from livectl.cli import NOUNS, hoisted, load_noun
from tests.shell import LIVECTL, Shell, until

HEAVY = (
    *("starlette", "httpx", "livekit", "pymongo", "boto3", "rich", "uvicorn", "jwt", "yaml"),
    *("asyncio", "pydantic"),
)


def commands() -> Iterator[tuple[str, ...]]:
    """Every noun, and every verb of it."""
    for noun in NOUNS:
        yield (noun,)
        loaded = load_noun(noun)
        if isinstance(loaded, TyperGroup):
            yield from ((noun, verb) for verb in loaded.commands)


ALL = list(commands())
VERBS = [words for words in ALL if not isinstance(load_noun(words[0]), TyperGroup) or words[1:]]
every_command = pytest.mark.parametrize("words", ALL, ids=" ".join)


def test_the_roots_help_names_every_noun_and_has_an_example(bare_shell: Shell) -> None:
    out = bare_shell.good("--help").out
    assert out == bare_shell.good("-h").out
    for noun, summary in NOUNS.items():
        assert re.search(rf"^  {noun} +{re.escape(summary)}$", out, re.MULTILINE)
    assert "Example: livectl streams list --live" in out
    assert "Exit codes: 0 done, 1 failed, 2 usage or settings, 3 not found, 4 refused" in out


@every_command
def test_every_command_has_help(bare_shell: Shell, words: tuple[str, ...]) -> None:
    ran = bare_shell.good(*words, "--help")
    assert ran.out.startswith(f"Usage: livectl {' '.join(words)} ")
    assert ran.err == ""


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verbs_help_is_a_sentence_and_an_example(
    bare_shell: Shell, words: tuple[str, ...]
) -> None:
    text = bare_shell.good(*words, "--help").out
    sentence = text.split("\n\n")[1].strip()
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    (example,) = re.findall(r"Example: (.+)", text)
    assert f"livectl {' '.join(words)}" in re.sub(r"--server \S+ ", "", example)


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_option_and_argument_says_what_it_is(words: tuple[str, ...]) -> None:
    command = load_noun(words[0])
    if isinstance(command, TyperGroup):
        command = command.commands[words[1]]
    for one in command.params:
        if one.param_type_name == "option":
            assert getattr(one, "help", None), f"{words} {one.name}"


@pytest.mark.parametrize("noun", [words[0] for words in VERBS if words[1:]])
def test_a_noun_alone_shows_its_help_and_is_a_usage_error(bare_shell: Shell, noun: str) -> None:
    ran = bare_shell(noun)
    assert ran.code == 2
    assert f"Usage: livectl {noun} " in ran.out + ran.err


def test_the_version_is_told(bare_shell: Shell) -> None:
    assert re.fullmatch(r"livectl \d+\.\d+\.\d+\n", bare_shell.good("--version").out)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("streams list -o json", "-o json streams list"),
        ("streams list -ojson", "-o json streams list"),
        ("streams list -o=json", "-o json streams list"),
        ("streams list --output=json --live", "--output=json streams list --live"),
        ("streams kill a --server http://x b", "--server http://x streams kill a b"),
        ("streams kill a --curl -q", "--curl -q streams kill a"),
        ("streams wait a --timeout 5m", "streams wait a --timeout 5m"),
        ("--timeout 3 streams wait a --timeout 5m", "--timeout 3 streams wait a --timeout 5m"),
        ("streams show -- -o", "streams show -- -o"),
        ("streams list -o", "-o streams list"),
        ("--no-color doctor --verbose", "--no-color --verbose doctor"),
    ],
)
def test_global_options_may_stand_anywhere(given: str, expected: str) -> None:
    assert " ".join(hoisted(given.split())) == expected


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "yaml", "id"])
def test_a_format_may_stand_before_or_after(bare_shell: Shell, form: str) -> None:
    before = bare_shell.good("-o", form, "config", "show")
    assert before == bare_shell.good("config", "show", "-o", form)
    assert before == bare_shell.good("config", f"--output={form}", "show")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("nope", "No such command 'nope'.", "see `livectl --help`"),
        ("streams nope", "No such command 'nope'.", "see `livectl streams --help`"),
        ("streams list --nope", "No such option: --nope", "see `livectl streams list --help`"),
        ("--nope streams", "No such option: --nope", "see `livectl --help`"),
        ("streams show", "Missing argument 'STREAM'.", "see `livectl streams show --help`"),
        ("streams start", "Missing option '--owner'.", "see `livectl streams start --help`"),
        ("streams list --limit x", "Invalid value for '--limit'", "see `livectl streams list"),
        ("serve --port 70000", "Invalid value for '--port'", "see `livectl serve --help`"),
        ("streams list -o xml", "--output xml: expected table, json", None),
        ("streams list --since soon", "--since soon: expected a time like", None),
        ("streams kill a --ban 0h", "--ban 0h: expected a duration like", None),
        ("completion tcsh", "tcsh: expected bash, zsh, fish", None),
    ],
)
def test_a_usage_error_is_told_with_a_hint_and_ends_with_2(
    bare_shell: Shell, words: str, message: str, hint: str | None
) -> None:
    ran = bare_shell(*words.split())
    assert (ran.code, ran.out) == (2, "")
    assert f"error: {message}" in ran.err
    assert hint is None or f"  {hint}" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        ("streams show zz", 3, "not_found"),
        ("streams list --nope", 2, "bad_request"),
        ("streams list --since soon", 2, "bad_request"),
        ("nope", 2, "bad_request"),
        ("streams wait zz --for ended --timeout 1s", 1, "waited_too_long"),
        ("db import nowhere.jsonl", 2, "bad_request"),
    ],
)
def test_with_json_an_error_is_json_on_standard_error(
    bare_shell: Shell, words: str, code: int, name: str
) -> None:
    ran = bare_shell(*words.split(), "-o", "json")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.count("\n") == 1
    assert (ran.error["code"], ran.error["exitCode"]) == (name, code)


@pytest.mark.parametrize("form", ["json", "jsonl", "yaml", "id", "table"])
def test_what_is_empty_prints_nothing_that_is_no_answer(bare_shell: Shell, form: str) -> None:
    ran = bare_shell.good("streams", "list", "-o", form)
    assert ran.out == {"json": "[]\n", "yaml": "[]\n"}.get(form, "")
    assert ran.err == ("nothing found\n" if form == "table" else "")
    assert bare_shell.good("streams", "list", "-q", "-o", form).err == ""


def test_verbose_shows_the_traceback_and_keeps_the_exit_code(bare_shell: Shell) -> None:
    ran = bare_shell("streams", "show", "zz", "--verbose")
    assert ran.code == 3
    assert ran.err.startswith("error: no stream zz")
    assert "Traceback" in ran.err
    assert "Traceback" not in bare_shell("streams", "show", "zz").err


@pytest.mark.parametrize(
    "words", ["streams wait nobody --for live --timeout 60s", "events tail --follow"]
)
def test_ctrl_c_ends_quietly_with_130(bare_shell: Shell, words: str) -> None:
    bare_shell.good("db", "init")
    with bare_shell.spawn(*words.split()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        # It has the store open: what it does now is wait.
        until(lambda: list(bare_shell.data_dir.glob("livectl.db-wal")))
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert (process.stdout.read(), process.stderr.read()) == ("", "")


@pytest.mark.parametrize("words", ["config show -o jsonl", "config show", "--help", "streams -h"])
def test_a_closed_pipe_ends_quietly(bare_shell: Shell, words: str) -> None:
    program = " ".join(LIVECTL)
    ran = bare_shell.command("bash", "-c", f"{{ sleep 0.3; {program} {words}; }} | true")
    assert (ran.out, ran.err) == ("", "")
    first = bare_shell.command("bash", "-c", f"{program} {words} | head -1")
    assert first.out.count("\n") == 1
    assert first.err == ""


def test_errors_are_red_on_a_terminal_and_nowhere_else(bare_shell: Shell) -> None:
    words = ("streams", "show", "zz")
    assert "\x1b[31merror: no stream zz\x1b[0m" in bare_shell.terminal(*words).out
    declined = [
        bare_shell.terminal(*words, "--no-color"),
        bare_shell.having(NO_COLOR="1").terminal(*words),
        bare_shell.having(TERM="dumb").terminal(*words),
    ]
    for ran in declined:
        assert ran.code == 3
        assert "\x1b" not in ran.out
    assert "\x1b" not in bare_shell.program(*words).err


def test_what_is_piped_has_no_escape_codes_though_the_terminal_has_them(bare_shell: Shell) -> None:
    piped = "python -m livectl doctor | cat -v; python -m livectl config show | cat -v"
    ran = bare_shell.terminal_of("bash", "-c", piped)
    assert "fail" in ran.out
    assert "^[[" not in ran.out


LOOK = f"""
import sys
sys.argv = ["livectl", *sys.argv[1:]]
try:
    from livectl.cli import main
    main()
finally:
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    print("loaded:", *loaded, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words", ["--help", "--version", "streams --help", "streams kill --help", "nope", "serve -h"]
)
def test_help_imports_no_server_cloud_or_media_library(bare_shell: Shell, words: str) -> None:
    ran = bare_shell.command(sys.executable, "-c", LOOK, *words.split())
    assert ran.err.splitlines()[-1] == "loaded:"


def test_the_roots_help_imports_no_noun(bare_shell: Shell) -> None:
    look = LOOK.replace(repr(HEAVY), repr(tuple(f"livectl.commands.{noun}" for noun in NOUNS)))
    assert bare_shell.command(sys.executable, "-c", look, "--help").err == "loaded:\n"


def test_a_stored_list_needs_no_network_library(bare_shell: Shell) -> None:
    ran = bare_shell.command(sys.executable, "-c", LOOK, "streams", "list", "-o", "json")
    assert json.loads(ran.out) == []
    heavy = set(ran.err.splitlines()[-1].split()) & {
        "httpx",
        "pymongo",
        "boto3",
        "rich",
        "yaml",
        "pydantic",
    }
    assert not heavy


def test_a_fault_of_ours_is_told_like_any_error(
    bare_shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("livectl.commands.config.shown", break_down)
    ran = bare_shell("config", "show", "-o", "json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.error["error"] == "a fault of livectl: ZeroDivisionError: by zero"
    assert "in break_down" not in ran.err
    assert "in break_down" in bare_shell("config", "show", "--verbose").err


def test_python_m_livectl_is_livectl(bare_shell: Shell) -> None:
    assert bare_shell.program("--version") == bare_shell.command("livectl", "--version")


def test_the_summaries_at_the_root_are_those_of_the_nouns() -> None:
    for noun, summary in NOUNS.items():
        assert summary.endswith("."), noun
        assert isinstance(load_noun(noun), typer.core.TyperCommand | TyperGroup)
