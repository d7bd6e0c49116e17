"""Certificates that no login can use yet, or ever, are not ok."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.core.observed import Kind, ObservedCertificate
from rotator.core.thresholds import Expiry
from tests.unit.core.lifecycle.test_lifecycle import DAY, NOW, THRESHOLDS, credential, life, version


def test_a_first_day_to_come_is_not_ok() -> None:
    ahead = ObservedCertificate(org="o", app="A", not_before=NOW + DAY, not_after=NOW + 365 * DAY)
    seen = CertificateLife(seen=ahead, now=NOW, expiry=Expiry(NOW + 365 * DAY, THRESHOLDS))
    assert (seen.state, seen.valid_from) == (CertificateState.NOT_YET_VALID, NOW + DAY)
    then = replace(seen, now=NOW + DAY)
    assert (then.state, then.valid_from) == (CertificateState.OK, None)


def test_of_a_credential_either() -> None:
    current = replace(version("one"), not_before=NOW + DAY)
    assert life(credential(current)).state is CredentialState.NOT_YET_VALID
    assert life(credential(current), now=NOW + DAY).state is CredentialState.OK


def test_what_is_due_is_said_first() -> None:
    current = replace(version("one", days=20), not_before=NOW + DAY)
    assert life(credential(current)).state is CredentialState.DUE


@pytest.mark.parametrize("algorithm", ["EC", "RSA-PSS", "Ed25519", "DSA"])
def test_a_key_that_signs_no_rs256_is_unusable_on_an_app_alone(algorithm: str) -> None:
    on_app = ObservedCertificate(org="o", app="A", not_after=NOW + 365 * DAY, key_algorithm=algorithm)
    expiry = Expiry(NOW + 365 * DAY, THRESHOLDS)
    assert CertificateLife(seen=on_app, now=NOW, expiry=expiry).state is CertificateState.UNUSABLE
    elsewhere = replace(on_app, type=Kind.IDENTITY_PROVIDER)
    assert CertificateLife(seen=elsewhere, now=NOW, expiry=expiry).state is CertificateState.OK
