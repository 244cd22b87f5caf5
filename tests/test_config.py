"""Settings: where they come from, what is wrong with a bad one, and that secrets stay secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from livectl.config import SETTINGS, Settings, load
from livectl.errors import BadSettings
from tests.shell import Shell

STRONG = "0f1e2d3c4b5a69788796a5b4c3d2e1f0-strong"
SECRETS = [setting.name for setting in SETTINGS if setting.secret]


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def settings(tmp_path: Path, environ: Mapping[str, str], **options: str) -> Settings:
    return load({"LIVECTL_DATA_DIR": str(tmp_path), **options}, environ=environ, cwd=tmp_path)


def shown(shell: Shell, name: str) -> tuple[str, str]:
    """A setting's value and source, as `config show` tells them."""
    rows = {row["name"]: row for row in shell.json("config", "show")}
    return rows[name]["value"], rows[name]["source"]


def test_each_layer_outweighs_those_below_it(bare_shell: Shell) -> None:
    shell, home = bare_shell, bare_shell.home
    seen = [shown(shell, "LIVECTL_SERVER")]
    write(shell.data_dir / "dev.env", "LIVECTL_SERVER=http://dev\n")
    seen.append(shown(shell, "LIVECTL_SERVER"))
    config = 'default = "p"\n[profiles.p]\nLIVECTL_SERVER = "http://profile"\n'
    write(home / ".config/livectl/config.toml", config)
    seen.append(shown(shell, "LIVECTL_SERVER"))
    write(home / ".env", "LIVECTL_SERVER=http://dotenv\n")
    seen.append(shown(shell, "LIVECTL_SERVER"))
    shell = shell.having(LIVECTL_SERVER="http://environment")
    seen.append(shown(shell, "LIVECTL_SERVER"))
    rows = shell.json("config", "show", "--server", "http://option")
    seen += [(row["value"], row["source"]) for row in rows if row["name"] == "LIVECTL_SERVER"]
    assert seen == [
        ("", "default"),
        ("http://dev", f"dev ({shell.data_dir / 'dev.env'})"),
        ("http://profile", "profile p"),
        ("http://dotenv", ".env"),
        ("http://environment", "environment"),
        ("http://option", "option"),
    ]


def test_an_empty_value_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    write(tmp_path / ".env", "LIVEKIT_API_KEY=from-file\n")
    found = settings(tmp_path, {"LIVEKIT_API_KEY": " "})
    assert (found.livekit_api_key, found.sources["LIVEKIT_API_KEY"]) == ("from-file", ".env")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LIVEKIT_URL", "livekit.example.com", "expected a URL like http://... or https://..."),
        ("DATABASE_URL", "postgres://a:hunter2@b/c", "expected a URL like mongodb://..."),
        ("DATABASE_URL", "mongodb://", "expected a URL like mongodb://..."),
        ("LIVECTL_SERVER", "ftp://x", "expected a URL like http://... or https://..."),
        ("LIVECTL_SERVER", "http://[::1", "expected a URL like http://... or https://..."),
        ("FEATURE_GO_LIVE", "perhaps", "expected true or false"),
        ("LIVECTL_RECONCILE_SECONDS", "soon", "expected a whole number from 1 to 86400"),
        ("LIVECTL_RECONCILE_SECONDS", "0", "expected a whole number from 1 to 86400"),
        ("LIVECTL_WEBHOOK_TRIES", "101", "expected a whole number from 1 to 100"),
        ("LIVECTL_START_GRACE_SECONDS", "4.5", "expected a whole number from 5 to 3600"),
    ],
)
def test_a_bad_value_is_named_with_what_was_expected_and_where_it_came_from(
    tmp_path: Path, name: str, value: str, expected: str
) -> None:
    with pytest.raises(BadSettings) as caught:
        settings(tmp_path, {name: value})
    (detail,) = caught.value.details
    assert (detail["field"], detail["source"]) == (name, "environment")
    assert detail["expected"].startswith(expected)
    assert f"{name} (from environment): {expected}" in caught.value.message
    assert "hunter2" not in caught.value.message


