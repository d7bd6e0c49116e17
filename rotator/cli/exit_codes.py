"""Which exit code a command ends with. README.md documents the codes; nothing outside `cli` knows them.

Imported by every command, so it names the ends of a run and of a cycle by their words instead of importing their enums.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from rotator.errors import ConfigurationError, RotationReverted, RotatorError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotator.services.rotation.report import Outcome
    from rotator.services.schedule.jobs import CycleEnd


class ExitCode(IntEnum):
    """What a program that called a command can tell its end by."""

    DONE = 0
    PERSON_NEEDED = 1
    """Not done."""
    WRONG_INPUT = 2
    """The command line or the configuration is wrong; nothing was touched."""
    AWAY = 3
    """Something is away for a while, or it is too early; nothing is lost, and it may be run again."""
    REVERTED = 4
    """A rotation was tried, and the old certificate is back in force."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C; 128 and the number of SIGINT, as shells have it."""


_ERRORS: Final[tuple[tuple[type[RotatorError], ExitCode], ...]] = (
    (ConfigurationError, ExitCode.WRONG_INPUT),
    (RotationReverted, ExitCode.REVERTED),
)

_ENDS: Final[dict[str, ExitCode]] = {
    # of a run (Outcome)
    "rotated": ExitCode.DONE,
    "restored": ExitCode.DONE,
    "nothing": ExitCode.DONE,
    "waiting": ExitCode.AWAY,
    "reverted": ExitCode.REVERTED,
    "halted": ExitCode.PERSON_NEEDED,
    "interrupted": ExitCode.INTERRUPTED,
    # of a cycle (CycleEnd), which is interrupted as a run is
    "well": ExitCode.DONE,
    "needs attention": ExitCode.PERSON_NEEDED,
    "away": ExitCode.AWAY,
}


def of_error(error: RotatorError) -> ExitCode:
    """For an error of ours, or one that a plug-in has derived from ours."""
    for kind, code in _ERRORS:
        if isinstance(error, kind):
            return code
    return ExitCode.AWAY if error.transient else ExitCode.PERSON_NEEDED


def of_end(end: Outcome | CycleEnd) -> ExitCode:
    """For the end of a run of one rotation, or of a cycle."""
    return _ENDS[end]


def of_tries(codes: Iterable[ExitCode]) -> ExitCode:
    """For a command that tried several things: `AWAY` where all that failed may succeed later."""
    failed = {*codes} - {ExitCode.DONE}
    if not failed:
        return ExitCode.DONE
    return ExitCode.AWAY if failed == {ExitCode.AWAY} else ExitCode.PERSON_NEEDED


def of_several(codes: Iterable[ExitCode]) -> ExitCode:
    """For a command that did several things: `INTERRUPTED` if it was, else the first that is not `DONE`."""
    ends = list(codes)
    if ExitCode.INTERRUPTED in ends:
        return ExitCode.INTERRUPTED
    return next((code for code in ends if code), ExitCode.DONE)
