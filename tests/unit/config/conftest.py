"""A sound configuration, and the mistakes that a changed one has."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rotator.config.loading import parse
from rotator.config.settings import Settings
from rotator.errors import ConfigurationError

SOUND = """\
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login:
      client_id: consumer-key
      username: rotator@example.com
      private_key: {file: keys/management.pem}
  sandbox:
    login_url: https://example--uat.sandbox.my.salesforce.com
    login: {credential: management}
stores:
  keys: {type: files, path: store}
credentials:
  billing:
    org: production
    store: keys
    username: billing@example.com
    apps: [Billing]
  warehouse:
    org: production
    store: keys
    username: warehouse@example.com
    apps: [Warehouse_A, Warehouse_B]
  management:
    org: sandbox
    store: keys
    username: rotator@example.com.uat
    apps: [Rotator]
"""

FILE = Path("/etc/rotator/config.yaml")


@pytest.fixture
def sound() -> str:
    return SOUND


@pytest.fixture
def settings() -> Callable[..., Settings]:
    """Reads the sound configuration with some of its text replaced, and something appended."""

    def read(changes: dict[str, str] | None = None, more: str = "") -> Settings:
        return parse(_changed(changes, more), FILE)

    return read


@pytest.fixture
def refusal() -> Callable[..., str]:
    """What is said of the sound configuration with some of its text replaced, and something appended."""

    def read(changes: dict[str, str] | None = None, more: str = "") -> str:
        with pytest.raises(ConfigurationError) as caught:
            parse(_changed(changes, more), FILE)
        return caught.value.message

    return read


def _changed(changes: dict[str, str] | None, more: str) -> str:
    text = SOUND
    for old, new in (changes or {}).items():
        assert old in text
        text = text.replace(old, new, 1)
    return text + more
