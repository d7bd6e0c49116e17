"""Carries a revocation out, step by step, each from what is seen of the org and not from what was done before.

So it may be interrupted anywhere and asked for again: it looks, and does what is left. Each change is written down
before it is made. A step that the program's user has no right to does not hold up the others; it is said at the end.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.config.settings import LoginByCredential
from rotator.core import words
from rotator.core.lifecycle.revocation import ENDING, EVERY_STEP, GivenBy, RevocationStep
from rotator.errors import (
    NOTHING_CHANGED,
    HistoryError,
    LoginRefused,
    OrgError,
    OrgUnavailable,
    RotationHalted,
    RotationRunning,
    StoreError,
)
from rotator.history.journal.chain import refuse_secrets
from rotator.history.journal.projection import REVOCATION_BEGINS, STEP_REVOKED
from rotator.services.access.ended_keys import end_key
from rotator.services.access.given_access import withdraw
from rotator.services.access.issued_tokens import end_tokens
from rotator.services.revocation.app_access import NO_SIBLINGS, AppAccess
from rotator.services.revocation.ended_pairs import EndedPairs, steps_of_kind
from rotator.services.revocation.refusal_proof import RefusalProof
from rotator.services.revocation.revocation_report import RevocationReport
from rotator.services.rotation.client_secrets.mechanics import observer_of
from rotator.services.rotation.own_login import refuse_to_end_own_login

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from rotator.core.actor import Actor
    from rotator.core.lifecycle.revocation import AccessGrant
    from rotator.history.journal.journal import Journal
    from rotator.history.locks.locks import Hold, RotationLocks
    from rotator.salesforce.access.org_access import OrgAccess
    from rotator.services.rotation.observer import CredentialContext

_RERUN_AFTER_ROTATION: Final = (
    "Run this again when that has ended, or end that process first: a revocation goes on from whatever it leaves."
)
_OWN_KEY: Final = (
    "If its key is in wrong hands, `--only certificate --own-login` ends it over the session that is open then; the way"
    " back is by hand."
)
WAY_BACK: Final = (
    "rotator itself logs in by this key. The way back is by hand: make a key pair, upload its certificate to the app in"
    ' Setup, give `login` of the org that key, and adopt it (`rotator docs operations`, "Locked out").'
)
"""What a person is told before the program's own key is ended."""
_ROUNDS: Final = 3
"""How often it is looked again for what came up while the steps were taken, such as a token."""


@dataclass(frozen=True)
class RevocationRequest:
    """What is to be ended, by whom and why."""

    actor: Actor
    reason: str
    steps: tuple[RevocationStep, ...] = EVERY_STEP
    own_login: bool = False
    """The program's own key may be ended: a person was shown the way back."""


