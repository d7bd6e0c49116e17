"""An app of the configuration beside what its credential's store says of the certificate that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core.credentials import Stage

if TYPE_CHECKING:
    from rotator.config.settings import CredentialSettings
    from rotator.core.credentials import Stages
    from rotator.core.crypto.certificates import Certificate


@dataclass(frozen=True)
class ManagedApp:
    """A configured app and its credential."""

    app: str
    credential: str
    settings: CredentialSettings
    stages: Stages | None
    """None when the store could not be read."""

    def stage(self, held: Certificate | None) -> Stage | None:
        """Where the version of the certificate that the app holds stands in the store."""
        if self.stages is None or held is None:
            return None
        return next((stage for stage, known in self.stages if known == held.fingerprint), None)

    def is_drift(self, held: Certificate | None) -> bool:
        """Whether the app holds what nobody here knows, though the credential is in the store."""
        if self.stages is None or self.stages.current is None or self.stage(held) is not None:
            return False
        if held is None:
            return len(self.settings.apps) == 1
        return not held.is_throwaway

    def is_standby(self, held: Certificate | None) -> bool | None:
        """Whether it is the one of two apps that is not in use now; None when only the store could tell."""
        if len(self.settings.apps) == 1:
            return False
        if self.stages is None:
            return None
        is_in_use = self.stages.current is None or self.stage(held) is Stage.CURRENT
        return not is_in_use and not self.is_drift(held)
