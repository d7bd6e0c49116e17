"""A look at an org that did not change is one call; what is newer is read, and once a day everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import pytest
from sqlalchemy import LargeBinary, type_coerce, update

from rotator.config.loading import parse
from rotator.core.crypto.certificates import Glance, SubjectName, self_signed
from rotator.core.crypto.keys import PrivateKey
from rotator.core.kept import Kept
from rotator.core.observed import Kind as Held
from rotator.errors import HistoryUnavailable, LoginRefused
from rotator.history.engine.tables import CERTIFICATE
from rotator.history.sightings import last_sightings, record_sightings
from rotator.salesforce.apps.directory import SETTINGS_TYPE
from rotator.salesforce.inventory.org_inventory import inventory
from rotator.salesforce.login import LoginTarget
from rotator.salesforce.metadata import MetadataService
from rotator.salesforce.session import Candidate, OrgSession
from rotator.services.inventory import whole_looks
from rotator.services.inventory.whole_looks import READS_AT_ONCE, WholeLooks
from rotator.simulator.org.org import Org
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.near_orgs import NearTransport
from tests.tiers import longer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from rotator.core.crypto.certificates import Certificate
    from rotator.core.observed import ObservedCertificate
    from rotator.history.engine.database import Database
    from rotator.salesforce.inventory.org_inventory import Inventory
    from rotator.salesforce.session import Opened

START: Final = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
ROBOT: Final = "robot@rotator.example"
CONFIGURATION: Final = """
database: sqlite:///rotator.db
orgs:
  production:
    login_url: https://production.example
    login: {client_id: key, username: robot@rotator.example, private_key: {env: ROTATOR_KEY}}
