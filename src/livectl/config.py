"""Every setting: its name, its type, its default, and where a value came from.

Read, highest first: command-line option, environment, `.env` in the working directory, the
profile in the user's config file, what `livectl dev` keeps in the data directory, the default.
"""

from __future__ import annotations

import hmac
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from livectl.errors import BadSettings

MIN_SECRET = 32
_WEAK = {"secret", "changeme", "change-me", "password", "devkey", "test", "jwt_secret"}


class Secret:
    """A value that never shows itself; `reveal()` is the one way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return "********" if self._value else ""

    __repr__ = __str__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def _text(raw: str) -> str:
    return raw


def _flag(raw: str) -> bool:
    if raw.lower() in {"1", "true", "yes", "on"}:
        return True
    if raw.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError("expected true or false")


def _count(low: int, high: int) -> Callable[[str], int]:
    def read(raw: str) -> int:
        try:
            number = int(raw)
        except ValueError:
            raise ValueError(f"expected a whole number from {low} to {high}") from None
        if not low <= number <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return number

    return read


def _rate(raw: str) -> tuple[int, int]:
    """`10/3`: at most 10 in 3 seconds."""
    parts = re.fullmatch(r"(\d{1,9})/(\d{1,5})", raw)
    if not parts or not int(parts[1]) or not int(parts[2]):
        raise ValueError("expected COUNT/SECONDS, like 10/3")
    return int(parts[1]), int(parts[2])


def _one_of(*words: str) -> Callable[[str], str]:
    def read(raw: str) -> str:
        if raw.lower() not in words:
            raise ValueError("expected " + " or ".join(words))
        return raw.lower()

    return read


def _encryption(raw: str) -> str:
    """`AES256`, `aws:kms`, or `aws:kms:KEY`."""
    if raw != "AES256" and raw != "aws:kms" and not raw.startswith("aws:kms:"):
        raise ValueError("expected AES256, aws:kms or aws:kms:KEY")
    return raw


def _prefix(raw: str) -> str:
    if not re.fullmatch(r"/?[\w.-]+(/[\w.-]+)*/?", raw) or ".." in raw.split("/"):
        raise ValueError("expected a folder like recordings or app/recordings")
    return raw.strip("/")


def _url(*schemes: str) -> Callable[[str], str]:
    def read(raw: str) -> str:
        try:
            parts = urlsplit(raw)
            bad = parts.scheme not in schemes or not (parts.hostname or parts.scheme == "sqlite")
        except ValueError:
            bad = True
        if bad:
            # The value may hold a password, so it is not repeated.
            raise ValueError("expected a URL like " + " or ".join(f"{s}://..." for s in schemes))
        return raw.rstrip("/") if schemes != _DATABASES else raw

    return read


def _words(raw: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", raw) if word]


_DATABASES = ("mongodb", "mongodb+srv", "sqlite")
_MEDIA = ("http", "https", "ws", "wss")


@dataclass(frozen=True)
class Setting:
    """One setting. `attribute` is its name on `Settings`, `help` a phrase for the reference."""

    name: str
    attribute: str
    read: Callable[[str], Any]
    default: Any
    help: str
    secret: bool = False
    aliases: tuple[str, ...] = ()


def default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "livectl"


def config_file() -> Path:
    """Where profiles are kept: `[profiles.NAME]` tables of setting names and values."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "livectl" / "config.toml"


