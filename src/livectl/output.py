"""Printing: tables for people, JSON for programs, and talk on standard error only."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from livectl.errors import BadInput, LivectlError

Format = Literal["table", "json", "jsonl", "yaml", "id"]
Item = dict[str, Any]
# On a terminal; in a pipe nothing is cut.
_COLUMN_MAX = 26
_LAST_MIN = 16
_GAP = 2


class Progress(Protocol):
    """Tells how much is done, of how much where that is known, and more in words."""

    def __call__(self, done: float, total: float | None = None, text: str = "") -> None: ...


class Shown(Exception):
    """Carries the curl commands that `--curl` shows in place of an answer, as its arguments."""


@dataclass(frozen=True)
class Column:
    """A column of a noun's table: its title, and the key or the function that gives its text. A
    spare one is left out where the terminal is too narrow."""

    title: str
    value: str | Callable[[Item], Any]
    right: bool = False
    spare: bool = False

    def of(self, item: Item) -> str:
        found = self.value(item) if callable(self.value) else item.get(self.value)
        return _text(found)


@dataclass(frozen=True)
class Output:
    """Where everything is printed. Standard output holds what was asked for and nothing else;
    notes, questions, progress and errors go to standard error."""

    format: Format = "table"
    color: bool = True
    quiet: bool = False

    def items(self, items: Sequence[Item], columns: Sequence[Column], *, id_key: str) -> None:
        """A list, in the chosen format."""
        if self.format == "table":
            if items:
                self._table(items, columns)
            else:
                self.note("nothing found")
        elif self.format == "id":
            self.text("\n".join(str(item[id_key]) for item in items))
        elif self.format == "jsonl":
            self.text("\n".join(json.dumps(item, ensure_ascii=False) for item in items))
        else:
            self.data(list(items))

    def item(self, item: Item, *, id_key: str, text: str | None = None) -> None:
        """One thing, in the chosen format; for a table its `text`, or its fields line by line."""
        if self.format == "id":
            self.text(str(item[id_key]))
        elif self.format == "table":
            self.text(_fields(item) if text is None else text)
        else:
            self.data(item)

    def data(self, data: Any) -> None:
        """Data for a program: YAML where that was chosen, otherwise JSON."""
        if self.format == "yaml":
            import yaml

            self.text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True).rstrip())
        else:
            indent = None if self.format == "jsonl" else 2
            self.text(json.dumps(data, ensure_ascii=False, indent=indent))

    def as_lines(self) -> Output:
        """The same, for data that comes one by one."""
        return dataclasses.replace(self, format="yaml" if self.format == "yaml" else "jsonl")

    def say(self, text: str) -> None:
        """Words for a person: the answer of a table, beside the answer where data was chosen."""
        if self.format == "table":
            self.text(text)
        else:
            self.note(text)

    def shown(self, shown: Shown) -> None:
        """The commands that `--curl` asked for."""
        if self.format in {"table", "id"}:
            self.text("\n".join(shown.args))
        else:
            self.items([{"curl": one} for one in shown.args], (), id_key="curl")

    def fresh_page(self, title: str) -> None:
        """Begin again at the top, where a person looks at a table on a terminal."""
        if self.format == "table" and sys.stdout.isatty():
            self.text(f"\x1b[2J\x1b[H{title}")

    def text(self, text: str) -> None:
        if text:
            print(text, flush=True)  # noqa: T201 (the one place that prints)

    def note(self, text: str) -> None:
        """For a person who watches, not part of the answer."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)  # noqa: T201

    def error(self, error: LivectlError) -> None:
        """The error with its hint; as a JSON object where JSON was chosen."""
        if self.format in {"json", "jsonl"}:
            found: Item = {"error": error.message, "code": error.code, "exitCode": error.exit_code}
            if error.hint:
                found["hint"] = error.hint
            if error.details:
                found["details"] = error.details
            print(json.dumps(found, ensure_ascii=False), file=sys.stderr)  # noqa: T201
            return
        red = self.color and sys.stderr.isatty()
        print(_painted(f"error: {printable(error.message)}", "31", red), file=sys.stderr)  # noqa: T201
        if error.hint:
            print(f"  {printable(error.hint)}", file=sys.stderr)  # noqa: T201

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """How far something long is, for a person who watches a terminal; nothing otherwise."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda done, total=None, text="": None
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True, no_color=not self.color, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
        with Bar(*columns, console=console, transient=True) as bar:
            task = bar.add_task(title, total=None, text="")
            yield lambda done, total=None, text="": bar.update(
                task, completed=done, total=total, text=text
            )

    def red(self, text: str) -> str:
        return self._colored(text, "31")

    def green(self, text: str) -> str:
        return self._colored(text, "32")

    def yellow(self, text: str) -> str:
        return self._colored(text, "33")

    def confirm(self, question: str, *, yes: bool) -> None:
        """Raises LivectlError on a no, and BadInput where nobody can be asked."""
        if yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise BadInput(f"{question} There is no terminal to ask on", hint="add --yes")
        print(f"{printable(question)} [y/N] ", file=sys.stderr, end="", flush=True)  # noqa: T201
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise LivectlError("not confirmed; nothing was done")

    def _colored(self, text: str, code: str) -> str:
        return _painted(text, code, self.color and sys.stdout.isatty())

    def _table(self, items: Sequence[Item], columns: Sequence[Column]) -> None:
        if sys.stdout.isatty():
            self._rich_table(items, columns)
        else:
            rows = [[column.of(item) for column in columns] for item in items]
            self.text(_plain_table(rows, columns))

    def _rich_table(self, items: Sequence[Item], columns: Sequence[Column]) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(no_color=not self.color, highlight=False)
        columns, widths = _fitting(items, columns, console.width)
        table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, _GAP, 0, 0))
        for column, width in zip(columns, widths, strict=True):
            table.add_column(
                column.title,
                justify="right" if column.right else "left",
                no_wrap=True,
                overflow="ellipsis",
                width=width,
            )
        for item in items:
            table.add_row(*(Text(column.of(item)) for column in columns))
        console.print(table)


def _fitting(
    items: Sequence[Item], columns: Sequence[Column], width: int
) -> tuple[Sequence[Column], list[int]]:
    """The columns that fit a terminal, with their widths: spare ones go first, and the last one
    takes the room that is left. The first names the thing and is never cut."""
    widest = [
        max(len(column.title), *(len(column.of(item)) for item in items)) for column in columns
    ]
    widths = [widest[0], *(min(one, _COLUMN_MAX) for one in widest[1:])]
    left = width - sum(widths[:-1]) - _GAP * (len(columns) - 1)
    if left < min(widest[-1], _LAST_MIN) and (spare := [one for one in columns if one.spare]):
        return _fitting(items, [one for one in columns if one is not spare[-1]], width)
    return columns, [*widths[:-1], max(1, min(left, widest[-1]))]


def wants_color(no_color: bool) -> bool:
    """Unless it was declined: by option, by NO_COLOR, or by a terminal that has none."""
    return not (no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb")


def _plain_table(rows: list[list[str]], columns: Sequence[Column]) -> str:
    """Columns two blanks apart, nothing cut: for pipes and files."""
    lines = [[column.title for column in columns], *rows]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    )


def _fields(item: Item) -> str:
    width = max((len(key) for key in item), default=0)
    return "\n".join(f"{key.ljust(width)}  {_text(value)}" for key, value in item.items())


def printable(text: str) -> str:
    """What users typed may hold escape sequences: a terminal must not obey them."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def _painted(text: str, code: str, color: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if color else text


def _text(value: Any) -> str:
    if value is None or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(_text, value))
    return printable(str(value))


def in_words(data: Item) -> str:
    """The facts of an event on one line."""
    return " ".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in data.items()
    )


def short_time(value: str | None) -> str:
    """A time as a person reads it: to the second, in UTC."""
    return value[:19].replace("T", " ") if value else "-"


def exact_time(value: str) -> str:
    """The same to the millisecond, also where there are none."""
    whole, _, fraction = value.removesuffix("Z").partition(".")
    return f"{whole.replace('T', ' ')}.{fraction[:3].ljust(3, '0')}"


def lasted(item: Item) -> str:
    """How long a stream has been live, or was, as 1:02:03."""
    began = datetime.fromisoformat(item["startedAt"])
    ended = datetime.fromisoformat(item["endedAt"]) if item.get("endedAt") else datetime.now(UTC)
    return in_time(max(0, int((ended - began).total_seconds())))


def in_bytes(count: float | None) -> str:
    """A size as a person reads it: 3.4 GB."""
    if count is None:
        return "-"
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def in_time(seconds: float | None) -> str:
    """A duration as a person reads it: 1:02:03."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
