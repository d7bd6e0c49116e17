"""A simulated org with a clock that stands still, and keys made once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed
from rotator.simulator.oauth.login_checks import GRANT_TYPE
from rotator.simulator.org.org import Org
from tests.unit.simulator.helpers import START, KeyPair, StandingClock, seeded

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def key_pairs() -> tuple[KeyPair, ...]:
    """Three key pairs with certificates that are valid for a year from START."""

    def make(name: str) -> KeyPair:
        key = PrivateKey.generate()
        return key, self_signed(key, SubjectName(name), now=START, lifetime=timedelta(days=365))

    return make("first"), make("second"), make("third")


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def org(clock: StandingClock, key_pairs: tuple[KeyPair, ...]) -> Org:
    """An org with a management app and one app `Billing`, both over the first key pair."""
    org = Org("production", clock=clock, random=seeded(1))
    org.url = "https://127.0.0.1:8443"
    key, certificate = key_pairs[0]
    org.add_user("admin@acme.example", may_use_metadata=True, profile="System Administrator")
    org.add_user("billing@acme.example")
    org.add_app("Management", certificate=certificate, username="admin@acme.example", private_key=key)
    org.add_app("Billing", certificate=certificate, username="billing@acme.example", private_key=key)
    return org


@pytest.fixture
def assertion(org: Org, clock: StandingClock, key_pairs: tuple[KeyPair, ...]) -> Callable[..., dict[str, str]]:
    """Makes the form of a login through Billing; claims, key and algorithm can be given."""

    def make(*, key: PrivateKey = key_pairs[0][0], algorithm: str = "RS256", **claims: Any) -> dict[str, str]:
        usual = {
            "iss": org.app("Billing").client_id,
            "sub": "billing@acme.example",
            "aud": org.url,
            "exp": int(clock().timestamp()) + 180,
        }
        wanted = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return {"grant_type": GRANT_TYPE, "assertion": jwt.encode(wanted, key.signing_key(), algorithm)}

    return make
