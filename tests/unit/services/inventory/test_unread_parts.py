"""What is known of a credential of which a part cannot be read, and whom that is laid to."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from rotator.config.loading import parse
from rotator.core.credentials import Fingerprint, Stage, Stages
from rotator.core.observed import Kind, KnownVersion, ObservedApp, ObservedCertificate, ObservedCredential
from rotator.errors import HistoryUnavailable, OrgError, OrgUnavailable, StoreError
from rotator.history.last_observations import LastObservation
from rotator.salesforce.inventory.reading import Unread
from rotator.services.inventory import scan as scan_module
from rotator.services.inventory.credential_history import CredentialHistory
from rotator.services.inventory.status import Problem, StatusReader
from rotator.testing.versions import MOMENT, make_version
from tests.unit.services.conftest import CONFIGURATION
from tests.unit.services.inventory.scan_bench import entry, last, unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from rotator.config.settings import Settings
    from rotator.core.credentials import KeyVersion
    from rotator.services.inventory.scan import Scan
    from rotator.services.inventory.status import CredentialStatus
    from tests.unit.services.inventory.scan_bench import World

NO = StoreError("The store says no.")


class Reading:
    """A store in which some versions are damaged, orgs that show some apps, and what the history knows."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.versions: dict[str, KeyVersion] = {}
        self.stages: dict[str, Stages] = {}
        self.damaged: set[str] = set()
        self.apps: dict[str, ObservedCertificate] = {}
        self.away: OrgError | None = None
        self.histories: dict[str, CredentialHistory] = {}

    def holds(self, name: str, **staged: KeyVersion) -> None:
        self.versions |= {version.fingerprint: version for version in staged.values()}
        self.stages[name] = Stages(**{stage: Fingerprint(version.fingerprint) for stage, version in staged.items()})

    def was_seen(self, name: str, *apps: ObservedApp, problem: str = "", **versions: KnownVersion) -> None:
        seen = ObservedCredential({app.name: app for app in apps}, **versions)  # type: ignore[arg-type]
        self.histories[name] = CredentialHistory(last_observation=LastObservation(seen, problem=problem))

    def read(self, _name: str, fingerprint: str) -> KeyVersion:
        if fingerprint in self.damaged:
            raise NO
        return self.versions[fingerprint]

    def read_app(self, _org: str, name: str) -> ObservedCertificate | None:
        if self.away:
            raise self.away
        return self.apps.get(name)

    def store(self, _name: str) -> Any:
        return SimpleNamespace(stages=self._stages, read=self.read)

    def _stages(self, name: str) -> Stages:
        if name in self.damaged:
            raise NO
        return self.stages.get(name, Stages())

    def reader(self) -> StatusReader:
        return StatusReader(
            self.settings, read_app=self.read_app, store=self.store, histories=lambda: self.histories, now=MOMENT
        )

    def status(self, name: str = "billing") -> CredentialStatus:
        return self.reader().one(name)

    def blamed(self, *names: str) -> list[str]:
        reader = self.reader()
        reader.all(names)
        return [each.where for each in reader.problems]


@pytest.fixture
def reading(settings: Settings) -> Reading:
    return Reading(settings)


def test_of_a_credential_that_was_never_seen_the_store_tells_what_its_org_does_not(reading: Reading) -> None:
    version = make_version()
    reading.holds("billing", current=version)
    reading.away = OrgUnavailable("away")
    status = reading.status()
    assert status.current == KnownVersion.of(version)
    assert status.life.seen
    assert not status.life.seen.apps["Billing"].readable
    assert status.stages == {"pending": None, "current": version.fingerprint, "previous": None}


def test_where_current_cannot_be_read_it_is_shown_as_it_was_last_seen(reading: Reading) -> None:
    current, previous = make_version(), make_version()
    reading.holds("billing", current=current, previous=previous)
    reading.apps["Billing"] = entry("Billing", current.certificate)
    reading.was_seen("billing", ObservedApp("Billing"), current=KnownVersion.of(current))
    for damaged, is_previous_shown in ((current, False), (previous, False), (None, True)):
        reading.damaged = {damaged.fingerprint} if damaged else set()
        status = reading.status()
        assert status.current == KnownVersion.of(current)
        assert (status.stages["previous"] == previous.fingerprint) == is_previous_shown
        assert (status.problem is None) == (damaged is None)
    reading.damaged = {previous.fingerprint}
    assert reading.status().life.seen != reading.histories["billing"].last_observation.seen


