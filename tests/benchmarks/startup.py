"""How long `rotator --version` takes, compared with a bare `import click`; it must stay under twice as long.

Run it with the interpreter that rotator is installed for: `.venv/bin/python tests/benchmarks/startup.py`.
"""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROUNDS = 15
LIMIT = 2.0


def milliseconds(command: list[str]) -> float:
    """The time of one run."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000


def main() -> int:
    """Prints both medians and their ratio. Returns 1 when the limit is broken."""
    commands = {
        "import click": [sys.executable, "-c", "import click"],
        "rotator --version": [str(Path(sys.executable).parent / "rotator"), "--version"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        # In turns, so that a busy machine slows both.
        for name, command in commands.items():
            times[name].append(milliseconds(command))
    bare, ours = (median(times[name]) for name in commands)
    for name in commands:
        sys.stdout.write(f"{name:<20}{median(times[name]):7.1f} ms\n")
    sys.stdout.write(f"{'ratio':<20}{ours / bare:7.2f}\n")
    return 0 if ours / bare < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
