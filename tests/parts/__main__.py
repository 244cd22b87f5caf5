"""`python -m tests.parts`: find or build every part, and say what the tests will do without."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from tests.parts import PartMissing, axe, chromium, ferretdb, livekit, minio, redis, socketio_js


def main() -> int:
    parts = (livekit, ferretdb, redis, minio, socketio_js, chromium, axe)
    said = [_say(module.NAME, module.find) for module in parts]
    return int("CI" in os.environ and not all(said))


def _say(name: str, find: Callable[[], str]) -> bool:
    started = time.monotonic()
    try:
        what = find()
    except PartMissing as missing:
        what = f"its tests are skipped: {missing.remedy}"
        return False
    else:
        return True
    finally:
        sys.stdout.write(f"{name}: {what} ({time.monotonic() - started:.1f} s)\n")


if __name__ == "__main__":
    sys.exit(main())
