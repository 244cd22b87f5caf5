"""livectl vod prune."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from livectl.commands.options import DryRun, Yes, moment
from livectl.commands.several import Several
from livectl.errors import BadInput
from livectl.output import Column, Item, in_bytes, short_time
from livectl.session import Session, of

app = typer.Typer(rich_markup_mode=None, add_completion=False)

COLUMNS = (
    Column("VOD", "vodId"),
    Column("ACT", "act"),
    Column("RECORDED", lambda item: short_time(item["recordedAt"])),
    Column("SIZE", lambda item: in_bytes(item["size"]), right=True),
    Column("STREAM", "streamId"),
)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_PATIENCE_S = 600


@app.command()
def prune(
    context: typer.Context,
    older_than: Annotated[
        str | None, typer.Option(help="Those recorded longer ago: 90d, 52w, or before a time.")
    ] = None,
    keep_tag: Annotated[
        list[str] | None, typer.Option(help="Not of streams with this tag; several times.")
    ] = None,
    max_total: Annotated[
        str | None, typer.Option(help="The oldest of what is beyond this: 500GB, 2TB.")
    ] = None,
    archive_class: Annotated[
        str | None, typer.Option(help="Move the old ones to this storage class instead.")
    ] = None,
    max_share: Annotated[
        float, typer.Option(min=0, max=1, help="The most of all VODs that may go.")
    ] = 0.5,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Delete old VODs, after it has shown which and asked. Those on hold stay.

    It refuses where more than half of all would go, and where bucket and store are not of each
    other: a database that was lost must not cost the recordings.

    Example: livectl vod prune --older-than 90d --keep-tag best --dry-run
    """
    session = of(context)
    policy = {
        "before": moment(older_than, "--older-than"),
        "keepTags": keep_tag or [],
        "maxTotal": _bytes(max_total) if max_total else None,
        "archiveClass": archive_class,
        "maxShare": max_share,
    }
    plan = session.api.post("/api/vods/prune", policy, patience=_PATIENCE_S)
    if session.output.format == "table" or dry_run or not plan["items"]:
        session.output.items(plan["items"], COLUMNS, id_key="vodId")
    if dry_run or not plan["items"]:
        session.output.note(_told(plan))
        return
    session.output.confirm(f"{_told(plan)}. Go on?", yes=yes)
    several = Several()
    with session.output.progress("prune") as tell:
        for number, item in enumerate(plan["items"]):
            tell(number, len(plan["items"]), f"{number} of {len(plan['items'])}")
            several.call(item["vodId"], _do, session, item, archive_class)
    if session.output.format == "table":
        session.output.text(f"{len(several.answers)} done")
    else:
        session.output.items(several.answers, (), id_key="vodId")
    several.check("pruned")


def _do(session: Session, item: Item, archive_class: str | None) -> Item:
    path = f"/api/vods/{item['vodId']}"
    if item["act"] == "archive":
        body = {"storageClass": archive_class}
        session.api.post(f"{path}/archive", body, patience=_PATIENCE_S)
    else:
        session.api.delete(path)
    return item


def _told(plan: Item) -> str:
    parts = []
    for act, word in (("delete", "Delete"), ("archive", "Archive")):
        of_act: list[dict[str, Any]] = [one for one in plan["items"] if one["act"] == act]
        if of_act:
            size = in_bytes(sum(one["size"] for one in of_act))
            parts.append(f"{word} {len(of_act)} VODs ({size})")
    whole = f"of {plan['vods']} ({in_bytes(plan['total'])})"
    return f"{', '.join(parts) or 'Nothing'} {whole}"


def _bytes(text: str) -> int:
    """A size like 500GB or 2TB. Raises BadInput."""
    parts = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)\s*([kmgt]?)b?", text.strip().lower())
    if not parts:
        raise BadInput(f"--max-total {text}: expected a size like 500GB or 2TB")
    return int(float(parts[1]) * _UNITS[parts[2]])