def test_what_logins_have_shown_of_an_app_counts_while_the_org_hides_its_certificate(reading: Reading) -> None:
    version = make_version()
    reading.holds("billing", current=version)
    hidden = replace(entry("Billing", kind=Kind.EXTERNAL_APP), client_id="another")
    reading.apps["Billing"] = hidden
    proven = ObservedApp("Billing", hidden=True, live=Fingerprint(version.fingerprint))
    reading.was_seen("billing", proven, current=KnownVersion.of(version))
    seen = reading.status().life.seen
    assert seen
    assert seen.apps["Billing"] == replace(proven, with_old_client_id=(version.fingerprint,))


def test_who_has_an_app_that_is_not_shown_or_not_named_is_told_what_to_do(reading: Reading) -> None:
    reading.holds("billing", current=make_version())
    problem = reading.status().problem
    assert problem
    assert problem.hint == "`rotator check` tells more."
    reading.holds("billing", current=make_version(app="Of_Old"))
    reading.apps["Billing"] = entry("Billing")
    problem = reading.status().problem
    assert problem
    assert (problem.effect, problem.hint) == (
        "Nothing was touched.",
        "Keep the app in `apps` until no stored version is for it.",
    )


def test_without_a_current_version_the_certificate_of_its_app_stands_for_it(reading: Reading) -> None:
    assert reading.status().fingerprint == ""
    certificate = make_version().certificate
    reading.apps["Billing"] = entry("Billing", certificate)
    assert reading.status().fingerprint == certificate.fingerprint


def test_a_version_that_cannot_be_read_is_its_credentials_trouble_alone(reading: Reading) -> None:
    version = make_version()
    reading.holds("billing", current=version)
    reading.damaged = {version.fingerprint}
    assert reading.blamed("billing") == ["credential billing"]


def test_a_store_that_says_no_to_one_is_in_order_where_it_shows_another_of_whatever_org(reading: Reading) -> None:
    reading.damaged = {"billing"}
    assert reading.blamed("billing") == ["store keys"]
    assert reading.blamed("billing", "warehouse") == ["credential billing"]
    shown = ObservedApp("Warehouse_A")
    reading.was_seen("warehouse", shown)
    assert reading.blamed("billing") == ["store keys"], "it is looked at each time its org is"
    reading.was_seen("management", shown, problem="It says no.")
    assert reading.blamed("billing") == ["store keys"]
    reading.was_seen("management", shown)
    assert reading.blamed("billing") == ["credential billing"]


def test_what_another_store_shows_says_nothing_of_this_one(tmp_path: Path) -> None:
    text = CONFIGURATION.replace("stores: {keys:", "stores: {others: {type: files, path: others}, keys:")
    text = text.replace("{org: sandbox, store: keys", "{org: sandbox, store: others")
    reading = Reading(parse(text, tmp_path / "config.yaml"))
    reading.damaged = {"billing"}
    reading.was_seen("management", ObservedApp("Rotator"))
    assert reading.blamed("billing") == ["store keys"]


def why(world: World, name: str = "billing") -> str:
    return {each.credential: each.why_unknown for each in world.scan().credentials}[name]


def test_why_an_app_cannot_be_read_is_said_of_it_and_of_no_other(world: World) -> None:
    world.orgs["production"] = [unreadable("Billing"), unreadable("Warehouse_A"), entry("Warehouse_B")]
    world.unread = (
        Unread(Kind.APP, OrgError("Warehouse_A is damaged."), "Warehouse_A"),
        Unread(Kind.APP, OrgError("Billing is damaged."), "billing"),
    )
    assert (why(world), why(world, "warehouse")) == ("Billing is damaged.", "Warehouse_A is damaged.")
    told = {(each.type, each.app) for each in world.scan().problems}
    assert told >= {(Kind.APP, "Warehouse_A"), (Kind.APP, "billing")}


