"""livectl webhooks."""

from __future__ import annotations

from typing import Annotated

import typer

from livectl.commands.options import Limit, Since, moment
from livectl.output import Column, short_time
from livectl.session import of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="What LiveKit told, and what became of it.",
)

COLUMNS = (
    Column("WEBHOOK", "id"),
    Column("STATUS", "status"),
    Column("EVENT", "type"),
    Column("RECEIVED", lambda item: short_time(item["receivedAt"]), spare=True),
    Column("TRIES", "attempts", right=True, spare=True),
    Column("ROOM", "room"),
    Column("ERROR", "error"),
)


@app.command("list")
def list_(
    context: typer.Context,
    failed: Annotated[bool, typer.Option("--failed", help="Only parked ones.")] = False,
    pending: Annotated[bool, typer.Option("--pending", help="Only those that wait.")] = False,
    room: Annotated[str | None, typer.Option(help="Of this room.")] = None,
    event: Annotated[str | None, typer.Option(help="Of this kind.")] = None,
    since: Since = None,
    limit: Limit = 100,
) -> None:
    """List the inbox, newest first.

    Example: livectl webhooks list --failed
    """
    session = of(context)
    page = session.api.get(
        "/api/webhooks",
        status="parked" if failed else "pending" if pending else None,
        room=room,
        type=event,
        since=moment(since, "--since"),
        limit=min(limit, 1000),
    )
    session.output.items(page["items"], COLUMNS, id_key="id")
    session.output.note(f"{page['pending']} wait, {page['parked']} are parked")


@app.command()
def show(context: typer.Context, webhook: str) -> None:
    """Show one webhook with its body; keys in it are masked.

    Example: livectl webhooks show EV_d7PW9H5vnMNr
    """
    session = of(context)
    session.output.item(session.api.get(f"/api/webhooks/{webhook}"), id_key="id")


@app.command()
def replay(
    context: typer.Context,
    webhooks: Annotated[list[str] | None, typer.Argument(metavar="[WEBHOOK]...")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All parked ones.")] = False,
    since: Since = None,
) -> None:
    """Have webhooks handled again; what they did before is not done twice.

    Example: livectl webhooks replay --failed
    """
    session = of(context)
    body = {"ids": webhooks or [], "failed": failed, "since": moment(since, "--since")}
    answer = session.api.post("/api/webhooks/replay", body)
    session.output.item(answer, id_key="queued", text=f"{answer['queued']} webhooks are queued")


@app.command()
def send(
    context: typer.Context,
    event: Annotated[str, typer.Option(help="Its kind.")] = "room_started",
    room: Annotated[str | None, typer.Option(help="Its room.")] = None,
) -> None:
    """Sign a sample webhook and post it, to try a deployment.

    Example: livectl --server https://live.example.com webhooks send
    """
    session = of(context)
    sample = session.api.post("/api/webhooks/sample", {"event": event, "room": room})
    signed = {"Authorization": sample["authorization"], "Content-Type": sample["contentType"]}
    answer = session.api.post("/api/webhooks/livekit", sample["body"].encode(), headers=signed)
    session.output.item(answer, id_key="received", text="signed, sent, received and stored")