SETTINGS: tuple[Setting, ...] = (
    Setting("LIVEKIT_URL", "livekit_url", _url(*_MEDIA), "", "the media server"),
    Setting("LIVEKIT_API_KEY", "livekit_api_key", _text, "", "its API key"),
    Setting("LIVEKIT_API_SECRET", "livekit_api_secret", Secret, Secret(""), "its API secret", True),
    Setting(
        "LIVEKIT_PUBLIC_URL",
        "livekit_public_url",
        _url(*_MEDIA),
        "",
        "what clients are given, when it differs from LIVEKIT_URL",
    ),
    Setting("FEATURE_GO_LIVE", "feature_go_live", _flag, True, "false: nobody can start a stream"),
    Setting("AWS_REGION", "aws_region", _text, "", "region of the bucket"),
    Setting("AWS_ACCESS_KEY_ID", "aws_access_key_id", Secret, Secret(""), "S3 key id", True),
    Setting(
        "AWS_SECRET_ACCESS_KEY", "aws_secret_access_key", Secret, Secret(""), "S3 secret key", True
    ),
    Setting("S3_BUCKET", "s3_bucket", _text, "", "bucket of recordings and VOD"),
    Setting(
        "S3_ENDPOINT_URL", "s3_endpoint_url", _url("http", "https"), "", "an S3-compatible store"
    ),
    Setting(
        "S3_ENCRYPTION",
        "s3_encryption",
        _encryption,
        "",
        "server-side encryption of what is sent: AES256, aws:kms or aws:kms:KEY",
    ),
    Setting(
        "JWT_SECRET",
        "jwt_secret",
        Secret,
        Secret(""),
        f"key of users' HS256 bearer tokens, at least {MIN_SECRET} characters",
        True,
    ),
    Setting(
        "JWT_JWKS_URL",
        "jwt_jwks_url",
        _url("http", "https"),
        "",
        "keys of an identity provider (RS256, ES256)",
    ),
    Setting("JWT_ISSUER", "jwt_issuer", _text, "", "the only accepted `iss`, when set"),
    Setting("JWT_AUDIENCE", "jwt_audience", _text, "", "the only accepted `aud`, when set"),
    Setting(
        "OIDC_CLIENT_ID",
        "oidc_client_id",
        _text,
        "",
        "people sign in to the console at JWT_ISSUER, as this client of it",
    ),
    Setting(
        "OIDC_CLIENT_SECRET",
        "oidc_client_secret",
        Secret,
        Secret(""),
        "that client's secret, where it has one",
        True,
    ),
    Setting(
        "DATABASE_URL",
        "database_url",
        _url(*_DATABASES),
        "",
        "mongodb://, mongodb+srv:// or sqlite:///PATH; default: SQLite in the data directory",
        True,
        ("MONGODB_URI",),
    ),
    Setting(
        "REDIS_URL", "redis_url", _url("redis", "rediss"), "", "several processes or hosts", True
    ),
    Setting(
        "LIVECTL_DATA_DIR",
        "data_dir",
        lambda raw: Path(raw).expanduser(),
        None,
        "embedded database and files",
    ),
    Setting(
        "LIVECTL_SERVER",
        "server",
        _url("http", "https"),
        "",
        "the CLI works through this running server",
    ),
    Setting("LIVECTL_TOKEN", "token", Secret, Secret(""), "bearer token for LIVECTL_SERVER", True),
    Setting(
        "LIVECTL_PUBLIC_BROWSE",
        "public_browse",
        _flag,
        False,
        "true: active, status and vod need no token",
    ),
    Setting(
        "VOD_PUBLIC_BASE_URL",
        "vod_public_base_url",
        _url("http", "https"),
        "",
        "a CDN in front of the bucket",
    ),
    Setting(
        "LIVECTL_PUBLIC_URL",
        "own_public_url",
        _url("http", "https"),
        "",
        "where apps and encoders reach `livectl serve`",
    ),
    Setting(
        "LIVECTL_RECORDER",
        "recorder",
        _one_of("embedded", "egress", "off"),
        "embedded",
        "what records: embedded (the media extra), egress (LiveKit's service) or off",
    ),
    Setting(
        "LIVECTL_AUTO_RECORD",
        "auto_record",
        _flag,
        False,
        "true: a stream that may be recorded is, from when its host publishes",
    ),
    Setting(
        "LIVECTL_RECORDING_PREFIX",
        "recording_prefix",
        _prefix,
        "recordings",
        "folder in the bucket that recordings go to",
    ),
    Setting(
        "LIVECTL_RECORDING_LAYOUT",
        "recording_layout",
        _one_of("host", "room"),
        "host",
        "host: the host's picture and sound; room: everybody, composed (egress only)",
    ),
    Setting(
        "LIVECTL_RECORDING_FORMAT",
        "recording_format",
        _one_of("mp4", "hls"),
        "mp4",
        "mp4, or hls (egress only)",
    ),
    Setting(
        "LIVECTL_LINK_SECONDS",
        "link_seconds",
        _count(60, 604_800),
        14_400,
        "how long a link to a recording is good for",
    ),
    Setting(
        "LIVECTL_CORS_ORIGINS",
        "cors_origins",
        _words,
        [],
        "origins whose pages may call the API, separated by commas",
    ),
    Setting(
        "LIVECTL_TRUSTED_PROXIES",
        "trusted_proxies",
        _words,
        ["127.0.0.1"],
        "addresses whose X-Forwarded-* headers are believed",
    ),
    Setting(
        "LIVECTL_METRICS_TOKEN",
        "metrics_token",
        Secret,
        Secret(""),
        "bearer token that may read /metrics, beside an administrator's",
        True,
    ),
    Setting(
        "LIVECTL_RECONCILE_SECONDS",
        "reconcile_seconds",
        _count(1, 86_400),
        30,
        "time between two looks at LiveKit's truth",
    ),
    Setting(
        "LIVECTL_WEBHOOK_TRIES",
        "webhook_tries",
        _count(1, 100),
        8,
        "how often a webhook is tried before it is parked",
    ),
    Setting(
        "LIVECTL_WEBHOOK_KEEP_DAYS",
        "webhook_keep_days",
        _count(1, 3650),
        14,
        "how long handled webhooks are kept",
    ),
    Setting(
        "LIVECTL_START_GRACE_SECONDS",
        "start_grace_seconds",
        _count(5, 3600),
        60,
        "how long a new stream may be without a room before reconcile ends it",
    ),
    Setting(
        "LIVECTL_CHAT_LIMIT",
        "chat_limit",
        _rate,
        (10, 3),
        "messages of one user, as COUNT/SECONDS; hosts and moderators are free of it",
    ),
    Setting("LIVECTL_REACTION_LIMIT", "reaction_limit", _rate, (20, 3), "reactions of one user"),
    Setting("LIVECTL_GIFT_LIMIT", "gift_limit", _rate, (20, 3), "gifts of one user"),
    Setting(
        "LIVECTL_CONNECT_LIMIT", "connect_limit", _rate, (60, 60), "live sockets that a user opens"
    ),
    Setting(
        "LIVECTL_ADDRESS_LIMIT",
        "address_limit",
        _rate,
        (2000, 60),
        "live sockets that are opened from one address",
    ),
    Setting(
        "LIVECTL_GIFT_MAX",
        "gift_max",
        _count(1, 1_000_000_000),
        1_000_000,
        "the largest value of one gift",
    ),
    Setting(
        "LIVECTL_CHAT_KEEP_DAYS",
        "chat_keep_days",
        _count(1, 3650),
        90,
        "how long the chat of ended streams, and the addresses people came from, are kept",
    ),
)

