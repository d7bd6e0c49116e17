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

from rotator.core.crypto.certificates import throwaway
from rotator.core.decision.actions import HaltReason
from rotator.core.logins import LoginOutcome
from rotator.errors import HistoryError, RotationHalted, RotationHeldUp, RotationRunning, RotatorError
from rotator.history.journal.journal import PROMOTION
from rotator.history.records import NewRotation, Rotation, Stop
from rotator.services.rotation.client_secrets.pair_adoption import unstage
from rotator.services.rotation.gap import OpenGap
from rotator.services.rotation.lock import RotationLock
from rotator.services.rotation.own_login import refuse_to_end_own_login
from rotator.services.rotation.report import Outcome, Report
from rotator.services.rotation.requests import UNTOUCHED, Request, continues, resumed, subject_of, wanted_of
from rotator.services.rotation.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.credentials import Fingerprint, Stages, Version
    from rotator.core.decision.policies import Wanted
    from rotator.history.journal.journal import Journal
    from rotator.history.locks.locks import Hold, RotationLocks
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
    ) -> None:
        """`run_context(rotation id)` gives what a run of that rotation works with."""
        self._credential: Final = credential
        self._journal: Final = journal
        self._locks: Final = locks
        self._run_context: Final = run_context

    def handle(self, request: Request, *, may_begin: Callable[[], bool] = lambda: True) -> Report:
        """Runs a request to its end, from where an interrupted run left it.

        `may_begin` is asked last of all before a rotation is begun, as somebody may have paused it meanwhile; of what
        is half done it is not asked. Raises RotationHeldUp then, RotationRunning when somebody else is rotating the
        credential, RotationHalted when what is asked for makes no sense as the store stands or would end the program's
        own login, and what `Run.run` raises.
        """
        name, store = self._credential.name, self._credential.store
        with self._locks.hold(name) as hold:
            refuse_to_end_own_login(self._credential)
            if request.goal:
                self._credential.refuse_generic_host()
            store.sweep(name)
            stages = store.stages(name)
            rotation = self._take_up(request, stages)
            if rotation is None and request.goal:
                was_stored = self._journal.credential_record(name).tried_version is not None
                subject = subject_of(
                    name, request, stages, was_stored=was_stored, has_secret=self._credential.secrets is not None
                )
                if not may_begin():
                    raise RotationHeldUp(f"{name} was paused just now.", effect=UNTOUCHED, hint="Resume it.")
                rotation = self._begin(request, subject)
            return self._run(request, rotation, stages, hold)

    def adopt(self, request: Request, version: Version) -> Report:
        """Takes a key pair that people made into the store: it must be live and log in, as any version must.

        Raises RotationHalted when it is the current version already, RotationRunning, and what `Run.run` raises.
        """
        name, store = self._credential.name, self._credential.store
        with self._locks.hold(name) as hold:
            store.sweep(name)
            stages = store.stages(name)
            rotation = self._take_up(request, stages, version.fingerprint)
            if rotation is None and stages.current == version.fingerprint:
                what = "key pair" if self._credential.secrets is None else "consumer key and secret"
                raise RotationHalted(
                    f"This {what} is the current version of {name} already.",
                    effect=UNTOUCHED,
                    hint=f"`rotator verify {name}` tries it.",
                )
            rotation = rotation or self._begin(request, version.fingerprint)
            if version.fingerprint not in stages.fingerprints:
                self._clear_pending(stages, version)
                store.put_pending(replace(version, rotation_id=rotation.id))
            return self._run(request, rotation, stages, hold)

    def _clear_pending(self, stages: Stages, adopted: Version) -> None:
        """Discards a pending version: people have replaced by hand what it was to replace, by the adopted one."""
        if stages.pending is None:
            return
        credential, names = self._credential, self._credential.settings.app_names
        if credential.secrets is not None:
            unstage(credential, credential.secrets, stages.pending)
            return
        credential.apps.read_all(names)
        credential.apps.settle()
        # A previous version that was to come back keeps its certificate, and its grace.
        for name in names if stages.pending != stages.previous else ():
            app = credential.apps.read(name)
            if app is None or (app.hides_certificate and name == adopted.app):
                # What its own key has just logged in through holds the adopted one, whatever a slow server says.
                continue
            if self._holds(name, app, stages.pending):
                credential.apps.replace_certificate(name, throwaway(now=self._now()), expecting=app.fingerprint)
        credential.store.discard(credential.name, stages.pending)

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
        is_urgent = abandoned is not None and abandoned.trigger == "compromised"
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

    def _run(self, request: Request, rotation: Rotation | None, stages: Stages, hold: Hold) -> Report:
        rotation_id = rotation.id if rotation else None
        wanted = resumed(rotation, request) if rotation else wanted_of(request, None)
        open_gap = self._open_gap()
        is_promotion_unwritten = self._catch_up(rotation, wanted, stages)
        run = Run(
            self._credential,
            wanted,
            replace(self._run_context(rotation_id), lock=RotationLock(hold, partial(self._resume, rotation, wanted))),
            rotation_id=rotation_id or "",
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
        if report.halt in _GOES_ON:
            self._note_stop(rotation, report.why, report.halt, hint=report.hint, needs_person=True)
            return report
        return self._finish(rotation, report)

    def _open_gap(self) -> OpenGap | None:
        """The gap that an earlier run left open."""
        known = self._journal.credential_record(self._credential.name)
        if known.refused_since is None:
            return None
        counter = self._journal.gap_counter(self._credential.name)
        return OpenGap(known.refused_since, known.is_refusal_certain, counter)

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
        try:
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
        except HistoryError:
            return

    def _finish(self, rotation: Rotation | None, report: Report) -> Report:
        if rotation is None or report.outcome is Outcome.INTERRUPTED:
            return report
        try:
            self._journal.finish_rotation(
                rotation.id,
                outcome=_IN_HISTORY.get(report.outcome, report.outcome),
                why=report.why,
                old_fingerprint=report.old_fingerprint,
                new_fingerprint=report.new_fingerprint,
                gap_seconds=None if report.gap and report.gap.is_open else report.gap_seconds,
                stop=Stop(report.halt, report.hint) if report.halt else None,
                now=self._now(),
            )
        except HistoryError as error:
            return replace(report, warnings=(*report.warnings, f"The history could not be written: {error.message}"))
        return report

    def _now(self) -> datetime:
        return self._run_context(None).now()


def _with_note(run: Run, report: Report) -> Report:
    """The report, once it is written down how the credential was observed at the end of its run."""
    try:
        run.note_observation()
    except HistoryError as error:
        return replace(report, warnings=(*report.warnings, f"The history could not be written: {error.message}"))
    return report


_IN_HISTORY: Final = {Outcome.WAITING: "nothing"}

_GOES_ON: Final = frozenset({HaltReason.UNPROVEN, HaltReason.REVERT_UNPROVEN})
"""Reasons to call a person in the middle of a rotation, which goes on afterwards."""
