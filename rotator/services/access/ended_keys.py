"""The end of a key: its app gets a certificate whose key nobody has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from rotator.core.crypto.certificates import throwaway
from rotator.core.decision.actions import ActionKind, begins
from rotator.core.lifecycle.revocation import ObservedAccess, apps_left

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from rotator.core.credentials import Fingerprint
    from rotator.core.crypto.certificates import Certificate
    from rotator.history.journal.journal import Journal
    from rotator.salesforce.apps.app import App


class Apps(Protocol):
    """The apps of an org (`rotator.salesforce.apps.org_apps.OrgApps`)."""

    def replace_certificate(
        self,
        full_name: str,
        certificate: Certificate,
        *,
        expecting: Fingerprint | None,
        sends: Callable[[], None] = ...,
    ) -> App:
        """Replaces the certificate of an app."""
        ...


class RevokedSettings(Protocol):
    """The settings of one (`rotator.config.settings.CredentialSettings`)."""

    @property
    def username(self) -> str:
        """Whom it logs in."""
        ...


class RevokedCredential(Protocol):
    """A credential with its apps (`rotator.services.rotation.observer.CredentialContext`)."""

    @property
    def name(self) -> str:
        """By the configuration."""
        ...

    @property
    def settings(self) -> RevokedSettings:
        """How it is configured."""
        ...

    @property
    def apps(self) -> Apps:
        """Of its org."""
        ...

    def read_apps(self) -> list[App | None]:
        """Its apps as they are now."""
        ...


def observed(app: App) -> ObservedAccess:
    """What is seen of its certificate."""
    return ObservedAccess(app.full_name, app.fingerprint, app.hides_certificate)


def holding(apps: Sequence[App], ended_by: Mapping[str, str]) -> list[App]:
    """Those that may hold a certificate of which somebody has the key."""
    left = apps_left([observed(app) for app in apps], ended_by)
    return [app for app in apps if app.full_name in left]


def end_key(
    credential: RevokedCredential,
    journal: Journal,
    app: App,
    now: Callable[[], datetime],
    *,
    why: str,
    by: Certificate | None = None,
) -> None:
    """Replaces the certificate of a credential's app, by one whose key nobody has unless there is another (`by`).

    Raises OrgError, OrgUnavailable, LoginRefused and HistoryError.
    """
    certificate = by or throwaway(now=now())
    record = partial(journal.record, credential=credential.name, app=app.full_name, why=why)
    credential.apps.replace_certificate(
        app.full_name,
        certificate,
        expecting=app.fingerprint,
        sends=lambda: _ignored(record(begins(ActionKind.DISABLE), now=now())),
    )
    record(ActionKind.DISABLE, now=now(), ended_by=certificate.fingerprint)


def _ignored(_event: object) -> None:
    """An event that was written down."""
