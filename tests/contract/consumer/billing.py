"""The credential whose consumers log in here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import KeyVersion
from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.testing.versions import spare_key

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org

USER: Final = "billing@rotator.example"
NAME: Final = "billing"


def billing_version(org: Org, index: int) -> KeyVersion:
    """A version of it with a key of its own for each index."""
    key, now = spare_key(index), datetime.now(UTC)
    return KeyVersion(
        credential=NAME,
        org="production",
        app="Billing",
        client_id=org.app("Billing").client_id,
        username=USER,
        login_url=org.url,
        audience=org.url,
        certificate=self_signed(key, SubjectName("tests of consumers"), now=now, lifetime=timedelta(days=90)),
        private_key=key,
        created_at=now,
        rotation_id="a-rotation",
    )
