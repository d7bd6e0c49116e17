"""An app's certificate is replaced, and nothing else is touched; whatever goes wrong on the way is noticed and said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from rotator.core.credentials import Fingerprint
from rotator.errors import OrgError, OrgUnavailable, WriteUncertain
from rotator.salesforce.apps.fields import flatten
from rotator.salesforce.apps.org_apps import OrgApps
from rotator.simulator.org.schema.connected_app import CONNECTED_APP
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.tiers import longer, of_tier
from tests.unit.salesforce.filled import groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotator.salesforce.metadata import MetadataService
    from rotator.salesforce.session import OrgSession
    from rotator.simulator.org.org import Org
    from rotator.simulator.org.schema.field import Field

DEFAULTS = {"oauthPolicy.ipRelaxation": "ENFORCE", "oauthPolicy.refreshTokenPolicy": "infinite"}


def _flags(group: Field, prefix: str = "") -> Iterator[str]:
    for field in group.fields:
        if field.kind == "flag":
            yield f"{prefix}{field.name}"
        yield from _flags(field, f"{prefix}{field.name}.")


FLAGS = frozenset(_flags(CONNECTED_APP))


def live(org: Org, app: str) -> str | None:
    certificate = org.app(app).live_certificate
    return certificate.fingerprint if certificate else None


@pytest.fixture
def before(pair: Any) -> Fingerprint:
    return Fingerprint(pair.certificate.fingerprint)


def test_an_app_is_read_with_its_key_and_certificate(production: Org, apps: OrgApps, pair: Any) -> None:
    app = apps.read("Billing")
    assert app is not None
    assert (app.kind, app.full_name) == ("ConnectedApp", "Billing")
    assert app.client_id == production.app("Billing").client_id
    assert app.certificate == pair.certificate
    assert app.fingerprint == pair.certificate.fingerprint


def test_an_app_without_a_certificate_is_read_as_such(production: Org, apps: OrgApps) -> None:
    production.add_app("Empty")
    app = apps.read("Empty")
    assert app is not None
    assert app.certificate is None
    assert app.fingerprint is None


def test_an_app_that_is_not_there_is_none(apps: OrgApps) -> None:
    assert apps.read("Missing") is None


def test_an_app_whose_certificate_is_none_is_an_error(production: Org, apps: OrgApps) -> None:
    production.app("Billing").component["oauthConfig"]["certificate"] = "bm90aGluZw=="
    production.app("Billing").slot.put(None, production.clock())
    with pytest.raises(OrgError, match="What Billing in the org production holds as a certificate cannot be read"):
        apps.read("Billing")


def test_the_certificate_is_replaced_and_read_back(
    production: Org, apps: OrgApps, other_pair: Any, before: Fingerprint
) -> None:
    app = apps.replace_certificate("Billing", other_pair.certificate, expecting=before)
    assert app.certificate == other_pair.certificate
    assert live(production, "Billing") == other_pair.certificate.fingerprint


def test_an_app_gets_its_first_certificate(production: Org, apps: OrgApps, pair: Any) -> None:
    production.add_app("Empty")
    apps.replace_certificate("Empty", pair.certificate, expecting=None)
    assert live(production, "Empty") == pair.certificate.fingerprint


def test_the_consumer_key_stays(production: Org, apps: OrgApps, other_pair: Any, before: Fingerprint) -> None:
    client_id = production.app("Billing").client_id
    assert apps.replace_certificate("Billing", other_pair.certificate, expecting=before).client_id == client_id


@pytest.mark.parametrize("omitted", ["clear", "keep"])
def test_it_makes_no_difference_what_the_org_does_with_what_is_left_out(
    production: Org, apps: OrgApps, other_pair: Any, before: Fingerprint, omitted: Any
) -> None:
    production.settings = OrgSettings(omitted_elements=omitted)
    apps.replace_certificate("Billing", other_pair.certificate, expecting=before)
    assert live(production, "Billing") == other_pair.certificate.fingerprint


def test_a_certificate_that_is_live_already_is_not_written(
    production: Org, apps: OrgApps, pair: Any, other_pair: Any
) -> None:
    stale, noted = Fingerprint(other_pair.certificate.fingerprint), list[str]()
    app = apps.replace_certificate("Billing", pair.certificate, expecting=stale, sends=lambda: noted.append("sends"))
    assert app.certificate == pair.certificate
    assert production.calls[Kind.SOAP_UPDATE] == 0
    assert noted == ["sends"], "whoever looked last saw another one there"


@pytest.mark.parametrize("expecting", [None, Fingerprint("ab" * 32)])
def test_nothing_is_written_when_somebody_changed_the_certificate_meanwhile(
    production: Org, apps: OrgApps, other_pair: Any, expecting: Fingerprint | None
) -> None:
    with pytest.raises(OrgError, match="somebody changed it meanwhile") as caught:
        apps.replace_certificate("Billing", other_pair.certificate, expecting=expecting)
    assert caught.value.wrote_nothing
    assert production.calls[Kind.SOAP_UPDATE] == 0


def test_nothing_is_written_when_the_certificate_is_gone_meanwhile(
    production: Org, apps: OrgApps, other_pair: Any, before: Fingerprint
) -> None:
    production.put_certificate("Billing", None)
    with pytest.raises(OrgError, match="is gone, not"):
        apps.replace_certificate("Billing", other_pair.certificate, expecting=before)
    assert production.calls[Kind.SOAP_UPDATE] == 0


def test_a_name_that_no_app_has_is_said_to_be_so(apps: OrgApps, pair: Any) -> None:
    with pytest.raises(OrgError, match="has no app Missing, connected app or external client app"):
        apps.replace_certificate("Missing", pair.certificate, expecting=None)


def test_an_app_without_oauth_has_no_place_for_a_certificate(
    production: Org, pair: Any, metadata_of: Any, open_session: Any
) -> None:
    session = open_session(production)
    metadata = metadata_of(session)
    component = metadata.read("ConnectedApp", ["Billing"])[0]
    component.drop("oauthConfig")
    metadata.read = lambda _type, _names: [component]
    with pytest.raises(OrgError, match="has no OAuth settings") as caught:
        OrgApps(session, metadata).replace_certificate("Billing", pair.certificate, expecting=None)
    assert "Enable OAuth Settings" in caught.value.hint


@pytest.mark.parametrize("path", [("label",), ("contactEmail",), ("oauthConfig", "callbackUrl")])
def test_an_app_that_lacks_what_an_update_needs_is_not_sent(
    production: Org, pair: Any, other_pair: Any, metadata_of: Any, open_session: Any, path: tuple[str, ...]
) -> None:
    session = open_session(production)
    metadata = metadata_of(session)
    component = metadata.read("ConnectedApp", ["Billing"])[0]
    component.drop(*path)
    metadata.read = lambda _type, _names: [component]
    held = Fingerprint(pair.certificate.fingerprint)
    with pytest.raises(OrgError, match=f"gave of Billing cannot be sent back: {path[-1]} is missing"):
        OrgApps(session, metadata).replace_certificate("Billing", other_pair.certificate, expecting=held)
    assert production.calls[Kind.SOAP_UPDATE] == 0


def test_an_org_that_says_two_things_of_an_app_gets_neither_written_back(
    production: Org, apps: OrgApps, other_pair: Any, before: Fingerprint
) -> None:
    assert apps.read("Billing")
    production.app("Billing").component["oauthConfig"]["isPkceRequired"] = "true"
    with pytest.raises(OrgUnavailable, match=r"a moment ago: oauthConfig\.isPkceRequired: false -> true"):
        apps.replace_certificate("Billing", other_pair.certificate, expecting=before)
    assert production.calls[Kind.SOAP_UPDATE] == 0
    # What it says twice is taken for what is so.
    apps.replace_certificate("Billing", other_pair.certificate, expecting=before)
    assert live(production, "Billing") == other_pair.certificate.fingerprint
    assert production.app("Billing").component["oauthConfig"]["isPkceRequired"] == "true"


def test_a_certificate_that_the_org_dropped_without_a_word_is_noticed(
    production: Org, apps: OrgApps, other_pair: Any, before: Fingerprint
) -> None:
    production.faults.add(Fault(Kind.SOAP_UPDATE, Effect.LOSE_CERTIFICATE))
    with pytest.raises(OrgError, match="but the app holds no certificate") as caught:
        apps.replace_certificate("Billing", other_pair.certificate, expecting=before)
    assert other_pair.certificate.fingerprint in caught.value.hint
    apps.replace_certificate("Billing", other_pair.certificate, expecting=None)
    assert live(production, "Billing") == other_pair.certificate.fingerprint


def test_a_field_that_changed_with_the_certificate_is_named(
    production: Org,
    other_pair: Any,
    before: Fingerprint,
    open_session: Callable[..., OrgSession],
    metadata_of: Callable[[OrgSession], MetadataService],
) -> None:
    session = open_session(production)
    metadata = metadata_of(session)
    write = metadata.update

    def and_somebody_renames_it(component: Any) -> None:
        write(component)
        production.app("Billing").component["label"] = "Renamed"
        production.app("Billing").component["oauthConfig"]["isPkceRequired"] = "true"

    metadata.update = and_somebody_renames_it  # type: ignore[method-assign] # what happens between write and read
    with pytest.raises(OrgError) as caught:
        OrgApps(session, metadata).replace_certificate("Billing", other_pair.certificate, expecting=before)
    assert "label: Billing -> Renamed; oauthConfig.isPkceRequired: false -> true" in caught.value.message
    assert caught.value.effect == "The new certificate is live."


def test_a_write_whose_answer_was_lost_is_looked_for_by_the_caller(
    production: Org,
    other_pair: Any,
    before: Fingerprint,
    open_session: Callable[..., OrgSession],
    metadata_of: Callable[[OrgSession], MetadataService],
) -> None:
    session = open_session(production)
    apps = OrgApps(session, metadata_of(session))
    production.faults.add(Fault(Kind.SOAP_UPDATE, Effect.LOSE_ANSWER))
    with pytest.raises(WriteUncertain):
        apps.replace_certificate("Billing", other_pair.certificate, expecting=before)
    found = apps.read("Billing")
    assert found is not None
    assert found.certificate == other_pair.certificate


def test_a_write_that_cannot_be_read_back_is_uncertain(
    production: Org, apps: OrgApps, other_pair: Any, before: Fingerprint
) -> None:
    production.faults.add(Fault(Kind.SOAP_READ, Effect.FAIL, times=None, after=1))
    with pytest.raises(WriteUncertain, match="could not be read afterwards"):
        apps.replace_certificate("Billing", other_pair.certificate, expecting=before)
    assert live(production, "Billing") == other_pair.certificate.fingerprint


def test_a_certificate_that_the_org_refuses_changes_nothing(
    production: Org, apps: OrgApps, other_pair: Any, before: Fingerprint
) -> None:
    production.settings = OrgSettings(largest_certificate_bytes=100, certificate_message="Certificate too large")
    with pytest.raises(OrgError, match="Certificate too large") as caught:
        apps.replace_certificate("Billing", other_pair.certificate, expecting=before)
    assert not isinstance(caught.value, OrgUnavailable)
    assert live(production, "Billing") == before


def test_the_management_app_is_changed_over_the_session_that_it_opened(
    production: Org, apps: OrgApps, other_pair: Any, pair: Any, before: Fingerprint
) -> None:
    apps.replace_certificate("Rotator", other_pair.certificate, expecting=before)
    apps.replace_certificate("Rotator", pair.certificate, expecting=Fingerprint(other_pair.certificate.fingerprint))
    assert live(production, "Rotator") == before
    assert len(production.logins) == 1


def test_the_newest_version_that_the_org_offers_is_told(production: Org, apps: OrgApps) -> None:
    production.settings = OrgSettings(latest_api_version=100)
    assert apps.check_version() == "100.0"


def test_an_org_that_is_older_than_the_version_in_use_is_told(production: Org, apps: OrgApps) -> None:
    production.settings = OrgSettings(latest_api_version=65)
    with pytest.raises(OrgError, match=r"offers version 65\.0 of its API at most, and rotator speaks 66\.0"):
        apps.check_version()
    with pytest.raises(OrgError, match="UNSUPPORTED_API_VERSION") as caught:
        apps.read("Billing")
    assert "rotator check" in caught.value.hint


def test_access_is_proven_by_what_the_api_shows(apps: OrgApps, production: Org) -> None:
    assert apps.check_access() == ()
    assert production.calls[Kind.SOAP_DESCRIBE] == 1
    production.settings = OrgSettings(hidden_types=("ExtlClntAppGlobalOauthSettings",))
    assert [kind.value for kind in apps.check_access()] == ["ExternalClientApplication"]


def test_several_apps_are_read_in_one_call(apps: OrgApps, production: Org) -> None:
    found = apps.read_all(["Billing", "Missing", "Rotator"])
    assert [app and app.full_name for app in found] == ["Billing", None, "Rotator"]
    assert production.calls[Kind.SOAP_READ] == 1


def test_of_several_apps_the_one_that_cannot_be_read_has_its_error(apps: OrgApps, production: Org) -> None:
    production.app("Billing").component["oauthConfig"]["certificate"] = "bm90aGluZw=="
    production.app("Billing").slot.put(None, production.clock())
    broken, rotator = apps.read_each(["Billing", "Rotator"])
    assert isinstance(broken, OrgError)
    assert rotator
    with pytest.raises(OrgError, match="What Billing in the org production holds as a certificate cannot be read"):
        apps.read_all(["Rotator", "Billing"])


def test_a_user_who_is_shown_no_apps_at_all_is_told_the_permissions(
    production: Org, metadata_of: Any, open_session: Any
) -> None:
    session = open_session(production)
    metadata = metadata_of(session)
    metadata.describe = lambda: frozenset({"CustomObject"})
    with pytest.raises(OrgError, match="neither connected apps nor external client apps") as caught:
        OrgApps(session, metadata).check_access()
    assert "Modify Metadata" in caught.value.hint


@longer
@settings(
    max_examples=of_tier(13, thorough=40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(groups(CONNECTED_APP))
def test_whatever_an_app_is_set_to_survives_a_change_of_its_certificate(
    production: Org, apps: OrgApps, pair: Any, other_pair: Any, component: dict[str, Any]
) -> None:
    production.add_app("Any", certificate=pair.certificate, component=component)
    there = _set(production)
    assert apps.read("Any"), "as each rotation does before it writes"
    apps.replace_certificate("Any", other_pair.certificate, expecting=Fingerprint(pair.certificate.fingerprint))
    assert live(production, "Any") == other_pair.certificate.fingerprint
    assert _set(production) == DEFAULTS | there


def _set(org: Org) -> dict[str, str]:
    """What the app is set to; a flag that is not set is false."""
    there = flatten(org.app("Any").component)
    return {path: text for path, text in there.items() if text != "false" or path not in FLAGS}
