"""Records that are made by the thousand are those that the constructor makes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rotator.bulk import record_of
from rotator.core.observed import Kind, ObservedCertificate

VALUES: dict[str, Any] = {
    "org": "prod",
    "app": "Billing",
    "type": Kind.EXTERNAL_APP,
    "not_after": datetime(2026, 1, 1, tzinfo=UTC),
}


def test_what_is_not_named_is_as_the_class_has_it() -> None:
    made = record_of(ObservedCertificate, VALUES)

    assert made == ObservedCertificate(**VALUES)
    assert hash(made) == hash(ObservedCertificate(**VALUES))
    assert replace(made, app="billing").place == made.place
    assert repr(made) == repr(ObservedCertificate(**VALUES))


def test_it_cannot_be_changed() -> None:
    made = record_of(ObservedCertificate, VALUES)

    with pytest.raises(FrozenInstanceError):
        made.app = "Other"  # type: ignore[misc] # what must not be
