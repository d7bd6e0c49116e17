"""`.venv/bin/python -m tests.benchmarks` measures all of docs/performance.md and writes its tables, in half an hour.

Each in a process of its own; run it with nothing else to do for the machine.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Final

MEASURES: Final = ("looks", "waiting", "beside_sf", "growth", "memory", "on_paper", "throughput")

for name in MEASURES:
    sys.stdout.write(f"{name} ...\n")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=True, stdout=subprocess.DEVNULL)
