"""The rotation jobs: one attempt at what is due for a credential, and a record of how it ended.

An attempt observes the credential, finds what is due (`due`), sees whether that may begin now, has the rotation service
do it, and records the end.

- What is half done goes on at once, whatever the window. A failure is recorded before a run begins and taken back when
  it ends, so that a run which kills its process is repeated without a pause three times
  (`rotator.core.schedule.AT_ONCE`) and not for ever.
- What only a person can mend is left alone (`needs_attention`), and tried again when the circumstances differ from
  those in which it failed: stages, live certificates, settings of the credential.
- A new key that never logged in is for a person at once where consumers were refused meanwhile (one app). With two
  apps nobody was, and it is tried again after the longest pause.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.attempts import BEGUN
from rotator.core.decision.actions import HaltReason
from rotator.core.lifecycle.dates import due_at, grace_end, told_end
from rotator.core.schedule import Mode, NextDue
from rotator.core.thresholds import has_come, is_expired
from rotator.errors import (
    LockLost,
    LoginRefused,
    OrgUnavailable,
    RotationHalted,
    RotationHeldUp,
    RotationRunning,
    RotatorError,
    StoreError,
)
from rotator.history.journal.rotations import newest
from rotator.history.usage.usages import Usages
from rotator.services.alerting import rotation_alerts
from rotator.services.alerting.kinds import DRIFT, LEFT_BEHIND, STORE, key, rotation_trouble
from rotator.services.alerting.rules import is_told_of_versions
from rotator.services.alerting.usage_alerts import went_back
from rotator.services.inventory.status import known_state
from rotator.services.rotation.client_secrets.mechanics import observer_of
from rotator.services.rotation.gap import refused_since
from rotator.services.rotation.report import Outcome, report_of
from rotator.services.rotation.requests import Request, resumed
from rotator.services.schedule.due import DueAction, circumstances_of, due_now, next_due_after, untold_end
from rotator.services.schedule.jobs import JobKind
from rotator.services.usage.going_back import going_back

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.alert import NewAlert
    from rotator.core.attempts import AttemptRecord
    from rotator.core.decision.observations import Observation
    from rotator.history.records import Rotation
    from rotator.services.rotation.report import Report
    from rotator.services.schedule.context import JobAdapters, ServiceContext, UnitOfWork
    from rotator.services.schedule.due import DueNow
    from rotator.services.usage.going_back import GoingBack


LOG: Final = logging.getLogger(__name__)

_NAMED: Final = 3
"""So many consumers stand in a reason; the alert has more."""

BUSY: Final = timedelta(minutes=1)
"""So long a credential is left alone that somebody else is rotating, or has paused at this moment."""


def alerts_that_success_ends(credential: str) -> tuple[str, ...]:
    """Keys of the alerts that end when a credential was rotated, or needs no rotation any more."""
    return rotation_trouble(credential), key(DRIFT, credential)


class RotationJob:
    """One attempt, in one thread. This daemon makes no other at the same credential meanwhile.

    What fails is recorded and told to people. Every method raises HistoryError.
    """

    def __init__(self, context: ServiceContext, adapters: JobAdapters, name: str) -> None:
        self._context: Final = context
        self._adapters: Final = adapters
        self._name: Final = name
        self._settings: Final = context.settings.credentials[name]
        self._org: Final = self._settings.org
        self._attempt = context.history.attempts.get(JobKind.ROTATE, name)
        self._circumstances = ""
        self.next_due: NextDue | None = None
        """What is next due; None when the next attempt has to observe the credential for it."""

    def run(self) -> Report | None:
        """Gives the report of a rotation's run, None when none was begun."""
        untold = untold_end(self._context.database, self._attempt)
        if untold and untold.outcome != Outcome.REVERTED:
            return self._told_late(untold)
        room_at = self._adapters.room_at(self._org)
        if room_at:
            self._looked(room_at)
            return None
        if self._is_left_revoked():
            self.next_due = NextDue()
            self._looked()
            return None
        try:
            seen, found = self._observe()
        except RotatorError as error:
            self._failed(error, untold=untold)
            if self._attempt.needs_attention or self._refused_since():
                self._tell_failure(error)
            return None
        self._circumstances = circumstances_of(seen, self._settings)
        return self._told_late(untold) if untold else self._rotate_or_wait(seen, found)

    def _told_late(self, rotation: Rotation) -> Report | None:
        self._ended(report_of(rotation, self._settings.strategy), rotation)
        return None

    def _is_left_revoked(self) -> bool:
        """Whether it was revoked, and nobody has begun to bring it back: then nothing of it is rotated or told of."""
        journal = self._context.history.journal
        is_revoked = journal.credential_record(self._name).login_revoked is not None
        return is_revoked and journal.open_rotation(self._name) is None

    def _observe(self) -> tuple[Observation, DueNow]:
        credential = self._adapters.credential_context(self._name)
        observer = observer_of(credential)
        seen, rotation = observer.observe(), credential.open_rotation()
        by_whom = Request(goal="", actor=self._context.actor)
        begun = resumed(rotation, by_whom) if rotation else None
        found = due_now(seen, begun, credential.policy, self._context.now())
        return seen, replace(found, end=observer.explained(found.end))

    def _rotate_or_wait(self, seen: Observation, found: DueNow) -> Report | None:
        now = self._context.now()
        if found.action is DueAction.PERSON:
            self._halt(found.end.why, found.end.hint, found.end.halt)
        elif seen.current is None and found.action is DueAction.NOTHING:
            # There is nothing to do as there is nothing: what was wrong before may be so still.
            self.next_due = NextDue()
            self._looked()
        elif found.action is DueAction.NOTHING and self._going_back(seen).begins:
            return self._rotate(DueAction.BACK, seen)
        elif found.action is DueAction.NOTHING:
            self._succeeded(next_due_after(seen, found, self._settings, now))
        elif self._is_hopeless(found.action):
            self._looked(now + self._context.back_off.ceiling)
        elif self._may_begin(seen, found.action):
            return self._rotate(found.action, seen)
        else:
            self.next_due = next_due_after(seen, found, self._settings, now)
            self._looked()
        return None

    def _looked(self, next_at: datetime | None = None) -> None:
        """Notes that nothing was begun; the attempts before count as they did."""
        next_at = next_at or self._attempt.next_at
        self._context.history.attempts.put(replace(self._attempt, last_at=self._context.now(), next_at=next_at))

    def _going_back(self, seen: Observation) -> GoingBack:
        """Whether consumers were left behind, for whose sake the previous version is made current again now."""
        database, schedule = self._context.database, self._context.schedules().of(self._name)
        usage, last = Usages(database).get(self._name), newest(database, [self._name]).get(self._name)
        return going_back(self._settings, seen, usage, last, schedule, self._context.now())

    def _is_hopeless(self, action: DueAction) -> bool:
        """Whether it would end as it did before. What is half done is tried again all the same, if slowly."""
        if not self._attempt.needs_attention and action is DueAction.REPLACE:
            self._heed_a_persons_run()
        if not self._attempt.needs_attention:
            return False
        if self._attempt.circumstances != self._circumstances:
            # Counted anew; that a person is needed stays said until it succeeds.
            self._attempt = replace(self._attempt, failures=0, lasting=0, next_at=None)
            return False
        return action is not DueAction.FINISH

    def _heed_a_persons_run(self) -> None:
        """A run that a person began and that had to be taken back is no reason to refuse consumers once more."""
        record = self._context.history.journal.credential_record(self._name)
        if record.is_reverted:
            self._attempt = self._attempt.failed(
                self._context.now(),
                replace(self._context.back_off, attention_after=1),
                problem=record.halted_why,
                hint=record.halted_hint,
                lasting=True,
                circumstances=self._circumstances,
            )

    def _may_begin(self, seen: Observation, action: DueAction) -> bool:
        if action is DueAction.FINISH:
            return True
        if action is DueAction.BACK:
            return self._going_back(seen).begins
        schedule, now = self._context.schedules().of(self._name), self._context.now()
        if action is DueAction.RETIRE or seen.current is None:
            return schedule.allows(now)
        beginning = schedule.beginning(now, expires_at=seen.current.not_after)
        if beginning.overrides and has_come(beginning.at, now):
            verb, when = "expired" if is_expired(seen.current.not_after, now) else "expires", seen.current.not_after
            why = f"Its certificate {verb} on {words.moment(when)}, and no window opens early enough before that."
            new = rotation_alerts.window_overridden(self._name, self._org, seen.current.fingerprint, why)
            self._context.history.alerting.happened(new, now)
        return has_come(beginning.at, now)

    def _rotate(self, action: DueAction, seen: Observation) -> Report | None:
        request = self._request(action, seen)
        self._context.history.attempts.put(self._attempt.begun(self._context.now(), self._context.back_off))
        try:
            service = self._adapters.rotation_service(
                self._name, listener=self._context.listener(self._name), stop_asked=self._context.stop_asked
            )
            report = service.handle(request, may_begin=lambda: self._may_begin(seen, action))
        except (RotationHeldUp, RotationRunning):
            self._looked(self._context.now() + BUSY)
            return None
        except LockLost:
            # Whoever has the lock now writes down what becomes of it. If that is nobody, it goes on as after a crash.
            raise
        except RotatorError as error:
            self._failed(error, has_run=True)
            self._tell_failure(error)
            return None
        about = {"credential": self._name, "why": report.why, "gap_seconds": round(report.gap_seconds, 3)}
        about |= self._state()
        LOG.info("the run ended: %s", report.outcome, extra=about)
        self._ended(report, request)
        return report

    def _request(self, action: DueAction, seen: Observation) -> Request:
        actor = self._context.actor
        if action is DueAction.REPLACE:
            expires = words.day(seen.current.not_after) if seen.current else ""
            return Request("replace", actor, f"its certificate expires on {expires}", "schedule")
        if action is DueAction.BACK:
            names = words.listed([each.name for each in self._going_back(seen).sources][:_NAMED])
            return Request("back", actor, f"consumers were left behind: {names}", LEFT_BEHIND)
        return Request("", actor, trigger="schedule")

    def _ended(self, report: Report, request: Request | Rotation) -> None:
        match report.outcome:
            case Outcome.ROTATED | Outcome.RESTORED:
                if report.rotation_id:
                    keys, new = alerts_that_success_ends(self._name), rotation_alerts.rotated(report, self._org)
                    self._context.history.alerting.mended(keys, new, self._context.now())
                    self._tell_if_gone_back(report.rotation_id, request)
                self._succeeded(None)
            case Outcome.NOTHING:
                self._succeeded(None)
            case Outcome.WAITING:
                self._succeeded(None)
                self._context.history.attempts.put(replace(self._attempt, next_at=report.again_at))
            case Outcome.INTERRUPTED:
                self._context.history.attempts.put(self._attempt)
            case Outcome.REVERTED:
                self._reverted(report)
            case Outcome.HALTED:
                self._halt(report.why, report.hint, report.halt, has_run=True)

    def _tell_if_gone_back(self, rotation_id: str, request: Request | Rotation) -> None:
        if request.trigger == LEFT_BEHIND:
            by_hand = self._settings.mode is Mode.MANUAL
            new = went_back(self._name, self._org, rotation_id, request.reason, by_hand=by_hand)
            self._context.history.alerting.happened(new, self._context.now())

    def _succeeded(self, next_due: NextDue | None) -> None:
        now = self._context.now()
        self.next_due, had_failed = next_due, self._attempt.failures > 0
        self._attempt = self._attempt.succeeded(now)
        self._context.history.attempts.put(self._attempt)
        if had_failed or next_due is None:
            for which in alerts_that_success_ends(self._name):
                self._context.history.alerting.solved(which, "", now)

    def _failed(self, error: RotatorError, *, has_run: bool = False, untold: Rotation | None = None) -> None:
        circumstances = BEGUN if untold else self._circumstances
        self._attempt = self._context.failed(self._attempt, error, circumstances=circumstances)
        self._note_failure(error.message, has_run=has_run)

    def _note_failure(self, message: str, *, has_run: bool) -> None:
        self._context.history.attempts.put(self._attempt)
        self.next_due = self._left_to_do(has_run=has_run)
        about: dict[str, object] = {"credential": self._name, "again_at": self._again_at}
        LOG.warning("not rotated: %s", message, extra=about | (self._state() if has_run else {}))

    def _state(self) -> dict[str, str]:
        context = self._context
        return {"state": str(known_state(context.settings, context.database, self._name, context.now()))}

    def _left_to_do(self, *, has_run: bool) -> NextDue | None:
        """What is next due after a failure; None where another observation has to tell."""
        seen = self._context.history.last_observations.get(self._name).seen
        if is_half_done(self._context.history, self._name):
            return NextDue(is_half_done=True)
        if not has_run or seen is None or seen.current is None:
            return None
        due, ends = due_at(seen, self._settings), told_end(grace_end(seen, self._settings))
        return NextDue(expires_at=seen.current.not_after, due_at=due, retires_at=ends)

    @property
    def _again_at(self) -> datetime | None:
        """When it is tried again, by the rule that begins it; None when not before something has changed."""
        now = self._context.now()
        if self.next_due is None:
            return self._attempt.free_from(now)
        if self._attempt.needs_attention and not self.next_due.is_half_done:
            return None
        return self.next_due.tried_at(self._context.schedules().of(self._name), now, self._attempt)

    def _halt(self, why: str, hint: str, reason: HaltReason | None, *, has_run: bool = False) -> None:
        error = RotationHalted(why, hint=hint)
        self._failed(error, has_run=has_run)
        self._tell_failure(error, reason)

    def _reverted(self, report: Report) -> None:
        """The new key never logged in. With one app each attempt may refuse consumers for minutes: a person decides.

        With two apps nobody is refused, and it is tried again.
        """
        back_off, now = self._context.back_off, self._context.now()
        if report.gap_seconds:
            back_off = replace(back_off, attention_after=1)
        self._attempt = self._attempt.failed(
            now,
            back_off,
            problem=report.why,
            hint=report.hint,
            lasting=True,
            not_before=now + back_off.ceiling,
            circumstances=self._circumstances,
        )
        self._note_failure(report.why, has_run=True)
        self._tell(rotation_alerts.reverted(self._as_told, self._org, report))

    def _tell_failure(self, error: RotatorError, reason: HaltReason | None = None) -> None:
        """Tells people what has become of the trouble: of each credential there is one alert for all of it."""
        since, has_secret = self._refused_since(), self._settings.has_secret
        if since:
            told = self._as_told, self._org, since, error.message, error.hint, reason
            self._tell(rotation_alerts.refused(*told, has_secret=has_secret, is_away=error.transient))
        elif reason in {HaltReason.DRIFT, HaltReason.LOST} or self._is_told_of_another(error):
            return
        elif self._attempt.needs_attention:
            is_open = is_half_done(self._context.history, self._name)
            self._tell(rotation_alerts.given_up(self._as_told, self._org, is_half_done=is_open))
        elif rotation_alerts.is_halt(error):
            about = self._as_told, self._org, error.message, error.hint, reason
            self._tell(rotation_alerts.halted(*about, has_secret=has_secret))
        else:
            self._tell(rotation_alerts.failed(self._as_told, self._org, error))

    @property
    def _as_told(self) -> AttemptRecord:
        """The attempt, with the next try as it will be."""
        return replace(self._attempt, next_at=self._again_at)

    def _refused_since(self) -> datetime | None:
        """Since when consumers are refused by what the run has left half done."""
        journal = self._context.history.journal
        return refused_since(journal, lambda: self._adapters.store(self._settings.store), self._name)

    def _is_told_of_another(self, error: RotatorError) -> bool:
        """Whether it fails as its org or its store does, of which people are told once and not for each credential."""
        attempts, settings = self._context.history.attempts, self._settings
        if isinstance(error, OrgUnavailable | LoginRefused):
            return attempts.get(JobKind.INVENTORY, settings.org).failures > 0
        is_away = attempts.get(STORE, settings.store).failures > 0
        return isinstance(error, StoreError) and (
            is_away or is_told_of_versions(self._context.history.alerts, self._name)
        )

    def _tell(self, new: NewAlert) -> None:
        self._context.history.alerting.problem(new, self._context.now(), failures=self._attempt.failures)


def is_half_done(history: UnitOfWork, name: str) -> bool:
    """Whether a rotation was begun and has no end, or has left a version behind that is not current."""
    if history.journal.open_rotation(name):
        return True
    seen = history.last_observations.get(name).seen
    return seen is not None and seen.pending is not None
