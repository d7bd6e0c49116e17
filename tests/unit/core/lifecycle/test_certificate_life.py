"""The states of certificates, and who replaces them when: by tables, and for whatever else may come."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.crypto.names import THROWAWAY_SUBJECT
from rotator.core.lifecycle.certificate_life import CertificateLife, expiry_of
from rotator.core.lifecycle.states import CertificateState
from rotator.core.observed import ObservedCertificate, ObservedCredential
from rotator.core.severity import Severity
from rotator.core.thresholds import Expiry
from tests.unit.core.lifecycle.test_lifecycle import DAY, NOW, POLICY, THRESHOLDS, TIMES, credential, version


class TestTheExpiryOfACertificate:
    @pytest.mark.parametrize(
        ("left", "state", "urgency"),
        [
            (61 * DAY, CertificateState.OK, None),
            (60 * DAY, CertificateState.DUE, Severity.INFO),
            (44 * DAY, CertificateState.DUE, Severity.INFO),
            (15 * DAY, CertificateState.DUE, Severity.INFO),
            (14 * DAY, CertificateState.DUE, Severity.WARNING),
            (3 * DAY, CertificateState.DUE, Severity.CRITICAL),
            (timedelta(0), CertificateState.EXPIRED, Severity.CRITICAL),
        ],
    )
    def test_where_nobody_rotates_it_is_due_from_the_first_threshold_on(
        self, left: timedelta, state: CertificateState, urgency: Severity | None
    ) -> None:
        found = held(NOW + left)
        assert (found.state, found.urgency, found.due_at) == (state, urgency, None)

    @pytest.mark.parametrize(
        ("left", "state", "urgency"),
        [
            (31 * DAY, CertificateState.OK, None),
            (30 * DAY, CertificateState.DUE, None),
            (15 * DAY, CertificateState.DUE, None),
            (14 * DAY, CertificateState.DUE, Severity.WARNING),
            (3 * DAY, CertificateState.DUE, Severity.CRITICAL),
            (timedelta(0), CertificateState.EXPIRED, Severity.CRITICAL),
        ],
    )
    def test_where_a_rotation_replaces_it_only_what_comes_after_that_is_urgent(
        self, left: timedelta, state: CertificateState, urgency: Severity | None
    ) -> None:
        found = held(NOW + left, rotate_before=30 * DAY)
        assert (found.state, found.urgency, found.due_at) == (state, urgency, NOW + left - 30 * DAY)

    def test_without_thresholds_only_the_end_is_urgent(self) -> None:
        assert Expiry(NOW + DAY, []).urgency(NOW) is None
        assert Expiry(NOW, []).urgency(NOW) is Severity.CRITICAL

    def test_what_a_person_brought_back_is_deferred_and_urgent_all_the_same(self) -> None:
        found = held(NOW + 5 * DAY, rotate_before=30 * DAY, deferred_until=NOW + 4 * DAY)
        assert (found.state, found.urgency) == (CertificateState.DEFERRED, Severity.WARNING)
        assert found.due_at == NOW + 4 * DAY
        assert replace(found, now=NOW + 4 * DAY).state is CertificateState.DUE

    def test_a_rotation_replaces_what_is_in_the_store_and_nothing_else(self) -> None:
        stored = credential(version("current", days=40))
        for fingerprint, seen, replaced in (
            ("current", stored, True),
            ("current", None, True),
            ("somebody's", stored, False),
            ("current", credential(live={"A": "current"}), False),
        ):
            found = expiry_of(NOW + 40 * DAY, THRESHOLDS, fingerprint=fingerprint, policy=POLICY, credential=seen)
            assert (found.due_at is not None) is replaced
            assert (found.urgency(NOW) is None) is replaced, "who waits for no rotation is told early"
        assert expiry_of(NOW + 40 * DAY, THRESHOLDS).due_at is None

    def test_only_the_current_version_is_deferred_whether_the_org_shows_it_or_not(self) -> None:
        old, newer = version("old", days=20), version("newer")
        back = credential(old, newer, promoted=1)

        def until(fingerprint: str) -> datetime | None:
            found = expiry_of(NOW + 20 * DAY, THRESHOLDS, fingerprint=fingerprint, policy=POLICY, credential=back)
            return found.deferred_until

        assert (
            until("old") == expiry_of(NOW, THRESHOLDS, policy=POLICY, credential=back).deferred_until == NOW + 6 * DAY
        )
        assert until("newer") is None

    @pytest.mark.parametrize("seen", [None, credential(version("current"))], ids=["never seen", "seen"])
    def test_it_is_known_who_begins_its_rotations(self, seen: ObservedCredential | None) -> None:
        for is_by_hand in (True, False):
            found = expiry_of(NOW, THRESHOLDS, policy=POLICY, credential=seen, is_by_hand=is_by_hand)
            assert found.is_by_hand is is_by_hand

    @given(not_after=TIMES, before=st.one_of(st.none(), st.timedeltas(timedelta(seconds=1), timedelta(days=10**6))))
    def test_time_makes_nothing_less_urgent(self, not_after: datetime, before: timedelta | None) -> None:
        severities: list[Severity | None] = [None, *Severity]
        found = [Expiry(not_after, THRESHOLDS, before).urgency(NOW + days * DAY) for days in (0, 1, 20, 400)]
        assert [severities.index(each) for each in found] == sorted(severities.index(each) for each in found)

    @given(not_after=TIMES, before=st.one_of(st.none(), st.timedeltas(timedelta(seconds=1), timedelta(days=10**6))))
    def test_what_is_urgent_is_due_or_has_expired(self, not_after: datetime, before: timedelta | None) -> None:
        found = held(not_after, rotate_before=before)
        if found.urgency:
            assert found.state in {CertificateState.DUE, CertificateState.EXPIRED}
        if found.state is CertificateState.DUE and before:
            assert found.due_at
            assert found.due_at <= NOW


def held(
    not_after: datetime, *, rotate_before: timedelta | None = None, deferred_until: datetime | None = None
) -> CertificateLife:
    seen = ObservedCertificate(org="production", app="Billing", fingerprint="a" * 64, not_after=not_after)
    return CertificateLife(seen=seen, now=NOW, expiry=Expiry(not_after, THRESHOLDS, rotate_before, deferred_until))


class TestTheStateOfACertificate:
    @pytest.mark.parametrize(
        ("facts", "state", "is_business"),
        [
            ({}, CertificateState.DUE, True),
            ({"gone_at": NOW}, CertificateState.VANISHED, False),
            ({"is_readable": False}, CertificateState.UNREADABLE, True),
            ({"is_standby": None}, CertificateState.UNREADABLE, False),
            ({"is_usable": False}, CertificateState.UNUSABLE, False),
            ({"is_standby": True}, CertificateState.RESTING, False),
            ({"subject": THROWAWAY_SUBJECT}, CertificateState.RESTING, False),
            ({"drift": True}, CertificateState.DRIFT, True),
            ({"drift": True, "subject": THROWAWAY_SUBJECT}, CertificateState.DRIFT, True),
        ],
    )
    def test_follows_from_what_was_seen_and_says_whether_its_end_matters(
        self, facts: dict[str, object], state: CertificateState, is_business: bool
    ) -> None:
        found = held(NOW + 2 * DAY)
        found = replace(found, seen=replace(found.seen, **facts))  # type: ignore[arg-type] # any of its fields
        assert (found.state, found.is_anybodys_business) == (state, is_business)
        assert found.urgency is (Severity.CRITICAL if is_business else None)

    @pytest.mark.parametrize(
        ("facts", "rests"),
        [({}, True), ({"drift": True}, False), ({"is_unproven": True}, False)],
    )
    def test_of_a_revoked_credential_it_may_expire_unless_somebody_has_changed_its_app(
        self, facts: dict[str, object], rests: bool
    ) -> None:
        found = held(NOW + 2 * DAY)
        seen = replace(found.seen, **facts)  # type: ignore[arg-type] # any of its fields
        assert replace(found, seen=seen, is_revoked=True).rests is rests
        assert not replace(found, seen=seen).rests

    @pytest.mark.parametrize(
        ("facts", "is_in_use"),
        [
            ({}, True),
            ({"is_usable": False}, False),
            ({"is_usable": False, "is_readable": False}, True),
            ({"gone_at": NOW}, False),
            ({"gone_at": NOW, "is_readable": False}, False),
        ],
    )
    def test_it_may_be_in_use_unless_it_is_gone_or_waits_for_its_chain(
        self, facts: dict[str, object], is_in_use: bool
    ) -> None:
        found = held(NOW + 2 * DAY)
        found = replace(found, seen=replace(found.seen, **facts))  # type: ignore[arg-type] # any of its fields
        assert found.is_in_use is is_in_use

    def test_of_an_app_that_holds_none_is_none(self) -> None:
        bare = CertificateLife(seen=ObservedCertificate(org="production", app="Bare"), now=NOW)
        assert (bare.state, bare.urgency, bare.due_at) == (CertificateState.NONE, None, None)
        with pytest.raises(ValueError, match="nothing that expires"):
            _ = bare.not_after
