"""One command for several things: what they are, each tried, and one error for those that fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from livectl.errors import BadInput, LivectlError, NotFound, PartlyDone
from livectl.output import Item, Shown

_NAMED_MAX = 10


def named(given: Sequence[str] | None, what: str) -> list[str]:
    """What was given as arguments, with the lines of standard input in the place of `-`; each
    once. Raises BadInput where there are none, NotFound where none came in."""
    found = [one for one in given or [] if one != "-"]
    if "-" in (given or []):
        found += [stripped for line in sys.stdin if (stripped := line.strip())]
        if not found:
            raise NotFound(f"no {what} came on standard input")
    if not found:
        raise BadInput(f"which {what}? Expected at least one, or -")
    return list(dict.fromkeys(found))


def in_short(names: Sequence[str]) -> str:
    """For a question."""
    more = len(names) - _NAMED_MAX
    return ", ".join(names[:_NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


class Several:
    """Calls of which one that fails does not stop those after it."""

    def __init__(self) -> None:
        self.failed: dict[str, LivectlError] = {}
        self._answers: list[Item] = []
        self._shown: list[str] = []

    def call(self, name: str, call: Callable[..., Any], *args: Any, **given: Any) -> None:
        """`name` is what it is done to, for the error."""
        try:
            self._answers.append(call(*args, **given))
        except LivectlError as error:
            self.failed[name] = error
        except Shown as shown:
            self._shown += shown.args

    @property
    def answers(self) -> list[Item]:
        """Of those that were done. Raises Shown, with all of them, where `--curl` asked for it."""
        if self._shown:
            raise Shown(*self._shown)
        return self._answers

    def check(self, done: str = "done") -> None:
        """Raises one error for all that failed, of their own kind where nothing was done."""
        if not self.failed:
            return
        first = next(iter(self.failed.values()))
        if len(self.failed) == 1 and not self._answers:
            raise first
        cls = PartlyDone if self._answers else type(first)
        told = "; ".join(f"{name}: {error.message}" for name, error in self.failed.items())
        raise cls(f"{len(self.failed)} could not be {done}: {told}", hint=first.hint)
