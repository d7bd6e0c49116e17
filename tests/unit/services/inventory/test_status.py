from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.config.settings import Settings
from rotator.core.attempts import AttemptBackOff, AttemptRecord
from rotator.core.credentials import KeyVersion
from rotator.core.decision.options import RotationOptions
from rotator.core.lifecycle.states import CredentialState
from rotator.core.observed import ObservedCertificate
from rotator.core.severity import Severity
from rotator.errors import ConfigurationError, HistoryUnavailable, OrgUnavailable, StoreError
from rotator.history.last_observations import LastObservation
from rotator.history.records import Rotation
from rotator.services.inventory.credential_history import CredentialHistory
from rotator.services.inventory.remarks import remark_on
from rotator.services.inventory.status import CredentialStatus, StatusReader
from rotator.stores.base import Store
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import MOMENT, make_version

if TYPE_CHECKING:
    from rotator.core.crypto.certificates import Certificate

Stored = Callable[..., KeyVersion]

BEGUN = Rotation(
    id="1",
    credential="billing",
    org="production",
    strategy="in_place",
    trigger="manual",
    actor="alex",
    started_at=MOMENT,
)


class World:
    """What the apps hold, and how often orgs were asked."""

    def __init__(self, settings: Settings, store: FilesStore) -> None:
        self.settings = settings
        self.store: Callable[[str], Store] = lambda _: store
        self.live: dict[str, Certificate | None] = {}
        self.asked = 0
        self.away = False
        self.history: dict[str, CredentialHistory] = {}

    def read_app(self, org: str, name: str) -> ObservedCertificate | None:
        self.asked += 1
        if self.away:
            raise OrgUnavailable(f"The org {org} is down.", hint="Wait.")
        return ObservedCertificate(org=org, app=name).holding(self.live[name]) if name in self.live else None

    def histories(self) -> Mapping[str, CredentialHistory]:
        return self.history

    def reader(self) -> StatusReader:
        return StatusReader(
            self.settings,
            read_app=self.read_app,
            store=self.store,
            histories=self.histories,
            now=MOMENT,
        )

    def status(self, name: str = "billing") -> CredentialStatus:
        return self.reader().one(name)


@pytest.fixture
def world(settings: Settings, store: FilesStore) -> World:
    return World(settings, store)


@pytest.mark.parametrize(
    ("days", "state", "urgency"),
    [
        (365, CredentialState.OK, None),
        (30, CredentialState.DUE, None),
        (2, CredentialState.DUE, Severity.CRITICAL),
        (0, CredentialState.EXPIRED, Severity.CRITICAL),
    ],
)
def test_the_state_of_a_live_current_version_follows_from_its_expiry(
    world: World, stored: Stored, days: int, state: CredentialState, urgency: Severity | None
) -> None:
    version = stored(days=days)
    world.live["Billing"] = version.certificate
    status = world.status()
    assert (status.state, status.urgency) == (state, urgency)
    assert status.life.not_after == version.certificate.not_after
    assert status.life.due_at == version.certificate.not_after - timedelta(days=30)
    assert status.live
    assert status.live.fingerprint == status.fingerprint == version.fingerprint


def test_a_credential_without_a_current_version_is_not_stored(world: World) -> None:
    certificate = make_version().certificate
    world.live["Billing"] = certificate
    status = world.status()
    assert (status.state, status.life.not_after, status.life.due_at) == (
        CredentialState.UNSTORED,
        certificate.not_after,
        None,
    )
    assert status.urgency is Severity.INFO


def test_a_credential_that_is_in_its_store_no_more_is_lost(world: World) -> None:
    world.live["Billing"] = make_version().certificate
    world.history["billing"] = CredentialHistory(last_promotion=MOMENT)
    status = world.status()
    assert (status.state, status.urgency) == (CredentialState.UNSTORED, Severity.CRITICAL)


def test_a_live_certificate_that_is_not_ours_to_expect_is_drift(world: World, stored: Stored) -> None:
    previous, _ = stored(), stored()
    for held in (make_version().certificate, None, previous.certificate):
        world.live["Billing"] = held
        assert world.status().drift


def test_what_is_said_of_drift_names_what_the_app_holds_also_where_its_place_was_not_read(
    world: World, stored: Stored
) -> None:
    """As for `rotate plan`, which knows what a decision knows."""
    stored()
    for held, said in ((make_version().certificate, None), (None, "no certificate")):
        world.live["Billing"] = held
        remark = remark_on(replace(world.status(), apps=()), MOMENT)
        assert remark
        expected = said or (held.fingerprint[:12] if held else "")
        assert remark.sentence == f"The app Billing holds {expected}, which is not ours to expect."


