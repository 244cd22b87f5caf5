"""livectl dev."""

from __future__ import annotations

from typing import Annotated

import typer

from livectl.session import of

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def dev(
    context: typer.Context,
    demo: Annotated[
        bool, typer.Option("--demo", help="Two synthetic streams go live (media extra).")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "warning",
) -> None:
    """Run the whole product on this machine, with nothing set up, until Ctrl-C.

    A livekit-server of its own, SQLite, keys made for it and kept in the data directory.

    Example: livectl dev --demo
    """
    from livectl.dev.run import run

    session = of(context)
    run(
        session.settings,
        host=host,
        port=port,
        demo=demo,
        log_level=log_level,
        say=session.output.say,
    )
