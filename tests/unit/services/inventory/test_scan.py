from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rotator.core.credentials import KeyVersion, Stage
from rotator.core.crypto.certificates import throwaway
from rotator.core.lifecycle.revocation import EVERY_STEP, Revocation
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.core.observed import Kind
from rotator.core.severity import Severity
from rotator.errors import HistoryUnavailable, OrgUnavailable, StoreError
from rotator.history.engine.database import Database
from rotator.history.journal.projection import CredentialRecord
from rotator.history.last_observations import LastObservation, LastObservations
from rotator.history.sightings import last_sightings
from rotator.services.inventory.credential_history import CredentialHistory
from rotator.services.inventory.scan import scan, write_down
from rotator.stores.base import Store
from rotator.testing.versions import MOMENT, make_version
from tests.unit.services.inventory.scan_bench import DAY, Stored, World, entry, own, unreadable


def test_an_app_of_no_credential_is_found_and_unmanaged(world: World) -> None:
    certificate = make_version().certificate
    world.orgs["production"] = [entry("Legacy", certificate)]
    found = world.found("Legacy")
    assert found.seen == entry("Legacy", certificate)
    assert (found.state, found.urgency, found.due_at) == (CertificateState.OK, None, None)


def test_a_live_certificate_is_known_by_its_stage(world: World, stored: Stored) -> None:
    version = stored()
    world.orgs["production"] = [entry("Billing", version.certificate)]
    seen = world.found("Billing").seen
    assert (seen.credential, seen.stage, seen.drift) == ("billing", Stage.CURRENT, False)


def test_a_live_certificate_that_is_not_ours_to_expect_is_drift(world: World, stored: Stored) -> None:
    previous, _ = stored(), stored()
    for held in (make_version().certificate, None, previous.certificate):
        world.orgs["production"] = [entry("Billing", held)]
        found = world.found("Billing")
        assert (found.seen.drift, found.state) == (True, CertificateState.DRIFT)


def test_an_app_that_nobody_has_adopted_yet_has_not_drifted_and_nobody_replaces_its_certificate(world: World) -> None:
    world.orgs["production"] = [entry("Billing", make_version().certificate)]
    found = world.found("Billing")
    assert (found.seen.credential, found.seen.drift, found.due_at) == ("billing", False, None)


def test_what_ended_the_key_of_a_revoked_credential_has_not_drifted(world: World, stored: Stored) -> None:
    stored()
    ended = make_version().certificate
    revoked = Revocation(
        since=MOMENT,
        by="alex",
        reason="stolen",
        wanted=EVERY_STEP,
        done=EVERY_STEP,
        ended_by={"Billing": ended.fingerprint},
    )
    record = CredentialRecord(credential="billing", revocation=revoked.as_text())
    world.histories["billing"] = CredentialHistory(record=record)
    world.orgs["production"] = [entry("Billing", ended)]
    found = world.found("Billing")
    assert (found.is_revoked, found.seen.drift) == (True, False)


def test_the_resting_app_of_a_pair_has_not_drifted(world: World, stored: Stored) -> None:
    current = stored("warehouse", "Warehouse_A")
    for resting, state in ((throwaway(now=MOMENT), CertificateState.RESTING), (None, CertificateState.NONE)):
        world.orgs["production"] = [entry("Warehouse_A", current.certificate), entry("Warehouse_B", resting)]
        assert world.found("Warehouse_B").state is state
    world.orgs["production"] = [
        entry("Warehouse_A", current.certificate),
        entry("Warehouse_B", make_version().certificate),
    ]
    assert world.found("Warehouse_B").state is CertificateState.DRIFT


def test_names_of_apps_match_in_any_case(world: World) -> None:
    world.orgs["production"] = [entry("BILLING")]
    assert world.found("BILLING").seen.credential == "billing"


def test_a_certificate_that_nobody_rotates_is_due_when_people_are_told_of_it(world: World) -> None:
    for days, state, urgency in (
        (61, CertificateState.OK, None),
        (60, CertificateState.DUE, Severity.INFO),
        (14, CertificateState.DUE, Severity.WARNING),
        (3, CertificateState.DUE, Severity.CRITICAL),
        (0, CertificateState.EXPIRED, Severity.CRITICAL),
    ):
        made_at = MOMENT - timedelta(days=100)
        certificate = make_version(now=made_at, lifetime=timedelta(days=100 + days)).certificate
        world.orgs["production"] = [entry("Legacy", certificate)]
        assert (world.found("Legacy").state, world.found("Legacy").urgency) == (state, urgency)


