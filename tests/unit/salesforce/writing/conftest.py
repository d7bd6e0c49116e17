"""A simulated org without a connection, whose time passes while somebody waits; and a writer of its components."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from rotator.config.settings import WriteMode
from rotator.core.crypto.certificates import Certificate, SubjectName, self_signed
from rotator.core.kept import Kept
from rotator.salesforce.login import LoginTarget
from rotator.salesforce.metadata import MetadataService
from rotator.salesforce.session import Candidate, OrgSession
from rotator.salesforce.writing.component_writer import ComponentWriter
from rotator.simulator.org.org import Org
from rotator.testing.versions import MOMENT, spare_key
from tests.near_orgs import NearTransport
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from rotator.salesforce.component import Component
    from rotator.simulator.org.settings import OrgSettings

ROBOT = "robot@rotator.example"
SETTINGS = "ExtlClntAppGlobalOauthSettings"
APP = "ConnectedApp"
PATIENCE = 600.0
_YEAR = timedelta(days=365)


@dataclass
class Log:
    """What was written down of deployments."""

    lines: list[str] = field(default_factory=list)

    def begins(self, component: str) -> None:
        self.lines.append(f"begins {component}")

    def begun(self, component: str, deployment: str) -> None:
        self.lines.append(f"begun {component} {deployment}")

    def ended(self) -> None:
        self.lines.append("ended")

    def unended(self) -> str | None:
        last = self.lines[-1] if self.lines else "ended"
        return None if last == "ended" else last.split()[2] if last.startswith("begun") else ""


@dataclass
class World:
    """The org, and what the program has to do with it."""

    time: VirtualTime
    org: Org
    certificates: tuple[Certificate, Certificate]
    log: Log = field(default_factory=Log)
    learnt: Kept[str] = field(default_factory=lambda: Kept(10))

    def session(self) -> OrgSession:
        """The login of a process that starts now."""
        target = LoginTarget(self.org.url, self.org.app("Robot").client_id, ROBOT, self.org.url)
        candidates = [Candidate(target, spare_key(0))]
        return OrgSession(self.org.name, NearTransport([self.org]), lambda: candidates, self.time.now)

    def metadata(self) -> MetadataService:
        """Its calls."""
        return MetadataService(self.session(), self.time.waiting(120.0))

    def writer(self, mode: WriteMode = WriteMode.DEPLOY) -> ComponentWriter:
        """What writes in a process that starts now."""
        return ComponentWriter(self.metadata(), mode, self.log, self.learnt, patience=PATIENCE)

    def component(self, metadata_type: str = APP, number: int = 1) -> Component:
        """The app whole, as it is read, with one of the two certificates."""
        name = "Billing" if metadata_type == APP else "Shipping_glbloauth"
        [component] = self.metadata().read(metadata_type, [name])
        assert component
        group = ("oauthConfig",) if metadata_type == APP else ()
        component.put(
            self.certificates[number].base64, *group, "certificate", after=("assetTokenConfig", "callbackUrl")
        )
        component.drop(*group, "consumerKey")
        return component

    def live(self, metadata_type: str = APP) -> int | None:
        """Which of the two certificates is live; None: none."""
        app: Any = self.org.app("Billing") if metadata_type == APP else self.org.external_app("Shipping")
        certificate = app.live_certificate
        return self.certificates.index(certificate) if certificate else None

    def passes(self, time: timedelta) -> None:
        """Time passes in which nobody calls."""
        self.time.passes(time.total_seconds())
        self.org.jobs.settle(self.time.now())


def new_world(settings: OrgSettings | None = None) -> World:
    """An org with an app of each kind, both with the first certificate."""
    time = VirtualTime(MOMENT)
    org = Org("production", clock=time.now, random=Random(1), settings=settings)
    org.url = "https://production.example"
    org.add_user(ROBOT, may_use_metadata=True)
    first, second = (
        self_signed(spare_key(number), SubjectName(f"number {number}"), now=MOMENT, lifetime=_YEAR)
        for number in range(2)
    )
    org.add_app("Robot", certificate=first, username=ROBOT)
    org.add_app("Billing", certificate=first)
    org.add_external_app("Shipping", certificate=first)
    return World(time, org, (first, second))


@pytest.fixture
def world() -> World:
    return new_world()
