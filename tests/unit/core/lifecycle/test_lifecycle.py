"""The states of credentials, and what is due when: by tables, and for whatever else may come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.credentials import Fingerprint
from rotator.core.decision.actions import ActionKind, HaltReason
from rotator.core.decision.forecast import foresee
from rotator.core.decision.observations import Observation
from rotator.core.decision.policies import Goal, Policy, Wanted
from rotator.core.lifecycle.credential_life import CredentialLife, OpenRotation
from rotator.core.lifecycle.dates import promoted_at
from rotator.core.lifecycle.states import CredentialState, in_words
from rotator.core.observed import (
    KnownVersion,
    ObservedApp,
    ObservedCredential,
)
from rotator.core.schedule import Beginning, NextDue, Schedule
from rotator.core.severity import Severity
from rotator.core.windows import Cron

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
THRESHOLDS = [days * DAY for days in (60, 30, 14, 7, 3, 1)]
POLICY = Policy()

LEFT = st.timedeltas(timedelta(days=-400), timedelta(days=800))
TIMES = st.one_of(LEFT.map(lambda left: NOW + left), st.just(FOREVER))


def version(name: str, app: str = "A", days: float = 365) -> KnownVersion:
    return KnownVersion(Fingerprint(name), app, f"key of {name}", NOW + days * DAY)


def credential(
    current: KnownVersion | None = None,
    previous: KnownVersion | None = None,
    *,
    pending: KnownVersion | None = None,
    live: dict[str, str | None] | None = None,
    promoted: float = 10,
) -> ObservedCredential:
    """One app that holds current's certificate, promoted so many days ago; or what is said of the apps."""
    held = {"A": current.fingerprint if current else None} if live is None else live
    apps = {name: ObservedApp(name, live=Fingerprint(each) if each else None) for name, each in held.items()}
    return ObservedCredential(
        apps, pending=pending, current=current, previous=previous, promoted_at=NOW - promoted * DAY if current else None
    )


def life(seen: ObservedCredential | None, **more: object) -> CredentialLife:
    return CredentialLife(
        **{"seen": seen, "policy": POLICY, "thresholds": THRESHOLDS, "now": NOW} | more,  # type: ignore[arg-type] # any of its fields
    )


UNREADABLE = {"A": ObservedApp("A", readable=False)}
STATES = [
    (None, {}, CredentialState.UNKNOWN),
    (credential(version("current")), {"is_known": False}, CredentialState.UNKNOWN),
    (
        replace(credential(version("current")), apps={"A": ObservedApp("A", readable=False)}),
        {},
        CredentialState.UNKNOWN,
    ),
    (credential(version("current", "Of_Old"), live={"A": "current"}), {}, CredentialState.UNKNOWN),
    (credential(version("current"), live={"A": "somebody's"}), {}, CredentialState.DRIFT),
    (credential(version("current"), live={"A": None}), {}, CredentialState.DRIFT),
    (credential(version("current"), version("previous"), live={"A": "previous"}), {}, CredentialState.DRIFT),
    (credential(version("current"), pending=version("new"), live={"A": "somebody's"}), {}, CredentialState.DRIFT),
    (credential(version("current"), pending=version("new"), live={"A": "new"}), {}, CredentialState.UNFINISHED),
    (credential(version("current"), pending=version("new"), live={"A": None}), {}, CredentialState.UNFINISHED),
    (credential(version("current", days=-1), pending=version("new")), {}, CredentialState.UNFINISHED),
    (credential(version("current")), {"rotation": OpenRotation()}, CredentialState.UNFINISHED),
    (credential(pending=version("new")), {}, CredentialState.UNFINISHED),
    (credential(), {}, CredentialState.UNSTORED),
    (credential(version("current", days=0)), {}, CredentialState.EXPIRED),
    (credential(version("current", days=30)), {}, CredentialState.DUE),
    (credential(version("old", days=20), version("newer"), promoted=1), {}, CredentialState.DEFERRED),
    (credential(version("old", days=20), version("newer"), promoted=7), {}, CredentialState.DUE),
    (credential(version("current", days=31)), {}, CredentialState.OK),
    (credential(version("current"), live={"A": "current", "B": "somebody's"}), {}, CredentialState.OK),
]


