"""Test logins with the stored versions, which change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core.credentials import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotator.core.credentials import Version
    from rotator.core.logins import LoginAnswer
    from rotator.services.rotation.observer import CredentialContext


@dataclass(frozen=True)
class TestLogin:
    """One test login with a stored version."""

    credential: str
    stage: Stage
    version: Version
    answer: LoginAnswer

    @property
    def is_current(self) -> bool:
        """Whether it is the login that consumers of `current` make."""
        return self.stage is Stage.CURRENT


def test_logins(credential: CredentialContext) -> Iterator[TestLogin]:
    """Logs in once with each stored version, current first. Raises StoreError, OrgUnavailable and LoginRefused."""
    for stage, fingerprint in credential.store.stages(credential.name):
        version = credential.store.read(credential.name, fingerprint)
        yield TestLogin(credential.name, stage, version, credential.prove(version))
