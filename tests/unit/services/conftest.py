"""Settings with one credential of each strategy, and a store to keep their versions in."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from rotator.config.loading import parse
from rotator.config.settings import Settings
from rotator.core.credentials import Version
from rotator.history.engine.database import Database
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import MOMENT, make_version
from tests.unit.services.bench import Bench

CONFIGURATION = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://example.my.salesforce.com
    login: {client_id: key, username: rotator@example.com, private_key: {env: ROTATOR_KEY}}
  sandbox:
    login_url: https://example--uat.sandbox.my.salesforce.com
    login: {credential: management}
stores: {keys: {type: files, path: store}}
credentials:
  billing: {org: production, store: keys, username: billing@example.com, apps: [Billing]}
  warehouse: {org: production, store: keys, username: w@example.com, apps: [Warehouse_A, Warehouse_B]}
  management: {org: sandbox, store: keys, username: rotator@example.com.uat, apps: [Rotator]}
"""

YEAR = timedelta(days=365)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return parse(CONFIGURATION, tmp_path / "config.yaml")


@pytest.fixture
def store(tmp_path: Path) -> FilesStore:
    return FilesStore("keys", tmp_path / "store")


@pytest.fixture
def stored(store: FilesStore) -> Callable[..., Version]:
    """Makes a version with this many days left, and makes it current in the store."""

    def make(credential: str = "billing", app: str = "Billing", days: int = 365) -> Version:
        version = make_version(credential, app, now=MOMENT - YEAR, lifetime=YEAR + timedelta(days=days))
        store.put_pending(version)
        store.promote(credential, version.fingerprint, replaces=store.stages(credential).current)
        return version

    return make


@pytest.fixture
def one(settings: Settings, database: Database) -> Bench:
    """One app, whose key is stored and live."""
    bench = Bench(settings, database, "billing")
    bench.use("Billing")
    return bench


@pytest.fixture
def pair(settings: Settings, database: Database) -> Bench:
    """Two apps, the first of which is in use."""
    bench = Bench(settings, database, "warehouse")
    bench.use("Warehouse_A")
    return bench
