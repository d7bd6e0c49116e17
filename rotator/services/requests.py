"""What a person or the schedule asks for: written down, seen through, and taken up again after a crash."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.certificates import throwaway
from rotator.core.credentials import Fingerprint
from rotator.core.policies import Goal, Wanted
from rotator.errors import HistoryError, RotationHalted, RotatorError
from rotator.history.records import NewRotation, Rotation
from rotator.services.reports import Outcome, Report
from rotator.services.rotate import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.credentials import Stages, Version
    from rotator.history.journal import Journal
    from rotator.history.locks import RotationLocks
    from rotator.services.managed import Managed
    from rotator.services.rotate import Surroundings

RESUMED_WITHIN: Final = timedelta(days=1)
"""A request that an interrupted run has met already is ended, not begun anew, when it is repeated this soon."""

_UNTOUCHED: Final = "Nothing was changed."


@dataclass(frozen=True)
class Request:
    """What was asked for, by whom and why."""

    goal: str
    """As the history names it: `replace`, `back`, `restore`, `adopt`, `enroll`; empty to finish what was begun."""
    actor: str
    reason: str = ""
    trigger: str = "manual"
    keep_key: bool = False
    retire_now: bool = False
    replace_unknown: bool = False

    @property
    def compromised(self) -> bool:
        """Whether the current key is in wrong hands."""
        return self.trigger == "compromised"


class Desk:
    """Takes requests for one credential, one at a time, and sees them through."""

    def __init__(
        self,
        managed: Managed,
        journal: Journal,
        locks: RotationLocks,
        around: Callable[[str | None], Surroundings],
        upload_begun: Callable[[str], datetime | None],
    ) -> None:
        """`around(rotation id)` gives a run its surroundings, with a recorder for that rotation. `upload_begun` tells
        when a rotation first took current's slot.
        """
        self._managed: Final = managed
        self._journal: Final = journal
        self._locks: Final = locks
        self._around: Final = around
        self._upload_begun: Final = upload_begun

    def serve(self, request: Request) -> Report:
        """Sees a request through, from where an interrupted run left it.

        Raises RotationRunning when somebody else is rotating the credential, RotationHalted when what is asked for
        makes no sense as the store stands, and what `Run.run` raises.
        """
        name, store = self._managed.name, self._managed.store
        with self._locks.hold(name):
            store.sweep(name)
            stages = store.stages(name)
            rotation = self._left_open(request, stages)
            if rotation is None and request.goal:
                rotation = self._begin(request, self._subject(request, stages))
            return self._see_through(request, rotation)

    def adopt(self, request: Request, version: Version) -> Report:
        """Takes a key pair that people made into the store: it must be live and log in, as any version must."""
        name, store = self._managed.name, self._managed.store
        with self._locks.hold(name):
            store.sweep(name)
            stages = store.stages(name)
            if stages.current == version.fingerprint:
                raise RotationHalted(
                    f"This key pair is the current version of {name} already.",
                    left=_UNTOUCHED,
                    advice=f"`rotator verify {name}` tries it.",
                )
            rotation = self._left_open(request, stages) or self._begin(request, version.fingerprint)
            if version.fingerprint not in stages.fingerprints:
                self._clear_pending(stages)
                store.put_pending(replace(version, rotation_id=rotation.id))
            return self._see_through(request, rotation)

    def _clear_pending(self, stages: Stages) -> None:
        """What was pending was meant to replace a certificate that people have replaced by hand since."""
        if stages.pending is None:
            return
        managed = self._managed
        for name in managed.settings.apps:
            app = managed.apps.read(name)
            if app is not None and app.fingerprint == stages.pending:
                managed.apps.replace_certificate(name, throwaway(now=self._now()), expecting=stages.pending)
        managed.store.discard(managed.name, stages.pending)

    def _left_open(self, request: Request, stages: Stages) -> Rotation | None:
        """The rotation that an interrupted run left open, if it is what is asked for; another one is abandoned."""
        rotation = self._journal.open_rotation(self._managed.name)
        if rotation is None:
            return None
        if not request.goal or self._asks_for(rotation, request, stages):
            return rotation
        why = "It was interrupted, and another request came after it."
        self._journal.finish_rotation(rotation.id, outcome="abandoned", why=why, now=self._now())
        return None

    def _asks_for(self, rotation: Rotation, request: Request, stages: Stages) -> bool:
        same = (rotation.goal, rotation.trigger, rotation.keep_key) == (
            request.goal,
            request.trigger,
            request.keep_key,
        )
        if not same:
            return False
        recent = self._now() - rotation.started_at < RESUMED_WITHIN
        return recent or not _met(wanted_of(*_as_begun(rotation, request)), stages)

    def _subject(self, request: Request, stages: Stages) -> Fingerprint | None:
        """The version that the request is about. Raises RotationHalted when the store has none such."""
        name = self._managed.name
        match request.goal:
            case "enroll" if stages.current:
                raise RotationHalted(
                    f"{name} has a current version already.",
                    left=_UNTOUCHED,
                    advice=f"`rotate now {name}` replaces it.",
                )
            case "enroll":
                return None
            case "back" if stages.previous is None:
                raise RotationHalted(
                    f"No previous version of {name} is kept.",
                    left=_UNTOUCHED,
                    advice=f"`rotate now {name}` makes a new one.",
                )
            case "back":
                return stages.previous
            case _ if stages.current is None:
                raise RotationHalted(
                    f"The store holds no current version of {name}.",
                    left=_UNTOUCHED,
                    advice=f"`rotator enroll {name}` makes the first key pair for an app without a certificate; "
                    f"`rotator adopt {name} --key FILE` takes one that consumers use already.",
                )
        return stages.current

    def _begin(self, request: Request, subject: Fingerprint | None) -> Rotation:
        brings = request.goal in {"back", "adopt"}
        settings = self._managed.settings
        return self._journal.begin_rotation(
            NewRotation(
                credential=self._managed.name,
                org=settings.org,
                strategy=settings.strategy,
                trigger=request.trigger,
                actor=request.actor,
                reason=request.reason,
                goal=request.goal,
                replaces=None if brings else subject,
                brings_back=subject if brings else None,
                keep_key=request.keep_key,
                retire_now=request.retire_now,
            ),
            self._now(),
        )

    def _see_through(self, request: Request, rotation: Rotation | None) -> Report:
        rotation_id = rotation.id if rotation else None
        begun, subject = _as_begun(rotation, request) if rotation else (request, None)
        run = Run(
            self._managed,
            wanted_of(begun, subject),
            self._around(rotation_id),
            rotation_id=rotation_id or "",
            gap_begun_at=self._upload_begun(rotation_id) if rotation_id else None,
        )
        try:
            report = run.run()
        except RotatorError as error:
            self._note_failure(rotation, error)
            raise
        return self._finish(rotation, report)

    def _note_failure(self, rotation: Rotation | None, error: RotatorError) -> None:
        """The rotation stays open: the next run goes on from what it finds."""
        try:
            self._journal.record(
                "stopped",
                now=self._now(),
                credential=self._managed.name,
                rotation_id=rotation.id if rotation else None,
                error=error.what,
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
                gap_seconds=report.gap_seconds,
                now=self._now(),
            )
        except HistoryError as error:
            return replace(report, warnings=(*report.warnings, f"The history could not be written: {error.what}"))
        return report

    def _now(self) -> datetime:
        return self._around(None).now()


_IN_HISTORY: Final = {Outcome.WAITING: "nothing"}


def wanted_of(request: Request, subject: Fingerprint | None) -> Wanted:
    """What a request wants of the world; `subject` is the version that it replaces or brings back."""
    goals = {"": Goal.FINISH, "restore": Goal.RESTORE, "back": Goal.BRING, "adopt": Goal.BRING}
    return Wanted(
        goals.get(request.goal, Goal.REPLACE),
        version=subject,
        keep_key=request.keep_key,
        compromised=request.compromised,
        retire_now=request.retire_now,
        replace_unknown=request.replace_unknown,
    )


def _as_begun(rotation: Rotation, request: Request) -> tuple[Request, Fingerprint | None]:
    """What a rotation wants follows from what was written down when it began, not from what was done since."""
    subject = rotation.brings_back or rotation.replaces
    begun = replace(
        request,
        goal=rotation.goal,
        trigger=rotation.trigger,
        keep_key=rotation.keep_key,
        retire_now=rotation.retire_now or request.retire_now,
    )
    return begun, Fingerprint(subject) if subject else None


def _met(wanted: Wanted, stages: Stages) -> bool:
    if wanted.goal is Goal.REPLACE:
        return stages.current is not None and stages.current != wanted.version
    return wanted.goal is Goal.BRING and stages.current == wanted.version
