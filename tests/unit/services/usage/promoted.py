"""A credential whose version was promoted an hour ago, as the history has it: no org, no store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rotator.config.loading import parse
from rotator.core.credentials import Fingerprint
from rotator.core.lifecycle.credential_life import CredentialLife
from rotator.core.observed import KnownVersion, ObservedApp, ObservedCredential
from rotator.core.usage.retirement import ConsumerReport
from rotator.core.usage.sources import Source
from rotator.core.usage.usage import Usage
from rotator.history.journal.projection import CredentialRecord
from rotator.history.records import Rotation
from rotator.services.inventory.credential_history import CredentialHistory
from rotator.services.inventory.status import CredentialStatus
from rotator.testing.versions import MOMENT

if TYPE_CHECKING:
    from rotator.config.settings import Settings

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
PROMOTED: Final = MOMENT
NOW: Final = MOMENT + HOUR
ROTATION: Final = Rotation(
    id="r1",
    credential="billing",
    org="production",
    strategy="in_place",
    trigger="expiring",
    actor="rotator",
    started_at=MOMENT,
    outcome="rotated",
    new_fingerprint="new",
)
NOTHING_TRIED: Final = CredentialRecord(credential="billing")
LEFT_BEHIND: Final = Source("192.0.2.7", "batch/1", before_at=MOMENT - HOUR, refused_at=NOW, refused=2)
MOVED: Final = Source("192.0.2.8", "web/2", before_at=MOMENT - HOUR, accepted_at=NOW, accepted=1)
SILENT: Final = Source("192.0.2.9", "night/3", before_at=MOMENT - HOUR)

_CONFIGURATION: Final = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {{client_id: key, username: rotator@example.com, private_key: {{env: ROTATOR_KEY}}}}
stores: {{keys: {{type: files, path: store}}}}
credentials:
  billing: {{org: production, store: keys, username: billing@example.com, apps: [Billing]{}}}
  pair: {{org: production, store: keys, username: pair@example.com, apps: [Pair_A, Pair_B]}}
  secret: {{kind: client_secret, org: production, store: keys, username: billing@example.com, apps: [Secret]}}
"""


def configured(options: str = "") -> Settings:
    """`options` are those of the credential billing."""
    return parse(_CONFIGURATION.format(options), Path("/nowhere/config.yaml"))


def version(name: str, app: str = "Billing") -> KnownVersion:
    return KnownVersion(Fingerprint(name), app, f"key of {name}", PROMOTED + 300 * DAY)


def seen(**other: Any) -> ObservedCredential:
    """The new version is current, and the old one was so before."""
    made = ObservedCredential(
        apps={"Billing": ObservedApp("Billing", live=Fingerprint("new"))},
        current=version("new"),
        previous=version("old"),
        promoted_at=PROMOTED,
    )
    return replace(made, **other)


def used(*sources: Source, **other: Any) -> Usage:
    """What a look at the login history came to, just now."""
    return replace(Usage(credential="billing", promoted_at=PROMOTED, looked_at=NOW, sources=sources), **other)


def reported(consumer: str, fingerprint: str = "new") -> ConsumerReport:
    return ConsumerReport(
        credential="billing",
        consumer=consumer,
        fingerprint=fingerprint,
        logged_in_at=NOW,
        noted_at=NOW,
        via="post",
    )


def status(
    options: str = "",
    *,
    name: str = "billing",
    usage: Usage | None = None,
    reports: tuple[ConsumerReport, ...] = (),
    last: Rotation | None = ROTATION,
    record: CredentialRecord = NOTHING_TRIED,
    observed: ObservedCredential | None = None,
    **life: Any,
) -> CredentialStatus:
    """As the history has it; `life` is more of how it stands."""
    settings = configured(options).credentials[name]
    given: dict[str, Any] = {"seen": observed or seen(), "policy": settings, "thresholds": (), "now": NOW} | life
    history = CredentialHistory(last_rotation=last, usage=usage, reports=reports, record=record)
    return CredentialStatus(credential=name, settings=settings, life=CredentialLife(**given), history=history)
