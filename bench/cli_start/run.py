"""How long small commands take, beside what they cannot be faster than. See README.md."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15


def main() -> None:
    bin_dir = Path(sys.executable).parent
    livectl = str(bin_dir / "livectl")
    with tempfile.TemporaryDirectory() as home:
        env = {"PATH": os.environ["PATH"], "HOME": home, "LIVECTL_DATA_DIR": home}
        subprocess.run([livectl, "db", "init"], env=env, check=True, capture_output=True)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "python -c 'import typer'": [sys.executable, "-c", "import typer"],
            "livectl --help": [livectl, "--help"],
            "livectl streams list": [livectl, "streams", "list"],
        }
        if aws := shutil.which("aws"):
            commands["aws --version"] = [aws, "--version"]
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(ROUNDS + 1):
            for name, command in commands.items():
                began = time.perf_counter()
                subprocess.run(command, env=env, check=True, capture_output=True)
                if number:  # the first round fills the caches
                    times[name].append(time.perf_counter() - began)
    for name, took in times.items():
        print(f"{name:26} {statistics.median(took):.3f} s  (min {min(took):.3f})")


if __name__ == "__main__":
    main()
