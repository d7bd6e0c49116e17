"""Every app with its policies, by one retrieve; and what an archive may not hold."""

from __future__ import annotations

import base64
import io
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.core.posture.facts import AppFacts, Hidden, KeyFacts, PolicyFacts
from rotator.errors import OrgError, OrgUnavailable, RotatorError
from rotator.net.shapes import WrongShape
from rotator.salesforce.access.app_settings import all_apps
from rotator.salesforce.inventory import retrieval
from rotator.salesforce.inventory.retrieval import retrieved
from rotator.salesforce.soap import element
from rotator.simulator.org.schema.external_client_app import OAUTH_POLICIES, OAUTH_SETTINGS
from rotator.simulator.wire.faults import Effect, Fault, Kind
from tests.tiers import longer
from tests.unit.salesforce.conftest import CONSUMER, Pair

if TYPE_CHECKING:
    from rotator.salesforce.metadata import MetadataService
    from rotator.simulator.org.org import Org


def found(metadata: MetadataService, name: str) -> AppFacts:
    return next(app for app in all_apps(metadata) if app.name.casefold() == name.casefold())


def test_a_connected_app_comes_with_its_policies_and_scopes(
    production: Org, pair: Pair, metadata: MetadataService
) -> None:
    component = production.apps["Billing"].component
    component["oauthConfig"]["scopes"] = ["Api", "RefreshToken"]
    component["oauthPolicy"] = {"ipRelaxation": "BYPASS", "refreshTokenPolicy": "zero"}
    component["sessionPolicy"] = {"policyAction": "Block", "sessionLevel": "HIGH_ASSURANCE"}
    app = found(metadata, "billing")
    assert (app.name, app.label, app.is_connected_app) == ("Billing", "Billing", True)
    assert app.client_id == production.apps["Billing"].client_id
    assert app.scopes == frozenset({"Api", "RefreshToken"})
    assert app.policies == PolicyFacts(True, ("Standard User",), (), "BYPASS", "zero", "HIGH_ASSURANCE")
    assert isinstance(app.key, KeyFacts)
    assert app.key.public_fingerprint == pair.certificate.public_fingerprint
    assert (app.key.bits, app.key.exponent, app.key.hash) == (2048, 65537, "sha256")


def test_what_a_connected_app_does_not_say_is_at_its_default(metadata: MetadataService) -> None:
    policies = found(metadata, "Billing").policies
    assert isinstance(policies, PolicyFacts)
    assert (policies.ip_relaxation, policies.refresh_tokens) == ("ENFORCE", "infinite")


def test_an_external_client_app_is_put_together_of_its_satellites(
    production: Org, pair: Pair, metadata: MetadataService
) -> None:
    made = production.add_external_app("Shipping", certificate=pair.certificate, username=CONSUMER)
    made.part(OAUTH_SETTINGS.name)["commaSeparatedOauthScopes"] = "Api, OfflineAccess"
    made.part(OAUTH_POLICIES.name).update(ipRelaxationPolicyType="Bypass", refreshTokenPolicyType="SpecificLifetime")
    app = found(metadata, "Shipping")
    assert not app.is_connected_app
    assert app.client_id == made.client_id
    assert app.scopes == frozenset({"Api", "RefreshToken"})
    assert isinstance(app.policies, PolicyFacts)
    assert (app.policies.ip_relaxation, app.policies.refresh_tokens) == ("BYPASS", "specificlifetime")
    assert isinstance(app.key, KeyFacts)


def test_what_an_external_client_app_lacks_is_not_taken_for_well(production: Org, metadata: MetadataService) -> None:
    made = production.add_external_app("Shipping", username=CONSUMER)
    for part in (OAUTH_SETTINGS.name, OAUTH_POLICIES.name):
        del made.satellites[part]
    app = found(metadata, "Shipping")
    assert isinstance(app.policies, Hidden)
    assert isinstance(app.scopes, Hidden)
    assert isinstance(app.key, Hidden)


def test_more_apps_than_one_retrieve_takes_come_by_several(
    production: Org, metadata: MetadataService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "PORTION", 2)
    for number in range(3):
        production.add_app(f"App_{number}", username=CONSUMER)
    production.calls.clear()
    assert {app.name for app in all_apps(metadata)} == {"Rotator", "Billing", "App_0", "App_1", "App_2"}
    assert production.calls[Kind.SOAP_RETRIEVE] == 3


