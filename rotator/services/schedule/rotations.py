"""Rotations by schedule: which credentials have something due, and seeing one of them through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.services.schedule.due import longest, windows_of
from rotator.services.schedule.jobs import JobKind
from rotator.services.schedule.rotation_job import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rotator.core.attempts import Trial
    from rotator.services.rotation.report import Report
    from rotator.services.schedule.context import Office
    from rotator.services.schedule.jobs import Moment
    from rotator.services.schedule.outlooks import Outlooks

AT_ONCE: Final = 3
"""What is half done is tried again at once until it has failed so often in a row; from then on with pauses."""


class Rotations:
    """Knows which credentials have something due, and sees to one of them. Threads may share it."""

    def __init__(self, office: Office, outlooks: Outlooks, changed: Callable[[str], None]) -> None:
        """`changed` is told the org in which something was done."""
        self._office: Final = office
        self._outlooks: Final = outlooks
        self._changed: Final = changed

    def due(self, moment: Moment, looks: Collection[str] = ()) -> list[str]:
        """The credentials that have something due, and those of which nothing is known yet.

        `looks` are orgs that are about to be looked at: what is not known yet of their credentials, the look will tell.
        """
        return [name for name in self._office.settings.credentials if self._is_due(name, moment, looks)]

    def _is_due(self, name: str, moment: Moment, looks: Collection[str]) -> bool:
        outlook, trial = self._outlooks.get(name), moment.trial(JobKind.ROTATE, name)
        settings = self._office.settings.credentials[name]
        if outlook is None:
            return self._is_unknown_due(name, trial, moment, looks)
        if not outlook.is_due(windows_of(settings), moment.now, lasts=longest(settings)):
            return False
        return trial.is_due(moment.now) or (outlook.is_half_done and trial.failures < AT_ONCE)

    def _is_unknown_due(self, name: str, trial: Trial, moment: Moment, looks: Collection[str]) -> bool:
        """What an earlier process left open goes on at once; the rest waits for the look."""
        is_due = trial.is_due(moment.now)
        if is_due and self._office.settings.credentials[name].org not in looks:
            return True
        is_open = self._office.books.journal.open_rotation(name) is not None
        return is_open and (is_due or trial.failures < AT_ONCE)

    def rotate(self, name: str) -> Report | None:
        """Looks at a credential and does what it needs; gives the report of a run, None when none was begun.

        What fails is noted, and told to people. Raises HistoryError.
        """
        # Should it fail with a fault of ours, the next try looks anew.
        self._outlooks.note(name, None)
        with self._office.open_scope() as scope:
            attempt = Attempt(self._office, scope, name)
            report = attempt.make()
        self._outlooks.note(name, attempt.outlook)
        if report and report.steps:
            self._changed(self._office.settings.credentials[name].org)
        return report
