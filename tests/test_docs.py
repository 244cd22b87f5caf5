"""Nothing that a person can say or meet is undocumented, and the reference is fresh."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from livectl.app import ROUTES
from livectl.config import SETTINGS
from livectl.errors import all_errors

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = _generator()
REFERENCE = (ROOT / "docs" / "reference.md").read_text("utf-8")


def test_the_reference_is_fresh() -> None:
    assert GENERATE.reference() == REFERENCE, "run `make docs`"


@pytest.mark.parametrize("words", [words for words, _ in GENERATE.commands()])
def test_a_command_is_in_the_reference_with_its_options(words: str) -> None:
    assert f"### livectl {words}\n" in REFERENCE


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_is_in_the_readme_and_in_the_reference(setting: object) -> None:
    name = getattr(setting, "name", "")
    assert f"`{name}`" in README
    assert f"`{name}`" in REFERENCE


def test_a_setting_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`", README.partition("## Settings")[2]))
    known = {name for one in SETTINGS for name in (one.name, *one.aliases)}
    assert named <= known | {"NO_COLOR", "LIVECTL_PROFILE"}


def test_every_setting_that_an_operator_has_to_choose_is_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    known = {name for one in SETTINGS for name in (one.name, *one.aliases)}
    assert set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, re.MULTILINE)) <= known


@pytest.mark.parametrize("cls", all_errors(), ids=lambda cls: cls.code)
def test_an_error_is_in_the_reference(cls: type[Exception]) -> None:
    row = f"| `{cls.code}` | {cls.status} | {cls.exit_code} | "  # type: ignore[attr-defined]
    assert row in REFERENCE


def test_an_exit_code_means_the_same_everywhere() -> None:
    used = {0, *(cls.exit_code for cls in all_errors())}
    assert set(GENERATE.EXIT_CODES) == used
    for code, meaning in GENERATE.EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in README
        assert f"| {code} | {meaning} |" in REFERENCE


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_call_is_in_the_reference(route: object) -> None:
    method, path = getattr(route, "method", ""), getattr(route, "path", "")
    assert f"| `{method} {path}` | " in REFERENCE


def test_every_command_that_the_readme_shows_exists() -> None:
    known = {words for words, _ in GENERATE.commands()}
    nouns = {words.partition(" ")[0] for words in known}
    told = README.replace("--server https://live.example.com ", "")
    for noun, verb in re.findall(r"livectl ([a-z]+)(?: ([a-z]+))?", told):
        if noun in nouns:
            assert noun in known or f"{noun} {verb}" in known or not verb, f"{noun} {verb}"


def test_files_that_the_readme_links_to_are_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target
