"""livectl config."""

from __future__ import annotations

import typer

from livectl.config import bad, config_file, examine, profiles, shown
from livectl.output import Column
from livectl.session import of

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Settings and profiles."
)

COLUMNS = (Column("SETTING", "name"), Column("VALUE", "value"), Column("FROM", "source"))
PROFILES = (Column("PROFILE", "name"), Column("SERVER", "server"), Column("DEFAULT", "default"))


@app.command()
def show(context: typer.Context) -> None:
    """Show every setting, its value (secrets masked) and where it came from.

    Example: livectl config show -o json
    """
    session = of(context)
    settings, wrong = examine(session.options, profile=session.profile)
    session.output.items(shown(settings), COLUMNS, id_key="name")
    if wrong:
        raise bad(wrong)


@app.command("profiles")
def list_profiles(context: typer.Context) -> None:
    """List the profiles of the config file.

    Example: livectl config profiles
    """
    session = of(context)
    session.output.items(profiles(), PROFILES, id_key="name")
    session.output.note(f"kept in {config_file()}")
