"""The store type `aws`: `type: aws` in config.yaml, `aws:SECRET?...` in a consumer."""

# ruff: noqa: PLC0415 - see StorePlugin; boto3 costs a third of a second, cryptography, below it, 70 ms

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.stores.addresses import file_option, is_secure
from rotator.stores.plugins import Policies, StorePlugin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotator.core.usage.told_reports import LeavesReport
    from rotator.entry_points import Surroundings
    from rotator.stores.addresses import CredentialAddress
    from rotator.stores.aws.access import AwsAccess
    from rotator.stores.aws.policy import Ground
    from rotator.stores.aws.secrets_manager import AwsCalls
    from rotator.stores.aws.settings import AwsStoreSettings
    from rotator.stores.base import Reader, Store

_ADDRESSES: Final = ("endpoint_url", "sts_endpoint_url")
_OPTIONS: Final = frozenset({"region", "profile", "role", "external_id", "ca", *_ADDRESSES})
"""Of a consumer's address."""


def _settings() -> type[AwsStoreSettings]:
    from rotator.stores.aws.settings import AwsStoreSettings

    return AwsStoreSettings


def _open(name: str, settings: AwsStoreSettings, around: Surroundings) -> Store:
    from rotator.net.limits import Limits
    from rotator.stores.aws.access import AwsAccess
    from rotator.stores.aws.store import AwsStore, NewSecrets

    access = AwsAccess(
        region=settings.region,
        profile=settings.profile,
        role=settings.role,
        external_id=settings.external_id,
        endpoint_url=settings.endpoint_url,
        sts_endpoint_url=settings.sts_endpoint_url,
        ca=settings.ca,
        limits=Limits.of(settings.connect_timeout, settings.read_timeout, settings.total_timeout),
        attempts=settings.attempts,
    )
    calls = _calls(name, access, settings.ground, around)
    return AwsStore(name, calls, settings.prefix, NewSecrets(settings.create, settings.kms_key, settings.tags))


def _reader(address: CredentialAddress, around: Surroundings) -> Reader:
    from rotator.stores.aws.consumer_reader import AwsReader

    return AwsReader(*_of_address(address, around))


def _reporter(address: CredentialAddress, around: Surroundings) -> LeavesReport:
    from rotator.stores.aws.labels import AwsSecret
    from rotator.stores.aws.policy import REPORT_TAG

    secret = AwsSecret(*_of_address(address, around))

    def leave(consumer: str, line: str) -> None:
        secret.tag(f"{REPORT_TAG}{consumer}", line)

    return leave


def _of_address(address: CredentialAddress, around: Surroundings) -> tuple[AwsCalls, str]:
    from rotator.net.limits import Limits
    from rotator.stores.aws.access import AwsAccess
    from rotator.stores.aws.policy import Ground

    secret, options = address.parts(_OPTIONS)
    for option in _ADDRESSES:
        if option in options and not is_secure(options[option]):
            raise address.mistaken(f"needs an {option} that begins with https://")
    arn = secret.split(":") if secret.startswith("arn:") else []
    access = AwsAccess(
        region=options.get("region", arn[3] if len(arn) > 3 else None),
        profile=options.get("profile"),
        role=options.get("role"),
        external_id=options.get("external_id"),
        endpoint_url=options.get("endpoint_url"),
        sts_endpoint_url=options.get("sts_endpoint_url"),
        ca=file_option(options, "ca"),
        limits=Limits.for_patience(around.patience),
        # Who waits tries again for as long as its patience lasts, and no longer.
        attempts=1,
    )
    ground = Ground(prefix=secret, region=access.region, role=access.role)
    return _calls(secret, access, ground, around), secret


def _calls(name: str, access: AwsAccess, ground: Ground, around: Surroundings) -> AwsCalls:
    from rotator.stores.aws.access import AwsClients
    from rotator.stores.aws.secrets_manager import AwsCalls

    clients = AwsClients(access, around.user_agent, around.now)
    return AwsCalls(name, clients, ground, around.waiting(), around.before_change)


def _policies(settings: AwsStoreSettings, credentials: Sequence[str]) -> Policies:
    from rotator.stores.aws import policy

    ground, text = settings.ground, partial(json.dumps, indent=2)
    assuming = {f"whoever assumes {settings.role}": text(policy.for_whoever_assumes(ground))}
    return Policies(
        language="IAM policy",
        rotator=text(policy.for_rotator(ground)),
        consumers={name: text(policy.for_consumers(ground, name)) for name in credentials},
        others=assuming if settings.role else {},
    )


PLUGIN = StorePlugin(_settings, _open, _reader, _policies, _reporter)