class Revoker:
    """Ends the access of one credential."""

    def __init__(
        self,
        credential: CredentialContext,
        access: OrgAccess,
        journal: Journal,
        locks: RotationLocks,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        tell: Callable[[str], None] = lambda _sentence: None,
        siblings: Mapping[str, Sequence[str]] = NO_SIBLINGS,
    ) -> None:
        """`tell` is called with what is done next, for whoever waits; `siblings` as for AppAccess."""
        self._credential: Final = credential
        self._access: Final = access
        self._journal: Final = journal
        self._locks: Final = locks
        self._now: Final = now
        self._tell: Final = tell
        self._seen: Final = AppAccess(credential, access, siblings)
        self._pairs: Final = EndedPairs(credential, credential.secrets) if credential.secrets else None
        self._check_lock: Callable[[], None] = _not_taken_yet
        self._proof: Final = RefusalProof(credential, now=now, sleep=sleep, check_lock=self._still_alone)

    def run(self, request: RevocationRequest) -> RevocationReport:
        """Ends what was asked for, and gives what came of each step.

        Raises RotationHalted for what may not be revoked, RotationRunning when a rotation of it is at work,
        HistoryError where nothing can be written down, OrgUnavailable and LoginRefused where the org is away: then it
        is asked for again, and goes on from what is there.
        """
        name = self._credential.name
        refuse_secrets(request.reason)
        with ExitStack() as stack:
            hold = self._alone(stack)
            self._check_lock = hold.check
            self.refuse(request)
            request = replace(request, steps=steps_of_kind(self._credential, request.steps))
            self._give_up_rotation(ends_gap=not ENDING.isdisjoint(request.steps))
            self._journal.record(
                REVOCATION_BEGINS,
                now=self._now(),
                credential=name,
                rotation_id=None,
                steps=[str(step) for step in request.steps],
                reason=request.reason,
                **request.actor.details(),
            )
            report = self._all(RevocationReport(name, request.steps, has_secret=self._pairs is not None))
            self._note(report)
            return report

    def _alone(self, stack: ExitStack) -> Hold:
        """Takes the lock. What a rotation may need many minutes for need not be waited for."""
        try:
            return stack.enter_context(self._locks.hold(self._credential.name))
        except RotationRunning as error:
            error.rerun = _RERUN_AFTER_ROTATION
            raise

    def refuse(self, request: RevocationRequest) -> None:
        """Raises RotationHalted for what may not be revoked by this program.

        Of its own login the key alone may be ended, over the session that is open then: without a session, or with its
        user shut out, nobody could end the rest, or see that it has ended.
        """
        steps_of_kind(self._credential, request.steps)
        own_login = self._own_login()
        if own_login is None and request.own_login:
            raise RotationHalted(
                f"--own-login was given, and rotator does not log in by {self._credential.name}.",
                effect=NOTHING_CHANGED,
                hint="Leave it out: the credential is brought back as any other.",
            )
        if own_login and (self._pairs or not (request.own_login and request.steps == (RevocationStep.CERTIFICATE,))):
            raise own_login

    def _own_login(self) -> RotationHalted | None:
        """Why it may not be revoked, where it is what rotator itself logs in by."""
        credential, login = self._credential, self._credential.org.login
        if isinstance(login, LoginByCredential) and login.credential == credential.name:
            return RotationHalted(
                f"rotator itself logs in to {credential.settings.org} by {credential.name}: revoked, nobody could bring"
                " it back from here.",
                effect=NOTHING_CHANGED,
                hint=f"Give `login` of the org another app and key first; that one is the way back. {_OWN_KEY}",
            )
        try:
            refuse_to_end_own_login(credential)
        except RotationHalted as halted:
            hint = halted.hint if self._pairs else f"{halted.hint} {_OWN_KEY}"
            return RotationHalted(halted.message, effect=halted.effect, hint=hint)
        return None

    def _give_up_rotation(self, *, ends_gap: bool) -> None:
        """With how long it had refused consumers by then, where they are refused on purpose from now on."""
        name, now = self._credential.name, self._now()
        rotation = self._journal.open_rotation(name)
        if rotation:
            known, why = self._journal.credential_record(name), "The credential was revoked."
            since = known.refused_since if ends_gap and known.is_refusal_certain else None
            gap = max(now - since, timedelta(0)).total_seconds() if since else None
            self._journal.finish_rotation(rotation.id, outcome="abandoned", why=why, gap_seconds=gap, now=now)
        if self._pairs:
            return
        self._credential.read_apps()
        # What was begun before must not put a certificate back afterwards.
        self._credential.apps.settle()

    def _all(self, report: RevocationReport) -> RevocationReport:
        steps = [step for step in EVERY_STEP if step in report.steps]
        for _ in range(_ROUNDS):
            before = report
            for step in steps:
                if step is RevocationStep.TOKENS:
                    report = self._proven(report)
                if step not in report.failed:
                    report = self._taken(step, report)
            if _changes(report) == _changes(before):
                break
        report = self._proven(report)
        for step in steps:
            if step not in report.failed:
                self._journal.record(STEP_REVOKED, now=self._now(), credential=report.credential, step=step)
                report = replace(report, done=tuple(each for each in EVERY_STEP if each in {*report.done, step}))
        return report

    def _still_alone(self) -> None:
        """Raises HistoryUnavailable where the lock was lost: somebody may be bringing the credential back by then."""
        self._check_lock()

    def _taken(self, step: RevocationStep, report: RevocationReport) -> RevocationReport:
        """The report after a step, which did what was left of it."""
        self._still_alone()
        steps = {
            RevocationStep.CERTIFICATE: self._end_key,
            RevocationStep.ACCESS: self._withdraw,
            RevocationStep.TOKENS: self._end_tokens,
        }
        try:
            return steps[step](report)
        except (OrgUnavailable, LoginRefused):
            raise
        except OrgError as error:
            return replace(report, failed={**report.failed, step: error})

    def _end_key(self, report: RevocationReport) -> RevocationReport:
        revoked = self._journal.credential_record(report.credential).revoked
        ended_by = revoked.ended_by if revoked else {}
        if self._pairs:
            return self._end_pair(self._pairs, ended_by, report)
        for app in self._seen.holding(ended_by, report.apps):
            self._tell(f"{app.full_name} gets a certificate whose key nobody has.")
            end_key(self._credential, self._journal, app, self._now, why="it is revoked")
            apps = tuple(dict.fromkeys([*report.apps, app.full_name]))
            report = replace(report, apps=apps, changes=report.changes + 1)
        return report

    def _end_pair(self, pairs: EndedPairs, ended_by: Mapping[str, str], report: RevocationReport) -> RevocationReport:
        if pairs.are_ended(ended_by.get(pairs.app)):
            return report
        self._tell(f"{pairs.app} gets a consumer key and secret that nobody has.")
        pairs.end(self._journal, ended_by.get(pairs.app), self._now, why="it is revoked")
        return replace(report, apps=(pairs.app,), changes=report.changes + 1)

    def _withdraw(self, report: RevocationReport) -> RevocationReport:
        for grant in self._seen.grants():
            self._refuse_own_user(grant)
            self._tell(f"Withdrawn: {grant}.")
            withdraw(self._access, self._journal, report.credential, grant, self._now)
            withdrawn = tuple(dict.fromkeys([*report.withdrawn, grant]))
            report = replace(report, withdrawn=withdrawn, changes=report.changes + 1)
        return report

    def _refuse_own_user(self, grant: AccessGrant) -> None:
        if grant.given_by in {GivenBy.PERMISSION_SET, GivenBy.GROUP} and self._access.is_own(grant):
            raise OrgError(
                f"Its user is the one that rotator logs in as, and {grant} may hold rotator's own rights.",
                effect="That was left as it is.",
                hint="Give the credential a user of its own; until then take the app out of that set in Setup.",
            )

    def _end_tokens(self, report: RevocationReport) -> RevocationReport:
        username = self._credential.settings.username
        ended = end_tokens(self._access, self._journal, report.credential, self._seen.apps(), username, self._now)
        if not ended.is_none:
            self._tell(f"{ended} ended.")
            tokens, sessions = len(ended.tokens), len(ended.sessions)
            report = replace(report, tokens=report.tokens + tokens, sessions=report.sessions + sessions)
        return report.warned(ended.hidden) if ended.hidden else report

    def _proven(self, report: RevocationReport) -> RevocationReport:
        """With what the org says to the key; where it is not refused, the steps fail that were to see to that."""
        ends = [step for step in report.steps if step in ENDING and step not in report.failed]
        if not ends or report.proven_after == report.changes:
            return report
        self._tell("Test logins with the stored keys: each must be refused.")
        try:
            return replace(report, said=self._proof.prove(), proven_after=report.changes)
        except StoreError as error:
            return report.warned(words.sentences(error.message, "So it was not proven that its key is refused."))
        except (OrgUnavailable, LoginRefused):
            raise
        except OrgError as error:
            return replace(report, failed={**report.failed, **dict.fromkeys(ends, error)})

    def _note(self, report: RevocationReport) -> None:
        """What the apps hold now is known to pages and alerts without waiting for the next inventory."""
        if RevocationStep.CERTIFICATE not in report.steps:
            return
        with suppress(HistoryError, StoreError, OrgError):
            observer = observer_of(self._credential)
            observer.observe()
            observer.note()


def _changes(report: RevocationReport) -> tuple[object, ...]:
    return report.changes, report.tokens, report.sessions, tuple(report.failed)


def _not_taken_yet() -> None:
    """No lock was taken, so none can have been lost."""
