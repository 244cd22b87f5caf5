"""`livectl`: the root command. Nouns are loaded when they are asked for, so that help, completion
and small commands start at once."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Annotated, Any

import typer
from typer._click import Command, Context
from typer._coercion import RuntimeParam, build_runtime_param, resolve_type_descriptor
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.exceptions import Abort, Exit, TyperException

from livectl import __version__
from livectl.errors import BadInput, LivectlError
from livectl.output import Format, Output, Shown, wants_color
from livectl.session import DEFAULT_TIMEOUT_S, Session

NOUNS = {
    "serve": "Serve the API to the apps, and do what runs by itself.",
    "dev": "Run the whole product on this machine, with nothing set up.",
    "console": "Open the web console, signed in.",
    "doctor": "Check everything, and say what to do.",
    "streams": "List, start, kill, explain streams.",
    "recordings": "Begin, end, list and settle recordings.",
    "vod": "Replays: list, link, download, hold, verify, prune.",
    "ingress": "Keys that encoders go live with.",
    "moderation": "Keep order: people, messages, rules, reports, audit.",
    "tokens": "Issue bearer tokens.",
    "webhooks": "What LiveKit told: list, show, replay, send a sample.",
    "reconcile": "Compare the store with LiveKit, and mend what differs.",
    "events": "Read the event log.",
    "load": "Try how much a server can carry.",
    "db": "Set up, check, export and import the store.",
    "config": "Show every setting and where it came from.",
    "completion": "Print a completion script for bash, zsh or fish.",
}
_EPILOG = """Exit codes: 0 done, 1 failed, 2 usage or settings, 3 not found, 4 refused, 5 conflict,
6 something outside is unavailable, 7 partly done.

