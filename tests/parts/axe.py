"""axe-core, which looks for what shuts people out; it comes with the console's own modules."""

from __future__ import annotations

from pathlib import Path

from tests.parts import PartMissing

NAME = "axe-core"
_SCRIPT = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"


def find() -> str:
    if not _SCRIPT.is_file():
        raise PartMissing(NAME, "build the console: make console")
    return str(_SCRIPT)
