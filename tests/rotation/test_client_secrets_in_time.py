"""What becomes of a client secret as it gets older: what is due, what is shown, what is told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rotator.config.daemon import HttpSettings
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.core.observed import Kind
from rotator.core.severity import Severity
from rotator.history.sightings import last_sightings
from rotator.services.alerting.expiry import expires
from rotator.services.checked import Result
from rotator.services.inventory.ownership import last_known
from rotator.services.preflight import checks
from rotator.services.reporting.reader import HistoryReader
from rotator.services.rotation.client_secrets.mechanics import observer_of
from rotator.services.schedule.due import DueAction, due_now
from rotator.web.routes import application
from rotator.web.source import Liveness
from tests.rotation.secret_ground import APP, NAME, SecretGround
from tests.tiers import thorough
from tests.unit.web.client import Client

if TYPE_CHECKING:
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.services.inventory.status import CredentialStatus

DAY = timedelta(days=1)


def due(ground: SecretGround) -> DueAction:
    with ground.program() as app:
        credential = app.credential_context(NAME)
        return due_now(observer_of(credential).observe(), None, credential.policy, app.now()).action


def seen(ground: SecretGround) -> tuple[CertificateLife, CredentialStatus]:
    """As the inventory shows it, which is written down."""
    with ground.program() as app:
        [found] = app.scan(app.now())
        [life] = [each for each in found.certificates if each.seen.is_secret]
        [status] = found.credentials
        assert not found.problems
        return life, status


def test_it_is_due_by_its_age_and_its_previous_version_ends_with_the_grace(enrolled: SecretGround) -> None:
    assert due(enrolled) is DueAction.NOTHING
    enrolled.clock.time += 61 * DAY
    assert due(enrolled) is DueAction.REPLACE
    enrolled.handle("replace")
    assert due(enrolled) is DueAction.NOTHING
    enrolled.clock.time += 8 * DAY
    assert due(enrolled) is DueAction.RETIRE


def test_a_policy_that_allows_less_makes_it_due_at_once(enrolled: SecretGround) -> None:
    enrolled.clock.time += 20 * DAY
    assert due(enrolled) is DueAction.NOTHING
    enrolled.more = "max_age: 45d"
    assert due(enrolled) is DueAction.REPLACE
    life, status = seen(enrolled)
    assert (life.state, status.state) == (CertificateState.DUE, CredentialState.DUE)


def test_every_surface_shows_its_age_as_an_expiry(enrolled: SecretGround) -> None:
    for days, state in ((1, CredentialState.OK), (60, CredentialState.DUE), (30, CredentialState.EXPIRED)):
        enrolled.clock.time += days * DAY
        life, status = seen(enrolled)
        assert (status.state, life.state.value) == (state, state.value)
        assert life.seen.fingerprint == status.fingerprint == enrolled.in_use
        assert (life.seen.app, life.seen.credential, life.seen.kind) == (APP, NAME, Kind.CLIENT_SECRET)
        with enrolled.program() as app:
            [known] = [each for each in last_known(app.settings, app.database, app.now()) if each.seen.is_secret]
        assert (known.state, known.seen.not_after) == (life.state, life.seen.not_after)
    assert status.urgency is Severity.CRITICAL
    told = expires(life, timedelta())
    assert told.title.startswith("The client secret of Shipping in production")
    assert "certificate" not in f"{told.title} {told.text} {told.to_do}"


def test_the_place_of_a_pair_that_nobody_knows_says_so(enrolled: SecretGround) -> None:
    with enrolled.program() as app:
        app.client_secrets("production").stage(APP)
    enrolled.consumer.rotate(enrolled.clock.now())
    life, status = seen(enrolled)
    assert (status.state, life.state) == (CredentialState.DRIFT, CertificateState.DRIFT)


def test_what_is_not_allowed_is_told_and_what_was_known_stays_shown(enrolled: SecretGround) -> None:
    before, _ = seen(enrolled)
    enrolled.org.features["ExternalClientAppSettings"] = {"enableClientSecretInRestApiAccess": "false"}
    with enrolled.program() as app:
        [found] = app.scan(app.now())
        [life] = [each for each in found.certificates if each.seen.is_secret]
        [status] = found.credentials
        failed = {each.name: each for each in checks(app) if each.result is Result.FAILED}
        assert [each.fingerprint for each in last_sightings(app.database, "production") if each.is_secret]
    enrolled.org.features.clear()
    assert (life.state, status.state) == (CertificateState.UNREADABLE, CredentialState.UNKNOWN)
    assert life.seen.not_after == before.seen.not_after
    assert "enableClientSecretInRestApiAccess" in failed[f"apps of {NAME}"].hint


def test_an_app_that_has_a_certificate_too_is_no_drift_of_its_secret(enrolled: SecretGround) -> None:
    enrolled.org.put_certificate(APP, enrolled.org.app("Robot").live_certificate)
    life, status = seen(enrolled)
    assert (life.state, status.state) == (CertificateState.OK, CredentialState.OK)


@thorough
def test_the_pages_and_the_metrics_show_it_and_call_it_no_certificate(enrolled: SecretGround) -> None:
    enrolled.handle("replace")
    seen(enrolled)
    now = enrolled.clock.now()
    with enrolled.program() as app:
        settings, database = app.settings, app.database
        alive = Liveness(
            started_at=now,
            ticked_at=now,
            since_tick=timedelta(),
            tick=timedelta(seconds=15),
            lag=timedelta(),
            is_working=True,
        )
        source = HistoryReader(lambda: settings, database, lambda: now)
        client = Client(application(source, HttpSettings(), token=None, alive=lambda: alive))
        page = client.get(f"/certificates/{enrolled.in_use}").text
        listed = client.get("/certificates").text
        metrics = client.get("/metrics").text
    assert "Client secret" in page
    assert "to be replaced by" in page
    assert "Serial number" not in page
    assert "ClientSecret" in listed
    [line] = [
        each
        for each in metrics.splitlines()
        if 'type="ClientSecret"' in each and each.startswith("rotator_certificate_not_after")
    ]
    assert 'app="Shipping"' in line
    for text in (page, listed, metrics):
        assert enrolled.consumer.pair.secret.reveal() not in text
