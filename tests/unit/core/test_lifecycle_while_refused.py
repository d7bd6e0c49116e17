"""While consumers are refused, that is what a credential's state says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.lifecycle import CredentialState, OpenRotation
from tests.unit.core.test_lifecycle import DAY, NOW, credential, life, version

if TYPE_CHECKING:
    from rotator.core.observed import ObservedCredential

REFUSED = {"gap_since": NOW - DAY, "gap_version": "pending"}


@pytest.mark.parametrize(
    "seen",
    [credential(version("current")), credential(version("current"), live={"A": "pending"}), None],
    ids=["its certificate is back", "another is there", "nothing could be seen"],
)
def test_while_consumers_are_refused_nothing_else_counts(seen: ObservedCredential | None) -> None:
    found = life(seen, **REFUSED, is_known=seen is not None, rotation=OpenRotation())
    assert (found.state, found.refused_since, found.begins) == (CredentialState.REFUSED, NOW - DAY, None)


def test_the_version_that_took_the_place_of_current_and_was_promoted_refuses_nobody() -> None:
    found = life(credential(version("pending")), **REFUSED)
    assert (found.state, found.refused_since) == (CredentialState.OK, None)
