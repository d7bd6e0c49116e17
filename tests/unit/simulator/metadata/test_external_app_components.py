"""External client apps in the Metadata API (facts 5.1, 5.2, 5.5), and every way that is not known as a setting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pytest

from rotator.core.crypto.certificates import Certificate
from rotator.simulator.wire.soap import FaultError
from tests.unit.simulator.helpers import call, texts

if TYPE_CHECKING:
    from lxml import etree

    from rotator.simulator.org.external_apps import ExternalApp
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair

GLOBAL = "ExtlClntAppGlobalOauthSettings"
SETTINGS_NAME = "Shipping_glbloauth"


@pytest.fixture
def app(org: Org, key_pairs: tuple[KeyPair, ...]) -> ExternalApp:
    return org.add_external_app("Shipping", certificate=key_pairs[0][1], username="admin@acme.example")


def read(org: Org, type_name: str = GLOBAL, name: str = SETTINGS_NAME, version: str = "67.0") -> etree._Element:
    body = f"<readMetadata><type>{type_name}</type><fullNames>{name}</fullNames></readMetadata>"
    return call(org, body, version=version)


def write(
    org: Org, elements: str, name: str = SETTINGS_NAME, operation: str = "updateMetadata", kind: str = GLOBAL
) -> list[str | None]:
    """Writes one component; gives the messages of its errors."""
    metadata = f'<metadata xsi:type="{kind}"><fullName>{name}</fullName>{elements}</metadata>'
    return texts(call(org, f"<{operation}>{metadata}</{operation}>", version="67.0"), "message")


def of(app: str, certificate: Certificate | None = None, more: str = "") -> str:
    pem = f"<certificate>{certificate.pem}</certificate>" if certificate else ""
    return f"{pem}<externalClientApplication>{app}</externalClientApplication>{more}"


class TestReading:
    @pytest.mark.fact("5.2h")
    def test_the_satellites_are_joined_by_an_element_and_named_as_setup_names_them(
        self, org: Org, app: ExternalApp
    ) -> None:
        names = {type_name: satellite.name for type_name, satellite in app.satellites.items()}
        assert names == {
            "ExtlClntAppOauthSettings": "Shipping_oauth",
            GLOBAL: SETTINGS_NAME,
            "ExtlClntAppOauthConfigurablePolicies": "Shipping_oauthPlcy",
            "ExtlClntAppConfigurablePolicies": "Shipping_plcy",
        }
        for type_name, name in names.items():
            assert texts(read(org, type_name, name), "externalClientApplication") == ["Shipping"]

    @pytest.mark.fact("5.2h")
    def test_what_they_are_called_is_a_setting(self, org: Org) -> None:
        names = dict.fromkeys(org.settings.external_names, "x_{app}_y")
        org.settings = replace(org.settings, external_names=names)
        made = org.add_external_app("Loyalty")
        assert {satellite.name for satellite in made.satellites.values()} == {"x_Loyalty_y"}

    @pytest.mark.fact("5.2f")
    def test_flags_and_the_key_come_back_and_the_secret_only_where_the_org_allows_it(
        self, org: Org, app: ExternalApp
    ) -> None:
        answer = read(org)
        assert texts(answer, "consumerKey") == [app.client_id]
        assert texts(answer, "consumerSecret") == []
        assert texts(answer, "isPkceRequired") == ["true"]
        assert texts(answer, "shouldRotateConsumerKey") == ["false"]
        org.settings = replace(org.settings, external_secrets_readable=True)
        assert app.consumer is not None
        assert texts(read(org), "consumerSecret") == [app.consumer.pair.secret.reveal()]

    @pytest.mark.parametrize("form", ["bare", "lines", "pem"])
    def test_the_form_of_the_certificate_is_a_setting(
        self, org: Org, app: ExternalApp, key_pairs: tuple[KeyPair, ...], form: Literal["bare", "lines", "pem"]
    ) -> None:
        org.settings = replace(org.settings, external_certificate_form=form)
        [text] = texts(read(org), "certificate")
        assert text is not None
        assert Certificate.parse(text) == key_pairs[0][1] == app.live_certificate
        assert {"bare": "\n" not in text, "lines": "\n" in text, "pem": text.startswith("-----BEGIN")}[form]

    def test_whether_the_certificate_comes_back_is_a_setting(self, org: Org, app: ExternalApp) -> None:
        assert app.live_certificate
        org.settings = replace(org.settings, external_certificate_returned="never")
        assert texts(read(org), "certificate") == []
        org.settings = replace(org.settings, external_certificate_returned="with_secret_access")
        assert texts(read(org), "certificate") == []
        org.settings = replace(org.settings, external_secrets_readable=True)
        assert len(texts(read(org), "certificate")) == 1

    @pytest.mark.parametrize("kind", [GLOBAL, "ExternalClientApplication"])
    def test_whether_apps_of_setup_are_known_at_all_is_a_setting(self, org: Org, app: ExternalApp, kind: str) -> None:
        assert write(org, "<label>Fresh</label>", "Fresh", "createMetadata", "ExternalClientApplication") == []
        listing = f"<listMetadata><queries><type>{kind}</type></queries></listMetadata>"
        name = app.name if kind == "ExternalClientApplication" else SETTINGS_NAME
        assert name in texts(call(org, listing, version="67.0"), "fullName")
        org.settings = replace(org.settings, external_apps_of_setup_shown=False)
        assert texts(call(org, listing, version="67.0"), "fullName") == [name for name in ["Fresh"] if kind != GLOBAL]
        assert texts(read(org, kind, name), "externalClientApplication") == []
        assert write(org, of("Shipping")) == [f"no {GLOBAL} named {SETTINGS_NAME} found"]
        assert app.live_certificate is not None

    @pytest.mark.fact("5.2b")
    def test_the_types_and_the_certificate_have_their_versions(self, org: Org, app: ExternalApp) -> None:
        assert app.live_certificate
        assert texts(read(org, version="59.0"), "certificate") == []
        with pytest.raises(FaultError, match="in this version"):
            read(org, version="58.0")
        with pytest.raises(FaultError, match="in this version"):
            read(org, "ExtlClntAppOauthSecuritySettings", version="66.0")
        assert len(read(org, "ExtlClntAppOauthSecuritySettings")[0]) == 1


class TestWriting:
    def test_a_new_certificate_takes_the_place_of_the_old_one_and_the_key_stays(
        self, org: Org, app: ExternalApp, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        key, secret = app.client_id, app.consumer
        assert write(org, of("Shipping", key_pairs[1][1])) == []
        assert app.live_certificate == key_pairs[1][1]
        assert (app.client_id, app.consumer) == (key, secret)

    def test_a_certificate_that_is_left_out_is_cleared_or_kept(self, org: Org, app: ExternalApp) -> None:
        before = app.live_certificate
        org.settings = replace(org.settings, omitted_elements="keep")
        assert write(org, of("Shipping")) == []
        assert app.live_certificate == before
        org.settings = replace(org.settings, omitted_elements="clear")
        assert write(org, of("Shipping")) == []
        assert app.live_certificate is None

    def test_a_new_key_is_ignored_or_refused(self, org: Org, app: ExternalApp) -> None:
        key, given = app.client_id, "<consumerKey>other</consumerKey>" + of("Shipping")
        assert write(org, given) == []
        org.settings = replace(org.settings, external_consumer_key_given="refuse")
        assert write(org, given) == ["You cannot provide a Consumer Key"]
        assert app.client_id == key

    def test_an_unusable_certificate_is_refused_and_changes_nothing(self, org: Org, app: ExternalApp) -> None:
        before = app.live_certificate
        assert write(org, "<certificate>none</certificate>" + of("Shipping")) == ["Invalid certificate"]
        assert app.live_certificate == before

    def test_that_updates_are_for_deployments_only_is_a_setting(self, org: Org, app: ExternalApp) -> None:
        org.settings = replace(org.settings, external_apps_updatable=False)
        assert write(org, of("Shipping")) == ["This type of metadata cannot be updated by this call"]
        assert app.live_certificate is not None

    def test_an_app_is_made_part_by_part_and_deleted_whole(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
        settings = of("Fresh", key_pairs[1][1])
        [error] = write(org, settings, "Any_Name", "createMetadata")
        assert error == "In field: externalClientApplication - no ExternalClientApplication named Fresh found"
        assert write(org, "<label>Fresh</label>", "Fresh", "createMetadata", "ExternalClientApplication") == []
        [error] = write(org, settings, "Any_Name", "createMetadata")
        assert error == "no ExtlClntAppOauthSettings named for Fresh found"
        scopes = "<commaSeparatedOauthScopes>Api, RefreshToken</commaSeparatedOauthScopes>" + of("Fresh")
        assert write(org, scopes, "Fresh_scopes", "createMetadata", "ExtlClntAppOauthSettings") == []
        assert write(org, settings, "Any_Name", "createMetadata") == []
        assert write(org, settings, "Other_Name", "createMetadata") == ["duplicate value found"]
        app = org.external_app("Fresh")
        assert (app.live_certificate, app.scopes) == (key_pairs[1][1], ["Api", "RefreshToken"])
        assert app.client_id
        delete = "<deleteMetadata><type>ExternalClientApplication</type><fullNames>Fresh</fullNames></deleteMetadata>"
        assert texts(call(org, delete, version="67.0"), "success") == ["true"]
        assert "Fresh" not in org.external_apps

    @pytest.mark.fact("5.2g")
    def test_a_rotation_of_key_or_secret_needs_warnings_to_be_ignored(self, org: Org, app: ExternalApp) -> None:
        key = app.client_id
        flag = "<shouldRotateConsumerKey>true</shouldRotateConsumerKey>"
        [error] = write(org, of("Shipping", more=flag))
        assert "ignoreWarnings" in error  # type: ignore[operator] # a message is a text
        assert app.client_id == key

    def test_upsert_and_rename(self, org: Org, app: ExternalApp) -> None:
        header = '<metadata xsi:type="ExternalClientApplication"><fullName>{}</fullName></metadata>'
        body = f"<upsertMetadata>{header}</upsertMetadata>"
        told = [texts(call(org, body.format(name), version="67.0"), "created") for name in ("Shipping", "Fresh")]
        assert told == [["false"], ["true"]]
        rename = (
            "<renameMetadata><type>ExternalClientApplication</type><oldFullName>Shipping</oldFullName>"
            "<newFullName>Delivery</newFullName></renameMetadata>"
        )
        assert texts(call(org, rename, version="67.0"), "success") == ["true"]
        assert app.name == "Delivery"
        assert texts(read(org), "externalClientApplication") == ["Delivery"]
        assert texts(call(org, rename, version="67.0"), "success") == ["false"]