Global options may stand anywhere: `livectl streams list -o json`."""

_HELP = ["-h", "--help"]

# Global options that may stand after the verb as well, and whether a value follows.
_ANYWHERE = {
    "-o": True,
    "--output": True,
    "--server": True,
    "--profile": True,
    "--data-dir": True,
    "--curl": False,
    "-q": False,
    "--quiet": False,
    "--verbose": False,
    "--no-color": False,
}


class Nouns(TyperGroup):
    """The root's help shows a name and a sentence for each noun; its module is imported only to
    run it."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        _without_pydantic(self)

    def list_commands(self, ctx: Context) -> list[str]:
        return list(NOUNS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        summary = NOUNS.get(cmd_name)
        return None if summary is None else TyperCommand(cmd_name, help=summary)

    def resolve_command(
        self, ctx: Context, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and load_noun(command.name or ""), rest


def load_noun(name: str) -> Command:
    module = importlib.import_module(f"livectl.commands.{name}")
    command = typer.main.get_command(module.app)
    command.name = name
    _without_pydantic(command)
    return command


class _AsItIs(RuntimeParam):
    """Text is text, and a default is already what it should be; all else is Typer's to read.

    Typer reads each value with pydantic, whose import takes longer than most commands do.
    """

    def _coerce_value(self, value: Any, param: Any, ctx: Context) -> Any:
        if self.annotation is str or value == param.get_default(ctx):
            return value
        if self.annotation == list[str]:
            return list(value)
        if self.annotation is bool and isinstance(value, bool):
            return value
        read = build_runtime_param(resolve_type_descriptor(self.annotation, self.parameter_info))
        return read.coerce(value, param, ctx)


def _without_pydantic(command: Command) -> None:
    # With a context they include the help option.
    for param in command.get_params(Context(command, help_option_names=_HELP)):
        if isinstance(param, TyperOption | TyperArgument):
            kind = param.type_descriptor
            param._runtime_param = _AsItIs(kind.parameter_info, kind.annotation)
    if isinstance(command, TyperGroup):
        for verb in command.commands.values():
            _without_pydantic(verb)


app = typer.Typer(
    cls=Nouns,
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": _HELP},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"livectl {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    output: Annotated[
        str, typer.Option("--output", "-o", help="table, json, jsonl, yaml or id.")
    ] = "table",
    server: Annotated[
        str | None, typer.Option(help="Work through this server (LIVECTL_SERVER).")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Settings of [profiles.NAME] in the config file.")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(help="Embedded database and files (LIVECTL_DATA_DIR).")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds for one call.")
    ] = DEFAULT_TIMEOUT_S,
    curl: Annotated[
        bool, typer.Option("--curl", help="Print the HTTP call in place of making it.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Logs and tracebacks.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="Like NO_COLOR.")] = False,
    _: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Run a live-streaming product on LiveKit: streams, kills, numbers that are true.

    Example: livectl streams list --live
    """
    given = {"LIVECTL_SERVER": server, "LIVECTL_DATA_DIR": data_dir}
    context.obj = Session(
        output=Output(_format(output), color=wants_color(no_color), quiet=quiet),
        options={name: value for name, value in given.items() if value is not None},
        profile=profile,
        timeout=timeout,
        curl=curl,
        verbose=verbose,
    )
    context.call_on_close(context.obj.close)
    if verbose:
        import logging

        logging.basicConfig(level=logging.INFO, stream=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Run, and end the process with the exit code. The only place that catches."""
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(given))


def run(given: list[str]) -> int:
    """Run a command line; its exit code."""
    if "_LIVECTL_COMPLETE" in os.environ:
        from typer._completion_classes import completion_init

        completion_init()  # Typer would do it only for those who have its --install-completion
    try:
        result = app(args=hoisted(given), prog_name="livectl", standalone_mode=False)
    except Shown as shown:
        _output_for(given).shown(shown)
    except LivectlError as error:
        return _failed(given, error)
    except Exit as end:
        return end.exit_code
    except TyperException as error:
        return _usage(given, error)
    except (KeyboardInterrupt, Abort):
        return 130
    except BrokenPipeError:
        # Whoever read has enough; without this Python complains when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        fault = LivectlError(
            f"a fault of livectl: {type(error).__name__}: {error}",
            hint="--verbose shows where; please report it",
        )
        return _failed(given, fault)
    else:
        return result if isinstance(result, int) else 0
    return 0


def hoisted(given: list[str]) -> list[str]:
    """Global options first, wherever they stood; what follows `--` is left alone."""
    front: list[str] = []
    rest: list[str] = []
    words = iter(given)
    for word in words:
        if word.startswith("-o") and len(word) > 2:  # -ojson, -o=json
            front += ["-o", word[2:].removeprefix("=")]
            continue
        name, has_value, _ = word.partition("=")
        if word == "--":
            return [*front, *rest, word, *words]
        if name not in _ANYWHERE:
            rest.append(word)
        else:
            front.append(word)
            if _ANYWHERE[name] and not has_value and (value := next(words, None)) is not None:
                front.append(value)
    return [*front, *rest]


def _failed(given: list[str], error: LivectlError) -> int:
    _output_for(given).error(error)
    if "--verbose" in given:
        import traceback

        traceback.print_exc()
    return error.exit_code


def _usage(given: list[str], error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    output = _output_for(given)
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        if output.format == "table":
            output.note(message)
            return 2
        message = "which command?"
    hint = f"see `{context.command_path} --help`" if context is not None else None
    output.error(BadInput(message, hint=hint))
    return 2


def _output_for(given: list[str]) -> Output:
    """How to tell an error, also when the options could not be read."""
    words = hoisted(given)
    wanted: Any = "table"
    for number, word in enumerate(words):
        if word in {"-o", "--output"} and number + 1 < len(words):
            wanted = words[number + 1]
        elif word.startswith("--output="):
            wanted = word.partition("=")[2]
    return Output(wanted, color=wants_color("--no-color" in given))


def _format(name: str) -> Format:
    for known in ("table", "json", "jsonl", "yaml", "id"):
        if name == known:
            return known
    raise BadInput(f"--output {name}: expected table, json, jsonl, yaml or id")