class TestTheStateOfACredential:
    @pytest.mark.parametrize(("seen", "more", "state"), STATES)
    def test_is_the_first_that_holds(
        self, seen: ObservedCredential | None, more: dict[str, object], state: CredentialState
    ) -> None:
        assert life(seen, **more).state is state

    @pytest.mark.parametrize(
        ("seen", "more", "urgency"),
        [
            (credential(version("current")), {}, None),
            (credential(version("current", days=30)), {}, None),
            (credential(version("current", days=14)), {}, Severity.WARNING),
            (credential(version("current")), {"needs_attention": True}, Severity.WARNING),
            (credential(version("current", days=3)), {"needs_attention": True}, Severity.CRITICAL),
            (credential(version("current"), live={"A": None}), {}, Severity.CRITICAL),
            (credential(version("current")), {"refused_since": NOW - DAY}, Severity.CRITICAL),
            (credential(version("current")), {"rotation": OpenRotation()}, Severity.WARNING),
            (credential(version("current", days=3)), {"rotation": OpenRotation()}, Severity.CRITICAL),
            (credential(version("current", days=3)), {"is_known": False}, Severity.CRITICAL),
            (credential(), {}, Severity.INFO),
            (credential(), {"unstored_not_after": NOW + 10 * DAY}, Severity.WARNING),
            (credential(), {"stored_at": NOW - DAY}, Severity.CRITICAL),
        ],
    )
    def test_and_its_dates_say_how_urgent_it_is(
        self, seen: ObservedCredential, more: dict[str, object], urgency: Severity | None
    ) -> None:
        assert life(seen, **more).urgency is urgency

    def test_is_told_with_its_urgency_where_that_does_not_go_without_saying(self) -> None:
        assert in_words(CredentialState.DUE, None) == in_words(CredentialState.DUE, Severity.INFO) == "due"
        assert in_words(CredentialState.DUE, Severity.CRITICAL) == "due (critical)"
        assert in_words(CredentialState.EXPIRED, Severity.CRITICAL) == "expired"
        assert in_words(CredentialState.DRIFT, Severity.CRITICAL) == "drift"
        assert in_words(CredentialState.UNFINISHED, Severity.WARNING) == "unfinished"
        assert in_words(CredentialState.UNFINISHED, Severity.CRITICAL) == "unfinished (critical)"


class TestTheGraceOfThePreviousVersion:
    PAIR = credential(version("new", "B"), version("old"), live={"A": "old", "B": "new"}, promoted=2)

    def test_counts_from_the_promotion(self) -> None:
        assert life(self.PAIR).previous_until == NOW + 5 * DAY
        assert promoted_at(NOW, None) == promoted_at(NOW, NOW - DAY) == NOW
        assert promoted_at(NOW, NOW + DAY) == NOW + DAY

    def test_is_told_also_when_it_is_over_and_the_version_is_there_still(self) -> None:
        assert life(self.PAIR, now=NOW + 9 * DAY).previous_until == NOW + 5 * DAY

    def test_is_none_without_a_previous_version_and_where_the_rotation_is_to_end_it_at_once(self) -> None:
        assert life(replace(self.PAIR, previous=None)).previous_until is None
        assert life(self.PAIR, rotation=OpenRotation(is_urgent=True)).previous_until is None
        assert life(self.PAIR, rotation=OpenRotation()).previous_until == NOW + 5 * DAY


class TestTheNextRotation:
    NIGHT = Cron("0 3 * * *", timedelta(hours=1), ZoneInfo("UTC"))
    RARELY = Cron("0 3 29 2 *", timedelta(hours=1), ZoneInfo("UTC"))

    @pytest.mark.parametrize(
        ("seen", "windows", "begins"),
        [
            (credential(version("current", days=40)), [], Beginning(NOW + 10 * DAY)),
            (credential(version("current", days=10)), [], Beginning(NOW)),
            (credential(version("current", days=10)), [NIGHT], Beginning(NOW + timedelta(hours=15))),
            (credential(version("current", days=0)), [RARELY], Beginning(NOW, overrides=True)),
            (credential(version("old", days=20), version("newer"), promoted=1), [], Beginning(NOW + 6 * DAY)),
            (credential(version("current"), live={"A": None}), [], None),
            (credential(), [], None),
            (credential(version("current"), pending=version("new")), [], None),
        ],
    )
    def test_begins_when_it_is_due_and_a_window_opens(
        self, seen: ObservedCredential, windows: list[Cron], begins: Beginning | None
    ) -> None:
        assert life(seen, schedule=Schedule(windows=windows)).begins == begins

    def test_and_all_else_that_is_to_be_done_is_told_to_the_schedule(self) -> None:
        current, previous = version("current", days=40), version("previous")
        seen = credential(current, previous, promoted=1)
        dates = NextDue(expires_at=current.not_after, due_at=NOW + 10 * DAY, retires_at=NOW + 6 * DAY)
        assert life(seen).next_due == dates
        assert life(replace(seen, pending=version("new"))).next_due.is_half_done
        assert life(seen, rotation=OpenRotation()).next_due.is_half_done
        assert life(None).next_due == life(credential()).next_due == NextDue()

    def test_waits_for_consumers_that_may_still_log_in_through_the_other_app(self) -> None:
        old, new = version("old", days=3), version("new", "B", days=20)
        pair = credential(new, old, live={"A": "old", "B": "new"}, promoted=2)
        assert life(pair).begins == Beginning(NOW + 5 * DAY)
        assert life(replace(pair, current=version("new", "B", days=4))).begins == Beginning(NOW), "it would expire"

    @pytest.mark.parametrize(
        ("days", "rests"),
        [(20, 6 * DAY), (4, 3 * DAY), (-1, 6 * DAY), (-0.5, 6 * DAY)],
        ids=["for the grace", "not beyond its last day", "had expired", "expired since"],
    )
    def test_leaves_alone_what_a_person_brought_back(self, days: float, rests: timedelta) -> None:
        assert life(credential(version("old", days=days), version("newer"), promoted=1)).due_at == NOW + rests