_BY_NAME = {name: setting for setting in SETTINGS for name in (setting.name, *setting.aliases)}


class Settings:
    """Settings read and checked. Each is an attribute; `sources` tells where it came from."""

    livekit_url: str
    livekit_api_key: str
    livekit_api_secret: Secret
    livekit_public_url: str
    feature_go_live: bool
    aws_region: str
    aws_access_key_id: Secret
    aws_secret_access_key: Secret
    s3_bucket: str
    s3_endpoint_url: str
    s3_encryption: str
    jwt_secret: Secret
    jwt_jwks_url: str
    jwt_issuer: str
    jwt_audience: str
    oidc_client_id: str
    oidc_client_secret: Secret
    database_url: str
    redis_url: str
    data_dir: Path
    server: str
    token: Secret
    public_browse: bool
    vod_public_base_url: str
    own_public_url: str
    recorder: str
    auto_record: bool
    recording_prefix: str
    recording_layout: str
    recording_format: str
    link_seconds: int
    cors_origins: list[str]
    trusted_proxies: list[str]
    metrics_token: Secret
    reconcile_seconds: int
    webhook_tries: int
    webhook_keep_days: int
    start_grace_seconds: int
    chat_limit: tuple[int, int]
    reaction_limit: tuple[int, int]
    gift_limit: tuple[int, int]
    connect_limit: tuple[int, int]
    address_limit: tuple[int, int]
    gift_max: int
    chat_keep_days: int

    def __init__(self, values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
        self.__dict__.update(values)
        self.sources = dict(sources)

    def environment(self) -> dict[str, str]:
        """What was set, as environment variables, for child processes. Holds secrets in clear."""
        return {
            setting.name: _as_text(getattr(self, setting.attribute))
            for setting in SETTINGS
            if self.sources[setting.name] != "default"
        }

    @property
    def has_livekit(self) -> bool:
        return bool(self.livekit_url and self.livekit_api_key and self.livekit_api_secret)

    def key_for(self, purpose: str) -> bytes:
        """A key of its own for one purpose, the same in all processes and hosts of a deployment."""
        secret = self.livekit_api_secret.reveal() or self.jwt_secret.reveal()
        return hmac.digest(secret.encode(), purpose.encode(), "sha256")

    @property
    def sqlite_path(self) -> Path | None:
        """The embedded database's file; None where the store is MongoDB."""
        if not self.database_url:
            return self.data_dir / "livectl.db"
        if self.database_url.startswith("sqlite:"):
            return Path(self.database_url.removeprefix("sqlite://").removeprefix("/")).expanduser()
        return None


def load(
    options: Mapping[str, str] | None = None,
    *,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Settings:
    """Read the settings. Raises BadSettings that names every bad one and what was expected."""
    settings, wrong = examine(options, profile=profile, environ=environ, cwd=cwd)
    if wrong:
        raise bad(wrong)
    return settings


def examine(
    options: Mapping[str, str] | None = None,
    *,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> tuple[Settings, list[dict[str, str]]]:
    """The settings, with the default in the place of each that is wrong, and what is wrong."""
    environment = os.environ if environ is None else environ
    layers: list[tuple[str, Mapping[str, str]]] = [
        ("option", options or {}),
        ("environment", environment),
        (".env", _dotenv((cwd or Path.cwd()) / ".env")),
        *_profile(profile or environment.get("LIVECTL_PROFILE")),
    ]
    data_dir = _first(layers, _BY_NAME["LIVECTL_DATA_DIR"])
    directory = Path(data_dir[0]).expanduser() if data_dir else default_data_dir()
    layers.append((f"dev ({directory / 'dev.env'})", _dotenv(directory / "dev.env")))
    return _check(layers, directory)


def _check(
    layers: list[tuple[str, Mapping[str, str]]], directory: Path
) -> tuple[Settings, list[dict[str, str]]]:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    wrong: list[dict[str, str]] = []
    for setting in SETTINGS:
        found = _first(layers, setting)
        sources[setting.name] = found[1] if found else "default"
        values[setting.attribute] = setting.default
        if found:
            try:
                values[setting.attribute] = setting.read(found[0])
            except ValueError as error:
                wrong.append({"field": setting.name, "expected": str(error), "source": found[1]})
    values["data_dir"] = directory
    return Settings(values, sources), wrong


def bad(wrong: list[dict[str, str]]) -> BadSettings:
    """The error that names each."""
    listed = "; ".join(f"{one['field']} (from {one['source']}): {one['expected']}" for one in wrong)
    return BadSettings(f"bad settings: {listed}", hint="see `livectl config show`", details=wrong)


def require_for_serving(settings: Settings) -> None:
    """Raises BadSettings unless a production server can run safely with these."""
    wrong = [
        {"field": name, "expected": expected, "source": settings.sources[name]}
        for name, expected in _missing_for_serving(settings)
    ]
    if wrong:
        raise bad(wrong)


def _missing_for_serving(settings: Settings) -> Iterable[tuple[str, str]]:
    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY"):
        if not getattr(settings, _BY_NAME[name].attribute):
            yield name, "expected a value, it is missing"
    if problem := weakness(settings.livekit_api_secret):
        yield "LIVEKIT_API_SECRET", problem
    if not settings.jwt_secret and not settings.jwt_jwks_url:
        yield "JWT_SECRET", "expected a value (or JWT_JWKS_URL), it is missing"
    elif settings.jwt_secret and (problem := weakness(settings.jwt_secret)):
        yield "JWT_SECRET", problem
    if settings.oidc_client_id:
        for name in ("JWT_ISSUER", "JWT_JWKS_URL"):
            if not getattr(settings, _BY_NAME[name].attribute):
                yield name, "expected a value, since OIDC_CLIENT_ID is set"
    if settings.metrics_token and (problem := weakness(settings.metrics_token)):
        yield "LIVECTL_METRICS_TOKEN", problem


def weakness(secret: Secret) -> str | None:
    """What is wrong with a secret, without a word of it; None where it is strong enough."""
    value = secret.reveal()
    if not value:
        return "expected a value, it is missing"
    if len(value) < MIN_SECRET:
        return f"expected at least {MIN_SECRET} characters, it has {len(value)}"
    if len(set(value)) < 8 or value.lower() in _WEAK:
        return "expected a random value, e.g. from `openssl rand -hex 32`"
    return None


def shown(settings: Settings) -> list[dict[str, str]]:
    """Each setting with its value and source for a person, secrets masked."""
    rows = []
    for setting in SETTINGS:
        value = getattr(settings, setting.attribute)
        text = str(value) if isinstance(value, Secret) else _as_text(value)
        masked = mask_url(text) if setting.secret else text
        rows.append(
            {"name": setting.name, "value": masked, "source": settings.sources[setting.name]}
        )
    return rows


def _as_text(value: Any) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "/".join(map(str, value))
    return ",".join(value) if isinstance(value, list) else str(value)


def mask_url(text: str) -> str:
    """A URL without its password; anything else unchanged."""
    return re.sub(r"(?<=://)([^:/@]*):.*@", r"\1:********@", text)


def _first(layers: list[tuple[str, Mapping[str, str]]], setting: Setting) -> tuple[str, str] | None:
    for source, values in layers:
        for name in (setting.name, *setting.aliases):
            if raw := str(values.get(name) or "").strip():
                return raw, source
    return None


def _dotenv(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values  # costs start time, and most calls have no such file

    return {name: value or "" for name, value in dotenv_values(path, interpolate=False).items()}


def profiles() -> list[dict[str, Any]]:
    """The profiles of the config file: their names, servers, and which is the default."""
    content = _config_content(config_file())
    return [
        {
            "name": name,
            "server": values.get("LIVECTL_SERVER", ""),
            "default": name == content.get("default"),
        }
        for name, values in content.get("profiles", {}).items()
    ]


def _config_content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path}: {error}", hint="mend the file, it must be TOML") from error
    tables = content.get("profiles", {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise BadSettings(f"{path}: expected [profiles.NAME] tables of settings and values")
    return content


def _profile(name: str | None) -> list[tuple[str, Mapping[str, str]]]:
    path = config_file()
    if name and not path.is_file():
        raise BadSettings(
            f"profile {name}: there is no {path}", hint=f"write [profiles.{name}] there"
        )
    content = _config_content(path)
    chosen = name or content.get("default")
    if chosen is None:
        return []
    profiles = content.get("profiles", {})
    if chosen not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise BadSettings(f"profile {chosen}: not in {path}", hint=f"profiles there: {known}")
    values = {key: str(value) for key, value in profiles[chosen].items()}
    if unknown := sorted(set(values) - set(_BY_NAME)):
        raise BadSettings(f"profile {chosen} in {path}: no such setting: {', '.join(unknown)}")
    return [(f"profile {chosen}", values)]
