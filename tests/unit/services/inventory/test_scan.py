from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rotator.config.settings import Settings
from rotator.core.credentials import Stage, Version
from rotator.core.crypto.certificates import Certificate, throwaway
from rotator.core.kinds import Kind
from rotator.errors import HistoryUnavailable, OrgError, OrgUnavailable, StoreError
from rotator.history.records import LastSighting, Sighting
from rotator.salesforce.inventory import Inventory, InventoryEntry, Unread
from rotator.salesforce.key_management import CertificateRecord
from rotator.services.inventory.scan import Found, Scan, scan, seen_now, sighting_of
from rotator.services.inventory.seen import ObservedCertificate
from rotator.services.inventory.states import State
from rotator.stores.base import Store
from rotator.stores.files.store import FilesStore
from rotator.testing.versions import MOMENT, make_version

Stored = Callable[..., Version]
DAY = timedelta(days=1)


def entry(
    app: str,
    certificate: Certificate | None = None,
    *,
    org: str = "production",
    kind: Kind = Kind.APP,
    unreadable: bool = False,
    record: CertificateRecord | None = None,
) -> InventoryEntry:
    return InventoryEntry(
        org=org,
        name=app,
        kind=kind,
        client_id=f"client id of {app}",
        certificate=certificate,
        unreadable=unreadable,
        record=record,
        last_modified_by="Ada",
        last_modified_at=MOMENT,
    )


def own(name: str, days: int, *, is_usable: bool = True) -> InventoryEntry:
    """A certificate of Certificate and Key Management."""
    record = CertificateRecord("0P1000000000001", name, MOMENT + timedelta(days=days), 2048, is_usable)
    return entry(name, kind=Kind.CERTIFICATE, record=record)


def last(each: InventoryEntry, *, gone_at: datetime | None = None) -> LastSighting:
    """How the history remembers what was seen yesterday."""
    return LastSighting(
        **vars(sighting_of(each)), id=1, first_seen=MOMENT - DAY, last_seen=MOMENT - DAY, gone_at=gone_at
    )


class World:
    """Orgs as a test wants them, what the history knows of them, and what was recorded."""

    def __init__(self, settings: Settings, store: FilesStore) -> None:
        self.settings = settings
        self.files = store
        self.orgs: dict[str, Sequence[InventoryEntry] | OrgUnavailable] = {"production": [], "sandbox": []}
        self.unread: tuple[Unread, ...] = ()
        self.known: list[LastSighting] = []
        self.recorded: list[Sighting] = []
        self.gone: list[LastSighting] = []

    def read_org(self, name: str) -> Inventory:
        entries = self.orgs[name]
        if isinstance(entries, OrgUnavailable):
            raise entries
        return Inventory(tuple(entries), self.unread)

    def store(self, _: str) -> Store:
        return self.files

    def record(self, sightings: Sequence[Sighting], *, gone: Iterable[LastSighting]) -> None:
        self.recorded += sightings
        self.gone += gone

    def scan(self, *orgs: str) -> Scan:
        return scan(
            self.settings,
            read_org=self.read_org,
            store=self.store,
            known=lambda org: [each for each in self.known if each.org == org],
            record=self.record,
            now=MOMENT,
            orgs=orgs or None,
        )

    def found(self, app: str) -> Found:
        return next(line for line in self.scan().found if line.name == app)

    def seen(self) -> dict[str, ObservedCertificate]:
        return {each.name: each for each in seen_now(self.settings, self.scan())}


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
    world.orgs["production"] = OrgUnavailable("The org is down.", hint="Wait.")
    world.orgs["sandbox"] = [entry("Rotator", org="sandbox")]
    result = world.scan()
    assert Found("production", None) in result.found
    assert any(line.name == "Rotator" for line in result.found)
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
    def full(*_: object, **__: object) -> None:
        raise HistoryUnavailable("The disk is full.", hint="Make room.")

    monkeypatch.setattr(world, "record", full)
    world.orgs["production"] = [entry("Legacy")]
    result = world.scan()
    assert any(line.name == "Legacy" for line in result.found)
    assert [problem.where for problem in result.problems] == ["history"]


