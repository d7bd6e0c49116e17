"""Versions for tests: whole, cheap, and different from each other."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import KeyVersion, SecretVersion
from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed
from rotator.core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

MOMENT: Final = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
"""The time at which the versions are made, unless told otherwise."""

POOL: Final = 6
"""How many key pairs the versions of one process take turns with."""

_keys: Final[dict[int, PrivateKey]] = {}
_turns: Final[Iterator[int]] = count()


def spare_key(index: int) -> PrivateKey:
    """An RSA 2048 key that is made once a process (some 60 ms): the same for the same index, another for another."""
    if index not in _keys:
        _keys[index] = PrivateKey.generate()
    return _keys[index]


def make_version(
    credential: str = "billing",
    app: str = "Billing",
    key: PrivateKey | None = None,
    now: datetime = MOMENT,
    lifetime: timedelta = timedelta(days=365),
) -> KeyVersion:
    """A new whole version; its fingerprint differs from every other's, its key from those of the last few."""
    private_key = key or spare_key(next(_turns) % POOL)
    return KeyVersion(
        credential=credential,
        org="production",
        app=app,
        client_id=f"consumer-key-of-{app}",
        username="integration@example.com",
        login_url="https://example.my.salesforce.com",
        audience="https://login.salesforce.com",
        certificate=self_signed(private_key, SubjectName(f"{credential} test"), now=now, lifetime=lifetime),
        private_key=private_key,
        created_at=now,
        rotation_id="rotation-of-a-test",
    )


def make_secret_version(
    credential: str = "billing",
    app: str = "Billing",
    client_secret: Secret | None = None,
    now: datetime = MOMENT,
    lifetime: timedelta = timedelta(days=90),
) -> SecretVersion:
    """A new client secret; its fingerprint differs from every other's."""
    number = next(_turns)
    return SecretVersion(
        credential=credential,
        org="production",
        app=app,
        client_id=f"consumer-key-{number}-of-{app}",
        username="integration@example.com",
        login_url="https://example.my.salesforce.com",
        client_secret=client_secret or Secret(hashlib.sha256(str(number).encode()).hexdigest()),
        valid_until=now + lifetime,
        created_at=now,
        rotation_id="rotation-of-a-test",
    )
