"""A credential's app may be of either kind: what is found of it is the credential's, by the kind that is meant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rotator.config.settings import NamedApp
from rotator.core.credentials import Stage
from rotator.core.lifecycle.states import CertificateState, CredentialState
from rotator.core.observed import Kind
from rotator.services.inventory.scan import configured_places
from rotator.testing.versions import make_version
from tests.unit.services.inventory.scan_bench import Stored, World, entry, last, unreadable

if TYPE_CHECKING:
    from rotator.config.settings import AppKind


def meant(world: World, kind: AppKind) -> None:
    """The configuration says of which kind the app of `billing` is."""
    named = {"billing": {"apps": (NamedApp(name="Billing", kind=kind),)}}
    credentials = {
        name: each.model_copy(update=named.get(name, {})) for name, each in world.settings.credentials.items()
    }
    world.settings = world.settings.model_copy(update={"credentials": credentials})


def test_an_external_client_app_is_a_credentials_as_a_connected_app_is(world: World, stored: Stored) -> None:
    version = stored()
    world.orgs["production"] = [entry("Billing", version.certificate, kind=Kind.EXTERNAL_APP)]
    found = world.scan()
    [billing] = [life for life in found.certificates if life.seen.app == "Billing"]
    assert (billing.seen.credential, billing.seen.stage, billing.state) == (
        "billing",
        Stage.CURRENT,
        CertificateState.OK,
    )
    [status] = [each for each in found.credentials if each.credential == "billing"]
    assert status.state is CredentialState.OK


@pytest.mark.parametrize(("said", "kind"), [("connected_app", Kind.APP), ("external_client_app", Kind.EXTERNAL_APP)])
def test_of_two_apps_of_a_name_the_one_that_is_meant_is_the_credentials(
    world: World, stored: Stored, said: AppKind, kind: Kind
) -> None:
    version, other = stored(), make_version()
    meant(world, said)
    world.orgs["production"] = [
        entry("Billing", (version if each is kind else other).certificate, kind=each)
        for each in (Kind.APP, Kind.EXTERNAL_APP)
    ]
    found = world.scan()
    assert {life.seen.kind: life.seen.credential for life in found.certificates if life.seen.app == "Billing"} == {
        each: "billing" if each is kind else None for each in (Kind.APP, Kind.EXTERNAL_APP)
    }
    assert next(each for each in found.credentials if each.credential == "billing").state is CredentialState.OK


@pytest.mark.usefixtures("stored")
def test_of_two_apps_of_a_name_none_is_guessed_to_be_meant(world: World, stored: Stored) -> None:
    version = stored()
    world.orgs["production"] = [
        entry("Billing", version.certificate, kind=each) for each in (Kind.APP, Kind.EXTERNAL_APP)
    ]
    status = next(each for each in world.scan().credentials if each.credential == "billing")
    assert status.state is CredentialState.UNKNOWN
    assert status.problem
    assert "has two apps Billing" in status.problem.message
    assert "kind: external_client_app" in status.problem.hint


def test_an_app_that_was_never_seen_is_one_line_whatever_kind_it_may_be(world: World) -> None:
    assert [life.seen.app for life in world.scan().certificates].count("Billing") == 1
    meant(world, "external_client_app")
    billing = world.found("Billing").seen
    assert (billing.kind, billing.credential, billing.is_readable) == (Kind.EXTERNAL_APP, "billing", False)
    assert {
        where.type for where, app in configured_places(world.settings, "production").items() if app == "Billing"
    } == {Kind.EXTERNAL_APP}


def test_an_app_whose_certificate_the_org_does_not_show_is_neither_without_one_nor_expired(world: World) -> None:
    world.orgs["production"] = [entry("Payroll", kind=Kind.EXTERNAL_APP), entry("Bare")]
    payroll, bare = world.found("Payroll"), world.found("Bare")
    assert (payroll.state, payroll.urgency, payroll.expiry) == (CertificateState.HIDDEN, None, None)
    assert bare.state is CertificateState.NONE


def test_an_app_that_could_not_be_read_now_is_shown_as_it_was_last_seen(world: World) -> None:
    certificate = make_version().certificate
    world.known = [last(entry("Payroll", certificate, kind=Kind.EXTERNAL_APP))]
    world.orgs["production"] = [unreadable("Payroll", Kind.EXTERNAL_APP)]
    payroll = world.found("Payroll")
    assert (payroll.state, payroll.seen.fingerprint) == (CertificateState.UNREADABLE, certificate.fingerprint)


def test_an_app_that_is_shown_no_more_keeps_the_dates_that_were_seen(world: World) -> None:
    """Whether its certificate is the one that was there is not known; it expires for nobody to see if that is so."""
    certificate = make_version().certificate
    world.known = [last(entry("Payroll", certificate, kind=Kind.EXTERNAL_APP))]
    world.orgs["production"] = [entry("Payroll", kind=Kind.EXTERNAL_APP)]
    payroll = world.found("Payroll")
    assert (payroll.state, payroll.not_after) == (CertificateState.UNREADABLE, certificate.not_after)
    found = world.scan()
    assert not found.seen, "what was seen of it stays written down"
    assert [problem.app for problem in found.problems if problem.org] == ["Payroll"]
    world.known = [replace(each, gone_at=each.last_seen) for each in world.known]
    assert world.found("Payroll").state is CertificateState.HIDDEN


def test_for_a_credentials_app_that_is_shown_no_more_the_stored_version_stands(world: World, stored: Stored) -> None:
    version = stored()
    world.known = [last(entry("Billing", version.certificate, kind=Kind.EXTERNAL_APP))]
    world.orgs["production"] = [entry("Billing", kind=Kind.EXTERNAL_APP)]
    billing = world.found("Billing")
    assert (billing.state, billing.seen.is_stored_one) == (CertificateState.OK, True)


def test_an_org_that_shows_no_external_client_app_any_more_hides_them(world: World) -> None:
    world.known = [last(entry("Payroll", make_version().certificate, kind=Kind.EXTERNAL_APP))]
    world.orgs["production"] = [entry("Bare")]
    [problem] = [each for each in world.scan().problems if each.org]
    assert problem.type == Kind.EXTERNAL_APP
    assert "shows no external client app any more" in problem.error.message
    assert "View all External Client Apps" in problem.error.hint
