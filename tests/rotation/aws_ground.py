"""The ground for trials with the keys in AWS, as a strict server answers."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from rotator.stores.aws import AwsStore, NewSecrets
from rotator.stores.aws_calls import AwsCalls, Waiting
from rotator.stores.aws_policy import Ground as AwsPolicyGround
from rotator.stores.aws_secret import CURRENT, PLACEHOLDER
from tests.contract.aws.stores import ENVIRONMENT, FORGOTTEN, new_prefix, running_aws
from tests.contract.servers.strict_aws import REGION
from tests.rotation.ground import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rotator.application import Application
    from rotator.stores.base import Store
    from tests.contract.aws.stores import AwsServer
    from tests.rotation.moments import Moment
    from tests.rotation.trials import Watcher

CREDENTIALS: Final = ("billing", "warehouse")
"""Those whose secrets are kept with a moment."""

Versions = dict[str, tuple[str, list[str]]]
"""Version id -> what it holds, and its labels."""


@dataclass
class AwsRotationGround(Ground):
    """Like any other ground; each trial's secrets have a prefix of their own."""

    aws: AwsServer | None = None
    prefix: str = ""
    """The trial's."""
    kept_secrets: dict[Path, dict[str, Versions]] = field(default_factory=dict)
    """What was in AWS at each kept moment, by its files."""

    @property
    def store(self) -> Store:
        """See Ground."""
        assert self.aws
        waiting = Waiting(self.clock.now, self.clock.sleep, lambda _low, high: high)
        calls = AwsCalls("keys", self.aws.clients, AwsPolicyGround(self.prefix, REGION), waiting)
        return AwsStore("keys", calls, self.prefix, NewSecrets())

    @property
    def store_settings(self) -> str:
        """See Ground."""
        assert self.aws
        return f"{{type: aws, prefix: {self.prefix}, region: {REGION}, endpoint_url: '{self.aws.url}'}}"

    @contextmanager
    def program(self, watcher: Watcher | None = None) -> Iterator[Application]:
        """See Ground. Its connection is shared like that to the org: making a client costs more than a trial."""
        with super().program(watcher) as app:
            app._stores["keys"] = self.store
            yield app

    def kept(self, credential: str) -> set[str]:
        """See Ground. A version without a label is AWS's to delete, and nobody reads it."""
        return {
            version
            for version, (_, labels) in self._versions(credential).items()
            if labels and not version.startswith(PLACEHOLDER)
        }

    def keep(self, key: tuple[object, ...], number: int, ever: frozenset[str]) -> Moment:
        """See Ground."""
        moment = super().keep(key, number, ever)
        self.kept_secrets[moment.files] = {name: self._versions(name) for name in CREDENTIALS}
        return moment

    def _replace_files(self, files: Path | None) -> None:
        super()._replace_files(files)
        self.prefix = new_prefix()
        for credential, versions in self.kept_secrets.get(files, {}).items() if files else ():
            self._put_back(credential, versions)
            assert self._versions(credential) == versions

    def _versions(self, credential: str) -> Versions:
        assert self.aws
        layer, secret = self.aws.layer, self.prefix + credential
        if not layer.labels(secret):
            return {}
        found = layer.ask("DescribeSecret", SecretId=secret)["VersionIdsToStages"]
        return {
            version: (layer.ask("GetSecretValue", SecretId=secret, VersionId=version)["SecretString"], sorted(labels))
            for version, labels in found.items()
        }

    def _put_back(self, credential: str, versions: Versions) -> None:
        assert self.aws
        layer, secret = self.aws.layer, self.prefix + credential
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
def aws_ground(ground: Ground) -> Iterator[AwsRotationGround]:
    """The same org, history and clock, with another store."""
    with pytest.MonkeyPatch.context() as patch, running_aws() as server:
        for name in FORGOTTEN:
            patch.delenv(name, raising=False)
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        yield AwsRotationGround(
            ground.server, ground.folder, ground.migrated, ground.clock, ground.transport, ground.database, aws=server
        )
