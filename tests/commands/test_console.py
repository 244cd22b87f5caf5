"""`livectl console …`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.shell import Shell, until


def test_it_prints_a_link_with_a_code_where_there_is_no_browser(shell: Shell) -> None:
    ran = shell.program("console", "open")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("http://127.0.0.1:8080/#code=ey")


@pytest.mark.parametrize(
    ("settings", "words", "base"),
    [
        ({"LIVECTL_PUBLIC_URL": "https://live.test"}, (), "https://live.test"),
        ({}, ("--url", "http://host.test:9000/"), "http://host.test:9000"),
    ],
)
def test_the_link_leads_to_where_the_server_is(
    shell: Shell, settings: dict[str, str], words: tuple[str, ...], base: str
) -> None:
    found = shell.having(**settings).json("console", "open", *words)
    assert found.keys() == {"url", "expiresAt"}
    assert found["url"].startswith(f"{base}/#code=ey")


def test_it_opens_a_browser_and_keeps_the_code_off_the_screen(shell: Shell, tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    ran = shell.having(BROWSER=str(browser)).program("console", "open")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "the console is open in your browser: http://127.0.0.1:8080\n"
    assert until(opened.exists)
    assert "/#code=ey" in opened.read_text()


def test_a_link_alone_is_had_where_there_is_a_browser(shell: Shell) -> None:
    ran = shell.having(BROWSER="/bin/false").program("console", "open", "--link", "--user", "anna")
    assert ran.code == 0
    assert ran.out.startswith("http://127.0.0.1:8080/#code=ey")
