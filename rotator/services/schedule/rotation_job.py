"""One try at what a credential needs by schedule: look, see whether it may be done now, do it, note how it ended."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.attempts import AttemptRecord
from rotator.core.decision.actions import HaltReason
from rotator.core.windows import is_open, may_begin
from rotator.errors import RotationHalted, RotationRunning, RotatorError
from rotator.services.alerting import catalog
from rotator.services.alerting.catalog import ATTENTION, DRIFT, ROTATION, key
from rotator.services.rotation.observer import Observer
from rotator.services.rotation.report import Outcome
from rotator.services.rotation.requests import Request, as_begun, wanted_of
from rotator.services.rotation.run import policy_of
from rotator.services.schedule.due import DueAction, NextDue, longest, needed, outlook_after, windows_of, world_of
from rotator.services.schedule.jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rotator.core.decision.observations import Observation
    from rotator.history.alerts.alerts import NewAlert
    from rotator.services.rotation.report import Report
    from rotator.services.schedule.context import JobContext, ServiceContext
    from rotator.services.schedule.due import Due, NextDues
    from rotator.services.schedule.jobs import Moment


LOG: Final = logging.getLogger(__name__)

BUSY: Final = timedelta(minutes=1)
"""A credential that somebody else is rotating is left alone for so long."""


def what_success_solves(credential: str) -> tuple[str, ...]:
    """Keys of the matters that are over when a credential was rotated, or needs no rotation any more."""
    return key(ROTATION, credential), key(DRIFT, credential), key(ATTENTION, f"{JobKind.ROTATE}/{credential}")


class RotationJob:
    """One try, in one thread. This daemon makes no other at the same credential meanwhile.

    What fails is noted, and told to people. Every method raises HistoryError.
    """

    def __init__(self, office: ServiceContext, scope: JobContext, name: str) -> None:
        self._office: Final = office
        self._scope: Final = scope
        self._name: Final = name
        self._settings: Final = office.settings.credentials[name]
        self._org: Final = self._settings.org
        self._trial = office.books.trials.get(JobKind.ROTATE, name)
        self._world = ""
        self.outlook: NextDue | None = None
        """What is known of the time to come; None when the next try has to look."""

    def make(self) -> Report | None:
        """Gives the report of a run, None when none was begun."""
        room_at = self._scope.room_at(self._org)
        if room_at:
            self._office.books.trials.put(replace(self._trial, last_at=self._office.now(), next_at=room_at))
            return None
        try:
            seen, found = self._look()
        except RotatorError as error:
            self._failed(error)
            return None
        self._world = world_of(seen, self._settings)
        return self._serve_or_rest(seen, found)

    def _look(self) -> tuple[Observation, Due]:
        managed = self._scope.managed(self._name)
        seen, rotation = Observer(managed).look(), managed.open_rotation()
        by_whom = Request(goal="", actor=self._office.actor)
        begun = wanted_of(*as_begun(rotation, by_whom)) if rotation else None
        return seen, needed(seen, begun, policy_of(managed), self._office.now())

    def _serve_or_rest(self, seen: Observation, found: Due) -> Report | None:
        now = self._office.now()
        if found.need is DueAction.PERSON:
            self._needs_person(found)
        elif seen.current is None and found.need is DueAction.NOTHING:
            # There is nothing to do as there is nothing: what was wrong before may be so still.
            self.outlook = NextDue()
            self._office.books.trials.put(replace(self._trial, last_at=now))
        elif found.need is DueAction.NOTHING:
            self._succeeded(outlook_after(seen, found, self._settings, now))
        elif self._is_hopeless(found.need):
            self._office.books.trials.put(
                replace(self._trial, last_at=now, next_at=now + self._office.back_off.ceiling)
            )
        elif self._may_begin(seen, found.need):
            return self._serve(found.need, seen)
        else:
            self.outlook = outlook_after(seen, found, self._settings, now)
            self._office.books.trials.put(replace(self._trial, last_at=now))
        return None

    def _is_hopeless(self, need: DueAction) -> bool:
        """Whether it would end as it did before. What is half done is tried on all the same, if slowly."""
        if not self._trial.needs_attention:
            return False
        if self._trial.world != self._world:
            self._trial = AttemptRecord(JobKind.ROTATE, self._name, last_good_at=self._trial.last_good_at)
            return False
        return need is not DueAction.FINISH

    def _may_begin(self, seen: Observation, need: DueAction) -> bool:
        windows, now = windows_of(self._settings), self._office.now()
        if need is DueAction.FINISH:
            return True
        if need is DueAction.RETIRE or seen.current is None:
            return is_open(windows, now)
        beginning = may_begin(windows, now, expires_at=seen.current.not_after, lasts=longest(self._settings))
        if beginning.overrides:
            verb = "expires" if seen.current.not_after > now else "expired"
            expires = f"{verb} on {seen.current.not_after:%Y-%m-%d at %H:%M} UTC"
            why = f"Its certificate {expires}, and no window opens early enough before that."
            new = catalog.window_overridden(self._name, self._org, seen.current.fingerprint, why)
            self._office.books.alerts.happened(new, now)
        return beginning.at <= now

    def _serve(self, need: DueAction, seen: Observation) -> Report | None:
        expires = f"{seen.current.not_after:%Y-%m-%d}" if seen.current else ""
        request = Request(
            goal="replace" if need is DueAction.REPLACE else "",
            actor=self._office.actor,
            reason=f"its certificate expires on {expires}" if need is DueAction.REPLACE else "",
            trigger="schedule",
        )
        self._note_beginning()
        try:
            desk = self._scope.desk(
                self._name, listener=self._office.listener(self._name), stop_asked=self._office.stop_asked
            )
            report = desk.serve(request)
        except RotationRunning:
            now = self._office.now()
            self._office.books.trials.put(replace(self._trial, last_at=now, next_at=now + BUSY))
            return None
        except RotatorError as error:
            self._failed(error)
            self._office.books.alerts.problem(
                catalog.failed(self._name, self._org, error, again_at=self._trial.next_at), self._office.now()
            )
            return None
        about = {"credential": self._name, "why": report.why, "gap_seconds": round(report.gap_seconds, 3)}
        LOG.info("the run ended: %s", report.outcome, extra=about)
        self._ended(report)
        return report

    def _note_beginning(self) -> None:
        """Should this process die of it, the next one finds a failure, and does not try for ever without a pause."""
        problem = "A run was begun, and has not ended or was interrupted."
        begun = self._trial.failed(self._office.now(), self._office.back_off, problem=problem)
        self._office.books.trials.put(begun)

    def _ended(self, report: Report) -> None:
        match report.outcome:
            case Outcome.ROTATED | Outcome.RESTORED:
                self._succeeded(None)
                if report.rotation_id:
                    self._office.books.alerts.happened(catalog.rotated(report, self._org), self._office.now())
            case Outcome.NOTHING:
                self._succeeded(None)
            case Outcome.WAITING:
                self._succeeded(None)
                self._office.books.trials.put(replace(self._trial, next_at=report.again_at))
            case Outcome.INTERRUPTED:
                self._office.books.trials.put(self._trial)
            case Outcome.REVERTED:
                self._reverted(report)
            case Outcome.HALTED:
                self._halted(report)

    def _succeeded(self, outlook: NextDue | None) -> None:
        now = self._office.now()
        self.outlook, had_failed = outlook, self._trial.failures > 0
        self._trial = self._trial.succeeded(now)
        self._office.books.trials.put(self._trial)
        if had_failed or outlook is None:
            for which in what_success_solves(self._name):
                self._office.books.alerts.solved(which, "", now)

    def _failed(self, error: RotatorError) -> None:
        self._trial = self._office.failed(self._trial, error, world=self._world)
        self._note_failure(error.what)

    def _note_failure(self, what: str) -> None:
        self._office.books.trials.put(self._trial)
        LOG.warning("not rotated: %s", what, extra={"credential": self._name, "again_at": self._trial.next_at})
        if self._office.books.journal.open_rotation(self._name):
            self.outlook = NextDue(is_half_done=True)
        # An org that refuses the program's own login is told once, and not once more for each of its credentials.
        look = self._office.books.trials.get(JobKind.LOOK, self._org)
        if self._trial.needs_attention and look.problem != self._trial.problem:
            new = catalog.attention(self._trial, org=self._org, credential=self._name)
            self._office.books.alerts.problem(new, self._office.now())

    def _needs_person(self, found: Due) -> None:
        end = found.end
        error = RotationHalted(end.why, advice=end.advice)
        self._failed(error)
        # Drift is told by the look at the org, in words of its own.
        if end.halt is not HaltReason.DRIFT:
            self._tell(catalog.failed(self._name, self._org, error, again_at=self._trial.next_at))

    def _halted(self, report: Report) -> None:
        self._failed(RotationHalted(report.why, advice=report.advice))
        self._tell(catalog.halted(report, self._org))

    def _reverted(self, report: Report) -> None:
        """Each try at one app may refuse consumers for minutes: the next is a person's decision.

        With two apps nobody is refused, and it is tried again.
        """
        back_off, now = self._office.back_off, self._office.now()
        if report.gap_seconds:
            back_off = replace(back_off, attention_after=1)
        self._trial = self._trial.failed(
            now,
            back_off,
            problem=report.why,
            advice=report.advice,
            lasting=True,
            jitter=self._office.random(),
            not_before=now + back_off.ceiling,
            world=self._world,
        )
        self._note_failure(report.why)
        self._office.books.alerts.happened(catalog.reverted(report, self._org), now)

    def _tell(self, new: NewAlert) -> None:
        self._office.books.alerts.problem(new, self._office.now())


AT_ONCE: Final = 3
"""What is half done is tried again at once until it has failed so often in a row; from then on with pauses."""


class RotationJobs:
    """Knows which credentials have something due, and sees to one of them. Threads may share it."""

    def __init__(self, office: ServiceContext, outlooks: NextDues, changed: Callable[[str], None]) -> None:
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

    def _is_unknown_due(self, name: str, trial: AttemptRecord, moment: Moment, looks: Collection[str]) -> bool:
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
            attempt = RotationJob(self._office, scope, name)
            report = attempt.make()
        self._outlooks.note(name, attempt.outlook)
        if report and report.steps:
            self._changed(self._office.settings.credentials[name].org)
        return report