stores: {keys: {type: files, path: store}}
"""
MANAGED: Final = (
    "credentials: {billing: {org: production, store: keys, username: b@example.com, apps: [App_00, App_01]}}\n"
)


STEADY: Final = {Kind.SOAP_LIST: 1}
FIRST: Final = {Kind.SOAP_LIST: 2, Kind.TOKEN: 1, Kind.DATA: 1}
"""The query finds external client apps that the Metadata API does not show."""


class World:
    """An org with a history, and a program that looks at it in jobs with adapters of their own."""

    def __init__(self, database: Database, config: Path, text: str = CONFIGURATION) -> None:
        self.time = START
        self.database: Final = database
        self.key: Final = PrivateKey.generate()
        self.certificates: Final = [self.certificate(name) for name in ("one", "two")]
        self.org: Final = Org("production", clock=lambda: self.time, random=Random(1))
        self.org.url = "https://production.example"
        self.org.add_user(ROBOT, may_use_metadata=True)
        self.robot: Final = self.org.add_app("Robot", certificate=self.certificates[0], username=ROBOT)
        self.sessions: Final[Kept[Opened]] = Kept(10)
        self.looks: Final = WholeLooks(parse(text, config))
        self.history_is_away = False
        self.writes: Callable[[ObservedCertificate], bool] = lambda _: True

    def certificate(self, name: str) -> Certificate:
        return self_signed(self.key, SubjectName(name), now=self.time, lifetime=timedelta(days=90))

    def add(self, apps: int) -> None:
        for number in range(apps - 1):
            self.org.add_app(f"App_{number:02}", certificate=self.certificates[0])

    def look(self, looks: WholeLooks | None = None, *, after: timedelta = HOUR, is_command: bool = False) -> Inventory:
        """As a job of the service takes an inventory, and writes it down; `looks` are of another process."""
        self.time += after
        target = LoginTarget(self.org.url, self.robot.client_id, ROBOT, self.org.url)
        transport = NearTransport([self.org])
        session = OrgSession(
            "production", transport, lambda: [Candidate(target, self.key)], lambda: self.time, kept=self.sessions
        )
        last_seen = None if is_command else self._last_seen
        found = (looks or self.looks).inventory(session, MetadataService(session), last_seen, self.time)
        seen = [each for each in found.entries if each.is_readable and self.writes(each)]
        record_sightings(self.database, seen, self.time)
        return found

    def _last_seen(self, org: str) -> list[ObservedCertificate]:
        if self.history_is_away:
            raise HistoryUnavailable("The history is away.")
        return last_sightings(self.database, org)

    def calls(self, of: Callable[[], object]) -> Mapping[str, int]:
        """Which calls it makes."""
        self.org.calls.clear()
        of()
        return dict(self.org.calls)


def told(found: Inventory) -> list[ObservedCertificate]:
    """What is told, without what only a reading of components tells: nobody asks for that but commands, which read all.

    Nor since when it is known, which only the history tells.
    """
    return [replace(each, client_id="", used_by=(), first_seen=None, last_seen=None) for each in found.entries]


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path / "config.yaml")


@longer
@pytest.mark.parametrize(
    ("apps", "reading"),
    [
        (1, {Kind.SOAP_READ: 1}),
        (20, {Kind.SOAP_READ: 2}),
        (99, {Kind.SOAP_READ: 10}),
        (101, {Kind.SOAP_RETRIEVE: 1, Kind.SOAP_STATUS: 1}),
    ],
)
def test_a_look_without_change_lists_whatever_the_number_of_apps(
    world: World, apps: int, reading: Mapping[Kind, int]
) -> None:
    world.add(apps)
    assert world.calls(world.look) == {**FIRST, **reading}
    for _ in range(3):
        assert world.calls(world.look) == STEADY


@longer
def test_a_day_of_looks_costs_one_login_and_reads_everything_once(world: World) -> None:
    world.add(20)
    world.look()
    calls = world.calls(lambda: [world.look() for _ in range(24)])
    assert calls == {Kind.TOKEN: 1, Kind.SOAP_LIST: 23 + 2, Kind.SOAP_READ: 2, Kind.DATA: 1}


def test_what_did_not_change_is_told_as_if_it_were_read(world: World) -> None:
    world.add(3)
    world.org.add_identity_provider("Login", world.certificates[1])
    world.org.add_certificate("Signing", world.time + timedelta(days=30))
    world.org.app("App_00").component["samlConfig"] = {
        "acsUrl": "https://sp.example",
        "entityUrl": "https://sp.example",
        "certificate": world.certificates[1].base64,
        "samlSubjectType": "Username",
    }
    world.org.add_app("Empty")
    world.org.add_external_app("Payroll", certificate=world.certificates[1])
    world.org.add_external_app("Bare").satellites.clear()
    read, known = world.look(), world.look()
    assert told(known) == told(read)
    assert {each.type for each in known.entries} == set(Held) - {Held.CLIENT_SECRET}


def test_external_client_apps_that_did_not_change_are_not_read_again(world: World) -> None:
    for number in range(20):
        world.org.add_external_app(f"Payroll_{number:02}", certificate=world.certificates[0])
    world.org.settings = replace(world.org.settings, external_apps_of_setup_shown=False)
    world.org.external_app("Payroll_07").is_of_setup = False
    first = world.look()
    assert sum(each.is_hidden for each in first.entries) == 19
    assert world.calls(world.look) == STEADY
    assert [each.place for each in world.look().entries] == [each.place for each in first.entries]
    world.org.settings = replace(world.org.settings, external_apps_of_setup_shown=True)
    assert world.calls(world.look) == {**STEADY, Kind.SOAP_READ: 2}
    assert world.calls(world.look) == STEADY
    world.time += HOUR
    app = world.org.external_app("Payroll_07")
    settings = app.satellites[SETTINGS_TYPE]
    component = {**settings.component, "certificate": world.certificates[1].base64}
    app.put_satellite(settings, component, world.time, world.org.users[ROBOT])
    assert world.calls(world.look) == {**STEADY, Kind.SOAP_READ: 1}
    assert {each.app: each for each in world.look().entries}["Payroll_07"].fingerprint == (
        world.certificates[1].fingerprint
    )


@longer
def test_an_app_that_shows_its_certificate_no_more_is_not_told_to_hold_the_one_of_before(world: World) -> None:
    world.org.add_external_app("Payroll", certificate=world.certificates[0])
    world.look()
    world.org.settings = replace(world.org.settings, external_certificate_returned="never")
    world.looks.distrust("production")
    # What is written down of it stays as it was, as the inventory has it.
    world.writes = lambda each: not each.is_hidden
    for _ in range(3):
        assert [each.app for each in world.look().entries if each.is_hidden] == ["Payroll"]


@longer
@pytest.mark.parametrize(
    ("hidden", "told"),
    [
        (("ExternalClientApplication", SETTINGS_TYPE), ["ExternalClientApplication"]),
        (("Certificate", "SamlSsoConfig"), ["SamlSsoConfig", "Certificate"]),
    ],
)
def test_types_that_were_refused_are_asked_for_again_apart_from_the_others(
    world: World, hidden: tuple[str, ...], told: list[str]
) -> None:
    world.add(20)
    world.org.settings = replace(world.org.settings, hidden_types=hidden)
    world.look()
    for _ in range(2):
        assert world.calls(world.look) == {Kind.SOAP_LIST: 2}
        assert [each.kind for each in world.look().unread] == told
    world.org.settings = replace(world.org.settings, hidden_types=())
    assert world.look().unread == ()
    assert world.calls(world.look) == STEADY


def test_an_external_client_app_that_is_gone_is_not_told(world: World) -> None:
    world.org.add_external_app("Payroll", certificate=world.certificates[0])
    world.look()
    del world.org.external_apps["Payroll"]
    assert [each.app for each in world.look().entries] == ["Robot"]


@pytest.mark.parametrize("column", ["subject", "issuer", "not_before", "key_algorithm", "serial_number"])
def test_what_the_history_has_lost_of_a_certificate_is_read_again(world: World, column: str) -> None:
    world.add(3)
    before = told(world.look())
    with world.database.writing() as connection:
        connection.execute(update(CERTIFICATE).values({column: type_coerce(b"none", LargeBinary)}))
    assert world.calls(world.look) == {**STEADY, Kind.SOAP_READ: 1}
    assert told(world.look()) == before


def test_a_look_at_all_reads_the_dates_of_certificates_whatever_the_history_says(world: World) -> None:
    world.add(3)
    before = told(world.look())
    with world.database.writing() as connection:
        connection.execute(update(CERTIFICATE).values(not_after=world.time + timedelta(days=9999)))
    assert told(world.look()) != before, "that may say anything for a day"
    world.looks.distrust("production")
    assert told(world.look()) == before
    assert told(world.look()) == before


def test_a_look_at_all_reads_no_certificate_that_is_known_again(world: World) -> None:
    world.add(3)
    before = told(world.look())
    world.org.put_certificate("App_01", world.certificates[1])
    world.looks.distrust("production")
    with patch.object(Glance, "whole", autospec=True, side_effect=Glance.whole) as read:
        after = told(world.look())
    assert read.call_count == 1
    assert [new.app for new, old in zip(after, before, strict=True) if new != old] == ["App_01"]


def test_what_has_changed_by_its_date_is_read_alone(world: World) -> None:
    world.add(20)
    world.look()
    world.time += HOUR
    world.org.put_certificate("App_07", world.certificates[1])
    world.org.add_app("Newest", certificate=world.certificates[1])
    assert world.calls(world.look) == {**STEADY, Kind.SOAP_READ: 1}
    found = {each.app: each for each in world.look().entries}
    assert found["App_07"].fingerprint == found["Newest"].fingerprint == world.certificates[1].fingerprint
    assert found["App_06"].fingerprint == world.certificates[0].fingerprint
    assert list(found) == sorted(found)


def test_what_is_gone_is_not_told(world: World) -> None:
    world.add(3)
    world.look()
    del world.org.apps["App_00"]
    assert [each.app for each in world.look().entries] == ["App_01", "Robot"]


def test_apps_of_credentials_are_read_in_every_look(database: Database, tmp_path: Path) -> None:
    world = World(database, tmp_path / "config.yaml", CONFIGURATION + MANAGED)
    world.add(20)
    world.look()
    assert world.calls(world.look) == {**STEADY, Kind.SOAP_READ: 1}
    undated(world, "App_00")
    found = {each.app: each for each in world.look().entries}
    assert found["App_00"].fingerprint == world.certificates[1].fingerprint


def undated(world: World, app: str) -> None:
    """A change that moves no date."""
    at = world.org.app(app).modified_at
    world.org.put_certificate(app, world.certificates[1])
    world.org.app(app).modified_at = at


def test_a_change_that_moved_no_date_is_found_within_a_day(world: World) -> None:
    world.add(3)
    world.look()
    undated(world, "App_00")
    assert world.look().entries[0].fingerprint == world.certificates[0].fingerprint
    assert world.look(after=timedelta(hours=23)).entries[0].fingerprint == world.certificates[1].fingerprint


def test_an_org_whose_dates_do_not_tell_is_read_whole(world: World) -> None:
    world.add(20)
    world.look()
    world.looks.distrust("production")
    assert world.calls(world.look)[Kind.SOAP_READ] == 2


def test_a_clock_that_was_set_back_ends_the_trust_in_what_was_read(world: World) -> None:
    world.add(20)
    world.look()
    assert world.calls(lambda: world.look(after=-2 * HOUR))[Kind.SOAP_READ] == 2


def test_what_could_not_be_read_is_asked_for_again(world: World) -> None:
    world.add(3)
    world.org.add_identity_provider("Login", world.certificates[0])
    world.look()
    component = world.org.identity_providers["Login"].component
    held, component["validationCert"] = component["validationCert"], "bm90aGluZw=="
    world.looks.distrust("production")
    for _ in range(2):
        assert [each.app for each in world.look().unread] == ["Login"]
    component["validationCert"] = held
    assert world.look().unread == ()
    assert world.calls(world.look) == STEADY


def test_certificates_of_the_org_are_queried_when_one_of_them_has_changed(world: World) -> None:
    for number in range(3):
        world.org.add_certificate(f"Signing_{number}", world.time + timedelta(days=number))
    assert world.calls(world.look)[Kind.TOOLING] == 1
    assert Kind.TOOLING not in world.calls(world.look)
    world.org.add_certificate("Another", world.time + timedelta(days=9))
    assert world.calls(world.look) == {**STEADY, Kind.TOOLING: 1}
    assert world.calls(world.look) == STEADY


@pytest.mark.parametrize("moved", [timedelta(), HOUR])
def test_what_waits_for_its_chain_is_asked_for_when_it_changed_and_once_a_day(world: World, moved: timedelta) -> None:
    requested = world.org.add_certificate("Requested", None, unusable=True)
    first = told(world.look())
    assert (world.calls(world.look), told(world.look()), first[-1].is_usable) == (STEADY, first, False)
    requested.unusable, requested.modified_at = False, requested.modified_at + moved
    assert world.look().entries[-1].is_usable is bool(moved)
    assert world.look(after=timedelta(hours=23)).entries[-1].is_usable


def test_a_session_that_ended_is_renewed_within_the_look(world: World) -> None:
    world.add(3)
    world.look()
    world.org.sessions.end_all()
    assert world.calls(world.look) == {Kind.TOKEN: 1, Kind.SOAP_LIST: 2}
    assert world.calls(world.look) == STEADY


def test_a_login_that_no_longer_works_is_found_within_a_day_though_the_session_does(world: World) -> None:
    world.add(3)
    world.look()
    world.org.faults.add(Fault(Kind.TOKEN, Effect.FAIL, times=None, answer="invalid_assertion"))
    world.look()
    with pytest.raises(LoginRefused):
        world.look(after=timedelta(hours=23))


def test_without_the_history_all_is_read(world: World) -> None:
    world.add(20)
    world.look()
    world.history_is_away = True
    assert world.calls(world.look) == {**STEADY, Kind.SOAP_READ: 2}


def test_a_command_makes_several_calls_at_a_time_and_all_go_through_the_service_given(world: World) -> None:
    with patch.object(whole_looks, "inventory", side_effect=inventory) as read:
        world.look(is_command=True)
        world.look()
    calls = [(type(each.args[1]), each.kwargs["at_once"]) for each in read.call_args_list]
    assert calls == [(MetadataService, READS_AT_ONCE), (MetadataService, 1)]


def test_orgs_beyond_the_bound_are_read_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add(20)
    world.look()
    looks: Any = world.looks
    monkeypatch.setattr(looks, "_looks", Kept(0))
    for _ in range(2):
        assert world.calls(world.look)[Kind.SOAP_READ] == 2
