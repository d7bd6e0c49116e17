"""What was seen before, and is there no more."""

from __future__ import annotations

from dataclasses import replace

from rotator.core.lifecycle.states import CertificateState
from rotator.core.observed import Kind
from rotator.core.severity import Severity
from rotator.errors import OrgError, OrgUnavailable
from rotator.salesforce.inventory.reading import Unread
from rotator.testing.versions import MOMENT, make_version
from tests.unit.services.inventory.scan_bench import DAY, World, apps_of, entry, last, own, unreadable


def test_what_was_seen_before_and_is_there_no_more_has_vanished(world: World) -> None:
    world.orgs["production"] = [entry("Rotator")]
    world.known = [last(entry("Legacy", make_version().certificate))]
    result = world.scan()
    assert [life.seen for life in result.vanished] == [replace(world.known[0], gone_at=MOMENT)]


def test_an_org_that_shows_no_app_at_all_hides_them_for_a_while(world: World) -> None:
    portal = entry("Legacy", make_version().certificate, kind=Kind.APP_SAML)
    world.known = [last(entry("Legacy")), last(portal), last(entry("Billing")), last(own("Signing", 20))]
    result = world.scan()
    states = {(life.seen.type, life.seen.app): life.state for life in result.certificates}
    assert states["ConnectedApp", "Legacy"] is CertificateState.UNREADABLE
    assert states["ConnectedApp", "Billing"] is CertificateState.UNREADABLE
    assert states["ConnectedAppSamlConfig", "Legacy"] is CertificateState.UNREADABLE
    assert apps_of(result.vanished) == {"Signing"}
    problem = next(problem for problem in result.problems if problem.org)
    assert (problem.org, problem.type) == ("production", Kind.APP)
    assert "shows no connected app any more" in problem.error.message
    assert problem.error.effect == "They are not taken for gone yet."

    world.known = [replace(each, last_seen=MOMENT - 8 * DAY) for each in world.known]
    assert apps_of(world.scan().vanished) == {"Legacy", "Billing", "Signing"}


def test_what_vanished_long_ago_is_told_no_more_unless_it_is_configured(world: World) -> None:
    for days, is_told in ((29, True), (31, False)):
        world.known = [last(entry("Legacy"), gone_at=MOMENT - days * DAY)]
        assert bool(world.scan().vanished) is is_told
    world.known = [last(entry("Billing"), gone_at=MOMENT - 400 * DAY)]
    [billing] = world.scan().vanished
    assert billing.seen.credential == "billing"


def test_nothing_vanishes_from_an_org_that_cannot_be_read(world: World) -> None:
    world.known = [last(entry("Legacy"))]
    world.orgs["production"] = OrgUnavailable("The org is down.", hint="Wait.")
    assert world.scan().vanished == ()


def test_of_a_type_that_cannot_be_read_nothing_vanishes_and_what_was_known_is_shown(world: World) -> None:
    world.known = [last(own("Signing", 2)), last(entry("Legacy"))]
    world.unread = (Unread(Kind.CERTIFICATE, OrgError("Not allowed.", hint="Allow it.")),)
    world.orgs["production"] = [entry("Rotator")]
    result = world.scan()
    signing = next(life for life in result.certificates if life.seen.app == "Signing")
    assert (signing.state, signing.not_after) == (CertificateState.UNREADABLE, MOMENT + 2 * DAY)
    assert signing.urgency is Severity.CRITICAL, "it expires all the same"
    assert apps_of(result.vanished) == {"Legacy"}
    assert [(problem.where, problem.type) for problem in result.problems] == [("org production", Kind.CERTIFICATE)]


def test_the_saml_certificate_of_an_app_that_cannot_be_read_has_not_vanished(world: World) -> None:
    world.known = [last(entry("Portal", make_version().certificate, kind=Kind.APP_SAML))]
    world.orgs["production"] = [unreadable("Portal")]
    assert world.scan().vanished == ()
