"""What else in an org holds a certificate: Certificate and Key Management, and the identity providers it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.simulator.org.components import Component


@dataclass
class OrgCertificate:
    """A certificate of Certificate and Key Management. The org keeps its content to itself."""

    id: str
    name: str
    """The developer name; a certificate that was deleted leaves it to others."""
    expires_at: datetime | None
    created_at: datetime
    modified_at: datetime
    modified_by: str
    key_bits: int = 2048
    ca_signed: bool = False
    exportable: bool = True
    unusable: bool = False
    """It waits for the import of the signed chain."""
    deleted: bool = False
    """Queries may find it all the same; the Metadata API does not."""

    @property
    def label(self) -> str:
        """The name that people see."""
        return self.name.replace("_", " ")


@dataclass
class IdentityProvider:
    """SAML single sign-on settings: whose assertions the org takes, and by which certificate it knows them."""

    id: str
    name: str
    component: Component
    created_at: datetime
    modified_at: datetime
    modified_by: str