def test_a_managed_certificate_is_due_when_its_rotation_is(world: World, stored: Stored) -> None:
    for days, state, urgency in (
        (31, CertificateState.OK, None),
        (30, CertificateState.DUE, None),
        (14, CertificateState.DUE, Severity.WARNING),
        (0, CertificateState.EXPIRED, Severity.CRITICAL),
    ):
        version = stored(days=days)
        world.orgs["production"] = [entry("Billing", version.certificate)]
        found = world.found("Billing")
        world.files.retire("billing", version.fingerprint)
        assert (found.state, found.urgency) == (state, urgency)
        assert found.due_at == version.certificate.not_after - 30 * DAY


def test_an_app_without_a_certificate_has_none(world: World) -> None:
    world.orgs["production"] = [entry("Onboarding")]
    assert world.found("Onboarding").state is CertificateState.NONE


def test_an_unreadable_app_is_listed_and_not_recorded(world: World, stored: Stored) -> None:
    stored()
    world.orgs["production"] = [unreadable("Billing")]
    found = world.found("Billing")
    assert (found.state, found.seen.drift) == (CertificateState.UNREADABLE, False)
    assert world.scan().seen == ()


def test_a_configured_app_that_the_org_does_not_show_is_listed(world: World) -> None:
    world.orgs["production"] = [entry("Warehouse_A")]
    found = world.found("Warehouse_B")
    assert (found.seen.credential, found.state) == ("warehouse", CertificateState.UNREADABLE)


def test_an_org_that_is_away_is_one_line_and_one_problem(world: World) -> None:
    world.orgs["production"] = OrgUnavailable("The org is down.", hint="Wait.")
    result = world.scan()
    [line] = result.certificates
    assert (line.seen.org, line.seen.app, line.state) == ("production", "", CertificateState.UNREADABLE)
    assert [problem.where for problem in result.problems] == ["org production"]
    assert isinstance(result.failure, OrgUnavailable)