def test_all_bad_values_are_told_at_once(bare_shell: Shell) -> None:
    write(bare_shell.home / ".env", "LIVECTL_WEBHOOK_TRIES=many\n")
    ran = bare_shell.having(FEATURE_GO_LIVE="maybe")("streams", "list", "-o", "json")
    assert (ran.code, ran.out, ran.error["code"]) == (2, "", "bad_settings")
    assert [(one["field"], one["source"]) for one in ran.error["details"]] == [
        ("FEATURE_GO_LIVE", "environment"),
        ("LIVECTL_WEBHOOK_TRIES", ".env"),
    ]


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "yaml"])
def test_config_show_masks_every_secret(bare_shell: Shell, form: str) -> None:
    urls = {"DATABASE_URL": "mongodb://root:{}@db/live", "REDIS_URL": "redis://:{}@cache/0"}
    given = {name: urls.get(name, "{}").format(f"{STRONG}{name}") for name in SECRETS}
    ran = bare_shell.having(**given).good("config", "show", "-o", form)
    assert STRONG not in ran.out + ran.err
    assert "mongodb://root:********@db/live" in ran.out
    assert "redis://:********@cache/0" in ran.out
    assert ran.out.count("********") == len(SECRETS)


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://root:{STRONG}@127.0.0.1:1/live?serverSelectionTimeoutMS=100",
        f"mongodb://root:a@{STRONG}@127.0.0.1:1/live?serverSelectionTimeoutMS=100",
        f"mongodb://root:{STRONG}/x@127.0.0.1:1/live",
        f"mysql://root:{STRONG}@127.0.0.1/live",
    ],
)
def test_an_error_about_the_store_does_not_show_its_password(bare_shell: Shell, url: str) -> None:
    for words in (["streams", "list"], ["db", "check"], ["doctor"], ["config", "show"]):
        ran = bare_shell.having(DATABASE_URL=url)(*words)
        assert STRONG not in ran.out + ran.err


@pytest.mark.parametrize("show", [str, repr, "{}".format, lambda secret: f"{[secret]}"])
def test_a_secret_does_not_show_itself(tmp_path: Path, show: Any) -> None:
    secret = settings(tmp_path, {"JWT_SECRET": STRONG}).jwt_secret
    assert STRONG not in show(secret)
    assert secret.reveal() == STRONG


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///relative/live.db", "relative/live.db"),
        ("sqlite:////absolute/live.db", "/absolute/live.db"),
        ("sqlite:///~/live.db", "{home}/live.db"),
        ("", "{data}/livectl.db"),
        ("mongodb://db/live", None),
        ("mongodb+srv://db/live", None),
    ],
)
def test_the_forms_of_a_database_url(tmp_path: Path, url: str, path: str | None) -> None:
    found = settings(tmp_path, {"DATABASE_URL": url}).sqlite_path
    if path is None:
        assert found is None
    else:
        assert str(found) == path.format(home=Path.home(), data=tmp_path)


def test_an_sqlite_url_is_the_file_that_is_used(bare_shell: Shell) -> None:
    file = bare_shell.home / "elsewhere" / "live.db"
    bare_shell.having(DATABASE_URL=f"sqlite:///{file}").good("db", "init")
    assert file.is_file()
    assert not bare_shell.data_dir.exists()


def test_mongodb_uri_is_another_name_of_database_url(tmp_path: Path) -> None:
    found = settings(tmp_path, {"MONGODB_URI": "mongodb://db/live"})
    assert found.database_url == "mongodb://db/live"
    both = settings(tmp_path, {"MONGODB_URI": "mongodb://old/x", "DATABASE_URL": "mongodb://new/x"})
    assert both.database_url == "mongodb://new/x"


def test_the_data_directory_is_where_everything_is_kept(bare_shell: Shell) -> None:
    bare_shell.good("db", "init", "--data-dir", "~/there")
    assert (bare_shell.home / "there" / "livectl.db").is_file()
    bare_shell.having(LIVECTL_DATA_DIR="").good("db", "init")
    assert (bare_shell.home / ".local/share/livectl/livectl.db").is_file()
    elsewhere = bare_shell.having(LIVECTL_DATA_DIR="", XDG_DATA_HOME=str(bare_shell.home / "xdg"))
    elsewhere.good("db", "init")
    assert (bare_shell.home / "xdg/livectl/livectl.db").is_file()


PROFILES = """
default = "near"
[profiles.near]
LIVECTL_SERVER = "http://near"
[profiles.far]
LIVECTL_SERVER = "http://far"
LIVECTL_WEBHOOK_TRIES = 3
LIVECTL_TOKEN = "not to be shown"
"""


