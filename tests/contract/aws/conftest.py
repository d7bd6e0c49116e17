"""AWS for tests: moto's server behind the strict layer, once a session, and a store with a prefix of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from rotator.stores.aws import AwsStore, NewSecrets
from rotator.stores.aws_access import AwsAccess, AwsClients
from rotator.stores.aws_calls import AwsCalls, Waiting
from rotator.stores.aws_kind import KIND
from rotator.stores.aws_policy import Ground
from rotator.stores.kinds import Surroundings
from tests.contract.servers.moto import moto_server
from tests.contract.servers.strict_aws import REGION, StrictAws, strict_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

_prefixes = count(1)


@dataclass
class VirtualTime:
    """A clock that goes on only while somebody sleeps."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


@dataclass
class AwsGround:
    """An address that answers like AWS, and stores there."""

    layer: StrictAws
    url: str
    time: VirtualTime
    prefix: str
    clients: AwsClients

    def store(self, new_secrets: NewSecrets | None = None, name: str = "cloud") -> AwsStore:
        """A store over connections that all tests share, as making a client takes a tenth of a second."""
        waiting = Waiting(self.time.now, self.time.sleep, lambda _low, high: high)
        calls = AwsCalls(name, self.clients, Ground(self.prefix, REGION), waiting)
        return AwsStore(name, calls, self.prefix, new_secrets or NewSecrets())

    def configured(self, **settings: Any) -> AwsStore:
        """A store as config.yaml would have it, with connections of its own."""
        usual = {"prefix": self.prefix, "region": REGION, "attempts": 1}
        where = {"endpoint_url": self.url, "sts_endpoint_url": self.url}
        read = KIND.settings.model_validate({"type": "aws", **usual, **where, **settings})
        around = Surroundings({}, now=self.time.now, sleep=self.time.sleep, uniform=lambda _low, high: high)
        store = KIND.open("cloud", read, around)
        assert isinstance(store, AwsStore)
        return store

    def labels(self, credential: str) -> dict[str, str]:
        """Label -> version id, as AWS keeps them."""
        return self.layer.labels(self.prefix + credential)

    def actions(self) -> list[str]:
        """What was called since it was asked last."""
        called, self.layer.calls = self.layer.calls, []
        return called


@pytest.fixture(scope="session")
def aws_address() -> Iterator[tuple[StrictAws, str]]:
    with moto_server() as moto, strict_aws(moto) as (layer, url):
        yield layer, url


@pytest.fixture(scope="session")
def aws_clients(aws_address: tuple[StrictAws, str]) -> AwsClients:
    access = AwsAccess(region=REGION, endpoint_url=aws_address[1], attempts=1)
    return AwsClients(access, "rotator/test", lambda: datetime.now(UTC))


@pytest.fixture(autouse=True)
def _caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-a-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-a-test")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def aws(aws_address: tuple[StrictAws, str], aws_clients: AwsClients) -> Iterator[AwsGround]:
    layer, url = aws_address
    layer.clear()
    yield AwsGround(layer, url, VirtualTime(), f"test-{next(_prefixes)}/", aws_clients)
    layer.clear()
