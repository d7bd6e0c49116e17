"""A key counts as ended when it was refused as often and as long as it must be accepted to count as live."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.core.decision.policies import Policy, Verification
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.errors import HistoryUnavailable, OrgError, StoreError
from rotator.services.revocation.refusal_proof import RefusalProof

if TYPE_CHECKING:
    from collections.abc import Callable

ACCEPTED = LoginAnswer(LoginOutcome.ACCEPTED)
REFUSED = LoginAnswer(LoginOutcome.MISMATCH, "invalid_grant: invalid assertion")
NOT_APPROVED = LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_grant: user hasn't approved this consumer")
AWAY = LoginAnswer(LoginOutcome.TRANSIENT, "connection refused", hint="See status.salesforce.com.")

SECOND = timedelta(seconds=1)


@dataclass
class Org:
    """What it answers to the logins with each stored version, by the second of the test."""

    rules: Verification
    answers: Callable[[str, float], LoginAnswer]
    stages: dict[str, str] = field(default_factory=lambda: {"current": "new"})
    now: datetime = datetime(2026, 11, 26, tzinfo=UTC)
    tried: list[tuple[str, float]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    check_lock: Callable[[], None] = lambda: None
    name = "billing"

    def __post_init__(self) -> None:
        self._began = self.now
        self.policy = Policy(verification=self.rules)
        self.store: Any = SimpleNamespace(
            name="keys",
            stages=lambda _name: list(self.stages.items()),
            read=lambda _name, fingerprint: SimpleNamespace(fingerprint=fingerprint, app="Billing"),
        )

    @property
    def _seconds(self) -> float:
        return (self.now - self._began).total_seconds()

    def prove(self, version: Any) -> LoginAnswer:
        self.tried.append((version.fingerprint, self._seconds))
        return self.answers(version.fingerprint, self._seconds)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def proves(self) -> str:
        return RefusalProof(
            cast("Any", self), now=lambda: self.now, sleep=self._sleep, check_lock=self.check_lock
        ).prove()


def rules(
    confirmations: int = 5, hold: timedelta = 30 * SECOND, interval: timedelta = 2 * SECOND, timeout: int = 60
) -> Verification:
    return Verification(confirmations, hold, timeout * SECOND, interval)


def test_refusals_are_spread_over_the_time_that_they_are_to_hold() -> None:
    org = Org(rules(), lambda _key, _at: REFUSED)
    assert org.proves() == REFUSED.reason
    assert [at for _, at in org.tried] == [0, 7.5, 15, 22.5, 30]


def test_it_takes_as_many_of_them_as_are_demanded_however_long_that_lasts() -> None:
    org = Org(rules(interval=20 * SECOND), lambda _key, _at: REFUSED)
    org.proves()
    assert [at for _, at in org.tried] == [0, 20, 40, 60, 80]


def test_one_refusal_that_has_not_held_proves_nothing() -> None:
    org = Org(rules(confirmations=1), lambda _key, _at: REFUSED)
    org.proves()
    assert [at for _, at in org.tried] == [0, 30]


def test_a_login_that_is_accepted_meanwhile_has_it_begin_anew() -> None:
    org = Org(rules(), lambda _key, at: ACCEPTED if at == 15 else REFUSED)
    org.proves()
    assert [at for _, at in org.tried] == [0, 7.5, 15, 17, 24.5, 32, 39.5, 47]


def test_a_refusal_holds_from_the_first_one_and_not_from_the_first_try() -> None:
    org = Org(rules(confirmations=1), lambda _key, at: REFUSED if at >= 40 else ACCEPTED)
    org.proves()
    assert [at for _, at in org.tried if at >= 40] == [40, 70]


def test_a_user_who_is_not_let_in_is_refused_as_well() -> None:
    assert Org(rules(), lambda _key, _at: NOT_APPROVED).proves() == NOT_APPROVED.reason


def test_every_stored_version_is_tried_and_the_answer_to_the_current_one_is_told() -> None:
    org = Org(
        rules(),
        lambda key, _at: REFUSED if key == "new" else NOT_APPROVED,
        stages={"pending": "next", "current": "new", "previous": "old"},
    )
    assert org.proves() == REFUSED.reason
    assert [key for key, _ in org.tried] == 5 * ["next"] + 5 * ["new"] + 5 * ["old"]


def test_where_none_is_current_there_are_no_words_of_it() -> None:
    assert Org(rules(), lambda _key, _at: REFUSED, stages={"previous": "old"}).proves() == ""


@pytest.mark.parametrize(
    ("answer", "said", "hint"),
    [
        (ACCEPTED, "A login with the stored key new of billing is still accepted.", "the app Billing"),
        (AWAY, "connection refused, which proves nothing.", "See status.salesforce.com."),
    ],
    ids=["accepted", "away"],
)
def test_what_is_not_refused_in_all_the_time_that_a_change_may_take_is_no_success(
    answer: LoginAnswer, said: str, hint: str
) -> None:
    org = Org(rules(timeout=60), lambda _key, _at: answer)
    with pytest.raises(OrgError) as raised:
        org.proves()
    assert raised.value.message.endswith(said)
    assert hint in raised.value.hint
    assert (raised.value.effect, raised.value.rerun) == ("What was changed in the org stays so.", "Then run it again.")
    assert org.tried[-1] == ("new", 150), "twice the time-out, and as long as it has to hold"


def test_a_key_that_is_refused_just_in_time_is_ended() -> None:
    org = Org(rules(timeout=60), lambda _key, at: REFUSED if at >= 120 else ACCEPTED)
    assert org.proves() == REFUSED.reason
    assert org.tried[-1] == ("new", 150)


def test_where_nothing_is_stored_nothing_is_proven() -> None:
    org = Org(rules(), lambda _key, _at: REFUSED, stages={})
    with pytest.raises(StoreError, match="keys holds no version of billing") as raised:
        org.proves()
    assert raised.value.effect == "The org was changed all the same."
    assert "Login History" in raised.value.hint


def test_who_loses_the_lock_while_waiting_tries_no_more() -> None:
    org = Org(rules(), lambda _key, _at: ACCEPTED)

    def lost() -> None:
        if len(org.tried) == 3:
            raise HistoryUnavailable("The lock was lost.")

    org.check_lock = lost
    with pytest.raises(HistoryUnavailable):
        org.proves()
    assert len(org.tried) == 3
