"""What a store holds of one credential, and does not give: it is told of that one, and the others are looked at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rotator.core.actor import Actor
from rotator.core.credentials import Fingerprint, KeyVersion, Stage, Stages, Version
from rotator.core.lifecycle.states import CredentialState
from rotator.core.severity import Severity
from rotator.errors import StoreError, StoreUnavailable
from rotator.history.last_observations import LastObservation
from rotator.services.inventory.credential_history import CredentialHistory
from rotator.services.schedule.context import ServiceContext, UnitOfWork
from rotator.services.schedule.findings import Findings
from rotator.testing.versions import MOMENT, make_version
from tests.tiers import standard_first
from tests.unit.services.inventory.scan_bench import World, entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rotator.core.alert import Alert
    from rotator.history.engine.database import Database
    from rotator.services.inventory.scan import Scan
    from tests.unit.services.inventory.scan_bench import Stored


def _no_adapters(*, limited: bool = False) -> AbstractContextManager[Any]:
    raise AssertionError(f"nothing is opened to tell of what was found (limited: {limited})")


@pytest.fixture
def tell(world: World, database: Database) -> Callable[[Scan], list[Alert]]:
    """Tells of an inventory, twice, and gives what is open then."""
    context = ServiceContext(
        world.settings, database, _no_adapters, now=lambda: MOMENT, random=lambda: 0.5, actor=Actor("rotator on a test")
    )
    history = UnitOfWork(world.settings, database)

    def told(found: Scan) -> list[Alert]:
        for _ in range(2):
            Findings(context, history, found).tell()
        return [alert for alert in history.alerts.open_alerts() if alert.kind in {"unreadable", "store"}]

    return told


def _in_use(world: World, *versions: KeyVersion) -> None:
    """The versions are live, and what else is configured has no certificate."""
    held = {version.app: version.certificate for version in versions}
    world.orgs["production"] = [entry(app, held.get(app)) for app in ("Billing", "Warehouse_A", "Warehouse_B")]


def _other_key(folder: Path) -> None:
    document = json.loads((folder / "credential.json").read_text("utf-8"))
    document["private_key"] = make_version().private_key.pem().reveal()
    (folder / "credential.json").write_text(json.dumps(document), "utf-8")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "half a key": lambda folder: (folder / "private_key.pem").write_bytes(
        (folder / "private_key.pem").read_bytes()[:90]
    ),
    "half a certificate": lambda folder: (folder / "certificate.pem").write_text("-----BEGIN CERTIFICATE-----\nMII"),
    "no certificate": lambda folder: (folder / "certificate.pem").unlink(),
    "an empty document": lambda folder: (folder / "credential.json").write_text(""),
    "another key": _other_key,
    "bytes": lambda folder: (folder / "credential.json").write_bytes(b"\xff\x00" * 40),
    "a later format": lambda folder: (folder / "credential.json").write_text('{"format": 2}'),
}


@pytest.mark.parametrize("damage", sorted(DAMAGES))
@pytest.mark.parametrize("stage", standard_first([Stage.CURRENT, Stage.PREVIOUS], [Stage.CURRENT]))
def test_a_damaged_version_is_an_alert_of_its_own_and_ends_with_the_damage(
    world: World, stored: Stored, tmp_path: Path, tell: Callable[[Scan], list[Alert]], stage: Stage, damage: str
) -> None:
    stored()
    current, other = stored(), stored("warehouse", "Warehouse_A")
    _in_use(world, current, other)
    fingerprint = getattr(world.files.stages("billing"), stage)
    folder = tmp_path / "store" / "billing" / "versions" / fingerprint
    whole = {file.name: file.read_bytes() for file in folder.iterdir()}
    DAMAGES[damage](folder)
    found = world.scan()
    [alert] = tell(found)
    assert (alert.credential, alert.store, alert.fingerprint) == ("billing", "keys", fingerprint)
    assert alert.title == f"The {stage} version of billing cannot be read from the store keys"
    assert alert.severity is (Severity.CRITICAL if stage is Stage.CURRENT else Severity.WARNING)
    states = {each.credential: each for each in found.credentials}
    assert (states["billing"].state, states["warehouse"].state) == (CredentialState.UNKNOWN, CredentialState.OK)
    if stage is Stage.PREVIOUS:
        assert states["billing"].life.not_after == current.certificate.not_after
    for name, content in whole.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    assert tell(world.scan()) == []


class Refusing:
    """A store that says no to some credentials."""

    def __init__(self, world: World, *names: str, error: type[StoreError] = StoreError) -> None:
        self.name = "keys"
        self._files = world.files
        self._names = names
        self._error = error
        self.asked: list[str] = []

    def stages(self, credential: str) -> Stages:
        self.asked.append(credential)
        if credential in self._names:
            raise self._error(f"The policy does not allow to read {credential}.", hint="Allow it.")
        return self._files.stages(credential)

    def read(self, credential: str, fingerprint: Fingerprint) -> Version:
        return self._files.read(credential, fingerprint)


def _scan_with(world: World, store: Refusing) -> Scan:
    world.store = lambda _: store  # type: ignore[assignment,return-value] # no more of a store is asked here
    return world.scan()


def test_a_store_that_says_no_to_one_credential_is_in_order_and_is_asked_for_the_others(
    world: World, stored: Stored, tell: Callable[[Scan], list[Alert]]
) -> None:
    current, other = stored(), stored("warehouse", "Warehouse_A")
    _in_use(world, current, other)
    store = Refusing(world, "billing")
    found = _scan_with(world, store)
    assert store.asked == ["billing", "warehouse"]
    [alert] = tell(found)
    assert (alert.title, alert.credential) == (
        "What is stored of billing cannot be read from the store keys",
        "billing",
    )
    assert alert.text == "The policy does not allow to read billing."
    assert {each.credential: each.state for each in found.credentials}["warehouse"] is CredentialState.OK
    assert tell(_scan_with(world, Refusing(world))) == []


@pytest.mark.parametrize("error", [StoreError, StoreUnavailable])
def test_a_store_that_says_no_to_all_is_one_alert(
    world: World, stored: Stored, tell: Callable[[Scan], list[Alert]], error: type[StoreError]
) -> None:
    _in_use(world, stored(), stored("warehouse", "Warehouse_A"))
    [alert] = tell(_scan_with(world, Refusing(world, "billing", "warehouse", error=error)))
    assert (alert.kind, alert.store, alert.credential) == ("store", "keys", None)


def test_a_store_that_is_away_for_a_moment_is_away_for_nobody_alone(
    world: World, stored: Stored, tell: Callable[[Scan], list[Alert]]
) -> None:
    _in_use(world, stored(), stored("warehouse", "Warehouse_A"))
    [alert] = tell(_scan_with(world, Refusing(world, "warehouse", error=StoreUnavailable)))
    assert alert.kind == "store"


def test_a_store_that_shows_another_orgs_credential_is_in_order(
    world: World, stored: Stored, tell: Callable[[Scan], list[Alert]]
) -> None:
    _in_use(world, stored())
    world.orgs["sandbox"] = [entry("Rotator", org="sandbox")]
    [of_store] = tell(_scan_with(world, Refusing(world, "billing", "warehouse")))
    assert of_store.kind == "store"
    seen = _scan_with(world, Refusing(world)).credentials[0].life.seen
    world.histories = {"management": CredentialHistory(last_observation=LastObservation(seen))}
    found = _scan_with(world, Refusing(world, "billing", "warehouse"))
    assert {(alert.kind, alert.credential) for alert in tell(found)} == {
        ("unreadable", "billing"), ("unreadable", "warehouse"),
    }  # fmt: skip


def test_while_the_store_is_away_a_damaged_version_is_not_taken_for_mended(
    world: World, stored: Stored, tmp_path: Path, tell: Callable[[Scan], list[Alert]]
) -> None:
    current = stored()
    _in_use(world, current)
    DAMAGES["half a key"](tmp_path / "store" / "billing" / "versions" / current.fingerprint)
    [damaged] = tell(world.scan())
    away = Refusing(world, "billing", "warehouse", error=StoreUnavailable)
    assert damaged.key in {alert.key for alert in tell(_scan_with(world, away))}
