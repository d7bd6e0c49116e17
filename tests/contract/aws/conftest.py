"""AWS for tests: moto's server behind the strict layer, once a session, and a store with a prefix of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from rotator.stores.aws import AwsStore
from rotator.stores.aws_kind import KIND
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

    def store(self, **settings: Any) -> AwsStore:
        """A store as config.yaml would have it; with connections of its own."""
        read = KIND.settings.model_validate(
            {
                "type": "aws",
                "prefix": self.prefix,
                "region": REGION,
                "endpoint_url": self.url,
                "sts_endpoint_url": self.url,
                "attempts": 1,
                **settings,
            }
        )
        around = Surroundings(
            environ={},
            now=self.time.now,
            sleep=self.time.sleep,
            uniform=lambda _low, high: high,
            user_agent="rotator/test",
        )
        store = KIND.open("cloud", read, around)
        assert isinstance(store, AwsStore)
        return store

    def labels(self, credential: str) -> dict[str, str]:
        """Label -> version id, as AWS keeps them."""
        return self.layer.labels(self.prefix + credential)


@pytest.fixture(scope="session")
def aws_address() -> Iterator[tuple[StrictAws, str]]:
    with moto_server() as moto, strict_aws(moto) as (layer, url):
        yield layer, url


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
def aws(aws_address: tuple[StrictAws, str]) -> Iterator[AwsGround]:
    layer, url = aws_address
    layer.clear()
    yield AwsGround(layer, url, VirtualTime(), f"test-{next(_prefixes)}/")
    layer.clear()
