"""`livectl config …`; where values come from is shown in `tests/test_config.py`."""

from __future__ import annotations

from livectl.config import SETTINGS
from tests.shell import Shell


def test_every_setting_is_shown_with_its_value_and_source(shell: Shell) -> None:
    rows = shell.json("config", "show")
    assert [row["name"] for row in rows] == [setting.name for setting in SETTINGS]
    table = shell.good("config", "show").out.splitlines()
    assert table[0].split() == ["SETTING", "VALUE", "FROM"]
    assert len(table) == len(SETTINGS) + 1
    assert shell.good("config", "show", "-o", "id").out.split() == [row["name"] for row in rows]


def test_nothing_is_opened_to_show_them(shell: Shell) -> None:
    shell.good("config", "show")
    assert not shell.data_dir.exists()


def test_without_profiles_it_says_where_they_would_be(bare_shell: Shell) -> None:
    ran = bare_shell.good("config", "profiles")
    assert ran.out == ""
    assert f"kept in {bare_shell.home}/.config/livectl/config.toml" in ran.err
    assert bare_shell.json("config", "profiles") == []
