"""Makes docs/terminal.svg from the real thing: run it while `livectl dev --demo` runs.

`python docs/picture.py` kills one of the two synthetic streams and shows what it printed.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text


def livectl(*words: str) -> str:
    command = [sys.executable, "-m", "livectl", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout


def main() -> None:
    live = livectl("streams", "list", "--live", "--owner", "demo-anna", "-o", "id").strip()
    shots = [
        ("streams list --live", livectl("streams", "list", "--live")),
        (
            f'streams kill {live[:23]} --reason "a test"',
            livectl("streams", "kill", live, "--yes", "--reason", "a test"),
        ),
        ("doctor", livectl("doctor")),
    ]
    console = Console(record=True, width=108, file=io.StringIO())
    for command, printed in shots:
        console.print(Text(f"$ livectl {command}", style="bold"))
        console.print(Text(printed))
    svg = console.export_svg(title="livectl")
    # Its fonts would be fetched from elsewhere; the reader's own monospace will do.
    svg = re.sub(r"@font-face {.*?}\s*", "", svg, flags=re.DOTALL)
    Path(__file__).with_name("terminal.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
