"""What the machines work on: orgs with their apps, credentials of which each is due, one store, and who is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import make_url

from rotator.core.credentials import KeyVersion
from rotator.core.crypto.certificates import SubjectName, self_signed, throwaway
from rotator.simulator.org.org import Org
from rotator.simulator.serving.server import utc_now
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import spare_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.core.crypto.certificates import Certificate
    from rotator.simulator.org.apps import App
    from tests.contract.servers.mail import MailServer
    from tests.several_machines.network import Network

ROBOT: Final = "rotator@example.com"
USER: Final = "integration@example.com"
PASSWORD: Final = "MACHINES_DATABASE_PASSWORD"
STORE: Final = "keys"
SENDER: Final = "rotator@example.com"

DUE: Final = timedelta(days=20)
"""What is left of the certificate of each credential: it is to be replaced 30 days before its end."""
LONG: Final = timedelta(days=300)
"""What is left of the others."""
SOON: Final = timedelta(days=5)
"""What is left of one in some orgs that no credential has, of which people are told."""

_FIRST_KEY: Final = 300
"""Number of the spare key of the first credential."""


@dataclass(frozen=True)
class Size:
    """How much there is to do."""

    orgs: int
    apps: int
    """Of each org."""
    credentials: int
    """Of so many orgs one each."""
    foreign: int
    """So many orgs have an app of others whose certificate expires soon."""
    hold: int
    """Seconds for which test logins have to hold."""
    rotations_at_once: int = 4
    """Of each machine."""


@dataclass
class Managed:
    """One credential."""

    name: str
    org: Org
    apps: tuple[str, ...]
    old: KeyVersion
    before: dict[str, Certificate]
    """What its apps hold at first."""

    @property
    def target(self) -> App:
        """The app that gets the new certificate."""
        return self.org.app(self.apps[-1])

    def uploads(self) -> dict[str, int]:
        """How often each of its apps was given another certificate."""
        return {name: len(self.org.app(name).slot.changes) - 1 for name in self.apps}


@dataclass
class Place:
    """Orgs, credentials and one store in a folder."""

    folder: Path
    size: Size
    orgs: list[Org] = field(default_factory=list)
    credentials: list[Managed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.orgs = [self._org(number) for number in range(self.size.orgs)]

    @property
    def store(self) -> FilesStore:
        """Where all credentials are kept."""
        return FilesStore(STORE, self.store_folder)

    @property
    def store_folder(self) -> Path:
        """Its folder."""
        return self.folder / "store"

    @property
    def ca(self) -> Path:
        """The file of the orgs' authority."""
        return self.folder / "ca.pem"

    def is_served(self, ca_pem: str) -> None:
        """The orgs have addresses: files are written, and the store is filled."""
        self.ca.write_text(ca_pem)
        _secret(self.folder / "robot.pem", spare_key(0).pem().reveal())
        signing = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _secret(self.folder / "signing.pem", signing.decode())
        self.credentials = [self._managed(org, number) for number, org in enumerate(self.orgs[: self.size.credentials])]

    def configured(
        self, name: str, database: str, mail: MailServer, network: Network | None, *, is_older: bool = False
    ) -> Path:
        """The configuration of a machine, which reaches everything by its network where it has one.

        An older one lacks the last org and the last credential.
        """
        orgs, credentials = (self.orgs[:-1], self.credentials[:-1]) if is_older else (self.orgs, self.credentials)
        url = make_url(database)._replace(password=None)
        mail_port, proxy = mail.port, {}
        if network:
            url = url.set(port=network.leading_to(url.port or 0))
            mail_port, proxy = network.leading_to(mail.port), {"proxy": network.proxy()}
        channel = {"type": "email", "host": "127.0.0.1", "port": mail_port, "security": "none", "sender": SENDER}
        settings = {
            "database": {"url": url.render_as_string(), "password": {"env": PASSWORD}},
            "history": {"signing_key": {"file": "signing.pem"}},
            "orgs": {org.name: self._configured_org(org) | proxy for org in orgs},
            "stores": {STORE: {"type": "files", "path": "store"}},
            "credentials": {
                each.name: {"org": each.org.name, "store": STORE, "username": USER, "apps": list(each.apps)}
                for each in credentials
            },
            "rotation": {"verification": self._verification()},
            "alerts": {"channels": {"mail": {**channel, "to": ["people@example.com"], "digest_from": 1000}}},
            "daemon": {
                "tick": "1s",
                "jitter": "0s",
                "first_rotations_after": "0s",
                "rotations_at_once": self.size.rotations_at_once,
                "back_off": {"first": "2s", "ceiling": "10s", "attention_after": 100},
            },
            # Of the simulated apps there is much to say, which would be told for minutes.
            "audit": {"alert_from": "high", "exceptions": [_key_is_shared(org) for org in orgs]},
            "http": {"port": 0},
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(settings, sort_keys=False))
        return path

    def _verification(self) -> dict[str, Any]:
        # The keys are never wrong here: a time-out would only tell how busy the machine is.
        hold = f"{self.size.hold}s"
        return {"confirmations": 2, "interval": "1s", "max_interval": "1s", "hold": hold, "timeout": "10m"}

    @staticmethod
    def _configured_org(org: Org) -> dict[str, Any]:
        login = {
            "client_id": org.app("Robot").client_id,
            "username": ROBOT,
            "private_key": {"file": "robot.pem"},
        }
        return {"login_url": org.url, "ca": "ca.pem", "login": login}

    def _org(self, number: int) -> Org:
        org = Org(f"org{number:03}", clock=utc_now, random=SystemRandom(), number=number + 1)
        org.add_user(ROBOT, may_use_metadata=True, profile="Certificate Rotation")
        org.add_user(USER, profile="Integration User")
        org.add_app("Robot", username=ROBOT, private_key=spare_key(0), certificate=_certificate(0, "Robot", LONG))
        for index in range(1, self.size.apps):
            left = SOON if index == self.size.apps - 1 and number < self.size.foreign else LONG
            name = f"App_{index:02}"
            # Those that a credential has get their own in `_managed`.
            org.add_app(name, username=USER, certificate=_certificate(1, f"{name} of {org.name}", left))
        return org

    def _managed(self, org: Org, number: int) -> Managed:
        """Every second one takes turns between two apps; the standby holds what ended the key of an earlier version."""
        name, apps = f"key{number:02}", ("App_01", "App_02")[: 1 + number % 2]
        key = spare_key(_FIRST_KEY + number)
        certificate = self_signed(key, SubjectName(name), now=utc_now(), lifetime=DUE)
        before = {apps[0]: certificate, **{app: throwaway(now=utc_now()) for app in apps[1:]}}
        for app, held in before.items():
            org.app(app).slot.changes.clear()
            org.put_certificate(app, held)
        old = KeyVersion(
            credential=name,
            org=org.name,
            app=apps[0],
            client_id=org.app(apps[0]).client_id,
            username=USER,
            login_url=org.url,
            audience=org.url,
            certificate=certificate,
            private_key=key,
            created_at=utc_now(),
            rotation_id="",
        )
        self.store.put_pending(old)
        self.store.promote(name, old.fingerprint, replaces=None)
        return Managed(name, org, apps, old, before)

    def foreign_apps(self) -> Iterator[tuple[str, str]]:
        """Org and app of the certificates that people have to see to."""
        for org in self.orgs[: self.size.foreign]:
            yield org.name, f"App_{self.size.apps - 1:02}"


def _key_is_shared(org: Org) -> dict[str, str]:
    return {"check": "key-shared", "org": org.name, "reason": "it is simulated", "until": "2099-01-01"}


def _certificate(key: int, subject: str, left: timedelta) -> Certificate:
    return self_signed(spare_key(key), SubjectName(subject), now=utc_now(), lifetime=left)


def _secret(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text)
