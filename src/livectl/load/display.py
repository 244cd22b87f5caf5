"""How a load goes, on the terminal of whoever waits for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from livectl.load.chat import Phase, Plan, Watch
from livectl.load.worker import Standing
from livectl.output import Output

_TITLES: dict[Phase, str] = {"ramp": "coming in", "send": "sending", "drain": "last deliveries"}


@contextmanager
def display(output: Output, plan: Plan) -> Iterator[Watch]:
    """A line on standard error that goes away at the end; nothing where nobody would see it."""
    if output.quiet or not sys.stderr.isatty():
        yield lambda phase, now: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[facts]}")
    console = Console(stderr=True, no_color=not output.color)
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", facts="")
        pace = _Pace()
        shown: Phase | None = None
        began = time.monotonic()

        def watch(phase: Phase, now: Standing) -> None:
            nonlocal shown, began
            if phase != shown:
                shown, began = phase, time.monotonic()
            tried = now.entered + now.turned_away
            done, total = {
                "ramp": (tried, len(plan.tokens)),
                "send": (time.monotonic() - began, plan.send_s),
                "drain": (now.delivered, now.accepted * now.here),
            }[phase]
            progress.update(
                task,
                description=_TITLES[phase],
                completed=done,
                total=total,
                facts=_facts(now, pace.of(now.delivered)),
            )

        yield watch


class _Pace:
    """Deliveries a second, of the last second."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._count = 0
        self._pace = 0.0

    def of(self, count: int) -> float:
        passed = time.monotonic() - self._at
        if passed >= 1:
            self._pace = (count - self._count) / passed
            self._at, self._count = time.monotonic(), count
        return self._pace


def _facts(now: Standing, pace: float) -> str:
    parts = [f"{now.here} viewers", f"{now.turned_away} turned away" if now.turned_away else ""]
    if now.sent:
        parts += [f"{now.accepted} of {now.sent} accepted", f"{pace:.0f} deliveries/s"]
    parts.append(f"{now.doubled} doubled" if now.doubled else "")
    return "  ".join(part for part in parts if part)