def test_a_retrieve_that_takes_a_while_is_waited_for(
    production: Org, metadata: MetadataService, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    ask = metadata.ask

    def slow(operation: str, *arguments: Any, **options: Any) -> Any:
        if operation == "checkRetrieveStatus":
            asked.append(operation)
            if len(asked) < 3:
                return None
        return ask(operation, *arguments, **options)

    monkeypatch.setattr(metadata, "ask", slow)
    assert found(metadata, "Billing")
    assert len(asked) == 3
    assert production.calls[Kind.SOAP_RETRIEVE] == 1


def test_a_retrieve_that_never_ends_is_given_up(metadata: MetadataService, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = metadata.ask

    def never(operation: str, *arguments: Any, **options: Any) -> Any:
        return None if operation == "checkRetrieveStatus" else ask(operation, *arguments, **options)

    monkeypatch.setattr(metadata, "ask", never)
    with pytest.raises(OrgUnavailable, match="has not retrieved its apps within 300 seconds"):
        all_apps(metadata)


def test_a_retrieve_that_the_org_loses_is_asked_for_again(production: Org, metadata: MetadataService) -> None:
    production.faults.add(Fault(Kind.SOAP_RETRIEVE, Effect.LOSE_ANSWER, times=1))
    assert found(metadata, "Billing")


def test_a_retrieve_that_the_org_refuses_is_not_asked_for_again(
    metadata: MetadataService, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refusing(operation: str, *_arguments: Any, **_options: Any) -> Any:
        asked.append(operation)
        raise OrgError("The org says no.")

    monkeypatch.setattr(metadata, "ask", refusing)
    with pytest.raises(OrgError, match="says no"):
        list(retrieved(metadata, {"ConnectedApp": ["Billing"]}))
    assert asked == ["retrieve"]


def answer_with(monkeypatch: pytest.MonkeyPatch, metadata: MetadataService, result: Any) -> None:
    """Has every retrieve end with this."""

    def ask(operation: str, _asked: Any, understood: Any, **_options: Any) -> Any:
        try:
            return "09S000000000001AAA" if operation == "retrieve" else understood([result])
        except WrongShape as error:
            raise OrgError(str(error)) from None

    monkeypatch.setattr(metadata, "ask", ask)


def archive(files: dict[str, bytes]) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return base64.b64encode(buffer.getvalue()).decode()


APP = b'<ConnectedApp xmlns="http://soap.sforce.com/2006/04/metadata"><label>B</label></ConnectedApp>'
PATH = "connectedApps/Billing.connectedApp"
LARGE = b" " * 1_000_000


@longer
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("not base64!", "its archive is no base64"),
        (base64.b64encode(b"no archive").decode(), "File is not a zip file"),
        ({PATH: b"<ConnectedApp"}, "it is no XML"),
        ({PATH: b"<!DOCTYPE a><ConnectedApp/>"}, "it brings a document type"),
        ({PATH: b"<html/>"}, "a file holds something else than a component"),
        ({PATH: b"<x>" + b"y" * 600_000 + b"</x>"}, "a file of its archive is too large"),
        ({f"a/{number}.b": LARGE for number in range(70)}, "its archive is too large"),
    ],
    ids=range(7),
)
def test_what_is_no_archive_of_components_is_refused(
    metadata: MetadataService, monkeypatch: pytest.MonkeyPatch, given: str | dict[str, bytes], told: str
) -> None:
    text = given if isinstance(given, str) else archive(given)
    parts = {"done": "true", "status": "Succeeded", "success": "true", "zipFile": text}
    result = element("result", *(element(name, value) for name, value in parts.items()))
    answer_with(monkeypatch, metadata, result)
    with pytest.raises(OrgError, match=told):
        list(retrieved(metadata, {"ConnectedApp": ["Billing"]}))


def test_a_component_has_the_name_of_its_file(metadata: MetadataService, monkeypatch: pytest.MonkeyPatch) -> None:
    path = "connectedApps/ns__Billing%26.connectedApp"
    parts = {"done": "true", "status": "Succeeded", "success": "true"}
    content = archive({path: APP, "package.xml": b"<Package/>"})
    result = element("result", *(element(each, value) for each, value in parts.items()), element("zipFile", content))
    monkeypatch.setattr(
        metadata,
        "ask",
        lambda operation, _asked, understood, **_: "09S" if operation == "retrieve" else understood([result]),
    )
    [component] = retrieved(metadata, {"ConnectedApp": ["x"]})
    assert (component.metadata_type, component.full_name, component.text("label")) == (
        "ConnectedApp",
        "ns__Billing&",
        "B",
    )


def test_a_retrieve_that_fails_says_why(metadata: MetadataService, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"done": "true", "status": "Failed", "success": "false", "errorMessage": "No room."}
    result = element("result", *(element(each, value) for each, value in parts.items()))
    monkeypatch.setattr(
        metadata,
        "ask",
        lambda operation, _asked, understood, **_: "09S" if operation == "retrieve" else understood([result]),
    )
    with pytest.raises(OrgError, match=r"could not retrieve its apps: No room\."):
        list(retrieved(metadata, {"ConnectedApp": ["Billing"]}))


def archive_of(*names: str) -> bytes:
    """An archive as a retrieve gives it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            app = f'<ConnectedApp xmlns="http://soap.sforce.com/2006/04/metadata"><label>{name}</label></ConnectedApp>'
            archive.writestr(f"connectedApps/{name}.connectedApp", app)
    return file.getvalue()


@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_an_archive_that_was_damaged_on_its_way_is_an_error_of_ours(changes: list[tuple[int, int]]) -> None:
    archive = bytearray(archive_of("Billing", "Shipping"))
    for place, value in changes:
        archive[place % len(archive)] = value
    with suppress(RotatorError):
        list(retrieval._unpacked("production", bytes(archive)))