def test_a_store_that_refuses_hides_no_app_and_shows_no_drift(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> Store:
        raise StoreError("The store is readable by others.", hint="chmod 700")

    monkeypatch.setattr(world, "store", refuse)
    world.orgs["production"] = [entry("Billing", make_version().certificate)]
    result = world.scan()
    found = next(line for line in result.found if line.name == "Billing")
    assert (found.managed_by, found.stage, found.drift) == ("billing", None, False)
    assert {problem.where for problem in result.problems} == {"store keys"}


def test_one_org_can_be_looked_at_alone(world: World) -> None:
    world.orgs["production"] = OrgUnavailable("The org is down.", hint="Wait.")
    world.orgs["sandbox"] = [entry("Rotator", org="sandbox")]
    result = world.scan("sandbox")
    assert [(line.org, line.name) for line in result.found] == [("sandbox", "Rotator")]
    assert result.problems == ()


def test_a_certificate_of_which_only_the_date_is_known_has_a_state_too(world: World) -> None:
    world.orgs["production"] = [own("Signing", 200), own("Old", 20), own("Requested", 1, is_usable=False)]
    states = {line.name: line.state for line in world.scan().found if line.org == "production" and not line.managed_by}
    assert states == {"Signing": State.OK, "Old": State.EXPIRING, "Requested": State.UNUSABLE}
    found = world.found("Signing")
    assert (found.certificate, found.not_after, found.key_bits) == (None, MOMENT + 200 * DAY, 2048)


def test_other_certificates_belong_to_no_credential_even_under_the_name_of_a_managed_app(world: World) -> None:
    world.orgs["production"] = [entry("Billing", make_version().certificate, kind=Kind.IDENTITY_PROVIDER)]
    found = next(line for line in world.scan().found if line.kind == Kind.IDENTITY_PROVIDER)
    assert (found.managed_by, found.drift) == (None, False)


def test_the_last_day_of_the_year_9999_is_a_date_like_any_other(world: World) -> None:
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=MOMENT.tzinfo)
    record = CertificateRecord("0P1", "Google", never, 2048, is_usable=True)
    world.orgs["production"] = [entry("Google", kind=Kind.CERTIFICATE, record=record)]
    assert world.found("Google").state is State.OK
    assert world.seen()["Google"].not_after == never
    assert world.recorded[0].not_after == never


def test_what_was_seen_before_and_is_there_no_more_has_vanished(world: World) -> None:
    certificate = make_version().certificate
    world.orgs["production"] = [entry("Rotator")]
    world.known = [last(entry("Legacy", certificate))]
    result = world.scan()
    assert [line.name for line in result.vanished] == ["Legacy"]
    assert result.vanished[0].not_after == certificate.not_after
    assert result.vanished[0].last == world.known[0]
    assert world.gone == world.known


def test_an_org_that_shows_no_app_at_all_hides_them_for_a_while(world: World) -> None:
    portal = entry("Legacy", make_version().certificate, kind=Kind.APP_SAML)
    world.known = [last(entry("Legacy")), last(portal), last(entry("Billing")), last(own("Signing", 20))]
    result = world.scan("production")
    states = {(line.kind, line.name): line.state for line in result.found if line.name != "Warehouse_A"}
    assert states["ConnectedApp", "Legacy"] is State.UNREADABLE
    assert states["ConnectedApp", "Billing"] is State.UNREADABLE
    assert states["ConnectedAppSamlConfig", "Legacy"] is State.UNREADABLE
    assert [line.name for line in result.vanished] == ["Signing"]
    [problem] = result.problems
    assert (problem.org, problem.kind) == ("production", Kind.APP)
    assert "shows no connected app any more" in problem.error.message

    world.known = [replace(each, last_seen=MOMENT - 8 * DAY) for each in world.known]
    assert {line.name for line in world.scan("production").vanished} == {"Legacy", "Billing", "Signing"}


def test_what_vanished_long_ago_is_told_no_more_unless_it_is_configured(world: World) -> None:
    for days, is_told in ((29, True), (31, False)):
        world.known = [last(entry("Legacy"), gone_at=MOMENT - days * DAY)]
        assert bool(world.scan().vanished) is is_told
    world.known = [last(entry("Billing"), gone_at=MOMENT - 400 * DAY)]
    [billing] = world.scan().vanished
    assert billing.managed_by == "billing"


def test_nothing_vanishes_from_an_org_that_cannot_be_read(world: World) -> None:
    world.known = [last(entry("Legacy"))]
    world.orgs["production"] = OrgUnavailable("The org is down.", hint="Wait.")
    assert world.scan().vanished == ()
    assert world.gone == []


