"""A consumer that uses the package's login sees no failed login while its credential is rotated."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from rotator import consumer
from rotator.consumer import DualKeyLogin, Waiting
from rotator.core.credentials import KeyVersion, Stage, Stages
from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.core.crypto.keys import PrivateKey
from rotator.errors import LoginRefused, OrgError, OrgUnavailable, StoreError, StoreUnavailable
from rotator.net.limits import Limits
from rotator.salesforce.transport import Transport
from rotator.simulator.org.org import Org
from rotator.simulator.org.settings import OrgSettings, Refusal
from rotator.simulator.serving.server import SimulatorServer
from rotator.simulator.wire.faults import Effect, Fault, Kind
from rotator.stores.files.store import FilesStore
from tests.tiers import longer
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.core.credentials import Fingerprint

USER = "billing@rotator.example"


class Shelf:
    """A store as a consumer sees it, that can be away or lose a version between two looks."""

    def __init__(self, **stages: KeyVersion) -> None:
        self.versions = {Stage(name): version for name, version in stages.items()}
        self.failures: list[StoreError] = []
        self.reads = 0

    def stages(self, _credential: str) -> Stages:
        return Stages(**{stage.value: version.fingerprint for stage, version in self.versions.items()})

    def read(self, _credential: str, fingerprint: Fingerprint) -> KeyVersion:
        self.reads += 1
        if self.failures:
            raise self.failures.pop(0)
        for version in self.versions.values():
            if version.fingerprint == fingerprint:
                return version
        raise StoreError("It is not there.", hint="")


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    seeded = Random(1)
    with SimulatorServer([Org("production", clock=lambda: datetime.now(UTC), random=seeded)]) as server:
        yield server


@pytest.fixture
def org(simulator: SimulatorServer) -> Org:
    org = simulator.org("production")
    org.settings = OrgSettings()
    org.faults.clear()
    org.logins.clear()
    org.apps.clear()
    org.add_user(USER)
    org.add_app("Billing", username=USER)
    org.add_app("Standby", username=USER)
    return org


@pytest.fixture
def transport(simulator: SimulatorServer) -> Iterator[Transport]:
    opened = Transport(ca=simulator.ca_file, limits=Limits(connect=60.0, silence=60.0))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def keys() -> list[PrivateKey]:
    return [PrivateKey.generate() for _ in range(3)]


def version(org: Org, key: PrivateKey, app: str = "Billing") -> KeyVersion:
    now = datetime.now(UTC)
    certificate = self_signed(key, SubjectName("tests of the consumer"), now=now, lifetime=timedelta(days=90))
    return KeyVersion(
        credential="billing",
        org="production",
        app=app,
        client_id=org.app(app).client_id,
        username=USER,
        login_url=org.url,
        audience=org.url,
        certificate=certificate,
        private_key=key,
        created_at=now,
        rotation_id="a-rotation",
    )


@pytest.fixture
def versions(org: Org, keys: list[PrivateKey]) -> list[KeyVersion]:
    made = [version(org, key) for key in keys]
    org.put_certificate("Billing", made[0].certificate)
    return made


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


def login_with(shelf: Shelf, transport: Transport, waiting: Waiting) -> DualKeyLogin:
    return consumer.from_store(shelf, "billing", transport=transport, waiting=waiting)


def outcomes(org: Org) -> list[str]:
    return [row.outcome for row in org.logins]


def test_the_current_version_logs_in_at_once(
    org: Org, versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    shelf = Shelf(current=versions[0], pending=versions[1])
    token = login_with(shelf, transport, time.waiting()).token()
    assert token.instance_url == org.url
    assert token.access_token.reveal().startswith(org.id[:15])
    assert token.access_token.reveal() not in repr(token)
    assert (shelf.reads, outcomes(org), time.slept) == (1, ["Success"], [])


def test_a_version_is_read_once_while_it_stands_in_a_stage(
    org: Org, versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    shelf = Shelf(current=versions[0])
    login = login_with(shelf, transport, time.waiting())
    for _ in range(3):
        login.token()
    assert shelf.reads == 1
    shelf.versions = {Stage.CURRENT: versions[1]}
    org.put_certificate("Billing", versions[1].certificate)
    login.token()
    shelf.versions = {Stage.CURRENT: versions[0]}
    org.put_certificate("Billing", versions[0].certificate)
    login.token()
    assert shelf.reads == 3


def test_pending_is_tried_when_current_does_not_match_then_previous(
    org: Org, versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    current, pending, previous = versions
    shelf = Shelf(current=current, pending=pending, previous=previous)
    org.put_certificate("Billing", pending.certificate)
    login_with(shelf, transport, time.waiting()).token()
    org.put_certificate("Billing", previous.certificate)
    login_with(shelf, transport, time.waiting()).token()
    mismatch = "invalid_grant: invalid assertion"
    assert outcomes(org) == [mismatch, "Success", mismatch, mismatch, "Success"]
    assert time.slept == []


@longer
@pytest.mark.parametrize("status", [400, 401])
def test_the_next_key_is_tried_too_when_the_org_has_other_words_for_a_wrong_one(
    org: Org, versions: list[KeyVersion], transport: Transport, time: VirtualTime, status: int
) -> None:
    words = Refusal("invalid_client", "invalid client credentials", status)
    org.settings = OrgSettings(propagation_seconds=60.0, flap_probability=0.5, refusals={"signature": words})
    org.put_certificate("Billing", versions[1].certificate)
    login = login_with(Shelf(current=versions[0], pending=versions[1]), transport, time.waiting())
    for _ in range(10):
        login.token()
    assert set(outcomes(org)) == {"Success", "invalid_client: invalid client credentials"}


@longer
def test_while_the_servers_of_an_org_disagree_the_keys_are_tried_round_and_round(
    org: Org, versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    org.settings = OrgSettings(propagation_seconds=60.0, flap_probability=0.5)
    org.put_certificate("Billing", versions[1].certificate)
    login = login_with(Shelf(current=versions[0], pending=versions[1]), transport, time.waiting())
    for _ in range(30):
        login.token()
    assert "invalid_grant: invalid assertion" in outcomes(org)


def test_the_store_is_read_anew_in_every_round(
    org: Org, versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    shelf = Shelf(current=versions[1])

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        shelf.versions[Stage.CURRENT] = versions[0]

    waiting = Waiting(60.0, elapsed=lambda: time.seconds, sleep=sleep, uniform=lambda low, _high: low)
    login_with(shelf, transport, waiting).token()
    assert outcomes(org) == ["invalid_grant: invalid assertion", "Success"]


def test_patience_ends_with_what_the_org_said_of_the_current_version(
    versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    login = login_with(Shelf(current=versions[1], previous=versions[2]), transport, time.waiting(10.0))
    with pytest.raises(LoginRefused) as caught:
        login.token()
    assert str(caught.value).startswith(
        f"The org refuses the login of billing ({USER} in the org production): invalid_grant: invalid assertion."
    )
    assert time.slept == [0.2, 0.4, 0.8, 1.6, 3.2]


def test_without_patience_every_key_is_tried_once(
    org: Org, versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    login = login_with(Shelf(current=versions[1], previous=versions[2]), transport, time.waiting(0.0))
    with pytest.raises(LoginRefused):
        login.token()
    assert len(org.logins) == 2
    assert time.slept == []


@pytest.mark.parametrize(
    ("error", "description", "hint"),
    [
        ("invalid_grant", "inactive user", "Activate the user"),
        ("invalid_grant", "user is locked", "Unlock the user"),
        ("invalid_client", "user is locked", "Unlock the user"),
        ("invalid_grant", "user hasn't approved this consumer", "Pre-authorise the user"),
        ("invalid_grant", "LOGIN_RATE_EXCEEDED: Login rate exceeded", "Wait an hour"),
        ("invalid_grant", "expired authorization code", "clock"),
        ("invalid_client_id", "client identifier invalid", "Check the consumer key"),
        ("something_new", "that nobody has seen", "salesforce-setup"),
    ],
)
def test_what_is_the_same_for_every_key_is_raised_at_once(
    org: Org,
    versions: list[KeyVersion],
    transport: Transport,
    time: VirtualTime,
    error: str,
    description: str,
    hint: str,
) -> None:
    org.settings = OrgSettings(refusals={"signature": Refusal(error, description)})
    with pytest.raises(LoginRefused, match=description) as caught:
        login_with(Shelf(current=versions[1], pending=versions[0]), transport, time.waiting()).token()
    assert hint in caught.value.hint
    assert (len(org.logins), time.slept) == (1, [])


def test_a_pending_version_whose_app_is_not_ready_hides_no_previous_one_that_is(
    org: Org, keys: list[PrivateKey], versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    pending = version(org, keys[1], app="Standby")
    del org.apps["Standby"]
    login_with(Shelf(current=versions[2], pending=pending, previous=versions[0]), transport, time.waiting()).token()
    assert outcomes(org)[1:] == ["invalid_client_id: client identifier invalid", "Success"]


@pytest.mark.parametrize("answer", ["http_503", "unknown_error"])
def test_an_org_that_is_away_is_waited_for(
    org: Org, versions: list[KeyVersion], transport: Transport, time: VirtualTime, answer: str
) -> None:
    org.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=2, answer=answer))
    login_with(Shelf(current=versions[0], pending=versions[1]), transport, time.waiting()).token()
    assert time.slept == [0.2, 0.4]


def test_an_org_that_stays_away_is_unavailable(
    org: Org, versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    org.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None))
    with pytest.raises(OrgUnavailable, match="No login for billing"):
        login_with(Shelf(current=versions[0]), transport, time.waiting()).token()
    assert sum(time.slept) <= 60.0


def test_a_store_that_is_away_is_waited_for(
    versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    shelf = Shelf(current=versions[0])
    shelf.failures = [StoreUnavailable("The store is away.", hint="")]
    login_with(shelf, transport, time.waiting()).token()
    assert time.slept == [0.2]


def test_a_store_that_stays_away_is_unavailable(
    versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    shelf = Shelf(current=versions[0])
    shelf.failures = [StoreUnavailable("The store is away.", hint="")] * 100
    with pytest.raises(StoreUnavailable):
        login_with(shelf, transport, time.waiting()).token()


def test_a_version_that_a_rotation_took_away_between_two_looks_is_passed_over(
    versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    shelf = Shelf(current=versions[2], previous=versions[0])
    looks = iter([shelf.stages(""), Stages(previous=versions[0].fingerprint)])
    shelf.stages = lambda _credential: next(looks)  # type: ignore[method-assign] # a rotation in between
    shelf.failures = [StoreError("It is not there.", hint="")]
    login_with(shelf, transport, time.waiting()).token()


def test_a_damaged_version_is_said(versions: list[KeyVersion], transport: Transport, time: VirtualTime) -> None:
    shelf = Shelf(current=versions[0])
    shelf.failures = [StoreError("The stored version is damaged.", hint="")]
    with pytest.raises(StoreError, match="damaged"):
        login_with(shelf, transport, time.waiting()).token()
    assert time.slept == []


def test_beside_a_damaged_version_the_others_are_tried(
    versions: list[KeyVersion], transport: Transport, time: VirtualTime
) -> None:
    shelf = Shelf(current=versions[1], previous=versions[0])
    shelf.failures = [StoreError("The stored version is damaged.", hint="")]
    login_with(shelf, transport, time.waiting()).token()
    assert time.slept == []


def test_an_empty_store_is_said_at_once(transport: Transport, time: VirtualTime) -> None:
    with pytest.raises(StoreError, match="holds no version to log in with"):
        login_with(Shelf(), transport, time.waiting()).token()
    assert time.slept == []


def test_an_org_that_is_not_trusted_has_refused_nothing(versions: list[KeyVersion], time: VirtualTime) -> None:
    with closing(Transport()) as without_ca, pytest.raises(OrgError, match="is not trusted") as caught:
        login_with(Shelf(current=versions[0]), without_ca, time.waiting()).token()
    assert not isinstance(caught.value, LoginRefused)
    assert "refuses" not in caught.value.message
    assert "ca=PATH" in caught.value.hint


@longer
def test_a_rotation_in_place_in_the_files_store_breaks_no_login(
    org: Org, versions: list[KeyVersion], simulator: SimulatorServer, time: VirtualTime, tmp_path: Path
) -> None:
    store = FilesStore("keys", tmp_path / "keys")
    old, new = versions[0], versions[1]
    store.put_pending(old)
    store.promote("billing", old.fingerprint, replaces=None)
    login = consumer.from_files(tmp_path / "keys", "billing", ca=simulator.ca_file, waiting=time.waiting())
    login.token()
    store.put_pending(new)
    login.token()
    org.settings = OrgSettings(propagation_seconds=60.0, flap_probability=0.5)
    org.put_certificate("Billing", new.certificate)
    for _ in range(10):
        login.token()
    store.promote("billing", new.fingerprint, replaces=old.fingerprint)
    for _ in range(10):
        login.token()
    org.settings = OrgSettings()
    store.retire("billing", old.fingerprint)
    login.token()


@longer
def test_a_consumer_loads_nothing_heavy() -> None:
    heavy = (
        "zeep",
        "lxml",
        "simple_salesforce",
        "sqlalchemy",
        "rich",
        "pydantic",
        "tenacity",
        "click",
        "boto3",
        "hvac",
        "yaml",
    )
    program = (
        "import sys, rotator.consumer; rotator.consumer.login('files:/srv/keys#billing');"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