def test_a_rotation_that_has_not_ended_is_unfinished_and_no_drift(
    world: World, store: FilesStore, stored: Stored
) -> None:
    version, pending = stored(), make_version()
    world.live["Billing"] = version.certificate
    world.history["billing"] = CredentialHistory(last_rotation=BEGUN)
    assert world.status().state is CredentialState.UNFINISHED

    world.history.clear()
    store.put_pending(pending)
    for held in (version, pending):
        world.live["Billing"] = held.certificate
        assert world.status().state is CredentialState.UNFINISHED


def test_of_a_pair_the_app_that_current_logs_in_through_counts(world: World, stored: Stored) -> None:
    version = stored("warehouse", "Warehouse_B")
    world.live |= {"Warehouse_A": make_version().certificate, "Warehouse_B": version.certificate}
    status = world.status("warehouse")
    assert (status.state, status.app) == (CredentialState.OK, "Warehouse_B")


def test_an_app_that_is_not_there_makes_the_state_unknown(world: World, stored: Stored) -> None:
    version = stored()
    status = world.status()
    assert (status.state, status.urgency) == (CredentialState.UNKNOWN, Severity.WARNING)
    assert "shows no app Billing" in str(status.problem)
    assert status.fingerprint == version.fingerprint


def test_an_app_that_the_configuration_does_not_name_makes_the_state_unknown(world: World, stored: Stored) -> None:
    stored(app="Of_Old")
    world.live["Billing"] = make_version().certificate
    status = world.status()
    assert status.state is CredentialState.UNKNOWN
    assert isinstance(status.problem, ConfigurationError)


def test_what_cannot_be_read_now_is_shown_as_it_was_last_seen(world: World, stored: Stored) -> None:
    version = stored(days=2)
    world.live["Billing"] = version.certificate
    world.history["billing"] = CredentialHistory(last_observation=LastObservation(world.status().life.seen))

    def away(_: str) -> Store:
        raise StoreError("The store is away.", hint="Wait.")

    world.store = away
    status = world.status()
    assert (status.state, status.urgency) == (CredentialState.UNKNOWN, Severity.CRITICAL)
    assert (status.life.not_after, status.why_unknown) == (version.certificate.not_after, "The store is away.")


def test_an_org_that_is_away_is_asked_once(world: World) -> None:
    world.away = True
    found = world.reader().all(["billing", "warehouse"])
    assert [status.state for status in found] == [CredentialState.UNKNOWN, CredentialState.UNKNOWN]
    assert world.asked == 1


def test_all_credentials_are_read_unless_some_are_named(world: World) -> None:
    assert [status.credential for status in world.reader().all()] == ["billing", "warehouse", "management"]
    assert [status.credential for status in world.reader().all(["warehouse"])] == ["warehouse"]


def test_the_previous_version_is_kept_for_the_grace_period(world: World, stored: Stored) -> None:
    first = stored()
    world.live["Billing"] = first.certificate
    assert world.status().life.previous_until is None
    second = stored()
    world.live["Billing"] = second.certificate
    assert world.status().life.previous_until == second.created_at + timedelta(days=7)
    world.history["billing"] = CredentialHistory(last_promotion=MOMENT)
    assert world.status().life.previous_until == MOMENT + timedelta(days=7)


@pytest.mark.parametrize(
    ("rotation", "is_kept"),
    [
        (BEGUN, True),
        (replace(BEGUN, options=RotationOptions(retire_now=True)), False),
        (replace(BEGUN, trigger="compromised"), False),
        (replace(BEGUN, trigger="compromised", finished_at=MOMENT, outcome="rotated"), True),
    ],
)
def test_the_rotation_under_way_may_end_the_previous_version_at_once(
    world: World, stored: Stored, rotation: Rotation, is_kept: bool
) -> None:
    stored()
    world.live["Billing"] = stored().certificate
    world.history["billing"] = CredentialHistory(last_rotation=rotation, last_promotion=MOMENT)
    assert world.status().life.previous_until == (MOMENT + timedelta(days=7) if is_kept else None)


def test_what_fails_until_a_person_acts_is_a_warning(world: World, stored: Stored) -> None:
    world.live["Billing"] = stored().certificate
    failed = AttemptRecord("rotate", "billing").failed(
        MOMENT, AttemptBackOff(attention_after=1), problem="No.", lasting=True
    )
    world.history["billing"] = CredentialHistory(attempt=failed)
    status = world.status()
    assert (status.state, status.urgency) == (CredentialState.OK, Severity.WARNING)


def test_a_history_that_is_away_leaves_the_rest_to_see(
    world: World, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Mapping[str, CredentialHistory]:
        raise HistoryUnavailable("The history is locked.", hint="Wait.")

    world.live["Billing"] = stored().certificate
    monkeypatch.setattr(world, "histories", away)
    status = world.status()
    assert (status.state, status.why_unknown) == (CredentialState.OK, "")
    assert isinstance(status.problem, HistoryUnavailable)
