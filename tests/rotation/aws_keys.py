"""Keys for scenarios in AWS, as a strict server answers."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from rotator.core.retry import Waiting
from rotator.stores.aws.labels import PLACEHOLDER
from rotator.stores.aws.policy import CURRENT, Ground
from rotator.stores.aws.secrets_manager import AwsCalls
from rotator.stores.aws.store import AwsStore, NewSecrets
from tests.contract.servers.strict_aws import REGION
from tests.contract.stores.aws.stores import ENVIRONMENT, FORGOTTEN, new_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.application import Application
    from rotator.stores.base import Store
    from tests.contract.stores.aws.stores import AwsServer
    from tests.rotation.ground import Clock

CREDENTIALS: Final = ("billing", "warehouse")
"""Those whose secrets are kept with a moment."""

Versions = dict[str, tuple[str, list[str]]]
"""Version id -> what it holds, and its labels."""


@dataclass
class AwsKeys:
    """Keys in AWS, under another prefix for each scenario."""

    server: AwsServer
    clock: Clock
    prefix: str = ""
    """The scenario's."""
    moments: dict[Path, dict[str, Versions]] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """See Keys."""
        waiting = Waiting(30.0, self.clock.now, self.clock.elapsed, self.clock.sleep, lambda _low, high: high)
        calls = AwsCalls("keys", self.server.clients, Ground(self.prefix, REGION), waiting)
        return AwsStore("keys", calls, self.prefix, NewSecrets())

    @property
    def settings(self) -> str:
        """See Keys."""
        return f"{{type: aws, prefix: {self.prefix}, region: {REGION}, endpoint_url: '{self.server.url}'}}"

    def equip(self, app: Application) -> None:
        """See Keys. A client of AWS takes a tenth of a second to make."""
        app._stores["keys"] = self.store

    def kept(self, credential: str) -> set[str]:
        """See Keys. A version without a label is AWS's to delete, and nobody reads it."""
        return {
            version
            for version, (_, labels) in self._versions(credential).items()
            if labels and not version.startswith(PLACEHOLDER)
        }

    def keep(self, files: Path) -> None:
        """See Keys."""
        self.moments[files] = {name: self._versions(name) for name in CREDENTIALS}

    def go_back(self, files: Path | None) -> None:
        """See Keys."""
        self.prefix = new_prefix()
        for credential, versions in self.moments[files].items() if files else ():
            self._put_back(credential, versions)
            assert self._versions(credential) == versions

    def _versions(self, credential: str) -> Versions:
        layer, secret = self.server.layer, self.prefix + credential
        if not layer.labels(secret):
            return {}
        found = layer.ask("DescribeSecret", SecretId=secret)["VersionIdsToStages"]
        return {
            version: (layer.ask("GetSecretValue", SecretId=secret, VersionId=version)["SecretString"], sorted(labels))
            for version, labels in found.items()
        }

    def _put_back(self, credential: str, versions: Versions) -> None:
        layer, secret = self.server.layer, self.prefix + credential
        for version, (value, labels) in sorted(versions.items(), key=lambda item: CURRENT not in item[1][1]):
            if CURRENT in labels:
                layer.ask("CreateSecret", Name=secret, ClientRequestToken=version, SecretString=value)
            stages = labels or ["of nobody"]
            layer.ask(
                "PutSecretValue", SecretId=secret, ClientRequestToken=version, SecretString=value, VersionStages=stages
            )
            if not labels:
                layer.ask(
                    "UpdateSecretVersionStage",
                    SecretId=secret,
                    VersionStage="of nobody",
                    RemoveFromVersionId=version,
                )


@contextmanager
def aws_keys(server: AwsServer, clock: Clock) -> Iterator[AwsKeys]:
    """Keys on this server, for whoever calls as somebody that a test made up."""
    with pytest.MonkeyPatch.context() as patch:
        for name in FORGOTTEN:
            patch.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        server.layer.clear()
        yield AwsKeys(server, clock)
