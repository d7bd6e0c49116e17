"""What profiles ask of sessions is known by the profiles' labels, however metadata calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.salesforce.access.required_sessions import required_sessions
from rotator.simulator.org.users import Profile

if TYPE_CHECKING:
    from rotator.salesforce.metadata import MetadataService
    from rotator.simulator.org.org import Org


@pytest.mark.parametrize(
    "label",
    [
        *("System Administrator", "Standard User", "Read Only", "Standard Platform User", "Marketing User"),
        *("Contract Manager", "Solution Manager", "Minimum Access - API Only Integrations", "Work.com: 50% of it"),
    ],
)
def test_a_profile_is_known_by_its_label(
    production: Org, metadata: MetadataService, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    monkeypatch.setitem(production.profiles, label, Profile(session_level="HIGH_ASSURANCE"))
    assert required_sessions(metadata) == {label.casefold(): "HIGH_ASSURANCE"}


def test_a_profile_that_asks_for_nothing_is_not_told(
    production: Org, metadata: MetadataService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(production.profiles, "Robots", Profile())
    assert required_sessions(metadata) == {}
