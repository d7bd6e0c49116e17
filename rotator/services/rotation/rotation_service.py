"""Takes what a person or the schedule asks for, writes it down, and runs it to its end, also after a crash.

A request holds the rotation lock of its credential from the first call to the store until the report. Under the lock it
either takes up the rotation that an interrupted run has left open, if it asks for the same, or begins a rotation in the
history. A rotation that stops in the middle stays open there, with an event that says why.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import Stage
from rotator.core.crypto.certificates import throwaway
from rotator.core.lifecycle.drift import undone
from rotator.core.lifecycle.revocation import RevocationStep, how_to_end
from rotator.core.logins import LoginOutcome
from rotator.errors import (
    NOTHING_CHANGED,
    HistoryError,
    LockLost,
    RotationHeldUp,
    RotationRunning,
    RotatorError,
)
from rotator.history.journal.journal import PROMOTION
from rotator.history.records import NewRotation, Rotation, Stop
from rotator.services.access.given_access import is_let_in, refuse_to_return, return_access, says_what_is_back
from rotator.services.access.issued_tokens import end_tokens
from rotator.services.rotation.adopt import refuse_revoked_key
from rotator.services.rotation.client_secrets.mechanics import discard_pending, observer_of
from rotator.services.rotation.gap import found_open
from rotator.services.rotation.lock import RotationLock
from rotator.services.rotation.own_login import refuse_to_end_own_login
from rotator.services.rotation.report import Outcome, Report
from rotator.services.rotation.requests import (
    Request,
    bringing_back,
    continues,
    current_already,
    nothing_stored,
    resumed,
    subject_of,
    wanted_of,
)
from rotator.services.rotation.run import Run
from rotator.stores.base import read_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.core.credentials import Fingerprint, Stages, Version
    from rotator.core.decision.actions import HaltReason
    from rotator.core.decision.policies import Wanted
    from rotator.history.journal.journal import Journal
    from rotator.history.locks.locks import Hold, RotationLocks
    from rotator.salesforce.access.org_access import OrgAccess
    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.observer import CredentialContext
    from rotator.services.rotation.run import RunContext


class RotationService:
    """Takes requests for one credential, one at a time."""

    def __init__(
        self,
        credential: CredentialContext,
        journal: Journal,
        locks: RotationLocks,
        run_context: Callable[[str | None], RunContext],
        access: Callable[[], OrgAccess] | None = None,
        client_ids: Mapping[str, str] | None = None,
    ) -> None:
        """`run_context(rotation id)` gives what a run of that rotation works with.

        `access` is that to the apps of the org, for what was revoked and for keys in wrong hands; None: neither is.
        `client_ids` are the consumer keys of its apps, where they are known: no app has another one later.
        """
        self._client_ids: Final = client_ids
        self._access: Final = access
        self._credential: Final = credential
        self._journal: Final = journal
        self._locks: Final = locks
        self._run_context: Final = run_context

    def handle(self, request: Request, *, may_begin: Callable[[], bool] = lambda: True) -> Report:
        """Runs a request to its end, from where an interrupted run left it.

        `may_begin` is asked last of all before a rotation is begun, as somebody may have paused it meanwhile; of what
        is half done it is not asked. Raises RotationHeldUp then, RotationRunning when somebody else is rotating the
        credential, RotationHalted when what is asked for makes no sense as the store stands or would end the program's
        own login, ConfigurationError when it never makes sense of the credential, and what `Run.run` raises.
        """
        name, store = self._credential.name, self._credential.store
        with self._locks.hold(name) as hold:
            refuse_to_end_own_login(self._credential, self._client_ids)
            if request.goal:
                self._credential.refuse_generic_host()
            store.sweep(name)
            request, is_undone = self._as_meant(request)
            stages = store.stages(name)
            earlier = rotation = self._take_up(request, stages)
            has_secret = self._credential.secrets is not None
            was_stored = self._journal.credential_record(name).was_stored
            if rotation is None and not request.goal and was_stored and not stages.fingerprints:
                raise nothing_stored(name, was_stored=True, has_secret=has_secret)
            if rotation is None and request.goal:
                subject = subject_of(name, request, stages, was_stored=was_stored, has_secret=has_secret)
                if not may_begin():
                    raise RotationHeldUp(f"{name} was paused just now.", effect=NOTHING_CHANGED, hint="Resume it.")
                rotation = self._begin(request, subject)
            with says_what_is_back(self._journal, name):
                may_return = not is_undone or request.options.replace_unknown
                told = self._bring_back(rotation) if may_return else ()
                return self._run(request, rotation, stages, hold, goes_on=earlier is not None).warned(*told)

    def adopt(self, request: Request, version: Version) -> Report:
        """Takes a key pair that people made into the store: it must be live and log in, as any version must.

        Raises RotationHalted when it is the current version already, RotationRunning, and what `Run.run` raises.
        """
        name, store = self._credential.name, self._credential.store
        with self._locks.hold(name) as hold:
            store.sweep(name)
            request, _ = self._as_meant(request, version)
            stages = store.stages(name)
            earlier = rotation = self._take_up(request, stages, version.fingerprint)
            if rotation is None and stages.current == version.fingerprint:
                raise current_already(name, has_secret=self._credential.secrets is not None)
            rotation = rotation or self._begin(request, version.fingerprint)
            if version.fingerprint not in stages.fingerprints:
                self._clear_pending(stages, version)
                store.put_pending(replace(version, rotation_id=rotation.id))
            with says_what_is_back(self._journal, name):
                told = self._bring_back(rotation, version)
                return self._run(request, rotation, stages, hold, goes_on=earlier is not None).warned(*told)

    def _as_meant(self, request: Request, adopted: Version | None = None) -> tuple[Request, bool]:
        """The request as it is meant of a credential that was revoked, which changes nothing yet.

        And whether an app of it holds another certificate since, which is not to be replaced unasked.
        """
        name, known = self._credential.name, self._journal.credential_record(self._credential.name)
        revoked = known.login_revoked
        if revoked is None or self._access is None:
            return request, False
        refuse_to_return(
            self._journal, name, self._now(), is_let_in=partial(is_let_in, self._credential, self._access())
        )
        begun = self._journal.open_rotation(name)
        if adopted is not None and (begun is None or begun.brings_back != adopted.fingerprint):
            refuse_revoked_key(self._credential, adopted, self._journal.promoted_version(name))
        is_undone = begun is None and undone(observer_of(self._credential).observe(), revoked)
        was_stored, is_begun = known.was_stored or bool(self._credential.store.stages(name).current), begun is not None
        meant = bringing_back(name, request, revoked, is_begun=is_begun, is_undone=is_undone, was_stored=was_stored)
        return meant, is_undone

    def _bring_back(self, rotation: Rotation | None, adopted: Version | None = None) -> tuple[str, ...]:
        """Gives the user of a revoked credential access again, as the rotation that brings it back was begun.

        And tells what could not come back as it was.
        A version that was pending when it was revoked, and is live nowhere since, is not used any more.
        """
        name = self._credential.name
        if rotation is None or self._access is None or self._journal.credential_record(name).login_revoked is None:
            return ()
        told: tuple[str, ...] = ()
        if self._credential.secrets is None:
            told = self._returned(rotation, adopted, self._access())
        pending = read_stage(self._credential.store, name, Stage.PENDING)
        live = {app.live for app in observer_of(self._credential).observe().apps.values()}
        if pending and pending.rotation_id != rotation.id and pending.fingerprint not in live:
            discard_pending(self._credential, pending.fingerprint)
        return told

    def _returned(self, rotation: Rotation, adopted: Version | None, access: OrgAccess) -> tuple[str, ...]:
        try:
            return return_access(self._credential, access, self._journal, adopted, self._now)
        except RotatorError as error:
            self._note_stop(rotation, error.message, hint=error.hint, needs_person=not error.transient)
            raise

    def _end_tokens(self, wanted: Wanted, report: Report) -> Report:
        """After a rotation as the key was in wrong hands: what was given out for it ends as well."""
        if report.outcome is not Outcome.ROTATED or not wanted.compromised or self._access is None:
            return report
        credential, apps = self._credential, [app for app in self._credential.read_apps() if app]
        try:
            username = credential.settings.username
            ended = end_tokens(self._access(), self._journal, credential.name, apps, username, self._now)
        except LockLost:
            raise
        except RotatorError as error:
            left = f"The tokens that were given out were not revoked. {error.message} {error.hint}".strip()
            again = how_to_end(credential.name, [RevocationStep.TOKENS])
            return report.warned(f"{left} {again} tries again.")
        return report.warned(*([ended.hidden] if ended.hidden else []))

    def _clear_pending(self, stages: Stages, adopted: Version) -> None:
        """Discards a pending version: people have replaced by hand what it was to replace, by the adopted one."""
        if stages.pending is None:
            return
        credential, names = self._credential, self._credential.settings.app_names
        if credential.secrets is not None:
            discard_pending(credential, stages.pending)
            return
        apps = credential.apps.read_all(names)
        if credential.apps.settle():
            apps = credential.apps.read_all(names)
        # A previous version that was to come back keeps its certificate, and its grace.
        for name, app in zip(names, apps, strict=True) if stages.pending != stages.previous else ():
            if app is None or (app.hides_certificate and name == adopted.app):
                # What its own key has just logged in through holds the adopted one, whatever a slow server says.
                continue
            if self._holds(name, app, stages.pending):
                credential.apps.replace_certificate(name, throwaway(now=self._now()), expecting=app.fingerprint)
        discard_pending(credential, stages.pending)

    def _holds(self, name: str, app: App, fingerprint: Fingerprint) -> bool:
        """Whether the app holds a stored version's certificate; where the org hides that, a login with its key says."""
        if not app.hides_certificate:
            return app.fingerprint == fingerprint
        version = self._credential.store.read(self._credential.name, fingerprint)
        return version.app == name and self._credential.prove(version).outcome is LoginOutcome.ACCEPTED

    def _take_up(self, request: Request, stages: Stages, adopted: Fingerprint | None = None) -> Rotation | None:
        """The rotation that an interrupted run left open, if it is what is asked for; who goes on with it is noted."""
        rotation = self._journal.open_rotation(self._credential.name)
        if rotation is None or not continues(request, rotation, stages, now=self._now(), adopted=adopted):
            return None
        with suppress(HistoryError):
            self._journal.record(
                "resume",
                now=self._now(),
                credential=rotation.credential,
                rotation_id=rotation.id,
                **request.actor.details(),
            )
        return rotation

    def _abandon_another(self) -> Rotation | None:
        """Ends the rotation that was left open, as another begins now; a request that is refused ends none."""
        rotation = self._journal.open_rotation(self._credential.name)
        if rotation:
            why = "It was interrupted, and another request came after it."
            self._journal.finish_rotation(rotation.id, outcome="abandoned", why=why, now=self._now())
        return rotation

    def _begin(self, request: Request, subject: Fingerprint | None) -> Rotation:
        abandoned = self._abandon_another()
        # A key in wrong hands is not given a grace because something else was asked for in between.
        is_urgent = abandoned is not None and abandoned.is_compromised
        brings = request.goal in {"back", "adopt"}
        settings, by = self._credential.settings, request.actor
        return self._journal.begin_rotation(
            NewRotation(
                credential=self._credential.name,
                org=settings.org,
                strategy=settings.strategy,
                trigger=request.trigger,
                actor=by.name,
                uid=by.uid,
                login_uid=by.login_uid,
                login_name=by.login_name,
                claimed_name=by.claimed_name,
                reason=request.reason,
                goal=request.goal,
                replaces=None if brings else subject,
                brings_back=subject if brings else None,
                options=replace(request.options, retire_now=True) if is_urgent else request.options,
            ),
            self._now(),
        )

    def _run(self, request: Request, rotation: Rotation | None, stages: Stages, hold: Hold, *, goes_on: bool) -> Report:
        rotation_id = rotation.id if rotation else None
        wanted = resumed(rotation, request) if rotation else wanted_of(request, None)
        open_gap = found_open(self._journal, self._credential.name)
        is_promotion_unwritten = self._catch_up(rotation, wanted, stages)
        lock = RotationLock(hold, partial(self._resume, rotation, wanted))
        run = Run(
            self._credential,
            wanted,
            self._run_context(rotation_id),
            lock,
            rotation_id=rotation_id or "",
            goes_on=goes_on,
            open_gap=replace(open_gap, is_end_unwritten=is_promotion_unwritten) if open_gap else None,
            wrong_key_words=self._journal.wrong_key_words(self._credential.name),
        )
        try:
            report = run.run()
        except RotatorError as error:
            error.refused_since = run.gap.begun_at if run.gap.is_open else None
            self._note_stop(rotation, error.message, hint=error.hint, needs_person=not error.transient)
            raise
        report = _with_note(run, report)
        if report.stays_open:
            self._note_stop(rotation, report.why, report.halt, hint=report.hint, needs_person=True)
            return report
        return self._finish(rotation, self._end_tokens(wanted, report), lock)

    def _resume(self, rotation: Rotation | None, wanted: Wanted) -> None:
        """Makes sure, once a lost lock was taken again, that nobody has ended the rotation or begun another since."""
        name = self._credential.name
        found = self._journal.open_rotation(name)
        if (found and found.id) != (rotation and rotation.id):
            raise RotationRunning(
                f"Another process has taken over the rotation of {name}.",
                effect="What it did stays as it is.",
                hint=f"`rotator history {name}` shows what that was.",
                rerun="Run this again if it is still wanted.",
            )
        self._catch_up(rotation, wanted, self._credential.store.stages(name))

    def _catch_up(self, rotation: Rotation | None, wanted: Wanted, stages: Stages) -> bool:
        """Writes down a promotion that an interrupted run could not. Whether there was one."""
        has_begun = rotation is not None and wanted.is_met_by(stages.current)
        if stages.current is None or not self._is_unwritten(stages.current, has_begun=has_begun):
            return False
        self._write_promotion(stages.current, rotation.id if rotation else None)
        return True

    def _is_unwritten(self, current: Fingerprint, *, has_begun: bool) -> bool:
        """Whether an interrupted run promoted this version and could not write it down.

        A version that the history never knew was current before it began, unless the rotation itself was to bring it.
        """
        promoted = self._journal.promoted_version(self._credential.name)
        return has_begun if promoted is None else promoted != current

    def _write_promotion(self, version: Fingerprint, rotation_id: str | None) -> None:
        """Writes down a promotion as of now: the previous version's grace ends too late rather than too early."""
        self._journal.record(
            PROMOTION,
            now=self._now(),
            credential=self._credential.name,
            rotation_id=rotation_id,
            why="an interrupted run had made it current",
            version=version,
            written_late=True,
        )

    def _note_stop(
        self, rotation: Rotation | None, why: str, halt: HaltReason | None = None, *, hint: str, needs_person: bool
    ) -> None:
        """Writes down why the run stopped. The rotation stays open, and the next run goes on from what it finds."""
        with suppress(HistoryError):
            self._journal.record(
                "stopped",
                now=self._now(),
                credential=self._credential.name,
                rotation_id=rotation.id if rotation else None,
                error=why,
                halt=halt,
                hint=hint if needs_person else None,
                needs_person=needs_person,
            )

    def _finish(self, rotation: Rotation | None, report: Report, lock: RotationLock) -> Report:
        if rotation is None or report.outcome is Outcome.INTERRUPTED:
            return report
        finish = partial(
            self._journal.finish_rotation,
            rotation.id,
            outcome=_IN_HISTORY.get(report.outcome, report.outcome),
            why=report.why,
            old_fingerprint=report.old_fingerprint,
            new_fingerprint=report.new_fingerprint,
            gap_seconds=None if report.gap and report.gap.is_open else report.gap_seconds,
            stop=Stop(report.halt, report.hint) if report.halt else None,
            now=self._now(),
        )
        try:
            lock.write(finish)
        except LockLost:
            raise
        except HistoryError as error:
            return report.warned(f"The history could not be written: {error.message}")
        return report

    def _now(self) -> datetime:
        return self._run_context(None).now()


def _with_note(run: Run, report: Report) -> Report:
    """The report, once it is written down how the credential was observed at the end of its run."""
    try:
        run.note_observation()
    except HistoryError as error:
        return report.warned(f"The history could not be written: {error.message}")
    return report


_IN_HISTORY: Final = {Outcome.WAITING: "nothing"}
