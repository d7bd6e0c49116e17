"""While consumers are refused, that is what a credential's state says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rotator.core.lifecycle.credential_life import OpenRotation
from rotator.core.lifecycle.states import CredentialState
from tests.unit.core.lifecycle.test_lifecycle import DAY, NOW, credential, life, version

if TYPE_CHECKING:
    from rotator.core.observed import ObservedCredential


@pytest.mark.parametrize(
    "seen",
    [credential(version("current")), credential(version("current"), live={"A": "pending"}), None],
    ids=["its certificate is back", "another is there", "nothing could be seen"],
)
def test_while_consumers_are_refused_nothing_else_counts(seen: ObservedCredential | None) -> None:
    found = life(seen, refused_since=NOW - DAY, is_known=seen is not None, rotation=OpenRotation())
    assert (found.state, found.refused_since, found.begins) == (CredentialState.REFUSED, NOW - DAY, None)
