"""livectl vod backfill, verify."""

from __future__ import annotations

import json
import secrets
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

import typer

from livectl.commands.options import DryRun, Since, Until, find_stream, moment
from livectl.errors import LivectlError, PartlyDone
from livectl.output import Column, Item, printable
from livectl.session import Session, of

app = typer.Typer(rich_markup_mode=None, add_completion=False)

PROBLEMS = (
    Column("WHAT", "kind"),
    Column("VOD", "recordingId"),
    Column("PATH", "path"),
    Column("WHY", "why"),
)
# A part of the work takes seconds, and as long as one film that is begun.
_PATIENCE_S = 600
_RESULTS = ("published", "repaired", "adopted", "deleted", "unmatched", "failed")

Concurrency = Annotated[int, typer.Option(min=1, max=32, help="So many at a time.")]


@app.command()
def backfill(
    context: typer.Context,
    source: Annotated[str, typer.Option(help="Look through: recordings, bucket or all.")] = "all",
    owner: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    stream: Annotated[str | None, typer.Option(help="Of this stream.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Do so many, no more.")] = None,
    concurrency: Concurrency = 4,
    max_failures: Annotated[
        int | None, typer.Option(min=1, help="Give up after so many failed.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Find what should be a VOD and is not, and make it one. Safe to run at any time, for cron.

    Finished recordings without a VOD, objects that no recording knows, VODs that lack something or
    whose object is gone. One at a time: exit code 5 while another runs; 7 when some failed.

    Example: livectl vod backfill --since 7d
    """
    session = of(context)
    run = secrets.token_hex(8)
    body = {
        "run": run,
        "source": source,
        "owner": owner,
        "stream": find_stream(session, stream)["streamId"] if stream else None,
        "since": moment(since, "--since"),
        "until": moment(until, "--until"),
        "limit": limit,
        "concurrency": concurrency,
        "dryRun": dry_run,
    }
    summary: Item = {"scanned": 0, **dict.fromkeys(_RESULTS, 0), "complete": False}
    try:
        with session.output.progress("backfill") as tell:
            for page in _parts(session, "/api/vods/backfill", body):
                _count(session, summary, page, dry_run)
                tell(summary["scanned"], text=_in_words(summary))
                if max_failures is not None and summary["failed"] >= max_failures:
                    break
                if limit is not None:
                    body["limit"] = limit = limit - page["tried"]
                    if limit <= 0:
                        break
            else:
                summary["complete"] = True
    finally:
        if summary["scanned"] and not summary["complete"] and not dry_run:
            with suppress(LivectlError):
                session.api.delete(f"/api/vods/backfill/{run}")
        if summary["scanned"] or summary["complete"]:  # else it was refused
            _summarise(session, {**summary, "dryRun": dry_run})
    if summary["failed"]:
        raise PartlyDone(
            f"{summary['failed']} failed", hint="what they failed of is told above; run it again"
        )


@app.command()
def verify(
    context: typer.Context,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read all of every file, and decode parts of it.")
    ] = False,
    since: Since = None,
    until: Until = None,
    concurrency: Concurrency = 4,
) -> None:
    """Compare VODs with the bucket, in both directions; changes nothing. Exit code 7 when
    something is wrong.

    Example: livectl vod verify --deep --since 30d -o jsonl
    """
    session = of(context)
    body = {
        "deep": deep,
        "since": moment(since, "--since"),
        "until": moment(until, "--until"),
        "concurrency": concurrency,
    }
    problems: list[Item] = []
    scanned = 0
    with session.output.progress("verify") as tell:
        for page in _parts(session, "/api/vods/verify", body):
            problems += page["items"]
            scanned += page["scanned"]
            tell(scanned, text=f"{scanned} looked at, {len(problems)} wrong")
    session.output.items(problems, PROBLEMS, id_key="path")
    session.output.note(f"{scanned} recordings and objects looked at, {len(problems)} wrong")
    if problems:
        raise PartlyDone(
            f"{len(problems)} of {scanned} are not as they should be",
            hint="`livectl vod backfill` mends what can be mended",
        )


def _parts(session: Session, path: str, body: dict[str, Any]) -> Iterator[Item]:
    """The answers to one call after another, until there is no more. `body` may be changed."""
    while True:
        page: Item = session.api.post(path, body, patience=_PATIENCE_S)
        yield page
        if not page.get("nextCursor"):
            return
        body["cursor"] = page["nextCursor"]


def _count(session: Session, summary: Item, page: Item, dry_run: bool) -> None:
    summary["scanned"] += page["scanned"]
    for result, count in Counter(item["result"] for item in page["items"]).items():
        summary[result] += count
    for item in page["items"]:
        if dry_run or item["result"] in {"failed", "unmatched"}:
            why = f": {item['why']}" if "why" in item else ""
            would = "would be " if dry_run else ""
            session.output.note(printable(f"{would}{item['result']} {item['path']}{why}"))


def _summarise(session: Session, summary: Item) -> None:
    """Words for a person, one line of JSON for a log."""
    on_terminal = session.output.format == "table" and sys.stdout.isatty()
    text = _in_words(summary) if on_terminal else json.dumps(summary)
    session.output.item(summary, id_key="scanned", text=text)


def _in_words(summary: Item) -> str:
    told = [f"{summary[result]} {result}" for result in _RESULTS if summary[result]]
    return ", ".join([f"{summary['scanned']} looked at", *(told or ["nothing to do"])])