def test_a_store_that_refuses_hides_no_app_and_shows_no_drift(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> Store:
        raise StoreError("The store is readable by others.", hint="chmod 700")

    monkeypatch.setattr(world, "store", refuse)
    world.orgs["production"] = [entry("Billing", make_version().certificate)]
    result = world.scan()
    seen = next(life.seen for life in result.certificates if life.seen.app == "Billing")
    assert (seen.credential, seen.stage, seen.drift) == ("billing", None, False)
    assert {problem.where for problem in result.problems} == {"store keys"}
    assert {each.state for each in result.credentials} == {CredentialState.UNKNOWN}


def test_a_version_that_is_damaged_is_no_problem_of_the_whole_store(
    world: World, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = stored()

    def damaged(*_: object) -> KeyVersion:
        raise StoreError("The version is damaged.", hint="Put it back.")

    monkeypatch.setattr(world.files, "read", damaged)
    world.orgs["production"] = [
        entry("Billing", version.certificate), entry("Warehouse_A"), entry("Warehouse_B"),
    ]  # fmt: skip
    result = world.scan()
    assert {problem.where for problem in result.problems} == {"credential billing"}
    states = {each.credential: each.state for each in result.credentials}
    assert states == {"billing": CredentialState.UNKNOWN, "warehouse": CredentialState.UNSTORED}


def test_a_certificate_of_which_only_the_date_is_known_has_a_state_too(world: World) -> None:
    world.orgs["production"] = [own("Signing", 200), own("Old", 20), own("Requested", 1, is_usable=False)]
    lives = world.lives()
    states = {app: lives[app].state for app in ("Signing", "Old", "Requested")}
    assert states == {
        "Signing": CertificateState.OK,
        "Old": CertificateState.DUE,
        "Requested": CertificateState.UNUSABLE,
    }
    assert (lives["Old"].urgency, lives["Requested"].urgency) == (Severity.INFO, None)


def test_other_certificates_belong_to_no_credential_even_under_the_name_of_a_managed_app(world: World) -> None:
    world.orgs["production"] = [entry("Billing", make_version().certificate, kind=Kind.IDENTITY_PROVIDER)]
    seen = next(life.seen for life in world.scan().certificates if life.seen.type == Kind.IDENTITY_PROVIDER)
    assert (seen.credential, seen.drift) == (None, False)


def test_the_last_day_of_the_year_9999_is_a_date_like_any_other(world: World) -> None:
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=MOMENT.tzinfo)
    world.orgs["production"] = [replace(own("Google", 1), not_after=never)]
    found = world.found("Google")
    assert (found.state, found.not_after) == (CertificateState.OK, never)


def test_a_history_that_cannot_be_asked_is_one_problem(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> dict[str, CredentialHistory]:
        raise HistoryUnavailable("The disk is full.", hint="Make room.")

    monkeypatch.setattr(world, "last_seen", away)
    world.histories = {}
    result = scan(
        world.settings,
        "production",
        read_org=world.read_org,
        store=world.store,
        last_seen=world.last_seen,
        histories=away,
        now=MOMENT,
    )
    assert [problem.where for problem in result.problems] == ["history"]
    assert isinstance(result.history_failure, HistoryUnavailable)


class TestWhichAppOfAPair:
    def test_is_in_use_says_the_store(self, world: World, stored: Stored) -> None:
        previous, current = stored("warehouse", "Warehouse_A"), stored("warehouse", "Warehouse_B")
        world.orgs["production"] = [
            entry("Warehouse_A", previous.certificate),
            entry("Warehouse_B", current.certificate),
        ]
        lives = world.lives()
        assert (lives["Warehouse_A"].state, lives["Warehouse_B"].state) == (
            CertificateState.RESTING, CertificateState.OK,
        )  # fmt: skip

    def test_rests_nobody_says_where_it_is_not_adopted_yet(self, world: World) -> None:
        world.orgs["production"] = [entry("Warehouse_A", make_version().certificate), entry("Warehouse_B")]
        assert world.found("Warehouse_A").state is CertificateState.OK

    def test_rests_is_not_guessed_while_its_store_is_away(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: str) -> Store:
            raise StoreError("The store is readable by others.", hint="chmod 700")

        monkeypatch.setattr(world, "store", refuse)
        world.orgs["production"] = [entry("Warehouse_A", make_version().certificate)]
        found = world.found("Warehouse_A")
        assert (found.state, found.is_anybodys_business) == (CertificateState.UNREADABLE, False)

    def test_rests_is_known_from_the_last_look_while_its_store_is_away(
        self, world: World, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        current = stored("warehouse", "Warehouse_B")
        world.orgs["production"] = [
            entry("Warehouse_A", throwaway(now=MOMENT)),
            entry("Warehouse_B", current.certificate),
        ]
        seen = next(each.life.seen for each in world.scan().credentials if each.credential == "warehouse")
        world.histories["warehouse"] = CredentialHistory(last_observation=LastObservation(seen))

        def refuse(_: str) -> Store:
            raise StoreError("The store is readable by others.", hint="chmod 700")

        monkeypatch.setattr(world, "store", refuse)
        lives = world.lives()
        assert (lives["Warehouse_A"].state, lives["Warehouse_B"].state) == (
            CertificateState.RESTING, CertificateState.OK,
        )  # fmt: skip


class TestWritingDown:
    def test_what_was_read_and_what_is_gone(self, world: World, database: Database) -> None:
        certificate = make_version().certificate
        world.orgs["production"] = [entry("Billing", certificate), entry("Onboarding"), unreadable("Hidden")]
        write_down(database, world.scan(), MOMENT)
        billing, onboarding = last_sightings(database)
        assert replace(billing, first_seen=None, last_seen=None) == replace(entry("Billing", certificate), client_id="")
        assert (onboarding.app, onboarding.fingerprint, onboarding.last_modified_by) == ("Onboarding", "", "Ada")

        world.known, world.orgs["production"] = last_sightings(database), [entry("Billing", certificate)]
        write_down(database, world.scan(), MOMENT)
        assert {each.app for each in last_sightings(database) if each.gone_at} == {"Onboarding"}

    def test_how_each_credential_was_seen_or_why_it_was_not(
        self, world: World, stored: Stored, database: Database
    ) -> None:
        version = stored()
        world.orgs["production"] = [entry("Billing", version.certificate), entry("Warehouse_A")]
        result = world.scan()
        write_down(database, result, MOMENT)
        records = LastObservations(database).all()
        billing = next(each for each in result.credentials if each.credential == "billing")
        assert records["billing"] == LastObservation(billing.life.seen)
        assert records["warehouse"].seen is None
        assert "has no app Warehouse_B, connected app or external client app" in records["warehouse"].problem
