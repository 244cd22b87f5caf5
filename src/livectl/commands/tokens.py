"""livectl tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from livectl.commands.options import seconds
from livectl.session import of

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Issue bearer tokens."
)


@app.callback()
def tokens() -> None:
    """Issue bearer tokens."""


@app.command()
def issue(
    context: typer.Context,
    user: Annotated[str, typer.Option(help="The user that the token stands for.")],
    admin: Annotated[bool, typer.Option("--admin", help="With an administrator's rights.")] = False,
    ttl: Annotated[str, typer.Option(help="How long it is good: 30m, 12h, 7d.")] = "1h",
) -> None:
    """Issue a bearer token, signed with JWT_SECRET.

    Example: export LIVECTL_TOKEN=$(livectl tokens issue --user me --admin)
    """
    body = {"userId": user, "administrator": admin, "ttlSeconds": seconds(ttl, "--ttl")}
    answer = of(context).api.post("/api/tokens", body)
    of(context).output.item(answer, id_key="token", text=answer["token"])
