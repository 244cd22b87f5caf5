"""Completion: the scripts are fresh, and ids of live streams are among what is completed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from livectl.commands.completion import SHELLS, script, write
from livectl.errors import BadInput
from tests.shell import Ran, Shell

KEPT = Path(__file__).parents[2] / "completions"


def completed(shell: Shell, line: str) -> list[str]:
    """What bash is offered for the last word of a line. Errors must never reach the prompt."""
    ran = bash(shell, line)
    assert (ran.code, ran.err) == (0, "")
    return ran.out.split()


def bash(shell: Shell, line: str) -> Ran:
    asking = {
        "_LIVECTL_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    return shell.having(**asking).program()


def test_the_scripts_in_completions_are_fresh(tmp_path: Path) -> None:
    write(tmp_path)
    for shell in SHELLS:
        name = f"livectl.{shell}"
        assert (KEPT / name).read_text() == (tmp_path / name).read_text(), "run `make completions`"


def test_the_script_of_a_shell_is_printed(bare_shell: Shell) -> None:
    assert bare_shell.good("completion", "zsh").out == script("zsh") + "\n"
    assert bare_shell.json("completion", "fish") == {"shell": "fish", "script": script("fish")}


def test_a_shell_that_is_not_known_is_a_usage_error(bare_shell: Shell) -> None:
    with pytest.raises(BadInput):
        script("tcsh")
    ran = bare_shell("completion", "tcsh")
    assert ran.code == 2
    assert ran.err == snapshot("error: tcsh: expected bash, zsh, fish\n")


def test_nouns_verbs_and_options_are_completed(bare_shell: Shell) -> None:
    assert completed(bare_shell, "livectl re") == ["recordings", "reconcile"]
    assert completed(bare_shell, "livectl streams ex") == ["export", "explain"]
    assert completed(bare_shell, "livectl streams kill --ba") == ["--ban"]
    assert completed(bare_shell, "livectl --no") == ["--no-color"]


def test_ids_of_live_streams_are_completed(shell: Shell) -> None:
    live = shell.json("streams", "start", "--owner", "anna")["streamId"]
    ended = shell.json("streams", "start", "--owner", "ben")["streamId"]
    shell.good("streams", "kill", ended, "--yes")
    assert completed(shell, "livectl streams show ") == [live]
    assert completed(shell, f"livectl streams kill {live[:6]}") == [live]
    assert completed(shell, "livectl streams kill zz") == []


def test_completion_minds_the_data_dir_that_was_given(shell: Shell, tmp_path: Path) -> None:
    live = shell.json("streams", "start", "--owner", "anna")["streamId"]
    elsewhere = shell.having(LIVECTL_DATA_DIR=str(tmp_path / "empty"))
    assert completed(elsewhere, "livectl streams show ") == []
    line = f"livectl --data-dir {shell.data_dir} streams show "
    assert completed(elsewhere, line) == [live]


@pytest.mark.parametrize(
    "trouble",
    [
        {"LIVECTL_SERVER": "http://127.0.0.1:9", "LIVECTL_TOKEN": "x"},
        {"LIVECTL_SERVER": "http://127.0.0.1:9"},
        {"DATABASE_URL": "nonsense"},
        {"LIVECTL_PROFILE": "none"},
    ],
)
def test_a_shell_never_sees_why_there_is_nothing_to_complete(
    bare_shell: Shell, trouble: dict[str, str]
) -> None:
    assert completed(bare_shell.having(**trouble), "livectl streams show ") == []


def test_bash_completes_with_the_script(shell: Shell) -> None:
    if not shutil.which("bash"):
        pytest.skip("there is no bash")
    live = shell.json("streams", "start", "--owner", "anna")["streamId"]
    asked = (
        'eval "$(livectl completion bash)"; COMP_WORDS=(livectl streams show ""); COMP_CWORD=3; '
        '_livectl_completion livectl; echo "${COMPREPLY[@]}"'
    )
    assert shell.command("bash", "-c", asked) == Ran(0, f"{live}\n", "")
