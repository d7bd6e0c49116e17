"""What one run remembers of test logins, and when they count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.credentials import Fingerprint
from rotator.core.decision.observations import Memory, Observation, Probe
from rotator.core.decision.policies import FRESHNESS, RATE_INTERVAL, Strategy, Verification
from rotator.core.logins import LoginAnswer, LoginOutcome
from rotator.core.observed import KnownVersion, ObservedApp

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RULES = Verification(
    confirmations=3, hold=10 * SECOND, timeout=900 * SECOND, interval=2 * SECOND, max_interval=30 * SECOND
)
OLD = Fingerprint("old")
A_WHILE = timedelta(hours=3)

OUTCOMES = st.sampled_from(LoginOutcome)
GAPS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=1))
TRIALS = st.lists(st.tuples(OUTCOMES, GAPS), min_size=1, max_size=30)


def probe_of(*trials: tuple[LoginOutcome, timedelta]) -> Probe:
    """Test logins with the time that passed before each; the last is now."""
    at = NOW - sum((gap for _, gap in trials), timedelta(0))
    probe = None
    for outcome, gap in trials:
        at, answer = at + gap, LoginAnswer(outcome)
        probe = probe.then(answer, at) if probe else Probe.begin(answer, at)
    assert probe is not None
    return probe


def accepted(times: int, every: timedelta) -> Probe:
    return probe_of(*[(LoginOutcome.ACCEPTED, every)] * times)


def version(name: str, app: str = "Billing") -> KnownVersion:
    return KnownVersion(Fingerprint(name), app, f"key of {name}", NOW + timedelta(days=365))


# --- rows of test logins ---------------------------------------------------------------------


@given(TRIALS)
def test_a_row_is_as_long_as_the_same_outcome_came_without_a_break(
    trials: list[tuple[LoginOutcome, timedelta]],
) -> None:
    probe = probe_of(*trials)
    last_row = [list(row) for _, row in groupby(trials, key=lambda trial: trial[0])][-1]
    assert probe.outcome is trials[-1][0]
    assert probe.streak == len(last_row)
    assert probe.last_at - probe.since == sum((gap for _, gap in last_row[1:]), timedelta(0))
    assert probe.last_at - probe.first_at == sum((gap for _, gap in trials[1:]), timedelta(0))


def test_a_login_has_just_succeeded_for_a_minute() -> None:
    probe = accepted(1, SECOND)
    assert probe.just_accepted(NOW + FRESHNESS)
    assert not probe.just_accepted(NOW + FRESHNESS + SECOND)


@pytest.mark.parametrize("outcome", [outcome for outcome in LoginOutcome if outcome is not LoginOutcome.ACCEPTED])
def test_a_login_that_was_not_accepted_has_not_succeeded(outcome: LoginOutcome) -> None:
    probe = probe_of((LoginOutcome.ACCEPTED, SECOND), (outcome, SECOND))
    assert not probe.just_accepted(NOW)


@pytest.mark.parametrize(
    ("probe", "holds"),
    [
        pytest.param(accepted(3, 5 * SECOND), True, id="often enough for long enough"),
        pytest.param(accepted(20, SECOND / 10), False, id="often, but all at once"),
        pytest.param(accepted(2, 60 * SECOND), False, id="long, but not often"),
        pytest.param(
            probe_of(
                *[(LoginOutcome.ACCEPTED, 5 * SECOND)] * 9,
                (LoginOutcome.MISMATCH, SECOND),
                (LoginOutcome.ACCEPTED, SECOND),
            ),
            False,
            id="with a break",
        ),
    ],
)
def test_logins_hold_when_they_succeed_often_and_long_enough_without_a_break(probe: Probe, holds: bool) -> None:
    assert probe.holds(RULES, NOW) is holds


def test_logins_that_held_long_ago_do_not_hold() -> None:
    assert not accepted(3, 5 * SECOND).holds(RULES, NOW + FRESHNESS + SECOND)


# --- when to try again -----------------------------------------------------------------------


def test_pauses_double_while_logins_fail_up_to_the_longest() -> None:
    pauses = [
        probe_of(*[(LoginOutcome.MISMATCH, SECOND)] * times).next_at(RULES) - NOW for times in (1, 2, 3, 4, 5, 6, 5000)
    ]
    assert [pause / SECOND for pause in pauses] == [2, 4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize(
    ("confirmations", "seconds"), [(1, [10, 12]), (2, [10, 12]), (3, [5, 10, 12]), (6, [2, 4, 6, 8, 10, 12])]
)
def test_as_many_logins_as_are_wanted_are_spread_over_the_time_that_is_wanted(
    confirmations: int, seconds: list[int]
) -> None:
    rules = replace(RULES, confirmations=confirmations)
    probe, at = accepted(1, 0 * SECOND), NOW
    for second in seconds:
        assert (probe.next_at(rules) - NOW).total_seconds() == second
        at = probe.next_at(rules)
        probe = probe.then(LoginAnswer(LoginOutcome.ACCEPTED), at)


def test_logins_that_succeed_are_tried_steadily() -> None:
    assert accepted(50, SECOND).next_at(RULES) == NOW + RULES.interval


@given(
    st.builds(
        Verification,
        confirmations=st.integers(1, 50),
        hold=st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=1)),
    )
)
def test_logins_that_succeed_are_no_more_than_are_wanted(rules: Verification) -> None:
    at, probe, logins = NOW, Probe.begin(LoginAnswer(LoginOutcome.ACCEPTED), NOW), 1
    while not probe.holds(rules, at):
        due = probe.next_at(rules)
        assert rules.interval <= due - at <= FRESHNESS
        at, logins = due, logins + 1
        probe = probe.then(LoginAnswer(LoginOutcome.ACCEPTED), at)
    # One alone cannot last, and none counts for longer than a minute.
    assert logins == max(rules.confirmations, 1 + -(-rules.hold // FRESHNESS))


def test_a_user_who_logs_in_too_often_is_left_alone_for_minutes() -> None:
    assert probe_of((LoginOutcome.RATE, SECOND)).next_at(RULES) == NOW + RATE_INTERVAL


@given(TRIALS)
def test_no_login_is_tried_again_without_a_pause_nor_after_more_than_the_longest(
    trials: list[tuple[LoginOutcome, timedelta]],
) -> None:
    pause = probe_of(*trials).next_at(RULES) - NOW
    assert RULES.interval <= pause <= max(RULES.max_interval, RATE_INTERVAL)


@given(st.integers(1, 40))
def test_a_longer_row_of_failures_never_means_a_shorter_pause(times: int) -> None:
    rows = [probe_of(*[(LoginOutcome.TRANSIENT, SECOND)] * length) for length in range(1, times + 2)]
    assert all(shorter.next_at(RULES) <= longer.next_at(RULES) for shorter, longer in pairwise(rows))


# --- what a look shows -----------------------------------------------------------------------


def one_app(live: str | None, **stages: KnownVersion) -> Observation:
    return Observation({"Billing": ObservedApp("Billing", live=Fingerprint(live) if live else None)}, **stages)  # type: ignore[arg-type] # stages are versions


def pair(live: str | None, standby: str | None, **stages: KnownVersion) -> Observation:
    apps = {
        name: ObservedApp(name, live=Fingerprint(held) if held else None)
        for name, held in (("Billing", live), ("Standby", standby))
    }
    return Observation(apps, **stages)  # type: ignore[arg-type] # stages are versions


def test_one_app_is_rotated_in_place_and_two_take_turns() -> None:
    assert one_app(None).strategy is Strategy.IN_PLACE
    assert pair(None, None).strategy is Strategy.ALTERNATING


def test_a_version_is_live_on_its_own_app_only() -> None:
    seen = pair("old", "old", current=version("old"))
    assert seen.is_live(version("old", "Billing"))
    assert not seen.is_live(version("new", "Standby"))
    assert not one_app("old").is_live(version("old", "Elsewhere"))
    assert seen.live_on(version("old")) == ["Billing", "Standby"]


def test_every_version_in_a_stage_is_stored() -> None:
    seen = one_app("old", current=version("old"), pending=version("new"), previous=version("older"))
    assert seen.stored == {"old", "new", "older"}


# --- what a run remembers --------------------------------------------------------------------


def remembering(*names: str, looked: Observation) -> Memory:
    memory, _ = Memory().observe(looked, RULES, NOW)
    for name in names:
        memory = memory.probed(Fingerprint(name), LoginAnswer(LoginOutcome.ACCEPTED), NOW)
    return memory


def test_a_look_is_completed_by_the_test_logins_of_the_run() -> None:
    look = one_app("old", current=version("old"))
    _, seen = remembering("old", looked=look).observe(look, RULES, NOW)
    assert seen.probes[OLD].outcome is LoginOutcome.ACCEPTED


def test_a_row_of_test_logins_grows_from_look_to_look() -> None:
    look = one_app("old", current=version("old"))
    memory, _ = remembering("old", "old", looked=look).observe(look, RULES, NOW)
    assert memory.probed(Fingerprint("old"), LoginAnswer(LoginOutcome.ACCEPTED), NOW).probes[OLD].streak == 3


def test_a_new_certificate_on_an_app_makes_its_test_logins_worthless() -> None:
    memory = remembering("old", looked=one_app("old", current=version("old"), pending=version("new")))
    _, seen = memory.observe(one_app("new", current=version("old"), pending=version("new")), RULES, NOW)
    assert not seen.probes


def test_a_change_of_one_app_leaves_the_test_logins_of_the_other() -> None:
    stages = {"current": version("old"), "pending": version("new", "Standby")}
    memory = remembering("old", "new", looked=pair("old", "new", **stages))
    _, seen = memory.observe(pair("old", "x", **stages), RULES, NOW)
    assert set(seen.probes) == {"old"}


def test_test_logins_go_with_the_version_that_leaves_the_store() -> None:
    memory = remembering("old", "new", looked=one_app("old", current=version("old"), pending=version("new")))
    memory, _ = memory.observe(one_app("old", current=version("old")), RULES, NOW)
    _, seen = memory.observe(one_app("old", current=version("old"), pending=version("new")), RULES, NOW)
    assert set(seen.probes) == {"old"}


REFUSALS = {
    "other words": LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_client: invalid client credentials"),
    "known words": LoginAnswer(LoginOutcome.MISMATCH, "invalid_grant: invalid assertion"),
}


@pytest.mark.parametrize("answer", REFUSALS.values(), ids=REFUSALS)
def test_what_an_app_said_of_the_key_before_its_certificate_was_there_means_the_same_afterwards(
    answer: LoginAnswer,
) -> None:
    stages = {"current": version("old"), "pending": version("new")}
    memory, _ = Memory().observe(one_app("old", **stages), RULES, NOW)
    memory = memory.probed(Fingerprint("new"), answer, NOW, learns=True)
    memory, _ = memory.observe(one_app("new", **stages), RULES, NOW)
    memory = memory.probed(Fingerprint("new"), answer, NOW)
    assert memory.probes[Fingerprint("new")].outcome is LoginOutcome.MISMATCH
    another = LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_grant: user hasn't approved this consumer")
    assert memory.probed(Fingerprint("new"), another, NOW).probes[Fingerprint("new")].outcome is another.outcome
    of_old = memory.probed(Fingerprint("old"), REFUSALS["other words"], NOW).probes[OLD].outcome
    assert of_old is LoginOutcome.CONFIGURATION, "what was heard of one key says nothing of another"


@pytest.mark.parametrize(
    "answer",
    [
        LoginAnswer(LoginOutcome.TRANSIENT, "HTTP 503"),
        LoginAnswer(LoginOutcome.RATE, "login rate exceeded"),
        LoginAnswer(LoginOutcome.CLOCK, "expired authorization code"),
        LoginAnswer(LoginOutcome.CONFIGURATION, "invalid_grant: user is locked"),
    ],
)
def test_an_outage_a_limit_a_clock_or_a_lock_is_not_what_a_wrong_key_is_told(answer: LoginAnswer) -> None:
    memory = Memory().probed(Fingerprint("new"), answer, NOW, learns=True)
    assert memory.wrong_key_words == {}
    assert memory.probes[Fingerprint("new")].outcome is answer.outcome


def test_what_a_wrong_key_is_told_goes_with_the_pending_version() -> None:
    memory = Memory(wrong_key_words={Fingerprint("new"): "invalid_client"})
    memory, _ = memory.observe(one_app("new", pending=version("new")), RULES, NOW)
    assert memory.wrong_key_words
    memory, _ = memory.observe(one_app("new", current=version("new")), RULES, NOW)
    assert not memory.wrong_key_words


def test_what_was_given_up_stays_given_up_for_the_run() -> None:
    memory = Memory().giving_up(Fingerprint("new"))
    memory, _ = memory.observe(one_app("new", pending=version("new")), RULES, NOW)
    _, seen = memory.observe(one_app("old", current=version("old")), RULES, NOW)
    assert seen.given_up == {"new"}


@given(
    st.lists(
        st.tuples(st.sampled_from(["old", "new", None]), st.sampled_from(["old", "new"]), st.booleans()), max_size=12
    )
)
def test_a_remembered_login_is_never_older_than_the_live_certificate(
    steps: list[tuple[str | None, str, bool]],
) -> None:
    memory, answered_under = Memory(), dict[str, str | None]()
    for live, tried, answers in steps:
        memory, seen = memory.observe(one_app(live, current=version("old"), pending=version("new")), RULES, NOW)
        assert all(answered_under[name] == live for name in seen.probes)
        if answers:
            memory = memory.probed(Fingerprint(tried), LoginAnswer(LoginOutcome.ACCEPTED), NOW + A_WHILE)
            answered_under[tried] = live
