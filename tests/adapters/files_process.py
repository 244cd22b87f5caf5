"""Sends a file to a directory and says how much is there, until it is done or killed:
`python -m tests.adapters.files_process ROOT FILE SHA256 PATH`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from livectl.adapters.files import FileObjects
from livectl.adapters.system_clock import SystemClock


async def main(root: str, file: str, sha256: str, path: str) -> None:
    objects = FileObjects(Path(root), key=b"", clock=SystemClock())
    await objects.send_file(path, Path(file), content_type="video/mp4", sha256=sha256, told=say)


def say(size: int) -> None:
    sys.stdout.write(f"{size}\n")
    sys.stdout.flush()
    time.sleep(0.2)  # so that it is killed before it is done


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