def test_of_a_type_that_cannot_be_read_nothing_vanishes_and_what_was_known_is_shown(world: World) -> None:
    world.known = [last(own("Signing", 20)), last(entry("Legacy"))]
    world.unread = (Unread(Kind.CERTIFICATE, OrgError("Not allowed.", hint="Allow it.")),)
    world.orgs["production"] = [entry("Rotator")]
    result = world.scan("production")
    signing = next(line for line in result.found if line.name == "Signing")
    assert (signing.state, signing.not_after) == (State.UNREADABLE, MOMENT + 20 * DAY)
    assert [line.name for line in result.vanished] == ["Legacy"]
    assert [(problem.where, problem.kind) for problem in result.problems] == [("org production", Kind.CERTIFICATE)]


def test_the_saml_certificate_of_an_app_that_cannot_be_read_has_not_vanished(world: World) -> None:
    world.known = [last(entry("Portal", make_version().certificate, kind=Kind.APP_SAML))]
    world.orgs["production"] = [entry("Portal", unreadable=True)]
    assert world.scan().vanished == ()


def test_a_history_that_cannot_be_asked_is_one_problem(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise HistoryUnavailable("The disk is full.", hint="Make room.")

    monkeypatch.setattr(world, "record", away)
    result = scan(world.settings, read_org=world.read_org, store=world.store, known=away, record=away, now=MOMENT)  # type: ignore[arg-type] # it never returns
    assert [problem.where for problem in result.problems] == ["history"]


class TestWhatAlertsAreGiven:
    def test_every_certificate_with_all_that_is_known_of_it(self, world: World) -> None:
        certificate = make_version().certificate
        world.orgs["production"] = [
            entry("Billing", certificate),
            entry("Okta", certificate, kind=Kind.IDENTITY_PROVIDER),
            own("Signing", 20),
            entry("Empty"),
        ]
        seen = world.seen()
        assert seen["Billing"] == ObservedCertificate(
            org="production",
            kind="ConnectedApp",
            name="Billing",
            fingerprint=certificate.fingerprint,
            not_after=certificate.not_after,
            not_before=certificate.not_before,
            key_bits=2048,
            signature="sha256",
            credential="billing",
            rotate_before=timedelta(days=30),
        )
        assert (seen["Okta"].kind, seen["Okta"].fingerprint) == ("SamlSsoConfig", certificate.fingerprint)
        assert (seen["Signing"].fingerprint, seen["Signing"].not_after) == ("", MOMENT + 20 * DAY)
        assert (seen["Empty"].not_after, seen["Empty"].readable) == (None, True)

    def test_nothing_of_what_vanished_or_is_not_in_use_yet(self, world: World) -> None:
        world.known = [last(entry("Legacy"))]
        world.orgs["production"] = [own("Requested", 1, is_usable=False), entry("Rotator")]
        assert not {"Legacy", "Requested"} & set(world.seen())

    def test_what_cannot_be_read_as_unreadable(self, world: World) -> None:
        world.known = [last(own("Signing", 20))]
        world.unread = (Unread(Kind.CERTIFICATE, OrgError("Not allowed.", hint="Allow it.")),)
        world.orgs["production"] = [entry("Legacy", unreadable=True)]
        seen = world.seen()
        assert not seen["Signing"].readable
        assert not seen["Legacy"].readable

    def test_which_app_of_a_pair_is_resting(self, world: World, stored: Stored) -> None:
        previous, current = stored("warehouse", "Warehouse_A"), stored("warehouse", "Warehouse_B")
        world.orgs["production"] = [
            entry("Warehouse_A", previous.certificate),
            entry("Warehouse_B", current.certificate),
        ]
        seen = world.seen()
        assert (seen["Warehouse_A"].is_standby, seen["Warehouse_B"].is_standby) == (True, False)

    def test_no_app_of_a_pair_as_resting_that_nobody_has_adopted_yet(self, world: World) -> None:
        world.orgs["production"] = [entry("Warehouse_A", make_version().certificate)]
        assert not world.seen()["Warehouse_A"].is_standby

    def test_no_app_of_a_pair_as_resting_whose_certificate_nobody_knows(self, world: World, stored: Stored) -> None:
        stored("warehouse", "Warehouse_A")
        world.orgs["production"] = [entry("Warehouse_A", make_version().certificate)]
        assert not world.seen()["Warehouse_A"].is_standby

    def test_a_pair_whose_store_is_away_as_unreadable(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: str) -> Store:
            raise StoreError("The store is readable by others.", hint="chmod 700")

        monkeypatch.setattr(world, "store", refuse)
        world.orgs["production"] = [entry("Warehouse_A", make_version().certificate)]
        assert not world.seen()["Warehouse_A"].readable
