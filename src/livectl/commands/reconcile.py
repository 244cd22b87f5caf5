"""livectl reconcile."""

from __future__ import annotations

import typer

from livectl.commands.options import DryRun
from livectl.errors import PartlyDone
from livectl.output import Column
from livectl.session import of

app = typer.Typer(rich_markup_mode=None, add_completion=False)

COLUMNS = (
    Column("WHAT", lambda item: item["kind"].replace("_", " ")),
    Column("ROOM", "roomName"),
    Column("STORE", "store"),
    Column("LIVEKIT", "livekit"),
    Column("ACTION", "action"),
    Column("RESULT", "result"),
    Column("ERROR", "error"),
)


@app.command()
def reconcile(context: typer.Context, dry_run: DryRun = False) -> None:
    """Compare the store with LiveKit, and mend what differs. Safe to run at any time.

    Example: livectl reconcile --dry-run
    """
    session = of(context)
    report = session.api.post("/api/reconcile", dryRun=dry_run)
    corrections = report["corrections"]
    if session.output.format in {"json", "yaml"}:
        session.output.data(report)
    else:
        session.output.items(corrections, COLUMNS, id_key="roomName")
    session.output.note(
        f"{report['checkedStreams']} streams and {report['checkedRooms']} rooms compared, "
        f"{len(corrections)} differ"
    )
    if failed := [one for one in corrections if one.get("result") == "failed"]:
        raise PartlyDone(
            f"{len(failed)} of {len(corrections)} corrections failed",
            hint="see `livectl doctor`, then run it again",
        )
