"""Every bad ending in both strategies, each followed by each thing that may follow: `python -m tests.worst_hour`.

Prints what was counted; with names of what follows (`crash forward`), those alone. It takes about half a minute each.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.end_to_end import processes
from tests.worst_hour.counts import Count, count, table
from tests.worst_hour.hours import hours, led
from tests.worst_hour.plans import ALL


def main(names: list[str]) -> int:
    """Leads the hours one machine after the other; 1 where something is wrong."""
    wrong = 0
    for plan in ALL:
        if names and plan.name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder, hours([plan], Path(folder)) as one:
            led(one)
            counts: list[Count] = [count(hour, life) for hour in one for life in hour.lives]
        _say(f"\nFollowed by {plan.followings[0].value}:\n\n{table(counts)}")
        for each in counts:
            for sentence in each.wrong:
                wrong += 1
                _say(f"{each.life}: {sentence}")
    processes.end()
    return min(wrong, 1)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
