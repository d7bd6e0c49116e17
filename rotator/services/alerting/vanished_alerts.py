"""What people are told of what held a certificate and is not in its org any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.severity import Severity
from rotator.services.alerting.catalog import alert, moment_fact
from rotator.services.alerting.kinds import VANISHED, rotation_trouble

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from rotator.core.alert import NewAlert

_WHERE_TO: Final = "deleted, renamed, or hidden from the program's user"
_WHO_DID_IT: Final = "If nobody meant that, see in Setup, View Setup Audit Trail, who did it."
_NAMED: Final = 10
"""Names of many things that are told."""


def vanished(org: str, kind: str, name: str, last_seen: datetime, credential: str | None = None) -> NewAlert:
    """Something that held a certificate is not in its org any more.

    Of an app of a credential that is the credential's trouble, until it can be rotated again.
    """
    loss = f" Consumers of {credential} are refused." if credential else ""
    return alert(
        VANISHED,
        f"{org}/{kind}/{name}/{last_seen:%Y-%m-%dT%H:%M:%SZ}",
        Severity.CRITICAL if credential else Severity.INFO,
        f"{name} is gone from {org}",
        f"It was last seen on {words.day(last_seen)}: {_WHERE_TO}.{loss}",
        {"Name": name} | moment_fact("Last seen", last_seen),
        trouble=rotation_trouble(credential) if credential else "",
        meanwhile=f"{credential} cannot be rotated; everything else goes on." if credential else "",
        to_do=_WHO_DID_IT,
        org=org,
        app=name,
        type=kind,
        credential=credential,
    )


def vanished_together(org: str, names: Collection[str], now: datetime) -> NewAlert:
    """Very many things that held a certificate, of which no credential is, are not in their org any more."""
    return alert(
        VANISHED,
        f"{org}/together/{now:%Y-%m-%dT%H:%M:%SZ}",
        Severity.INFO,
        f"{len(names)} things with a certificate are gone from {org}",
        f"They were there at the inventory before: {_WHERE_TO}.",
        {"The first of them": ", ".join(sorted(names)[:_NAMED])},
        to_do=_WHO_DID_IT,
        org=org,
    )
