"""What was seen of a certificate and of a credential."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from rotator.core.credentials import Fingerprint, Stage
from rotator.core.crypto.certificates import SubjectName, self_signed, throwaway
from rotator.core.lifecycle.drift import is_drift, is_standby
from rotator.core.observed import APPS, Kind, KnownVersion, ObservedApp, ObservedCertificate, ObservedCredential, place
from rotator.testing.versions import MOMENT, make_version, spare_key

BILLING = ObservedCertificate(org="production", app="Billing")


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_says_what_it_is_called_and_what_a_person_does(kind: Kind) -> None:
    assert kind.label
    assert kind.replaced_by_hand.endswith(".")
    assert (kind in APPS) is kind.is_app
    assert kind.part_of is not kind


def test_a_type_that_only_a_later_release_knows_is_shown_by_its_own_name() -> None:
    seen = replace(BILLING, type="ExternalClientApp")
    assert (seen.kind, seen.label, seen.is_app) == (None, "ExternalClientApp", False)


def test_a_type_that_is_known_is_shown_by_a_word_for_people() -> None:
    seen = replace(BILLING, type=Kind.IDENTITY_PROVIDER.value)
    assert (seen.kind, seen.label, seen.is_app) == (Kind.IDENTITY_PROVIDER, "SAML sign-on", False)


def test_a_place_is_the_same_whatever_the_case_of_its_name() -> None:
    assert BILLING.place == replace(BILLING, app="BILLING").place == place("ConnectedApp", "bIlling")
    assert BILLING.place != replace(BILLING, type=Kind.APP_SAML).place


def test_a_certificate_is_put_down_whole() -> None:
    certificate = self_signed(spare_key(1), SubjectName("billing"), now=MOMENT, lifetime=timedelta(days=9))
    held = BILLING.holding(certificate)
    told = {field.name for field in fields(held) if getattr(held, field.name) != getattr(BILLING, field.name)}
    assert told == {
        "fingerprint", "subject", "issuer", "serial_number", "not_before", "not_after", "key_algorithm", "key_bits",
        "signature_algorithm",
    }  # fmt: skip
    assert all(getattr(held, name) == getattr(certificate, name) for name in told)
    assert BILLING.holding(None) == BILLING


def test_a_throwaway_is_known_by_its_subject_alone() -> None:
    seen = BILLING.holding(throwaway(now=MOMENT))
    assert seen.is_throwaway
    app = ObservedApp.of("Billing", seen)
    assert (app.readable, app.live, app.throwaway) == (True, seen.fingerprint, True)


@pytest.mark.parametrize("seen", [None, replace(BILLING, is_readable=False), replace(BILLING, gone_at=MOMENT)])
def test_what_was_not_read_is_not_taken_for_empty(seen: ObservedCertificate | None) -> None:
    assert ObservedApp.of("Billing", seen) == ObservedApp("Billing", readable=False)
    assert ObservedApp.of("Billing", BILLING) == ObservedApp("Billing", live=None)


def test_a_credential_says_what_is_live_where() -> None:
    current, previous = (KnownVersion.of(make_version(app=app)) for app in ("B", "A"))
    both = {name: ObservedApp(name, live=current.fingerprint) for name in ("A", "B")}
    seen = ObservedCredential(both, current=current, previous=previous)
    assert seen.live_on(current) == ["A", "B"]
    assert (seen.is_live(current), seen.is_live(previous), seen.is_settled) == (True, False, True)
    assert (seen.stage_of(previous.fingerprint), seen.stage_of("f" * 64)) == (Stage.PREVIOUS, None)
    assert seen.stored == {current.fingerprint, previous.fingerprint}
    assert (seen.is_slot_of_current("B"), seen.is_slot_of_current("A")) == (True, False)
    assert seen.live("an app that is not configured any more") is None
    overwritten = replace(seen, apps={**both, "B": ObservedApp("B", live=Fingerprint("f" * 64))})
    assert not overwritten.is_settled


@pytest.mark.parametrize(
    ("held_by_other", "is_throwaway", "drift", "standby"),
    [
        (None, False, False, True),
        ("previous", False, False, True),
        ("throwaway", True, False, True),
        ("stranger", False, True, False),
    ],
)
def test_the_app_of_a_pair_that_rests_holds_what_is_known_here(
    held_by_other: str | None, is_throwaway: bool, drift: bool, standby: bool
) -> None:
    current, previous = (KnownVersion.of(make_version(app=app)) for app in ("B", "A"))
    live = {"previous": previous.fingerprint, None: None}.get(held_by_other, Fingerprint(str(held_by_other)))
    apps = {"A": ObservedApp("A", live=live, throwaway=is_throwaway), "B": ObservedApp("B", live=current.fingerprint)}
    seen = ObservedCredential(apps, current=current, previous=previous)
    assert (is_drift(seen, "A"), is_standby(seen, "A")) == (drift, standby)
    assert (is_drift(seen, "B"), is_standby(seen, "B")) == (False, False), "current's own app"
    of_nothing = replace(seen, current=None, previous=None)
    assert (is_drift(of_nothing, "A"), is_standby(of_nothing, "A")) == (False, False)


def test_the_app_of_current_drifts_with_what_is_not_expected_there() -> None:
    current = KnownVersion.of(make_version(app="A"))
    seen = ObservedCredential({"A": ObservedApp("A", live=Fingerprint("stranger"))}, current=current)
    assert (is_drift(seen, "A"), is_standby(seen, "A")) == (True, False)