# Whatever a credential may look like: apps, stages, dates, promotion.
NAMES = st.sampled_from(["current", "pending", "previous", "somebody's", None])
AGES = st.floats(0, 20)


@st.composite
def credentials(draw: st.DrawFn) -> ObservedCredential:
    apps = draw(st.sampled_from([["A"], ["A", "B"]]))

    def maybe(name: str) -> KnownVersion | None:
        days = draw(st.floats(-40, 400))
        return draw(st.sampled_from([None, *(version(name, app, days) for app in apps)]))

    current = maybe("current")
    seen = credential(
        current,
        maybe("previous") if current else None,
        pending=maybe("pending"),
        live={app: draw(NAMES) for app in apps},
        promoted=draw(AGES),
    )
    unreadable = draw(st.sampled_from([None, None, None, *apps]))
    if unreadable:
        seen = replace(seen, apps={**seen.apps, unreadable: ObservedApp(unreadable, readable=False)})
    return seen


def observation(seen: ObservedCredential) -> Observation:
    return Observation(
        seen.apps, pending=seen.pending, current=seen.current, previous=seen.previous, promoted_at=seen.promoted_at
    )


@given(credentials(), st.booleans(), st.integers(0, 40))
def test_a_credential_says_what_the_decision_would_do(seen: ObservedCredential, is_open: bool, days: int) -> None:
    now = NOW + days * DAY
    rotation = OpenRotation() if is_open else None
    said = life(seen, now=now, rotation=rotation)
    goes_on = foresee(observation(seen), Wanted(Goal.FINISH), POLICY, now)
    if said.state is CredentialState.DRIFT:
        assert goes_on.end.halt is HaltReason.DRIFT
    elif goes_on.end.halt is HaltReason.DRIFT:
        assert said.state is CredentialState.UNKNOWN
    if said.state is CredentialState.OK:
        assert not {step.kind for step in goes_on.steps} - {ActionKind.DISABLE, ActionKind.RETIRE}
    if said.state is CredentialState.UNKNOWN:
        assert goes_on.end.halt in {HaltReason.APP_UNREADABLE, HaltReason.APP_NOT_CONFIGURED}


@given(credentials(), st.integers(0, 40))
def test_when_a_rotation_begins_is_when_the_decision_begins_it(seen: ObservedCredential, days: int) -> None:
    now = NOW + days * DAY
    said = life(seen, now=now)
    if said.begins is None or said.begins.at is None or seen.current is None:
        return
    wanted = Wanted(Goal.REPLACE, version=seen.current.fingerprint)
    forecast = foresee(observation(seen), wanted, POLICY, said.begins.at)
    assert forecast.steps or forecast.end.kind is ActionKind.HALT
    if said.begins.at > max(now, said.due_at or now):
        earlier = foresee(observation(seen), wanted, POLICY, said.begins.at - timedelta(minutes=16))
        assert not earlier.steps
        assert earlier.end.until == said.begins.at


@given(credentials(), st.integers(0, 40))
def test_a_previous_version_is_ended_after_its_grace_and_not_before(seen: ObservedCredential, days: int) -> None:
    now = NOW + days * DAY
    said = life(seen, now=now)
    if said.state not in {CredentialState.OK, CredentialState.DUE, CredentialState.DEFERRED, CredentialState.EXPIRED}:
        return
    kinds = {step.kind for step in foresee(observation(seen), Wanted(Goal.FINISH), POLICY, now).steps}
    if said.previous_until and said.previous_until > now:
        assert not kinds & {ActionKind.DISABLE, ActionKind.RETIRE}
    if kinds:
        assert said.previous_until
        assert said.previous_until <= now


@given(credentials(), st.integers(0, 400))
def test_no_state_is_left_by_time_alone_but_towards_the_end(seen: ObservedCredential, days: int) -> None:
    order = [CredentialState.OK, CredentialState.DEFERRED, CredentialState.DUE, CredentialState.EXPIRED]
    states = [life(seen, now=NOW + each * DAY).state for each in (0, days)]
    if states[0] in order:
        assert order.index(states[0]) <= order.index(states[1])
    else:
        assert states[0] is states[1]
