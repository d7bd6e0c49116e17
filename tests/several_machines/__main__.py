"""`python -m tests.several_machines [SEED ...]` leads machines through an hour of each seed, or of one made up.

With `--note` what was counted is written into docs/performance.md. The exit code is 1 where anything was wrong or
late.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.looks import put, table
from tests.contract.servers.postgres import running_server
from tests.end_to_end import processes
from tests.several_machines.led import led_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.several_machines.counts import Counts

NOTE: Final = "--note"


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(counts: dict[int, Counts]) -> None:
    """Writes the table: a line for each thing that was counted, a column for each seed."""
    names = [name for name, _ in next(iter(counts.values())).lines]
    of_each = [dict(each.lines) for each in counts.values()]
    put(
        "mishaps",
        table(["", *(f"seed {seed}" for seed in counts)], [[n, *(each[n] for each in of_each)] for n in names]),
    )


def main(arguments: Sequence[str]) -> int:
    """Gives 1 where anything was wrong, or late."""
    seeds = [int(each) for each in arguments if each != NOTE] or [secrets.randbelow(10**6)]
    counts = {}
    try:
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder, running_server() as server:
                counts[seed] = led_by(seed, Path(folder), server, _tell)
    finally:
        processes.end()
    if NOTE in arguments:
        note(counts)
    return int(any(each.wrong or each.late for each in counts.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
