"""An org, stores and a configuration in which everything is as it should be, to be made wrong in one thing."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final

from rotator.config.loading import parse
from rotator.core.credentials import KeyVersion, SecretVersion, Stages
from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.retry import Waiting
from rotator.salesforce.login import LoginTarget
from rotator.salesforce.metadata import MetadataService
from rotator.salesforce.session import Candidate, OrgSession
from rotator.services.posture.auditing import Audit, audit
from rotator.simulator.org.org import Org
from rotator.simulator.org.schema.external_client_app import OAUTH_POLICIES, OAUTH_SETTINGS
from rotator.simulator.org.users import Profile
from rotator.testing.versions import MOMENT, make_secret_version, spare_key
from tests.near_orgs import NearTransport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rotator.config.settings import Settings
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.crypto.keys import PrivateKey
    from rotator.core.posture.assessment import Result
    from rotator.core.posture.judgements import Verdict
    from rotator.history.engine.database import Database
    from rotator.salesforce.transport import Transport
    from rotator.simulator.org.apps import ClientApp
    from rotator.simulator.org.components import Component
    from rotator.stores.base import Store

ROBOT: Final = "robot@rotator.example"
BILLING: Final = "billing@rotator.example"
SHIPPING: Final = "shipping@rotator.example"
URL: Final = "https://production.my.salesforce.example"
API_ONLY: Final = "Minimum Access - API Only Integrations"

CONFIGURATION: Final = f"""
database: sqlite:///rotator.db
orgs:
  production:
    login_url: {URL}
    login: {{credential: management}}
stores:
  team-vault: {{type: vault, address: "https://vault.example:8200", login: {{token: {{env: VAULT_TOKEN}}}}}}
  old-files: {{type: files, path: store}}
credentials:
  management: {{org: production, store: team-vault, username: {ROBOT}, apps: [Management_A, Management_B]}}
  billing: {{org: production, store: team-vault, username: {BILLING}, apps: [Billing_A, Billing_B]}}
  shipping: {{kind: client_secret, org: production, store: team-vault, username: {SHIPPING}, apps: [Shipping]}}
