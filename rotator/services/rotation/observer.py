"""One managed credential with what is needed to look at it and to change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rotator.core.credentials import Fingerprint
from rotator.core.crypto.keys import PrivateKey
from rotator.core.decision.observations import KnownVersion, Observation, SeenApp
from rotator.errors import OrgError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.config.settings import CredentialSettings, OrgSettings
    from rotator.core.credentials import Stages, Version
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.logins import LoginAnswer
    from rotator.history.records import Rotation
    from rotator.salesforce.apps.connected_app import App
    from rotator.stores.base import Store


class Apps(Protocol):
    """The apps of one org, as a rotation needs them (`rotator.salesforce.apps.connected_app.ConnectedApps`)."""

    def read(self, full_name: str) -> App | None:
        """The app; None when it is missing or unreadable."""
        ...

    def replace_certificate(self, full_name: str, certificate: Certificate, *, expecting: Fingerprint | None) -> App:
        """Puts another certificate in the place of the live one."""
        ...


@dataclass(frozen=True)
class CredentialContext:
    """A credential of the configuration with its store, its org's apps, and a way to try a version's key."""

    name: str
    settings: CredentialSettings
    org: OrgSettings
    store: Store
    apps: Apps
    prove: Callable[[Version], LoginAnswer]
    """A test login with a version's key; it never raises for anything that an org or a network does."""
    last_promotion: Callable[[], datetime | None]
    """When the history says that a version was last promoted."""
    open_rotation: Callable[[], Rotation | None]
    """The rotation that the history knows no end of: running, or interrupted."""
    new_key: Callable[[int], PrivateKey] = PrivateKey.generate
    """Makes a key pair of so many bits."""


class Observer:
    """Looks at one credential, again and again. Versions never change, so each is read and checked once.

    The history is asked at the first look only: while the rotation lock is held, nobody else promotes.
    """

    def __init__(self, credential: CredentialContext) -> None:
        self._credential = credential
        self._versions: dict[Fingerprint, Version] = {}
        self._apps: dict[str, App] = {}
        self._told: datetime | None = None
        self._has_asked = False

    def observe(self) -> Observation:
        """The store's stages and the apps' live certificates, as they are now.

        Raises StoreError when a staged version is not there or damaged, OrgError, OrgUnavailable, LoginRefused; the
        first look HistoryError, too.
        """
        credential = self._credential
        stages = credential.store.stages(credential.name)
        known = {fingerprint: self._known(fingerprint) for fingerprint in stages.fingerprints}
        return Observation(
            {name: self._see(name) for name in credential.settings.apps},
            pending=known.get(stages.pending) if stages.pending else None,
            current=known.get(stages.current) if stages.current else None,
            previous=known.get(stages.previous) if stages.previous else None,
            promoted_at=self._promoted_at(stages),
        )

    def version(self, fingerprint: Fingerprint) -> Version:
        """A stored version, its key checked against its certificate. Raises StoreError."""
        if fingerprint not in self._versions:
            version = self._credential.store.read(self._credential.name, fingerprint)
            if version.fingerprint != fingerprint:
                raise StoreError(
                    f"The store {self._credential.store.name} gave another version than {fingerprint}.",
                    effect="Nothing was changed.",
                    hint="Run `rotator check`.",
                )
            self._versions[fingerprint] = version
        return self._versions[fingerprint]

    def promoted(self, now: datetime) -> None:
        """A version was promoted just now, whether or not that could be written down."""
        self._told, self._has_asked = now, True

    def client_id(self, app: str) -> str:
        """The consumer key of an app that was seen. Raises OrgError when the org does not show it."""
        client_id = self._apps[app].client_id if app in self._apps else ""
        if not client_id:
            raise OrgError(
                f"The org {self._credential.settings.org} does not show the consumer key of the app {app}.",
                effect="Nothing was changed.",
                hint="The app needs OAuth settings, and the management user the right to see them.",
            )
        return client_id

    def _known(self, fingerprint: Fingerprint) -> KnownVersion:
        version = self.version(fingerprint)
        certificate = version.certificate
        return KnownVersion(fingerprint, version.app, certificate.public_fingerprint, certificate.not_after)

    def _see(self, name: str) -> SeenApp:
        app = self._credential.apps.read(name)
        if app is None:
            return SeenApp(name, readable=False)
        self._apps[name] = app
        held = app.certificate
        live = Fingerprint(held.fingerprint) if held else None
        return SeenApp(name, live=live, throwaway=held is not None and held.is_throwaway)

    def _promoted_at(self, stages: Stages) -> datetime | None:
        """The history tells it; a version that is younger than that was promoted after it was made."""
        if not self._has_asked:
            self._told, self._has_asked = self._credential.last_promotion(), True
        if stages.current is None:
            return None
        made = self.version(stages.current).created_at
        return max(made, self._told) if self._told else made
