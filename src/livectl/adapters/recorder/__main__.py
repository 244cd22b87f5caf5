"""The child: `python -m livectl.adapters.recorder record|finish FOLDER`, told its job on stdin.

It inherits the folder's lock as an open file and keeps it until it ends.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The server's sockets come first: where both want a core, pictures are left out here rather than
# chat made to wait there. Sound needs little.
_NICE = 5


def main() -> None:
    task, folder = sys.argv[1], Path(sys.argv[2])
    if os.fork():
        os._exit(0)  # whoever started it need not wait for it, nor outlive it
    os.setsid()
    os.nice(_NICE)
    told = sys.stdin.buffer.read()

    # Media libraries bring threads, which a fork must come before.
    from livectl.adapters.recorder.work import work

    try:
        work(task, folder, told)
    finally:
        sys.stderr.flush()
        os._exit(0)  # the native half has threads of its own, and no more to do


if __name__ == "__main__":
    main()
