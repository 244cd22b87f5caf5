"""livectl serve."""

from __future__ import annotations

from typing import Annotated

import typer

from livectl.session import of

app = typer.Typer(rich_markup_mode=None, add_completion=False)

LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
    log_level: LogLevel = "info",
) -> None:
    """Serve the API to the apps, take LiveKit's webhooks, reconcile by itself.

    Stops on SIGTERM after it has finished what it accepted.

    Example: livectl serve --host 0.0.0.0 --workers 2
    """
    from livectl.runner import serve as run

    run(of(context).settings, host=host, port=port, workers=workers, log_level=log_level)
