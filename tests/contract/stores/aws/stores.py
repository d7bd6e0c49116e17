"""AWS for tests: moto behind the strict layer, and stores there with a prefix of their own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from rotator.entry_points import Surroundings
from rotator.stores.aws.access import AwsAccess, AwsClients
from rotator.stores.aws.plugin import PLUGIN
from rotator.stores.aws.policy import Ground
from rotator.stores.aws.secrets_manager import AwsCalls
from rotator.stores.aws.store import AwsStore, NewSecrets
from tests.contract.servers import moto
from tests.contract.servers.strict_aws import REGION, StrictAws, strict_aws
from tests.virtual_time import VirtualTime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.servers.moto import Ask

ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "key-of-a-test",
    "AWS_SECRET_ACCESS_KEY": "secret-of-a-test",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""As whom the tests call, and that nothing of this machine says otherwise."""
FORGOTTEN: Final = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")

_prefixes: Final = count(1)


def new_prefix() -> str:
    """A prefix that no other test of this session has."""
    return f"test-{next(_prefixes)}/"


@dataclass(frozen=True)
class AwsServer:
    """An address that answers like AWS."""

    layer: StrictAws
    url: str
    clients: AwsClients
    """Shared by all tests: making a client takes a tenth of a second."""


@contextmanager
def running_aws(ask_moto: Ask = moto.answer) -> Iterator[AwsServer]:
    """moto and the layer before it, while they answer."""
    with strict_aws(ask_moto) as (layer, url):
        access = AwsAccess(region=REGION, endpoint_url=url, attempts=1)
        yield AwsServer(layer, url, AwsClients(access, "rotator/test", lambda: datetime.now(UTC)))


@dataclass
class AwsGround:
    """Stores in AWS, with a prefix of their own."""

    server: AwsServer
    time: VirtualTime = field(default_factory=VirtualTime)
    prefix: str = field(default_factory=new_prefix)

    @property
    def layer(self) -> StrictAws:
        """The rules and the faults."""
        return self.server.layer

    def store(self, new_secrets: NewSecrets | None = None, name: str = "cloud") -> AwsStore:
        """A store over the connections that all tests share."""
        waiting = self.time.waiting(30.0)
        calls = AwsCalls(name, self.server.clients, Ground(self.prefix, REGION), waiting)
        return AwsStore(name, calls, self.prefix, new_secrets or NewSecrets())

    def configured(self, **settings: Any) -> AwsStore:
        """A store as config.yaml would have it, with connections of its own."""
        usual = {"prefix": self.prefix, "region": REGION, "attempts": 1}
        where = {"endpoint_url": self.server.url, "sts_endpoint_url": self.server.url}
        read = PLUGIN.settings().model_validate({"type": "aws", **usual, **where, **settings})
        around = Surroundings({}, self.time.now, self.time.sleep, lambda _low, high: high, elapsed=self.time.elapsed)
        store = PLUGIN.open("cloud", read, around)
        assert isinstance(store, AwsStore)
        return store

    def labels(self, credential: str) -> dict[str, str]:
        """Label -> version id, as AWS keeps them."""
        return self.layer.labels(self.prefix + credential)

    def actions(self) -> list[str]:
        """What was called since it was asked last."""
        called, self.layer.calls = self.layer.calls, []
        return called
