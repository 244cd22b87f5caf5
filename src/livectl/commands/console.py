"""livectl console."""

from __future__ import annotations

from typing import Annotated

import typer

from livectl.session import of

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="The web console."
)

_HERE = "http://127.0.0.1:8080"


@app.callback()
def console() -> None:
    """The web console."""


@app.command("open")
def open_(
    context: typer.Context,
    user: Annotated[
        str | None, typer.Option(help="As this user; without, as yourself, an operator.")
    ] = None,
    administrator: Annotated[
        bool, typer.Option("--administrator", help="The user is an administrator.")
    ] = False,
    url: Annotated[
        str | None, typer.Option(help="Where the server is reached, if not where it says.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Print the link, open no browser.")] = False,
) -> None:
    """Open the web console in a browser, signed in by a code that is good once and for a minute.

    Where there is no browser it prints the link. Through LIVECTL_SERVER it is always yourself.

    Example: livectl console open --user anna
    """
    session = of(context)
    code = session.api.post("/api/session/codes", {"userId": user, "administrator": administrator})
    settings = session.settings
    base = url or settings.server or settings.own_public_url or _HERE
    there = f"{base.rstrip('/')}/#code={code['code']}"
    if link or session.output.format != "table" or not _opened(there):
        session.output.item(
            {"url": there, "expiresAt": code["expiresAt"]}, id_key="url", text=there
        )
    else:
        session.output.note(f"the console is open in your browser: {base}")


def _opened(url: str) -> bool:
    import webbrowser

    return webbrowser.open(url)
