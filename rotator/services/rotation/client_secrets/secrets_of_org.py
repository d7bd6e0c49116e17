"""Consumer keys and secrets in an org, as a rotation needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rotator.core.credentials import Fingerprint
    from rotator.errors import OrgError
    from rotator.salesforce.client_secrets import Pair, Pairs


class Secrets(Protocol):
    """Consumer keys and secrets in one org (`rotator.salesforce.client_secrets.ClientSecrets`)."""

    def read(self, app: str) -> Pairs | None:
        """What the app's consumer has; None where the org lists no such app."""
        ...

    def absent(self, app: str) -> OrgError:
        """Why there is none, as far as the org tells."""
        ...

    def stage(self, app: str) -> Pair:
        """Has the org make a second pair."""
        ...

    def rotate(self, app: str, *, expecting: Fingerprint) -> None:
        """Puts the staged pair in use, which must be `expecting` still."""
        ...

    def delete(self, app: str, *, expecting: Fingerprint) -> None:
        """Deletes the second pair, which must be `expecting` still."""
        ...
