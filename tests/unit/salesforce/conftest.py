"""Simulated orgs that run for the whole session, made new for every test; and the adapters that talk to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.certificates import Certificate, SubjectName, self_signed
from rotator.core.crypto.keys import PrivateKey
from rotator.core.retry import Waiting
from rotator.net.limits import Limits
from rotator.salesforce.apps.org_apps import OrgApps
from rotator.salesforce.login import LoginTarget
from rotator.salesforce.metadata import PATIENCE, MetadataService
from rotator.salesforce.session import Candidate, OrgSession
from rotator.salesforce.transport import Transport
from rotator.simulator.org.org import Org
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.serving.server import SimulatorServer
from tests.near_orgs import NearTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.simulator.org.apps import App

ROBOT = "robot@rotator.example"
CONSUMER = "billing@rotator.example"


@dataclass(frozen=True)
class Pair:
    """A key and a certificate over it."""

    key: PrivateKey
    certificate: Certificate


@pytest.fixture(scope="session")
def new_pair() -> Callable[[], Pair]:
    def make() -> Pair:
        key = PrivateKey.generate()
        subject = SubjectName("tests of the adapters")
        return Pair(key, self_signed(key, subject, now=datetime.now(UTC), lifetime=timedelta(days=90)))

    return make


@pytest.fixture(scope="session")
def pair(new_pair: Callable[[], Pair]) -> Pair:
    return new_pair()


@pytest.fixture(scope="session")
def other_pair(new_pair: Callable[[], Pair]) -> Pair:
    return new_pair()


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorServer]:
    def now() -> datetime:
        return datetime.now(UTC)

    seeded = Random(1)
    production = Org("production", clock=now, random=seeded, number=1)
    sandbox = Org("sandbox", "sandbox", clock=now, random=seeded, number=2)
    with SimulatorServer([production, sandbox]) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def production(simulator: SimulatorServer, pair: Pair) -> Org:
    return _made_new(simulator.org("production"), pair)


@pytest.fixture
def sandbox(simulator: SimulatorServer, pair: Pair) -> Org:
    return _made_new(simulator.org("sandbox"), pair)


def _made_new(org: Org, pair: Pair) -> Org:
    with org.lock:
        org.settings = OrgSettings()
        org.faults.clear()
        org.sessions.end_all()
        org.grants.clear()
        for remembered in (
            org.apps,
            org.external_apps,
            org.certificates,
            org.identity_providers,
            org.users,
            org.calls,
            org.logins,
        ):
            remembered.clear()
    org.add_user(ROBOT, may_use_metadata=True, profile="Robot")
    org.add_user(CONSUMER)
    org.add_app("Rotator", certificate=pair.certificate, username=ROBOT, private_key=pair.key)
    org.add_app("Billing", certificate=pair.certificate, username=CONSUMER, private_key=pair.key)
    return org


@pytest.fixture
def transport(simulator: SimulatorServer) -> Iterator[Transport]:
    opened = Transport(ca=simulator.ca_file, limits=Limits(connect=60.0, silence=60.0))
    yield opened
    opened.close()


@pytest.fixture
def near(production: Org) -> Iterator[Transport]:
    """Calls it without a connection, on which an answer that never comes is given up at once, and no other."""
    opened = NearTransport([production])
    yield opened
    opened.close()


@pytest.fixture
def impatient(simulator: SimulatorServer) -> Iterator[Transport]:
    """Gives an answer up after a tenth of a second."""
    opened = Transport(ca=simulator.ca_file, limits=Limits(connect=60.0, silence=0.1))
    yield opened
    opened.close()


@pytest.fixture
def now() -> Callable[[], datetime]:
    return lambda: datetime.now(UTC)


@pytest.fixture
def target() -> Callable[..., LoginTarget]:
    def make(org: Org, app: App, **changes: str | None) -> LoginTarget:
        fields = {"login_url": org.url, "client_id": app.client_id, "username": app.username, "audience": org.url}
        return LoginTarget(**{**fields, **changes})  # type: ignore[arg-type] # every app here has a username

    return make


@pytest.fixture
def open_session(
    transport: Transport, pair: Pair, target: Callable[..., LoginTarget], now: Callable[[], datetime]
) -> Callable[..., OrgSession]:
    def make(org: Org, *keys: PrivateKey, over: Transport = transport) -> OrgSession:
        robot = target(org, org.app("Rotator"))
        return OrgSession(org.name, over, lambda: [Candidate(robot, key) for key in keys or (pair.key,)], now)

    return make


@pytest.fixture
def pauses() -> list[float]:
    """The seconds that were slept, without sleeping them."""
    return []


@pytest.fixture
def metadata_of(pauses: list[float]) -> Callable[[OrgSession], MetadataService]:
    waiting = Waiting(PATIENCE, elapsed=lambda: sum(pauses), sleep=pauses.append, uniform=lambda _low, high: high)
    return lambda session: MetadataService(session, waiting)


@pytest.fixture
def apps(
    production: Org, open_session: Callable[..., OrgSession], metadata_of: Callable[[OrgSession], MetadataService]
) -> OrgApps:
    session = open_session(production)
    return OrgApps(session, metadata_of(session))