def test_an_app_that_nobody_lists_is_not_shown(world: World) -> None:
    world.orgs["production"] = [
        entry("Warehouse_A"),
        entry("Warehouse_B"),
        entry("Billing", kind=Kind.IDENTITY_PROVIDER),
    ]
    assert "has no app Billing" in why(world)
    assert "Warehouse" not in why(world)


def test_a_client_secret_that_could_not_be_read_is_listed_in_its_place(world: World) -> None:
    billing = world.settings.credentials["billing"].model_copy(update={"kind": "client_secret"})
    credentials = {**world.settings.credentials, "billing": billing}
    world.settings = world.settings.model_copy(update={"credentials": credentials})

    def refuse(_: str) -> Any:
        raise NO

    world.store = refuse  # type: ignore[method-assign]
    [place] = [each.seen for each in world.scan().certificates if each.seen.type == Kind.CLIENT_SECRET]
    assert (place.org, place.app, place.is_readable) == ("production", "Billing", False)
    world.known = [last(replace(place, is_readable=True))]
    found = world.scan()
    assert found.vanished == (), "that it cannot be read does not say that it is gone"
    assert [each.seen.is_readable for each in found.certificates if each.seen.type == Kind.CLIENT_SECRET] == [False]


def test_a_stage_is_named_by_what_stands_in_it(reading: Reading) -> None:
    pending, current = make_version(), make_version()
    reading.holds("billing", pending=pending, current=current)
    assert {stage: reading.status().stages[stage] for stage in Stage} == {
        Stage.PENDING: pending.fingerprint,
        Stage.CURRENT: current.fingerprint,
        Stage.PREVIOUS: None,
    }


def test_only_what_nothing_of_an_org_could_be_read_for_is_its_failure(world: World) -> None:
    world.orgs["production"] = [unreadable("Billing")]
    world.unread = (Unread(Kind.APP, OrgError("Billing is damaged."), "Billing"),)

    def refuse(_: str) -> Any:
        raise NO

    world.store = refuse  # type: ignore[method-assign]
    found = world.scan()
    assert len(found.problems) > 1
    assert (found.failure, found.history_failure) == (None, None)


FULL = HistoryUnavailable("The disk is full.")


def test_a_history_that_cannot_be_written_is_a_problem_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Scan] = []

    def fail(_database: object, found: Scan, _now: object) -> None:
        written.append(found)
        raise FULL

    monkeypatch.setattr(scan_module, "write_down", fail)
    program = cast("Any", SimpleNamespace(database=None, now=lambda: MOMENT))
    found = world.scan()
    told = scan_module.recorded(program, found)
    assert (told.problems, told.history_failure) == ((*found.problems, Problem("history", FULL)), FULL)
    assert scan_module.recorded(program, told) is told
    world.orgs["production"] = OrgUnavailable("away")
    away = world.scan()
    assert scan_module.recorded(program, away) is away
    assert written == [found, told], "of an org that is away there is nothing to write down"


def test_each_org_is_looked_at_with_what_was_seen_there_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, str]] = []

    def last_sightings(database: object, org: str) -> list[ObservedCertificate]:
        asked.append((database, org))
        return []

    monkeypatch.setattr(scan_module, "last_sightings", last_sightings)
    monkeypatch.setattr(scan_module, "write_down", lambda *_: None)
    secret = world.settings.credentials["billing"].model_copy(update={"kind": "client_secret"})
    credentials = {**world.settings.credentials, "billing": secret}
    pairs: list[tuple[str, str]] = []

    def read_pairs(org: str, app: str) -> Any:
        pairs.append((org, app))
        raise OrgError("It shows none.")

    opened: list[threading.Thread] = []

    class Program(SimpleNamespace):
        @property
        def database(self) -> str:
            opened.append(threading.current_thread())
            return "the history"

    program: Any = Program(
        settings=world.settings.model_copy(update={"credentials": credentials}),
        now=lambda: MOMENT,
        inventory=world.read_org,
        store=world.store,
        histories=dict,
        read_pairs=read_pairs,
        beside=lambda _: lambda: nullcontext(program),
    )
    found = scan_module.scans(program, MOMENT)
    assert [each.org for each in found] == ["production", "sandbox"]
    assert sorted(asked) == [("the history", "production"), ("the history", "sandbox")]
    assert pairs == [("production", "Billing")]
    assert opened[0] is threading.current_thread(), "it is opened once, before the threads need it"
