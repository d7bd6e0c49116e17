"""The inventory as people see it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.cli.output.inventory_table import print_scans
from rotator.core.crypto.certificates import SubjectName, self_signed, throwaway
from rotator.core.lifecycle.certificate_life import CertificateLife
from rotator.core.observed import ObservedCertificate
from rotator.core.thresholds import Expiry
from rotator.services.inventory.scan import Scan
from rotator.testing.versions import MOMENT, spare_key

if TYPE_CHECKING:
    import pytest

    from rotator.core.crypto.certificates import Certificate

APP = ObservedCertificate(org="production", app="Warehouse_A", credential="warehouse")


def shown(certificate: Certificate, capsys: pytest.CaptureFixture[str]) -> str:
    expiry = Expiry(certificate.not_after, (), rotate_before=timedelta(days=30))
    life = CertificateLife(seen=APP.holding(certificate), now=MOMENT, expiry=expiry)
    print_scans([Scan(org="production", at=MOMENT, certificates=(life,))], MOMENT)
    return next(line for line in capsys.readouterr().out.splitlines() if APP.app in line)


def test_an_app_of_ours_whose_key_was_ended_rests_and_expires_for_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    line = shown(throwaway(now=MOMENT - timedelta(days=800)), capsys)
    assert "resting" in line
    assert "expired" not in line
    assert "ago" not in line


def test_a_certificate_that_somebody_has_the_key_of_does_not_rest(capsys: pytest.CaptureFixture[str]) -> None:
    held = self_signed(spare_key(1), SubjectName("held"), now=MOMENT, lifetime=timedelta(days=1))
    assert "resting" not in shown(held, capsys)
