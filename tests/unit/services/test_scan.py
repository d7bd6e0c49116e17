from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from rotator.config.settings import Settings
from rotator.core.certificates import Certificate, throwaway
from rotator.core.credentials import Stage, Version
from rotator.errors import HistoryUnavailable, OrgUnavailable, StoreError
from rotator.history.records import Sighting
from rotator.salesforce.inventory import InventoryEntry
from rotator.services.scan import FoundApp, Scan, scan
from rotator.services.states import State
from rotator.stores.base import Store
from rotator.stores.files import FilesStore
from rotator.testing.versions import MOMENT, make_version

Stored = Callable[..., Version]


def entry(
    app: str, certificate: Certificate | None = None, *, org: str = "production", unreadable: bool = False
) -> InventoryEntry:
    return InventoryEntry(
        org=org,
        app=app,
        app_type="ConnectedApp",
        client_id=f"client id of {app}",
        certificate=certificate,
        unreadable=unreadable,
        last_modified_by="Ada",
        last_modified_at=MOMENT,
    )


class World:
    """Orgs as a test wants them, and what was recorded of them."""

    def __init__(self, settings: Settings, store: FilesStore) -> None:
        self.settings = settings
        self.files = store
        self.orgs: dict[str, Sequence[InventoryEntry] | OrgUnavailable] = {"production": [], "sandbox": []}
        self.recorded: list[Sighting] = []

    def read_org(self, name: str) -> Sequence[InventoryEntry]:
        entries = self.orgs[name]
        if isinstance(entries, OrgUnavailable):
            raise entries
        return entries

    def store(self, _: str) -> Store:
        return self.files

    def scan(self) -> Scan:
        return scan(self.settings, read_org=self.read_org, store=self.store, record=self.recorded.append, now=MOMENT)

    def found(self, app: str) -> FoundApp:
        return next(line for line in self.scan().apps if line.app == app)


@pytest.fixture
def world(settings: Settings, store: FilesStore) -> World:
    return World(settings, store)


def test_an_app_of_no_credential_is_found_and_unmanaged(world: World) -> None:
    certificate = make_version().certificate
    world.orgs["production"] = [entry("Legacy", certificate)]
    found = world.found("Legacy")
    assert (found.managed_by, found.stage, found.drift, found.state) == (None, None, False, State.OK)
    assert found.certificate == certificate


def test_a_live_certificate_is_known_by_its_stage(world: World, stored: Stored) -> None:
    first, second = stored(), stored()
    for version, stage in ((second, Stage.CURRENT), (first, Stage.PREVIOUS)):
        world.orgs["production"] = [entry("Billing", version.certificate)]
        found = world.found("Billing")
        assert (found.managed_by, found.stage, found.drift) == ("billing", stage, False)


def test_a_live_certificate_that_nobody_knows_is_drift(world: World, stored: Stored) -> None:
    stored()
    world.orgs["production"] = [entry("Billing", make_version().certificate)]
    assert world.found("Billing").drift
    world.orgs["production"] = [entry("Billing", None)]
    assert world.found("Billing").drift


def test_an_app_that_nobody_has_adopted_yet_has_not_drifted(world: World) -> None:
    world.orgs["production"] = [entry("Billing", make_version().certificate)]
    found = world.found("Billing")
    assert (found.managed_by, found.drift) == ("billing", False)


def test_the_resting_app_of_a_pair_has_not_drifted(world: World, stored: Stored) -> None:
    current = stored("warehouse", "Warehouse_A")
    for resting in (throwaway(now=MOMENT), None):
        world.orgs["production"] = [entry("Warehouse_A", current.certificate), entry("Warehouse_B", resting)]
        assert not world.found("Warehouse_B").drift
    world.orgs["production"] = [
        entry("Warehouse_A", current.certificate),
        entry("Warehouse_B", make_version().certificate),
    ]
    assert world.found("Warehouse_B").drift


def test_names_of_apps_match_in_any_case(world: World) -> None:
    world.orgs["production"] = [entry("BILLING")]
    assert world.found("BILLING").managed_by == "billing"


def test_a_certificate_is_expiring_when_it_is_due(world: World) -> None:
    for days, state in ((31, State.OK), (30, State.EXPIRING), (1, State.EXPIRING), (0, State.EXPIRED)):
        made_at = MOMENT - timedelta(days=100)
        certificate = make_version(now=made_at, lifetime=timedelta(days=100 + days)).certificate
        world.orgs["production"] = [entry("Legacy", certificate)]
        assert world.found("Legacy").state is state


def test_an_app_without_a_certificate_has_none(world: World) -> None:
    world.orgs["production"] = [entry("Onboarding")]
    assert world.found("Onboarding").state is State.NONE


def test_an_unreadable_app_is_listed_and_not_recorded(world: World, stored: Stored) -> None:
    stored()
    world.orgs["production"] = [entry("Billing", unreadable=True)]
    found = world.found("Billing")
    assert (found.state, found.drift) == (State.UNREADABLE, False)
    assert world.recorded == []


def test_a_configured_app_that_the_org_does_not_show_is_listed(world: World) -> None:
    world.orgs["production"] = [entry("Warehouse_A")]
    found = world.found("Warehouse_B")
    assert (found.managed_by, found.state) == ("warehouse", State.UNREADABLE)


def test_an_org_that_is_away_hides_no_other(world: World) -> None:
    world.orgs["production"] = OrgUnavailable("The org is down.", advice="Wait.")
    world.orgs["sandbox"] = [entry("Rotator", org="sandbox")]
    result = world.scan()
    assert FoundApp("production", None) in result.apps
    assert any(line.app == "Rotator" for line in result.apps)
    assert [problem.where for problem in result.problems] == ["org production"]


def test_everything_that_was_seen_is_recorded(world: World) -> None:
    certificate = make_version().certificate
    world.orgs["production"] = [entry("Billing", certificate), entry("Onboarding")]
    world.scan()
    with_certificate, without = world.recorded
    assert with_certificate.certificate_fingerprint == certificate.fingerprint
    assert (with_certificate.not_before, with_certificate.not_after) == (certificate.not_before, certificate.not_after)
    assert with_certificate.serial == certificate.serial_number
    assert (without.app, without.certificate_fingerprint, without.app_modified_by) == ("Onboarding", None, "Ada")


def test_a_history_that_is_away_hides_no_app(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Sighting) -> None:
        raise HistoryUnavailable("The disk is full.", advice="Make room.")

    monkeypatch.setattr(world, "recorded", type("Full", (), {"append": staticmethod(full)}))
    world.orgs["production"] = [entry("Legacy")]
    result = world.scan()
    assert any(line.app == "Legacy" for line in result.apps)
    assert [problem.where for problem in result.problems] == ["history"]


def test_a_store_that_refuses_hides_no_app_and_shows_no_drift(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> Store:
        raise StoreError("The store is readable by others.", advice="chmod 700")

    monkeypatch.setattr(world, "store", refuse)
    world.orgs["production"] = [entry("Billing", make_version().certificate)]
    result = world.scan()
    found = next(line for line in result.apps if line.app == "Billing")
    assert (found.managed_by, found.stage, found.drift) == ("billing", None, False)
    assert {problem.where for problem in result.problems} == {"store keys"}
