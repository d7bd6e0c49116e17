"""Several machines cost a service over a file nothing: it has no more memory of its own than the release before."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.end_to_end.daemons import configured
from tests.end_to_end.places import DEADLINE
from tests.end_to_end.release_before import ALONE, ROOT, code_of
from tests.tiers import thorough

if TYPE_CHECKING:
    from tests.end_to_end.places import Place

STARTS: Final = 3
"""Of each release; the least counts, as what threads do at the same time only makes it more."""
MORE: Final = 2.5
"""Megabytes that may come with whatever else has changed since: revocations, audits, usage and hooks took 1.6 together.

What hands out jobs takes 3 by itself.
"""


def memory_of_its_own(code: Path, config: Path) -> float:
    """Megabytes of a service that has looked at its orgs."""
    environ = {**os.environ, "PYTHONPATH": str(code), "ROTATOR_CONFIG": str(config)}
    command = [sys.executable, "-P", "-m", "rotator", "run", "--log-format", "text"]
    with subprocess.Popen(command, env=environ, cwd=code, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        ends = (line for line in process.stderr if "inventory ended" in line)
        assert next(ends)
        assert next(ends)
        told = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(DEADLINE) == 0
    return sum(int(kilobytes) for kilobytes in re.findall(r"^Private_\w+: +(\d+) kB", told, re.MULTILINE)) / 1024


@thorough
def test_a_service_over_a_file_takes_no_more_memory_than_before_there_were_several(
    place: Place, tmp_path: Path
) -> None:
    before, taken = code_of(ALONE, tmp_path / "before"), dict[str, list[float]](before=[], now=[])
    for number in range(STARTS):
        for release, code in (("before", before), ("now", ROOT)):
            name = f"memory-{release}-{number}"
            database = f"sqlite:///{name}.db"
            config = configured(place, name, credentials={}, daemon={"jitter": "0s"}, http=None, database=database)
            taken[release].append(memory_of_its_own(code, config))
    print(taken)  # noqa: T201 - for who runs it by hand
    assert min(taken["now"]) < min(taken["before"]) + MORE, taken
