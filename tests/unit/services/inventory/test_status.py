from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.config.settings import Settings
from rotator.core.credentials import Version
from rotator.errors import HistoryUnavailable, OrgUnavailable
from rotator.history.records import Rotation
from rotator.salesforce.apps.connected_app import App
from rotator.services.inventory.status import CredentialState, CredentialStatus, Past, StatusReader
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import MOMENT, make_version

if TYPE_CHECKING:
    from rotator.core.crypto.certificates import Certificate

Stored = Callable[..., Version]


class World:
    """What the apps hold, and how often orgs were asked."""

    def __init__(self, settings: Settings, store: FilesStore) -> None:
        self.settings = settings
        self.store = store
        self.live: dict[str, Certificate | None] = {}
        self.asked = 0
        self.away = False
        self.past: Callable[[str], Past] = lambda _: Past()

    def read_app(self, org: str, name: str) -> App | None:
        self.asked += 1
        if self.away:
            raise OrgUnavailable(f"The org {org} is down.", hint="Wait.")
        if name not in self.live:
            return None
        return App(name, name, "client id", self.live[name], component=None)

    def reader(self) -> StatusReader:
        return StatusReader(
            self.settings,
            read_app=self.read_app,
            store=lambda _: self.store,
            past=self.past,
            now=MOMENT,
        )

    def status(self, name: str = "billing") -> CredentialStatus:
        return self.reader().one(name)


@pytest.fixture
def world(settings: Settings, store: FilesStore) -> World:
    return World(settings, store)


def test_what_was_brought_back_is_not_due_before_its_grace_is_over(world: World, stored: Stored) -> None:
    world.live["Billing"] = stored(days=20).certificate
    last = Rotation(
        id="1",
        credential="billing",
        org="production",
        strategy="in_place",
        trigger="manual",
        actor="alex",
        goal="back",
        outcome="rotated",
        started_at=MOMENT,
    )
    world.past = lambda _: Past(last, MOMENT)
    assert world.status().due_at == MOMENT + timedelta(days=7)
    world.past = lambda _: Past(replace(last, goal="replace"), MOMENT)
    assert world.status().due_at == MOMENT - timedelta(days=10)


@pytest.mark.parametrize(
    ("days", "standing"), [(365, CredentialState.OK), (30, CredentialState.DUE), (0, CredentialState.EXPIRED)]
)
def test_a_live_current_version_stands_by_its_expiry(
    world: World, stored: Stored, days: int, standing: CredentialState
) -> None:
    version = stored(days=days)
    world.live["Billing"] = version.certificate
    status = world.status()
    assert status.standing is standing
    assert status.expires_at == version.certificate.not_after
    assert status.due_at == version.certificate.not_after - timedelta(days=30)
    assert status.live_certificate == version.certificate


def test_a_credential_without_a_current_version_is_not_stored(world: World) -> None:
    certificate = make_version().certificate
    world.live["Billing"] = certificate
    status = world.status()
    assert (status.standing, status.expires_at, status.due_at) == (
        CredentialState.UNSTORED,
        certificate.not_after,
        None,
    )


def test_a_live_certificate_that_nobody_knows_is_drift(world: World, stored: Stored) -> None:
    stored()
    for held in (make_version().certificate, None):
        world.live["Billing"] = held
        assert world.status().drift


def test_a_rotation_that_has_not_ended_is_no_drift(world: World, stored: Stored) -> None:
    stored()
    pending = make_version()
    world.store.put_pending(pending)
    world.live["Billing"] = pending.certificate
    assert world.status().standing is CredentialState.UNFINISHED


def test_of_a_pair_the_app_that_current_logs_in_through_counts(world: World, stored: Stored) -> None:
    version = stored("warehouse", "Warehouse_B")
    world.live |= {"Warehouse_A": make_version().certificate, "Warehouse_B": version.certificate}
    status = world.status("warehouse")
    assert (status.standing, status.live_certificate) == (CredentialState.OK, version.certificate)


def test_an_app_that_is_not_there_makes_the_standing_unknown(world: World, stored: Stored) -> None:
    stored()
    status = world.status()
    assert status.standing is CredentialState.UNKNOWN
    assert "shows no connected app Billing" in str(status.problem)
    assert status.current


def test_an_org_that_is_away_is_asked_once(world: World) -> None:
    world.away = True
    found = world.reader().all(["billing", "warehouse"])
    assert [status.standing for status in found] == [CredentialState.UNKNOWN, CredentialState.UNKNOWN]
    assert world.asked == 1


def test_all_credentials_are_read_unless_some_are_named(world: World) -> None:
    assert [status.credential for status in world.reader().all()] == ["billing", "warehouse", "management"]
    assert [status.credential for status in world.reader().all(["warehouse"])] == ["warehouse"]


def test_the_previous_version_is_kept_for_the_grace_period(world: World, stored: Stored) -> None:
    stored()
    version = stored()
    world.live["Billing"] = version.certificate
    assert world.status().previous_until is None
    world.past = lambda _: Past(last_promotion=MOMENT)
    assert world.status().previous_until == MOMENT + timedelta(days=7)


def test_a_history_that_is_away_leaves_the_rest_to_see(world: World, stored: Stored) -> None:
    def away(_: str) -> Past:
        raise HistoryUnavailable("The history is locked.", hint="Wait.")

    world.live["Billing"] = stored().certificate
    world.past = away
    status = world.status()
    assert status.standing is CredentialState.OK
    assert isinstance(status.problem, HistoryUnavailable)
