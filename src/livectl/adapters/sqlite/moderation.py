"""Chat rules, restrictions, the queue of reports, and where people came from, in SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from livectl.adapters.sqlite import log, people
from livectl.adapters.sqlite.values import decode, encode, millis, moment, record_document
from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.event import Event
from livectl.domain.moderation import ChatRules, Restriction
from livectl.domain.people import Report
from livectl.ports.moderation import ReportQuery, RestrictionQuery, SeenAddress

RESTRICTION_COLUMNS = "key, scope, kind, subject, user_id, restricted_by, at, until, reason"

_ADDRESSES_MAX = 20


def chat_rules(connection: sqlite3.Connection, scopes: Sequence[str]) -> dict[str, ChatRules]:
    rows = connection.execute(
        "SELECT scope, document FROM chat_rules WHERE scope IN (SELECT value FROM json_each(?))",
        (encode(scopes),),
    )
    return {scope: msgspec.convert(decode(text), ChatRules) for scope, text in rows}


def set_chat_rules(
    connection: sqlite3.Connection, scope: str, rules: ChatRules, event: Event
) -> bool:
    row = connection.execute("SELECT rev FROM chat_rules WHERE scope = ?", (scope,)).fetchone()
    if rules.rev != (row[0] if row else 0):
        return False
    put_chat_rules(connection, scope, msgspec.structs.replace(rules, rev=rules.rev + 1))
    log.append(connection, event)
    return True


def put_chat_rules(connection: sqlite3.Connection, scope: str, rules: ChatRules) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO chat_rules (scope, rev, document) VALUES (?, ?, ?)",
        (scope, rules.rev, encode(record_document(rules))),
    )


def restrict(connection: sqlite3.Connection, restriction: Restriction, event: Event) -> None:
    put_restriction(connection, restriction)
    log.append(connection, event)


def put_restriction(connection: sqlite3.Connection, restriction: Restriction) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO restrictions ({RESTRICTION_COLUMNS})"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            restriction.key,
            restriction.scope,
            restriction.kind,
            restriction.subject,
            restriction.user_id,
            restriction.by,
            epoch_ms(restriction.at),
            millis(restriction.until),
            restriction.reason,
        ),
    )


def restriction_from_row(row: tuple[Any, ...]) -> Restriction:
    _, scope, kind, subject, user_id, by, at, until, reason = row
    return Restriction(
        scope=scope,
        kind=kind,
        subject=subject,
        user_id=user_id,
        by=by,
        at=from_epoch_ms(at),
        until=moment(until),
        reason=reason,
    )


def lift_restriction(connection: sqlite3.Connection, key: str, event: Event) -> bool:
    lifted = connection.execute("DELETE FROM restrictions WHERE key = ?", (key,)).rowcount == 1
    if lifted:
        log.append(connection, event)
    return lifted


def restrictions(connection: sqlite3.Connection, query: RestrictionQuery) -> list[Restriction]:
    sql, values = restrictions_sql(query)
    return [restriction_from_row(row) for row in connection.execute(sql, values)]


def restrictions_sql(query: RestrictionQuery) -> tuple[str, list[Any]]:
    given = list(_conditions(query))
    where = f"WHERE {' AND '.join(condition for condition, _ in given)} " if given else ""
    sql = f"SELECT {RESTRICTION_COLUMNS} FROM restrictions {where}ORDER BY at DESC, key LIMIT ?"
    return sql, [*(value for _, value in given), query.limit]


def report(connection: sqlite3.Connection, report_id: str) -> Report | None:
    row = connection.execute("SELECT document FROM reports WHERE id = ?", (report_id,)).fetchone()
    return people.report_from_text(row[0]) if row else None


def reports(connection: sqlite3.Connection, query: ReportQuery) -> list[Report]:
    sql, values = reports_sql(query)
    return [people.report_from_text(text) for (text,) in connection.execute(sql, values)]


def reports_sql(query: ReportQuery) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    if query.status is not None:
        conditions.append("status = ?")
        values.append(query.status)
    if query.stream_id is not None:
        conditions.append("stream_id = ?")
        values.append(query.stream_id)
    if query.before is not None:
        conditions.append("(at, id) < (?, ?)")
        values += [epoch_ms(query.before[0]), query.before[1]]
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    sql = f"SELECT document FROM reports {where}ORDER BY at DESC, id DESC LIMIT ?"
    return sql, [*values, query.limit]


def resolve_report(
    connection: sqlite3.Connection,
    report_id: str,
    *,
    resolution: str,
    by: str,
    at: datetime,
    event: Event,
) -> bool:
    known = report(connection, report_id)
    if known is None or known.status != "open":
        return False
    resolved = msgspec.structs.replace(
        known, status="resolved", resolution=resolution, resolved_by=by, resolved_at=at
    )
    people.put_report(connection, resolved)
    log.append(connection, event)
    return True


def remember_addresses(connection: sqlite3.Connection, seen: Sequence[SeenAddress]) -> None:
    connection.executemany(
        "INSERT INTO addresses (user_id, address, at) VALUES (?, ?, ?)"
        " ON CONFLICT (user_id, address) DO UPDATE SET at = max(at, excluded.at)",
        [(one.user_id, one.address, epoch_ms(one.at)) for one in seen],
    )


def addresses_of(connection: sqlite3.Connection, user_id: str) -> list[str]:
    rows = connection.execute(
        "SELECT address FROM addresses WHERE user_id = ? ORDER BY at DESC, address LIMIT ?",
        (user_id, _ADDRESSES_MAX),
    )
    return [address for (address,) in rows]


def forget_addresses(connection: sqlite3.Connection, *, before: datetime) -> int:
    return connection.execute("DELETE FROM addresses WHERE at < ?", (epoch_ms(before),)).rowcount


def _conditions(query: RestrictionQuery) -> Iterable[tuple[str, Any]]:
    """Each condition of a query with the value it binds."""
    if query.scopes:
        yield "scope IN (SELECT value FROM json_each(?))", encode(query.scopes)
    if query.kind is not None:
        yield "kind = ?", query.kind
    if query.subject is not None:
        yield "subject = ?", query.subject
    if query.holding_at is not None:
        yield "(until IS NULL OR until > ?)", epoch_ms(query.holding_at)
    if query.over_at is not None:
        yield "until <= ?", epoch_ms(query.over_at)
