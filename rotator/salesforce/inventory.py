"""Every certificate that the apps of an org hold, managed by us or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.errors import OrgError
from rotator.salesforce.apps import APP_TYPE, app_of
from rotator.salesforce.metadata import MetadataService

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.certificates import Certificate
    from rotator.salesforce.metadata import Component, Listing
    from rotator.salesforce.session import OrgSession


@dataclass(frozen=True)
class InventoryEntry:
    """One app of an org, and what it holds."""

    org: str
    app: str
    app_type: str
    client_id: str
    certificate: Certificate | None
    """None when the app has none, or when it could not be read."""
    unreadable: bool
    """The app is there, but the org did not give it, or what it holds as a certificate is none."""
    last_modified_by: str
    last_modified_at: datetime


def inventory(session: OrgSession, metadata: MetadataService | None = None) -> list[InventoryEntry]:
    """All connected apps of an org, by name. Raises OrgError, OrgUnavailable and LoginRefused."""
    metadata = metadata or MetadataService(session)
    listings = metadata.list_components(APP_TYPE)
    components = metadata.read(APP_TYPE, [listing.full_name for listing in listings])
    return [_entry(session.org, *pair) for pair in zip(listings, components, strict=True)]


def _entry(org: str, listing: Listing, component: Component | None) -> InventoryEntry:
    try:
        app = None if component is None else app_of(org, component)
    except OrgError:
        app = None
    return InventoryEntry(
        org=org,
        app=listing.full_name,
        app_type=APP_TYPE,
        client_id=app.client_id if app else "",
        certificate=app.certificate if app else None,
        unreadable=app is None,
        last_modified_by=listing.last_modified_by,
        last_modified_at=listing.last_modified_at,
    )
