"""The inventory as people see it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.cli.output.inventory_table import print_scan
from rotator.core.crypto.certificates import SubjectName, self_signed, throwaway
from rotator.services.inventory.scan import Found, Scan
from rotator.services.inventory.states import State
from rotator.testing.versions import MOMENT, spare_key

if TYPE_CHECKING:
    import pytest


def shown(found: Found, capsys: pytest.CaptureFixture[str]) -> str:
    print_scan(Scan((found,), ()), MOMENT)
    return next(line for line in capsys.readouterr().out.splitlines() if found.name and found.name in line)


def test_an_app_of_ours_whose_key_was_ended_rests_and_expires_for_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    ended = throwaway(now=MOMENT - timedelta(days=800))
    found = Found(
        "production", "Warehouse_A", certificate=ended, not_after=ended.not_after, managed_by="warehouse",
        state=State.EXPIRED,
    )  # fmt: skip
    line = shown(found, capsys)
    assert "resting" in line
    assert "expired" not in line
    assert "ago" not in line


def test_a_certificate_that_somebody_has_the_key_of_does_not_rest(capsys: pytest.CaptureFixture[str]) -> None:
    held = self_signed(spare_key(1), SubjectName("held"), now=MOMENT, lifetime=timedelta(days=1))
    found = Found(
        "production", "Warehouse_A", certificate=held, not_after=held.not_after, managed_by="warehouse",
        state=State.EXPIRING,
    )  # fmt: skip
    assert "resting" not in shown(found, capsys)