def test_a_profile_is_chosen_by_option_then_environment_then_default(bare_shell: Shell) -> None:
    write(bare_shell.home / ".config/livectl/config.toml", PROFILES)
    assert shown(bare_shell, "LIVECTL_SERVER") == ("http://near", "profile near")
    by_environment = bare_shell.having(LIVECTL_PROFILE="far")
    assert shown(by_environment, "LIVECTL_SERVER") == ("http://far", "profile far")
    rows = by_environment.json("config", "show", "--profile", "near")
    assert {row["source"] for row in rows if row["name"] == "LIVECTL_SERVER"} == {"profile near"}
    assert shown(by_environment, "LIVECTL_WEBHOOK_TRIES") == ("3", "profile far")


def test_profiles_are_listed_without_their_tokens(bare_shell: Shell) -> None:
    write(bare_shell.home / ".config/livectl/config.toml", PROFILES)
    assert bare_shell.json("config", "profiles") == [
        {"name": "near", "server": "http://near", "default": True},
        {"name": "far", "server": "http://far", "default": False},
    ]
    assert "not to be shown" not in bare_shell.good("config", "profiles").out


@pytest.mark.parametrize(
    ("content", "profile", "told"),
    [
        (None, "far", "profile far: there is no "),
        (PROFILES, "none", "profile none: not in "),
        ("[profiles.far]\nLIVECTL_SEVRER = 'x'", "far", "no such setting: LIVECTL_SEVRER"),
        ("[profiles", "far", "config.toml: "),
        ("\udcff", "far", "config.toml: "),
        ("profiles = 3", "far", "config.toml: "),
        ("[profiles]\nfar = 3", "far", "config.toml: "),
    ],
)
def test_a_bad_profile_is_a_usage_error_that_says_where(
    bare_shell: Shell, content: str | None, profile: str, told: str
) -> None:
    if content is not None:
        file = bare_shell.home / ".config/livectl/config.toml"
        file.parent.mkdir(parents=True)
        file.write_bytes(content.encode(errors="surrogateescape"))
    ran = bare_shell("config", "show", "--profile", profile)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


@pytest.mark.parametrize(
    ("changed", "field", "expected"),
    [
        ({"JWT_SECRET": ""}, "JWT_SECRET", "expected a value (or JWT_JWKS_URL), it is missing"),
        ({"JWT_SECRET": "short"}, "JWT_SECRET", "expected at least 32 characters, it has 5"),
        ({"JWT_SECRET": "ab" * 20}, "JWT_SECRET", "expected a random value"),
        ({"LIVEKIT_URL": ""}, "LIVEKIT_URL", "it is missing"),
        ({"LIVEKIT_API_KEY": ""}, "LIVEKIT_API_KEY", "it is missing"),
        ({"LIVEKIT_API_SECRET": ""}, "LIVEKIT_API_SECRET", "it is missing"),
        ({"LIVEKIT_API_SECRET": "secret"}, "LIVEKIT_API_SECRET", "at least 32 characters"),
        ({"LIVECTL_METRICS_TOKEN": "test"}, "LIVECTL_METRICS_TOKEN", "at least 32 characters"),
    ],
)
def test_serve_refuses_missing_and_weak_secrets_and_starts_nothing(
    bare_shell: Shell, changed: dict[str, str], field: str, expected: str
) -> None:
    good = {
        "LIVEKIT_URL": "http://127.0.0.1:7880",
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": STRONG,
        "JWT_SECRET": STRONG,
    }
    ran = bare_shell.having(**{**good, **changed})("serve", "--port", "1", "-o", "json")
    assert (ran.code, ran.out, ran.error["code"]) == (2, "", "bad_settings")
    (detail,) = ran.error["details"]
    assert detail["field"] == field
    assert expected in detail["expected"]
    assert not bare_shell.data_dir.exists()


def test_every_setting_is_an_attribute_with_a_type(tmp_path: Path) -> None:
    found = settings(tmp_path, {})
    annotated = set(Settings.__annotations__)
    assert annotated == {setting.attribute for setting in SETTINGS}
    assert annotated <= set(vars(found))


def test_child_processes_get_what_was_set_and_nothing_else(tmp_path: Path) -> None:
    found = settings(tmp_path, {"LIVECTL_CORS_ORIGINS": "http://a, http://b", "X": "y"})
    assert found.environment() == {
        "LIVECTL_CORS_ORIGINS": "http://a,http://b",
        "LIVECTL_DATA_DIR": str(tmp_path),
    }