"""

API_ONLY_PROFILE: Final = Profile(frozenset({"ApiEnabled", "ApiUserOnly"}), "Salesforce Integration")
MANAGEMENT: Final = Profile(
    frozenset(
        {"ApiEnabled", "ApiUserOnly", "ViewSetup", "ModifyMetadata", "CustomizeApplication", "ManageRemoteAccess"}
    )
    | {"MonitorLoginHistory", "ExternalClientAppDeveloper", "ManageCustomPermissions", "ViewClientSecret"},
    "Salesforce Integration",
)


class Shelf:
    """A store of several credentials (`rotator.stores.base.Store`), as far as an audit reads it."""

    def __init__(self) -> None:
        self.current: dict[str, KeyVersion | SecretVersion] = {}
        self.refuses: Exception | None = None

    def stages(self, credential: str) -> Stages:
        if self.refuses:
            raise self.refuses
        version = self.current.get(credential)
        return Stages(current=version.fingerprint) if version else Stages()

    def read(self, credential: str, _fingerprint: str) -> KeyVersion | SecretVersion:
        return self.current[credential]


class SoundOrg:
    """Adapters over an org in memory; a test says what is not as it should be."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database: Final = database
        self.time = MOMENT
        self.org: Final = Org("production", clock=lambda: self.time, random=Random(1))
        self.org.url = URL
        self.text = CONFIGURATION
        self.config: Final = folder / "config.yaml"
        self.vault, self.files = Shelf(), Shelf()
        self.org.profiles["Rotator"] = MANAGEMENT
        self.org.add_user(ROBOT, may_use_metadata=True, profile="Rotator")
        for username in (BILLING, SHIPPING):
            self.org.add_user(username, profile=API_ONLY)
        self.org.add_user("admin@rotator.example", profile="System Administrator")
        for number, (credential, username) in enumerate((("management", ROBOT), ("billing", BILLING))):
            for side, app in enumerate((f"{credential.title()}_A", f"{credential.title()}_B")):
                self.add_app(app, username, self.certificate(spare_key(2 * number + side)))
            self.keep(credential, f"{credential.title()}_A", username, spare_key(2 * number))
        self.add_app("Shipping", SHIPPING, None)
        self.vault.current["shipping"] = make_secret_version("shipping", "Shipping", now=self.time)
        for app, username in (("Management_A", ROBOT), ("Billing_A", BILLING), ("Shipping", SHIPPING)):
            self.org.record_login(app, username, "Success")

    def certificate(self, key: PrivateKey, *, days: int = 365, age: int = 0) -> Certificate:
        """A certificate of a key, some days old."""
        now = self.time - timedelta(days=age)
        return self_signed(key, SubjectName("audit"), now=now, lifetime=timedelta(days=days), back_dating=timedelta())

    def add_app(self, name: str, username: str, certificate: Certificate | None) -> ClientApp:
        """An external client app as it should be."""
        app = self.org.add_external_app(name, certificate=certificate, username=username)
        app.part(OAUTH_SETTINGS.name)["commaSeparatedOauthScopes"] = "Api, RefreshToken"
        app.part(OAUTH_POLICIES.name)["refreshTokenPolicyType"] = "Zero"
        return app

    def add_connected_app(self, name: str, username: str, certificate: Certificate | None) -> Component:
        """A connected app as it should be, but for its kind; gives its component."""
        component = self.org.add_app(name, certificate=certificate, username=username).component
        component["oauthConfig"]["scopes"] = ["Api", "RefreshToken"]
        component["oauthPolicy"] = {"ipRelaxation": "ENFORCE", "refreshTokenPolicy": "zero"}
        return component

    def keep(
        self, credential: str, app: str, username: str, key: PrivateKey, certificate: Certificate | None = None
    ) -> None:
        """Puts a version into the vault."""
        client = next(each for each in self.org.client_apps if each.name == app)
        self.vault.current[credential] = KeyVersion(
            credential=credential,
            org="production",
            app=app,
            client_id=client.client_id,
            username=username,
            login_url=URL,
            audience=URL,
            certificate=certificate or client.live_certificate or self.certificate(key),
            private_key=key,
            created_at=self.time,
            rotation_id="",
        )

    def policies(self, app: str) -> Component:
        """The OAuth policies of an external client app, to be changed."""
        return self.org.external_app(app).part(OAUTH_POLICIES.name)

    def say(self, old: str, new: str) -> None:
        """Has config.yaml say something else."""
        assert old in self.text
        self.text = self.text.replace(old, new)

    @property
    def settings(self) -> Settings:
        return parse(self.text, self.config)

    def now(self) -> Any:
        return self.time

    def store(self, name: str) -> Store:
        shelf: Any = self.vault if name == "team-vault" else self.files
        return shelf  # type: ignore[no-any-return] # as much of one as is asked for

    def beside(self, _orgs: object) -> Callable[[], Any]:
        return lambda: nullcontext(self)

    def org_session(self, _name: str) -> OrgSession:
        own = self.vault.current["management"]
        assert isinstance(own, KeyVersion)
        target = LoginTarget(URL, own.client_id, ROBOT, URL)
        transport: Transport = NearTransport([self.org])
        return OrgSession("production", transport, lambda: [Candidate(target, own.private_key)], self.now)

    def metadata(self, org: str) -> MetadataService:
        waiting = Waiting(0.0, now=self.now, sleep=lambda _: None, elapsed=lambda: 0.0, uniform=lambda low, _: low)
        return MetadataService(self.org_session(org), replace(waiting, patience=10.0))

    def audit(self, *names: str) -> Audit:
        """What the audit says of it."""
        return audit(self, names)


def told(found: Audit, verdict: Verdict) -> list[tuple[str, str]]:
    """Check and subject of what has a verdict."""
    return sorted((each.check.name, each.subject) for each in found.results if each.verdict is verdict)


def one(found: Audit, check: str, subject: str) -> Result:
    """What a check came to."""
    [result] = [each for each in found.results if (each.check.name, each.subject) == (check, subject)]
    return result


def of_profile(sound: SoundOrg, *permissions: str, licence: str = "Salesforce Integration") -> None:
    """Gives the user of billing a profile with further permissions."""
    sound.org.profiles["Billing"] = Profile(frozenset({"ApiEnabled", "ApiUserOnly", *permissions}), licence)
    sound.org.users[BILLING].profile = "Billing"


def unused(sound: SoundOrg) -> None:
    """Nobody has logged in with billing for 91 days."""
    sound.org.logins.clear()
    sound.time += timedelta(days=91)
    for app, username in (("Management_A", ROBOT), ("Shipping", SHIPPING)):
        sound.org.record_login(app, username, "Success")
    sound.vault.current["shipping"] = make_secret_version("shipping", "Shipping", now=sound.time)
