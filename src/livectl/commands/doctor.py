"""livectl doctor."""

from __future__ import annotations

from typing import Any

import typer

from livectl.errors import BadSettings, LivectlError, error_for
from livectl.output import Column
from livectl.session import Session, of

app = typer.Typer(rich_markup_mode=None, add_completion=False)

COLUMNS = (
    Column("CHECK", "name"),
    Column("RESULT", "status"),
    Column("FOUND", "detail"),
    Column("WHAT TO DO", "remedy"),
)


@app.command()
def doctor(context: typer.Context) -> None:
    """Check settings, store, LiveKit, webhooks and what else is set up, and say what to do.

    Exit code 0 without a failure, otherwise that of the worst.

    Example: livectl doctor -o json
    """
    session = of(context)
    findings = _examine(session)
    if session.output.format == "table":
        for one in findings:
            session.output.text(_line(session, one))
    else:
        session.output.items(findings, COLUMNS, id_key="name")
    codes = [error_for(one.get("code", ""), 500) for one in findings if one["status"] == "fail"]
    if codes:
        raise typer.Exit(max(cls.exit_code for cls in codes))


def _examine(session: Session) -> list[dict[str, Any]]:
    try:
        where = session.settings.server or "this process"
    except BadSettings as error:
        return [_failed("settings", error)]
    good = {"name": "settings", "status": "pass", "detail": f"read; asking {where}"}
    try:
        return [good, *session.api.get("/api/doctor")["checks"]]
    except LivectlError as error:
        return [good, _failed("server" if session.settings.server else "store", error)]


def _failed(name: str, error: LivectlError) -> dict[str, Any]:
    return {
        "name": name,
        "status": "fail",
        "detail": error.message,
        "remedy": error.hint,
        "code": error.code,
    }


def _line(session: Session, one: dict[str, Any]) -> str:
    paint = {"pass": session.output.green, "warn": session.output.yellow}
    mark = paint.get(one["status"], session.output.red)(f"{one['status']:5}")
    remedy = f"\n{'':21}-> {one['remedy']}" if one.get("remedy") else ""
    return f"{mark} {one['name']:15}{one['detail']}{remedy}"
