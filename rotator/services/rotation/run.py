"""A run: observe, decide, act, write down; again, until what is wanted is so or a person is needed.

    observe (the store's stages, the apps' live certificates, answers to test logins)
      -> decide() -> one action -> write it down -> observe again

No step trusts a record of what an earlier step did. After a crash at any point the next run observes and goes on from
what it finds, so recovery is the normal path and no code of its own. What a run keeps between two observations (answers
to test logins, versions that it has given up) is lost in a crash, and costs time only. Two facts are in the history
alone: what was asked for when the rotation began, and when the current version was promoted.

What may fail, and what a run does then:

- A call to the org or the store. It is repeated with growing pauses (`retry_policy`). Where consumers log in as before,
  the run ends with the error; where a certificate is under way it stays for longer, as consumers may be refused.
- An upload that the org refuses three times. If `current` has lost its place by then, its certificate goes back.
- The history. What has begun is finished whether or not it can be written down, and the report says so.
- The rotation lock is lost. It is taken again, and the run begins anew: nothing observed or proven before counts, as
  another process may have been at work (`lock`).
- A request to stop. It is heeded where consumers of `current` log in.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.decision.actions import WRITES, Action, ActionKind, begins
from rotator.core.decision.next_action import next_action
from rotator.core.decision.observations import Memory, Observation
from rotator.errors import HistoryError, LockLost, OrgError, RotatorError, StoreError
from rotator.services.rotation.client_secrets.mechanics import executor_of, observer_of
from rotator.services.rotation.clock import RunClock
from rotator.services.rotation.gap import Gap, GapEvent, MeasuredGap, OpenGap
from rotator.services.rotation.lock import LockGuard
from rotator.services.rotation.observer import CredentialContext, LastLook, Recheck
from rotator.services.rotation.recorder import RecordEvent, RunRecorder
from rotator.services.rotation.report import Listener, Report, RunSoFar, Silent, StepTimings
from rotator.services.rotation.retry_policy import FIRST_PAUSE, OBSERVING, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.decision.policies import Wanted
    from rotator.core.logins import LoginAnswer
    from rotator.services.rotation.lock import Lock


LONGEST_SLEEP: Final = timedelta(minutes=10)
"""A run waits this long for a login to be due; what is further away is for another run."""

ATTEMPTS: Final = 3
"""How often a certificate is sent to an app that does not take it."""

_NAP: Final = 0.5
"""Seconds of sleep after which it is asked whether to stop."""


@dataclass(frozen=True)
class RunContext:
    """What a run is given beside the credential: time, history, the wish to stop, who follows it."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    """Takes seconds."""
    elapsed: Callable[[], float]
    """Seconds since any moment, by a clock that nobody sets."""
    record: RecordEvent
    stop_asked: Callable[[], bool]
    listener: Listener = field(default_factory=Silent)
    counted_from: str = ""
    """Names the moment from which `elapsed` counts, where it is the same for other runs; empty where it is not."""


class Run:
    """One run for one credential, whose rotation lock is held by the caller."""

    def __init__(
        self,
        credential: CredentialContext,
        wanted: Wanted,
        context: RunContext,
        lock: Lock,
        *,
        rotation_id: str,
        goes_on: bool,
        open_gap: OpenGap | None,
        wrong_key_words: Mapping[Fingerprint, str],
    ) -> None:
        """Looks at nothing yet.

        `lock` is the credential's. `rotation_id` is empty where no rotation was begun, as when only a previous version
        is retired; `goes_on` is whether an earlier run began it; `open_gap` is one that such a run left open;
        `wrong_key_words` is what that was told of a wrong key (`rotator.core.decision.observations.Memory`).
        """
        self._credential = credential
        self._wanted = wanted
        self._context = context
        self._lock = lock
        self._policy = credential.policy
        self._rotation_id = rotation_id
        self._goes_on = goes_on
        self._clock = RunClock(context.now, context.elapsed, context.counted_from)
        self._memory = Memory(wrong_key_words=wrong_key_words)
        self._begin_anew()
        self._retry_policy = RetryPolicy(self._policy.verification, self._clock.steady)
        timeout = self._policy.verification.timeout
        self._guard = LockGuard(lock, now=self._clock.steady, sleep=context.sleep, timeout=timeout)
        self._recheck = Recheck()
        self._gap = Gap(self._clock, open_gap)
        self._timings = StepTimings()
        self._recorder = RunRecorder(credential.name, context.record)
        self._refused_uploads = 0
        self._trouble: RotatorError | None = None
        self._why_given_up = ""
        self._start: Observation | None = None
        self._before_write = self._memory
        self._proven: Observation | None = None
        self._may_stop = True

    @property
    def gap(self) -> MeasuredGap:
        """The time in which consumers of `current` may have been refused, until now."""
        return self._gap.measured()

    def _begin_anew(self) -> None:
        """Forgets what was observed and proven: it may not be so any more. What a wrong key is told stays as it is."""
        self._last_look = LastLook()
        self._observer, kept = observer_of(self._credential, settles=True), self._wanted.options.keep_key
        self._executor = executor_of(self._credential, self._observer, rotation_id=self._rotation_id, keep_key=kept)
        self._memory = Memory(wrong_key_words=self._memory.wrong_key_words)

    def run(self) -> Report:
        """Goes on until what is wanted is so, a person is needed, or a request to stop can be heeded.

        Raises OrgError and StoreError (and what derives from them) when they come before anything was changed, or for
        too long, and HistoryUnavailable when the lock is lost for good. What is half done then is as after a crash: the
        next run goes on from there.
        """
        while True:
            seen = self._observe()
            if seen is None:
                continue
            if self._refused_uploads >= ATTEMPTS and self._trouble:
                seen = self._give_up_upload(seen, self._trouble)
            action = next_action(seen, self._wanted, self._policy, self._clock.steady())
            stops = self._context.stop_asked() and seen.is_settled
            if not self._last_look.serves(action, is_end=stops or self._is_end(action)):
                self._last_look.forget()
                continue
            if self._recheck.is_needed(action, seen):
                self._last_look.forget()
                self._context.sleep(FIRST_PAUSE.total_seconds())
                continue
            if self._is_end(action):
                return self._so_far(seen).ended(self._observer.explained(action), seen)
            if stops:
                return self._so_far(seen).interrupted(seen)
            if self._is_alone():
                self._carry_out(action, seen)

    def note_observation(self) -> None:
        """See `Observer.note`."""
        self._observer.note(self._proven)

    def _observe(self) -> Observation | None:
        shown = self._last_look.still(self._clock.steady()) or self._look()
        if shown is None:
            return None
        self._memory, seen = self._memory.observe(shown, self._policy.verification, self._clock.steady())
        self._proven, self._start = seen, self._start or seen
        self._may_stop = seen.is_settled
        self._judge_gap(seen)
        return replace(seen, gap_is_open=self._gap.is_open)

    def _look(self) -> Observation | None:
        try:
            shown = self._observer.observe()
        except (OrgError, StoreError, HistoryError) as error:
            is_harmless = self._start is None or (self._may_stop and self._context.stop_asked())
            self._tolerate(OBSERVING, error, harmless=is_harmless)
            return None
        self._retry_policy.succeeded(OBSERVING)
        self._last_look.keep(shown, self._clock.steady())
        return shown

    def _judge_gap(self, seen: Observation) -> None:
        is_met = self._wanted.is_met_by(seen.current.fingerprint if seen.current else None)
        probe = seen.probe(seen.current) if seen.current else None
        holds = probe is not None and probe.holds(self._policy.verification, self._clock.steady())
        event = self._gap.judge(seen, is_met=is_met, current_holds=holds)
        if event:
            self._recorder.record_event("gap", state=event)

    def _carry_out(self, action: Action, seen: Observation) -> None:
        self._last_look.begins(action)
        if action.kind is ActionKind.WAIT:
            self._wait(action, seen)
            return
        began = self._clock.steady()
        self._context.listener.begins(action)
        answer: LoginAnswer | None = None
        try:
            if action.kind is ActionKind.VERIFY:
                answer = self._verify(action, seen)
            else:
                self._change(action, seen)
        except LockLost as lost:
            self._stop_short(action, lost)
            return
        except (OrgError, StoreError) as error:
            self._fail(action, seen, error)
            return
        finally:
            self._timings.add(action, self._since(began))
        self._after(action, seen)
        outcome = answer.outcome if answer else None
        self._recorder.log(action, self._version(action), seconds=self._since(began), answer=outcome)
        self._context.listener.ended(action, self._since(began), answer)

    def _verify(self, action: Action, seen: Observation) -> LoginAnswer:
        answer = self._executor.try_login(action)
        before = self._memory.probes.get(action.its_version)
        known = self._memory.wrong_key_words
        self._memory = self._memory.probed(action.its_version, answer, self._clock.steady(), learns=action.learns)
        answer = self._memory.probes[action.its_version].answer
        has_learnt = self._memory.wrong_key_words != known
        if has_learnt or before is None or before.outcome is not answer.outcome:
            is_current = seen.current is not None and seen.is_settled and action.version == seen.current.fingerprint
            self._record(
                action,
                outcome=answer.outcome,
                answer=answer.reason,
                wrong_key=has_learnt or None,
                of_current=is_current or None,
            )
        return answer

    def _change(self, action: Action, seen: Observation) -> None:
        if action.gives_up:
            # Before it is done: should its answer be lost, the version must not be tried again all the same.
            self._memory = self._memory.giving_up(action.gives_up)
        if action.kind in WRITES or action.kind is ActionKind.STAGE:
            self._may_stop = False
            self._before_write, self._memory = self._memory, self._memory.sending(action, seen)
        self._executor.carry_out(action, seen, self._clock.now(), partial(self._sends, action, seen))

    def _sends(self, action: Action, seen: Observation) -> None:
        """Just before something is sent that changes the org; what was sent before it in the same action did nothing.

        Written down first: after a crash it tells since when consumers may be refused, or whose a staged pair is.
        """
        self._lock.check()
        if self._gap.withdraw():
            self._recorder.record_event("gap", state=GapEvent.WITHDRAWN)
        opens_gap = self._gap.before(action, seen)
        counter = (self._clock.counter or None) if opens_gap else None
        self._record(action, kind=begins(action.kind), opens_gap=opens_gap, counter=counter)

    def _after(self, action: Action, seen: Observation) -> None:
        self._retry_policy.succeeded(action.kind)
        if action.kind is ActionKind.VERIFY:
            return
        if action.kind is ActionKind.PROMOTE:
            self._observer.promoted(self._clock.steady())
            self._gap.close()
        replaced = seen.current.fingerprint if seen.current and action.kind is ActionKind.PROMOTE else None
        self._record(action, replaces=replaced)
        if action.kind is ActionKind.UPLOAD:
            self._gap.confirm()
        if action.kind in WRITES:
            self._memory = self._memory.told_yes(action)
            self._refused_uploads, self._trouble = 0, None
        if action.kind is ActionKind.GENERATE and self._executor.made:
            self._memory = self._memory.made(self._executor.made)

    def _stop_short(self, action: Action, lost: LockLost) -> None:
        """The lock was lost within an action: nothing was sent since, and what was sent before only the org tells."""
        self._recorder.log(action, self._version(action), failed=lost.message)
        self._observer.recheck()
        if self._is_alone():
            # It had not been lost after all, as far as can be told now.
            self._begin_anew()

    def _fail(self, action: Action, seen: Observation, error: RotatorError) -> None:
        self._record(action, succeeded=False, error=error.message, undone=error.wrote_nothing or None)
        self._recorder.log(action, self._version(action), failed=error.message)
        self._context.listener.failed(action, error.message)
        self._observer.recheck()
        self._memory = self._before_write if error.wrote_nothing else self._memory
        if action.kind is ActionKind.PROMOTE:
            # It may have been done: then the previous version's grace begins now, not when an older one was promoted.
            self._observer.promoted(self._clock.steady())
        if action.kind is ActionKind.UPLOAD:
            self._refused_uploads, self._trouble = self._refused_uploads + 1, error
            self._recorder.warn(error.message)
            self._context.sleep(FIRST_PAUSE.total_seconds())
            return
        is_tried_again = action.kind in WRITES or (action.kind.changes_pairs and error.transient)
        self._tolerate(action.kind, error, harmless=seen.is_settled and not is_tried_again)

    def _tolerate(self, kind: ActionKind | None, error: RotatorError, *, harmless: bool) -> None:
        """Pauses after an error. Raises it when another run may as well try, or when it has come for too long."""
        if self._retry_policy.is_over(kind, error) or harmless:
            raise error
        # A run that has lost its lock for good must not wait here: what is half done is another's to end.
        if not self._is_alone():
            return
        if kind is OBSERVING:
            self._context.listener.failed(None, error.message)
        self._context.sleep(self._retry_policy.pause(kind).total_seconds())

    def _is_alone(self) -> bool:
        """Whether the lock was held all the time. If not, takes it again and has the run begin anew."""
        lost = self._guard.loss()
        if lost is None:
            return True
        self._context.listener.failed(None, lost.message)
        self._guard.take_again(lost, gives_up=lambda: self._may_stop and self._context.stop_asked())
        self._recorder.warn(f"{lost.message} It was taken again.")
        self._begin_anew()
        return False

    def _give_up_upload(self, seen: Observation, trouble: RotatorError) -> Observation:
        """Ends the run where consumers log in as before; else gives the version up, so that the old one comes back."""
        if seen.is_settled:
            raise trouble
        self._refused_uploads, self._why_given_up = 0, trouble.message
        if seen.pending:
            self._memory = self._memory.giving_up(seen.pending.fingerprint)
        return replace(seen, given_up=self._memory.given_up)

    def _wait(self, action: Action, seen: Observation) -> None:
        began = self._clock.steady()
        self._context.listener.begins(action)
        while action.until and (left := (action.until - self._clock.steady()).total_seconds()) > 0:
            if self._context.stop_asked() and seen.is_settled:
                break
            self._context.sleep(min(_NAP, left))
        self._timings.add(action, self._since(began))

    def _is_end(self, action: Action) -> bool:
        """Whether the run has nothing more to do, or waits for what is too far off."""
        if action.kind is ActionKind.WAIT and action.until:
            return action.until - self._clock.steady() > LONGEST_SLEEP
        return action.kind in {ActionKind.DONE, ActionKind.HALT}

    def _so_far(self, seen: Observation) -> RunSoFar:
        return RunSoFar(
            credential=self._credential.name,
            wanted=self._wanted,
            rotation_id=self._rotation_id,
            goes_on=self._goes_on,
            before=self._start or seen,
            gap=self._gap.measured(),
            steps=self._timings.steps,
            warnings=self._recorder.warnings,
            why_given_up=self._why_given_up,
        )

    def _since(self, began: datetime) -> float:
        return (self._clock.steady() - began).total_seconds()

    def _record(self, action: Action, *, kind: str = "", **details: str | float | bool | None) -> None:
        self._recorder.record(action, self._version(action), kind=kind, **details)

    def _version(self, action: Action) -> Fingerprint | None:
        return self._executor.made if action.kind.makes_version else action.version
