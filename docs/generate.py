"""Make docs/reference.md from the code: `python docs/generate.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from livectl.app import ROUTES
from livectl.cli import NOUNS, app, load_noun
from livectl.config import SETTINGS, Secret
from livectl.errors import LivectlError, all_errors

REFERENCE = Path(__file__).with_name("reference.md")
EXIT_CODES = {
    0: "done",
    1: "failed",
    2: "usage or settings",
    3: "not found",
    4: "refused",
    5: "conflict",
    6: "something outside is unavailable; for a kill: recorded, will be enforced",
    7: "partly done",
}


def reference() -> str:
    """The whole text."""
    parts = [
        "# Reference",
        "Made from the code by `make docs`; a test fails when it is not fresh.",
        "## Commands",
        *_commands(),
        "## Global options",
        "They may stand anywhere, `--timeout` only before the noun.",
        _parameters(get_command(app).params),
        "## Exit codes",
        _table(("exit code", "meaning"), EXIT_CODES.items()),
        "## Errors",
        'An answer of the API with an error is `{"error", "code", "hint"?, "details"?, '
        '"requestId"}`; the command line ends with the exit code.',
        _table(("code", "HTTP", "exit code", "meaning"), map(_error, all_errors())),
        "## Settings",
        "Read, highest first: command-line option, environment, `.env` in the working directory, "
        "the profile, what `livectl dev` made, the default.",
        _table(("name", "meaning", "default"), map(_setting, SETTINGS)),
        "## The API",
        "The whole of it, with its types: `/openapi.json`, and to read: `/docs`.",
        _table(("call", "what it does", "for"), map(_route, ROUTES)),
    ]
    return "\n\n".join(parts) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its words."""
    for noun in NOUNS:
        yield from _verbs(noun, load_noun(noun))


def _verbs(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A group may hold groups, as `livectl moderation words` is."""
    if isinstance(command, TyperGroup):
        for verb, found in command.commands.items():
            yield from _verbs(f"{words} {verb}", found)
    else:
        yield words, command


def _commands() -> Iterator[str]:
    for words, command in commands():
        usage = " ".join(_argument(one) for one in command.params if not _is_option(one))
        yield f"### livectl {words}"
        yield f"```console\n$ livectl {words}{' [OPTIONS]' if _options(command) else ''}" + (
            f" {usage}\n```" if usage else "\n```"
        )
        yield _help(command.help or "")
        if options := _options(command):
            yield _parameters(options)


def _help(text: str) -> str:
    """Sentences, and the example as code."""
    told, _, example = text.strip().partition("Example: ")
    return f"{told.strip()}\n\n    {example.strip()}" if example else told.strip()


def _options(command: Any) -> list[Any]:
    return [one for one in command.params if _is_option(one) and one.name != "help"]


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    return str(name)


def _parameters(parameters: Iterable[Any]) -> str:
    rows = [(_names(one), one.help or "", _default(one)) for one in parameters if _is_option(one)]
    return _table(("option", "meaning", "default"), rows)


def _names(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    kind = "NUMBER" if option.type_descriptor.annotation in {int, float} else "TEXT"
    return names if option.is_flag else f"{names} {kind}"


def _default(option: Any) -> str:
    if option.required:
        return "needed"
    return "" if option.default in (None, False, "", [], ()) else f"`{option.default}`"


def _error(cls: type[LivectlError]) -> Sequence[object]:
    return f"`{cls.code}`", cls.status, cls.exit_code, _MEANINGS[cls.code]


_MEANINGS = {
    "failed": "something failed; the message says what",
    "bad_request": "a field or an option is wrong; `details` names each",
    "bad_settings": "the process cannot start with these settings",
    "too_large": "the body is too large",
    "wrong_media_type": "the body is not JSON",
    "unauthenticated": "no bearer token, or one that is not good",
    "forbidden": "known, and not allowed",
    "feature_disabled": "going live is switched off",
    "blocked": "blocked from this stream",
    "banned": "may not go live for now",
    "chat_refused": "may be here, and may not say this now",
    "timed_out": "told to be quiet for a time (`retryAfter`)",
    "chat_frozen": "the chat is frozen: hosts and moderators speak",
    "not_allowed": "the chat is for those on a list",
    "blocked_word": "a word or pattern in it is blocked",
    "links_off": "links are off",
    "not_found": "there is none, or it is not yours",
    "method_not_allowed": "this address takes another method",
    "conflict": "the state does not allow it, or a name stands for several",
    "too_many_requests": "come back after `Retry-After` seconds",
    "slow_mode": "slow mode: one message in so many seconds",
    "unavailable": "LiveKit, the store or the network failed",
    "outside_timeout": "something outside did not answer in time",
    "not_ready": "this server cannot serve now",
    "waited_too_long": "what was waited for did not happen",
    "partly_done": "some of several things failed",
}


def _setting(setting: Any) -> Sequence[object]:
    names = " or ".join(f"`{name}`" for name in (setting.name, *setting.aliases))
    default = setting.default
    if default is None or isinstance(default, Secret) or default in ("", []):
        shown = ""
    else:
        text = _value(default)
        shown = f"`{text.lower() if isinstance(default, bool) else text}`"
    return names, f"{setting.help}{' (secret)' if setting.secret else ''}", shown


def _value(default: Any) -> str:
    if isinstance(default, tuple):
        return "/".join(map(str, default))
    return ", ".join(default) if isinstance(default, list) else str(default)


def _route(route: Any) -> Sequence[object]:
    return f"`{route.method} {route.path}`", route.summary, route.allow.value


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(
        f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |"
        for line in lines
    )


if __name__ == "__main__":
    REFERENCE.write_text(reference(), "utf-8")
