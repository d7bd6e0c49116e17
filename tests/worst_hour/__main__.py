"""Every bad ending in both strategies, each followed by each thing that may follow: `python -m tests.worst_hour`.

Prints what was counted; with names of what follows (`crash forward`), those alone. It takes about half a minute each.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.end_to_end import processes
from tests.worst_hour.counts import states, table
from tests.worst_hour.plans import ALL
from tests.worst_hour.telling import told


def main(names: list[str]) -> int:
    """Leads the hours one machine after the other; 1 where something is wrong."""
    wrong = 0
    for plan in ALL:
        if names and plan.name not in names:
            continue
        with tempfile.TemporaryDirectory() as folder, told([plan], Path(folder)) as one:
            counts = one.counts
        _say(f"\nFollowed by {plan.followings[0].value}:\n\n{table(counts)}")
        _say(f"\n{states(one.answers)}")
        found = [f"{each.life}: {sentence}" for each in counts for sentence in each.wrong] + one.wrong_answers
        wrong += len(found)
        for sentence in found:
            _say(sentence)
    processes.end()
    return min(wrong, 1)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
