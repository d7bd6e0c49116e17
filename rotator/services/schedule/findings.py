"""What people are told of an inventory beyond its certificates: of credentials, stores, hidden types, what vanished."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.decision.actions import HaltReason
from rotator.core.hook import DRIFT
from rotator.core.lifecycle.drift import changed_by_hand, has_other_consumer_key, refuses_stored, undone_apps
from rotator.core.lifecycle.states import CredentialState
from rotator.core.observed import Kind
from rotator.core.posture.after_revocation import is_asked
from rotator.history.journal.queries import stopped_credentials
from rotator.services.alerting import catalog, drift_alerts, revocation_alerts, rotation_alerts
from rotator.services.alerting.kinds import HIDDEN, ORG, POSTURE, REVOKED, STORE, UNREADABLE, key, rotation_trouble
from rotator.services.alerting.posture_alerts import check_of
from rotator.services.alerting.vanished_alerts import vanished, vanished_together
from rotator.services.inventory.remarks import other_consumer_key
from rotator.services.inventory.status import last_known_statuses
from rotator.services.schedule.jobs import JobKind
from rotator.services.schedule.rotation_job import alerts_that_success_ends

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.alert import Alert, NewAlert
    from rotator.core.attempts import AttemptRecord
    from rotator.errors import RotatorError
    from rotator.history.engine.database import Database
    from rotator.services.inventory.scan import Scan
    from rotator.services.inventory.status import CredentialStatus
    from rotator.services.schedule.context import ServiceContext, UnitOfWork


MOST_VANISHED: Final = 20
"""Things that are gone at one inventory of which each is told by itself."""


def is_in_motion(status: CredentialStatus, since: datetime) -> bool:
    """Whether a credential was being changed after `since`, or is half done: what was seen of it may not stay."""
    last = status.last_rotation
    return last is not None and (last.finished_at is None or last.finished_at > since)


def stopped_rotations(settings: Settings, database: Database, now: datetime) -> list[CredentialStatus]:
    """The credentials of which a rotation stopped for a person, as the history knows them: in orgs that are away, too.

    Raises HistoryError.
    """
    names = sorted(stopped_credentials(database) & settings.credentials.keys())
    return last_known_statuses(settings, database, names, now) if names else []


def tell_stopped(history: UnitOfWork, status: CredentialStatus, now: datetime) -> None:
    """Of a rotation that stopped in a command, or in another process; of the service's own it is told already.

    Raises HistoryError.
    """
    name, org, record, halt = status.credential, status.settings.org, status.record, status.life.halt
    attempt, known = history.attempts.get(JobKind.ROTATE, name), history.alerts.opened(rotation_trouble(name))
    since, has_secret = status.life.refused_since, status.settings.has_secret
    reason = HaltReason(record.halt) if record.halt in set(HaltReason) else None
    if since and record.halted_at and not (known and known.refused_since):
        told = attempt, org, since, record.halted_why, record.halted_hint, reason
        history.alerting.problem(rotation_alerts.refused(*told, has_secret=has_secret), now)
    elif status.state is CredentialState.HALTED and halt and not known:
        why, is_half_done = (halt.why, halt.hint, reason), status.life.is_half_done
        new = rotation_alerts.halted(attempt, org, *why, has_secret=has_secret, is_half_done=is_half_done)
        history.alerting.problem(new, now)


class Findings:
    """What people are told of the inventory of an org that could be read. Everything raises HistoryError."""

    def __init__(self, context: ServiceContext, history: UnitOfWork, found: Scan) -> None:
        """`history` is the transaction in which the inventory is written down."""
        self._context: Final = context
        self._history: Final = history
        self._org: Final = found.org
        self._found: Final = found
        self._now: Final = found.at

    def tell(self) -> None:
        """Opens and closes the alerts."""
        self._solve(key(ORG, self._org))
        for status in self._found.credentials:
            self._tell_revoked(status)
            self._tell_drift(status)
            self._tell_unstored(status)
            self._tell_stored(status)
            self._forget_failure(status)
        for store in sorted({status.settings.store for status in self._found.credentials}):
            self._tell_store(store)
        for kind in Kind:
            self._tell_hidden(kind)
        self._tell_unreadable()
        self._tell_vanished()

    def _tell_revoked(self, status: CredentialStatus) -> None:
        known = status.life.revoked
        if known is None:
            self._solve(key(REVOKED, status.credential))
            return
        is_coming_back = status.life.is_coming_back
        new = revocation_alerts.revoked(status.credential, self._org, known, is_coming_back=is_coming_back)
        self._history.alerting.problem(new, self._now)
        # What the audit had found before asks for it to be rotated, or to be ended.
        for which, alert in self._open.items():
            is_about_it = alert.kind == POSTURE and alert.credential == status.credential
            if is_about_it and not is_asked(check_of(alert), known):
                self._solve(which)

    def _tell_drift(self, status: CredentialStatus) -> None:
        if is_in_motion(status, self._now):
            return
        if status.life.revoked:
            changed_apps = undone_apps(status.life.seen, status.life.revoked) if status.life.seen else []
            app, live = next(((each.name, each.live) for each in changed_apps), (status.app, None))
            about = (status.credential, self._org, app, live or "")
            new = revocation_alerts.undone(*about, status.life.revoked, has_secret=status.settings.has_secret)
            self._drifts_or_not(status, new, is_known=status.life.is_in_sight)
            return
        # A store that has lost the credential, or is not mounted, does not make an unknown certificate a known one.
        is_known = status.life.is_in_sight and status.current is not None
        if status.settings.has_secret:
            is_taken = status.life.seen is not None and status.life.seen.is_settled
            new = drift_alerts.secret_drift(status.credential, self._org, status.app, is_current_taken=is_taken)
            self._drifts_or_not(status, new, is_known=is_known)
            return
        if status.life.seen is not None and has_other_consumer_key(status.life.seen):
            new = drift_alerts.other_consumer_key(status.credential, self._org, status.app, other_consumer_key(status))
            self._drifts_or_not(status, new, is_known=is_known)
            return
        held = status.live
        changed = drift_alerts.Changed(held.last_modified_by, held.last_modified_at, held.is_undated) if held else None
        fingerprint = held.fingerprint if held else ""
        stage = status.life.seen.stage_of(fingerprint) if status.life.seen else None
        is_hidden = refuses_stored(status.life.seen)
        new = drift_alerts.drift(
            status.credential, self._org, status.app, fingerprint, changed, stage=stage, is_hidden=is_hidden
        )
        self._drifts_or_not(status, new, is_known=is_known)

    def _drifts_or_not(self, status: CredentialStatus, new: NewAlert, *, is_known: bool) -> None:
        if status.drift and new.key not in self._open:
            told = {"app": new.app, "fingerprint": new.fingerprint}
            self._history.journal.record(DRIFT, now=self._now, credential=status.credential, **told)
        seen, is_revoked = status.life.seen, status.life.revoked is not None
        # Another state may come before it, such as that consumers are refused.
        is_as_found = seen is not None and not is_revoked and changed_by_hand(seen)
        self._tell_or_solve(status.drift, new, is_known=is_known and not is_as_found)

    def _tell_unstored(self, status: CredentialStatus) -> None:
        is_lost, stored_at = status.life.is_lost, status.life.stored_at
        new = (
            catalog.lost(status.credential, self._org, status.settings.store, stored_at)
            if is_lost and stored_at
            else catalog.unstored(status.credential, self._org, has_secret=status.settings.has_secret)
        )
        is_revoked = status.life.revoked is not None
        is_so = (is_lost and not is_revoked) or status.state is CredentialState.UNSTORED
        is_over = status.current is not None or is_revoked
        self._tell_or_solve(is_so, new, is_known=status.life.is_in_sight and is_over)

    def _tell_stored(self, status: CredentialStatus) -> None:
        """What its store does not give of it, while it gives the others; of a store that is away nothing is known."""
        name, told = status.credential, set[str]()
        mine = [each for each in self._found.problems if each.credential == name]
        for problem in mine:
            if problem.where == f"credential {name}":
                store = status.settings.store
                new = catalog.unreadable_stored(name, self._org, store, problem.error, problem.version)
                self._history.alerting.problem(new, self._now)
                told.add(new.key)
        if len(told) == len(mine) and self._store_problem(status.settings.store) is None:
            self._solve_all(key(UNREADABLE, catalog.stored_name(name)), told)

    def _solve_all(self, beginning: str, told: set[str]) -> None:
        """What is open of these and was not told of now."""
        for which in [which for which in self._open if which.startswith(beginning) and which not in told]:
            self._solve(which)

    def _forget_failure(self, status: CredentialStatus) -> None:
        """Forgets failed rotations once nothing is due any more, whoever saw to it."""
        attempt = self._rotations.get(status.credential)
        is_well = status.state in {CredentialState.OK, CredentialState.DEFERRED, CredentialState.REVOKED}
        is_quiet = is_well and status.life.next_due.is_quiet(self._now)
        if attempt and attempt.failures and is_quiet:
            self._history.attempts.put(attempt.succeeded(self._now))
        if is_quiet:
            for which in alerts_that_success_ends(status.credential):
                self._solve(which)

    def _tell_store(self, store: str) -> None:
        """Records the store's attempt, for the pages, which show when it was last read."""
        error, attempt = self._store_problem(store), self._history.attempts.get(STORE, store)
        if error is None:
            self._solve(key(STORE, store))
            self._history.attempts.put(attempt.succeeded(self._now))
        else:
            failed = self._context.failed(attempt, error)
            self._history.alerting.problem(catalog.unreadable_store(store, error, failed), self._now)
            self._history.attempts.put(failed)

    def _store_problem(self, store: str) -> RotatorError | None:
        told = (problem.error for problem in self._found.problems if problem.where == f"store {store}")
        return next(told, None)

    def _tell_hidden(self, kind: Kind) -> None:
        """The rest of the org was read all the same."""
        whole = (problem for problem in self._found.problems if not problem.app)
        error = next((problem.error for problem in whole if problem.type == kind), None)
        if error:
            self._history.alerting.problem(catalog.hidden(self._org, kind, error), self._now)
        else:
            self._solve(key(HIDDEN, f"{self._org}/{kind}"))

    def _tell_unreadable(self) -> None:
        """Each thing that cannot be read alone; what is of a hidden type is not known to be better."""
        told = set[str]()
        for problem in self._found.problems:
            if problem.app and problem.type:
                new = catalog.unreadable(self._org, problem.type, problem.app, problem.error)
                self._history.alerting.problem(new, self._now)
                told.add(new.key)
        hidden = {problem.type for problem in self._found.problems if problem.type and not problem.app}
        for kind in (str(kind) for kind in Kind if kind not in hidden):
            self._solve_all(key(UNREADABLE, f"{self._org}/{kind}/"), told)

    def _tell_vanished(self) -> None:
        """Each thing that was there until now; of very many that are no credential's, that they are many."""
        others: list[tuple[str, NewAlert]] = []
        revoked = {status.credential for status in self._found.credentials if status.life.revoked}
        for seen in (life.seen for life in self._found.vanished):
            if seen.last_seen is None or seen.gone_at != self._now:
                continue
            # The app of a revoked credential may go: nobody logs in through it.
            credential = None if seen.credential in revoked else seen.credential
            new = vanished(self._org, seen.type, seen.app, seen.last_seen, credential)
            if credential:
                self._history.alerting.problem(new, self._now)
            else:
                others.append((seen.app, new))
        if len(others) > MOST_VANISHED:
            names = [app for app, _ in others]
            self._history.alerting.happened(vanished_together(self._org, names, self._now), self._now)
            return
        for _, new in others:
            self._history.alerting.happened(new, self._now)

    @cached_property
    def _rotations(self) -> dict[str, AttemptRecord]:
        return {attempt.name: attempt for attempt in self._history.attempts.all(JobKind.ROTATE)}

    @cached_property
    def _open(self) -> dict[str, Alert]:
        """The open alerts by their keys, read once: most inventories have nothing to close."""
        return {alert.key: alert for alert in self._history.alerts.open_alerts()}

    def _solve(self, which: str) -> None:
        if which in self._open:
            self._history.alerting.solved(which, "", self._now)

    def _tell_or_solve(self, is_so: bool, new: NewAlert, *, is_known: bool) -> None:
        if is_so:
            self._history.alerting.problem(new, self._now)
        elif is_known:
            self._solve(new.key)
