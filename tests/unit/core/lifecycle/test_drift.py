"""What an app of a credential holds: what belongs there, what nobody knows, or what has not logged in yet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.core.credentials import Fingerprint
from rotator.core.lifecycle.drift import (
    drifted,
    is_drift,
    is_standby,
    is_unproven,
    refuses_stored,
    standing_for,
    undone,
)
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.observed import ObservedApp, ObservedCredential
from tests.unit.core.lifecycle.test_lifecycle import NOW, credential, version

CURRENT, NEW, OLD, ON_B = version("current"), version("new"), version("old"), version("new", "B")


def hidden(name: str = "A", live: str | None = None, *, refuses: bool = False, ours: bool = False) -> ObservedApp:
    proven = Fingerprint(live) if live else None
    return ObservedApp(name, live=proven, hidden=True, refuses_stored=refuses, ours=ours)


def of(*apps: ObservedApp, **stages: object) -> ObservedCredential:
    return replace(credential(), apps={app.name: app for app in apps}, **stages)  # type: ignore[arg-type] # any stage


class TestUnproven:
    @pytest.mark.parametrize(
        ("seen", "is_so"),
        [
            (credential(CURRENT, pending=NEW, live={"A": "new"}), True),
            (credential(CURRENT, pending=NEW, live={"A": "current"}), False),
            (credential(CURRENT, pending=NEW, live={"A": "other"}), False),
            (credential(CURRENT, live={"A": "new"}), False),
            (credential(CURRENT, OLD, pending=OLD, live={"A": "old"}), True),
            (credential(NEW, pending=NEW, live={"A": "new"}), False),
            (credential(pending=NEW, live={"A": "new"}), True),
        ],
    )
    def test_is_the_pending_version_that_an_app_holds_until_it_has_logged_in(
        self, seen: ObservedCredential, is_so: bool
    ) -> None:
        assert is_unproven(seen, "A") == is_so

    def test_a_version_that_comes_back_may_log_in_through_the_other_app_still(self) -> None:
        old = version("old", "B")
        seen = credential(CURRENT, old, pending=old, live={"A": "current", "B": "old"})
        assert not is_unproven(seen, "B")

    @pytest.mark.parametrize(
        ("pending", "previous", "is_so"),
        [(NEW, None, True), (ON_B, None, False), (NEW, NEW, False), (None, None, False)],
    )
    def test_an_app_that_hides_what_it_holds_may_hold_the_pending_version(
        self, pending: object, previous: object, is_so: bool
    ) -> None:
        seen = of(hidden(), current=CURRENT, pending=pending, previous=previous)
        assert is_unproven(seen, "A") == is_so


class TestStandingFor:
    """Where an app hides what it holds a stored version stands for it."""

    def test_it_is_the_one_that_logins_have_proven(self) -> None:
        seen = of(hidden(live="old"), current=CURRENT, previous=OLD)
        assert standing_for(seen, "A") == OLD

    def test_it_is_current_where_none_was_tried(self) -> None:
        assert standing_for(of(hidden(), current=CURRENT), "A") == CURRENT

    def test_it_is_none_where_the_keys_of_all_are_refused_or_another_app_is_meant(self) -> None:
        assert standing_for(of(hidden(refuses=True), current=CURRENT), "A") is None
        assert standing_for(of(hidden(), hidden("B"), current=CURRENT), "B") is None
        assert standing_for(of(hidden("B", live="current"), current=CURRENT), "B") is None
        assert standing_for(of(hidden()), "A") is None


class TestDrift:
    @pytest.mark.parametrize(
        ("seen", "app", "is_so"),
        [
            (credential(CURRENT, live={"A": "other", "B": None}), "A", True),
            (credential(CURRENT, live={"A": "current", "B": "other"}), "A", False),
            (credential(CURRENT, live={"A": "current", "B": "other"}), "B", True),
            (credential(CURRENT, live={"A": "current", "B": None}), "B", False),
            (credential(CURRENT, ON_B, live={"A": "current", "B": "new"}), "B", False),
            (credential(live={"A": "other"}), "A", False),
            (of(ObservedApp("B", live=Fingerprint("x"), throwaway=True), current=CURRENT), "B", False),
            (of(hidden("B", refuses=True), current=CURRENT), "B", True),
            (of(hidden("B", refuses=True, ours=True), current=CURRENT), "B", False),
            (of(hidden("B", refuses=True)), "B", False),
        ],
    )
    def test_is_what_nobody_knows_on_an_app_of_a_credential_that_is_stored(
        self, seen: ObservedCredential, app: str, is_so: bool
    ) -> None:
        assert is_drift(seen, app) == is_so

    @pytest.mark.parametrize(
        ("app", "pending", "is_so"),
        [
            (hidden(), None, False),
            (hidden(live="current"), None, False),
            (hidden(refuses=True), None, True),
            (hidden(refuses=True), NEW, True),
            (hidden(refuses=True, ours=True), NEW, False),
            (hidden(refuses=True, ours=True), ON_B, True),
            (ObservedApp("A", live=Fingerprint("current"), by_secret=True), None, False),
        ],
    )
    def test_of_an_app_that_hides_what_it_holds_logins_tell(
        self, app: ObservedApp, pending: object, is_so: bool
    ) -> None:
        assert drifted(of(app, current=CURRENT, pending=pending)) == is_so

    def test_of_a_client_secret_it_is_a_pair_that_is_not_stored(self) -> None:
        theirs = ObservedApp("A", live=Fingerprint("theirs"), by_secret=True, rotated=Fingerprint("current"))
        assert drifted(of(theirs, current=CURRENT))
        assert not drifted(of(replace(theirs, live=Fingerprint("new")), current=CURRENT, pending=NEW))

    def test_nothing_drifts_before_there_is_a_current_version(self) -> None:
        assert not drifted(credential(live={"A": "other"}))

    @pytest.mark.parametrize(("live", "is_so"), [("ended", False), ("stored", False), ("theirs", True)])
    def test_a_pair_that_somebody_put_in_use_undoes_a_revocation_and_a_stored_one_does_not(
        self, live: str, is_so: bool
    ) -> None:
        known = Revocation(since=NOW, by="alex", reason="x", wanted=EVERY_STEP, ended_by={"A": "ended"})
        app = ObservedApp("A", live=Fingerprint(live), by_secret=True)
        assert undone(of(app, current=CURRENT, pending=version("stored")), known) == is_so

    def test_an_app_refuses_what_is_stored_where_that_was_tried_through_it(self) -> None:
        assert refuses_stored(of(hidden(refuses=True), current=CURRENT))
        assert not refuses_stored(of(hidden(), current=CURRENT))
        assert not refuses_stored(of(hidden("B", refuses=True), current=CURRENT))
        assert not refuses_stored(of(hidden(refuses=True)))
        assert not refuses_stored(None)


@pytest.mark.parametrize(
    ("seen", "app", "is_so"),
    [
        (credential(CURRENT, live={"A": "current", "B": None}), "B", True),
        (credential(CURRENT, live={"A": "current", "B": None}), "A", False),
        (credential(CURRENT, live={"A": "current", "B": "other"}), "B", False),
        (credential(live={"A": None, "B": None}), "B", False),
    ],
)
def test_the_standby_is_the_one_of_two_that_is_not_in_use_and_holds_nothing_unknown(
    seen: ObservedCredential, app: str, is_so: bool
) -> None:
    assert is_standby(seen, app) == is_so
