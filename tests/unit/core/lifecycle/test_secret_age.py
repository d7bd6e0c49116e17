"""When client secrets are to be replaced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rotator.core.credentials import Fingerprint
from rotator.core.decision.policies import Policy
from rotator.core.lifecycle.dates import deferred_until, due_at
from rotator.core.lifecycle.drift import drifted
from rotator.core.lifecycle.secret_age import OVERLAP, aged
from rotator.core.observed import KnownVersion, ObservedApp, ObservedCredential

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = Policy(rotate_before=10 * DAY, grace=20 * DAY)


def version(name: str, made_at: datetime) -> KnownVersion:
    return KnownVersion(Fingerprint(name), "Billing", name, made_at + 500 * DAY, made_at)


OLD, NEW = version("old", NOW - 80 * DAY), version("new", NOW - 5 * DAY)
APP = ObservedApp("Billing", live=NEW.fingerprint, by_secret=True, rotated=OLD.fingerprint)


def test_a_secret_ends_at_the_age_that_the_policy_has_now() -> None:
    seen = ObservedCredential({"Billing": APP}, current=NEW)
    for days in (30, 90):
        found = aged(seen, days * DAY)
        assert found.current
        assert found.current.not_after == NOW + (days - 5) * DAY
        assert due_at(found, POLICY) == NOW + (days - 15) * DAY


def test_of_a_secret_that_is_not_in_use_yet_as_well() -> None:
    seen = ObservedCredential({"Billing": replace(APP, live=OLD.fingerprint, rotated=None)}, current=OLD, pending=NEW)
    found = aged(seen, 90 * DAY)
    assert found.pending
    assert found.pending.not_after == NOW + 85 * DAY


def test_what_was_rotated_away_ends_thirty_days_after_its_successor_was_stored_at_the_latest() -> None:
    seen = aged(ObservedCredential({"Billing": APP}, current=NEW, previous=OLD), 90 * DAY)
    assert seen.previous
    assert seen.previous.not_after == NOW + 10 * DAY
    seen = aged(ObservedCredential({"Billing": APP}, current=NEW, previous=OLD), 400 * DAY)
    assert seen.previous
    assert NEW.not_before
    assert seen.previous.not_after == NEW.not_before + OVERLAP == NOW + 25 * DAY


def test_a_pair_that_a_person_brought_back_is_left_alone_no_longer_than_the_org_takes_it() -> None:
    back = ObservedCredential({"Billing": APP}, current=OLD, previous=NEW, promoted_at=NOW)
    seen = aged(back, 400 * DAY)
    until = deferred_until(seen, POLICY)
    assert until
    assert seen.current
    assert NOW < until < seen.current.not_after
    assert due_at(seen, POLICY) == until


def test_what_was_never_dated_stays_as_it_is_and_nothing_stays_nothing() -> None:
    undated = ObservedCredential({"Billing": APP}, current=replace(NEW, not_before=None))
    assert aged(undated, DAY) == undated
    assert aged(ObservedCredential({"Billing": APP}), DAY) == ObservedCredential({"Billing": APP})


def test_a_pair_in_use_that_is_not_stored_is_drift_though_current_is_taken_still() -> None:
    foreign = replace(APP, live=Fingerprint("foreign"))
    assert drifted(ObservedCredential({"Billing": foreign}, current=OLD))
    assert not drifted(ObservedCredential({"Billing": APP}, current=OLD, previous=NEW))
    assert not drifted(ObservedCredential({"Billing": APP}, current=OLD, pending=NEW))
    gone = replace(APP, rotated=None)
    assert not drifted(ObservedCredential({"Billing": gone}, current=OLD, pending=NEW))
    assert drifted(ObservedCredential({"Billing": gone}, current=OLD, previous=NEW))
