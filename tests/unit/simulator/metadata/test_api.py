"""The Metadata API's reads for ConnectedApp, without a server between."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.simulator.metadata.call import MetadataCall
from rotator.simulator.wire.soap import INSTANCE, FaultError, SoapCall, is_nil
from tests.unit.simulator.helpers import START, call, envelope, session_of, texts, update_of

if TYPE_CHECKING:
    from lxml import etree

    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair, StandingClock


READ = "<readMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></readMetadata>"


def names(element: etree._Element) -> list[str]:
    return [child.tag.rpartition("}")[2] for child in element]


EXTERNAL_TYPES = [
    "ExternalClientApplication",
    "ExtlClntAppOauthSettings",
    "ExtlClntAppGlobalOauthSettings",
    "ExtlClntAppOauthConfigurablePolicies",
    "ExtlClntAppConfigurablePolicies",
]


def texts_of_oauth(answer: etree._Element) -> list[str]:
    [oauth] = [element for element in answer.iter() if str(element.tag).endswith("}oauthConfig")]
    return names(oauth)


class TestReading:
    @pytest.mark.fact("1.1a")
    def test_the_certificate_comes_back_as_one_line_of_base64(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
        assert texts(call(org, READ), "certificate") == [base64.b64encode(key_pairs[0][1].der).decode()]

    @pytest.mark.fact("1.1c")
    def test_the_consumer_key_comes_back_and_the_secret_never_does(self, org: Org) -> None:
        org.app("Billing").component["oauthConfig"]["consumerSecret"] = "0123456789"
        answer = call(org, READ)
        assert texts(answer, "consumerKey") == [org.app("Billing").client_id]
        assert texts(answer, "consumerSecret") == []

    @pytest.mark.fact("1.1d")
    def test_an_app_without_a_certificate_has_no_such_element(self, org: Org) -> None:
        org.put_certificate("Billing", None)
        assert texts(call(org, READ), "certificate") == []

    @pytest.mark.fact("2.3h", "8.3e")
    def test_what_is_missing_is_nil_in_its_place(self, org: Org) -> None:
        body = READ.replace("<fullNames>Billing", "<fullNames>Nobody</fullNames><fullNames>Billing")
        records = call(org, body)[0]
        assert [record.get(f"{{{INSTANCE}}}nil") for record in records] == ["true", None]
        assert texts(records[1], "fullName") == ["Billing"]

    @pytest.mark.fact("2.3a")
    def test_ten_components_may_be_read_and_not_eleven(self, org: Org) -> None:
        ten = "<fullNames>Billing</fullNames>" * 10
        assert len(call(org, f"<readMetadata><type>ConnectedApp</type>{ten}</readMetadata>")[0]) == 10
        with pytest.raises(FaultError):
            call(org, f"<readMetadata><type>ConnectedApp</type>{ten}<fullNames>A</fullNames></readMetadata>")

    @pytest.mark.fact("1.4b")
    def test_flags_are_always_there_as_the_api_version_has_them(self, org: Org) -> None:
        oauth = {version: texts_of_oauth(call(org, READ, version=f"{version}.0")) for version in (47, 51, 60)}
        assert oauth[47] == ["callbackUrl", "certificate", "consumerKey", "isAdminApproved", *["scopes"] * 3]
        assert "isSecretRequiredForRefreshToken" in oauth[51]
        assert "isNamedUserJwtEnabled" not in oauth[51]
        assert "isTokenExchangeEnabled" in oauth[60]

    @pytest.mark.fact("1.3d")
    def test_the_oauth_policy_is_there_from_version_49_on(self, org: Org) -> None:
        assert texts(call(org, READ, version="48.0"), "oauthPolicy") == []
        assert texts(call(org, READ, version="49.0"), "ipRelaxation") == ["ENFORCE"]

    def test_lists_and_descriptions_name_every_app(self, org: Org) -> None:
        listed = call(org, "<listMetadata><queries><type>ConnectedApp</type></queries></listMetadata>")
        assert texts(listed, "fullName") == ["Management", "Billing"]
        assert texts(listed, "fileName")[1] == "connectedApps/Billing.connectedApp"
        assert names(listed[0]) == sorted(names(listed[0]))
        described = call(org, "<describeMetadata><asOfVersion>63.0</asOfVersion></describeMetadata>")
        assert texts(described, "xmlName") == [
            "Certificate",
            "ConnectedApp",
            "PermissionSet",
            *EXTERNAL_TYPES,
            "SamlSsoConfig",
            "ProfileSessionSetting",
            "Settings",
        ]

    @pytest.mark.fact("2.3g")
    def test_three_queries_may_be_listed_and_not_four(self, org: Org) -> None:
        query = "<queries><type>ConnectedApp</type></queries>"
        assert len(call(org, f"<listMetadata>{query * 3}</listMetadata>")) == 6
        with pytest.raises(FaultError):
            call(org, f"<listMetadata>{query * 4}</listMetadata>")

    def test_other_certificates_are_listed_as_the_files_that_they_are(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        org.add_certificate("Signing", None)
        org.add_certificate("Gone", None)
        org.delete_certificate("Gone")
        org.add_identity_provider("Login", key_pairs[0][1])
        listed = call(
            org,
            "<listMetadata><queries><type>Certificate</type></queries><queries><type>SamlSsoConfig</type></queries>"
            "</listMetadata>",
        )
        assert texts(listed, "fileName") == ["certs/Signing.crt", "samlssoconfigs/Login.samlssoconfig"]
        assert texts(listed, "type") == ["Certificate", "SamlSsoConfig"]
        assert [str(each)[:3] for each in texts(listed, "id")] == ["0P1", "0LE"]

    @pytest.mark.fact("6d", "6e")
    def test_an_identity_provider_comes_with_its_certificate_on_one_line(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        org.add_identity_provider("Login", key_pairs[0][1], requestSigningCertId="0P1000000000001")
        asked = "<fullNames>Login</fullNames><fullNames>Missing</fullNames>"
        answer = call(org, f"<readMetadata><type>SamlSsoConfig</type>{asked}</readMetadata>")
        assert texts(answer, "validationCert") == [key_pairs[0][1].base64]
        assert texts(answer, "requestSigningCertId") == ["0P1000000000001"]
        assert names(answer[0][0]) == sorted(names(answer[0][0]), key=lambda name: (name != "fullName", name))
        assert is_nil(answer[0][1])

    @pytest.mark.fact("8.4d")
    def test_the_content_of_a_certificate_is_a_file_and_no_component(self, org: Org) -> None:
        org.add_certificate("Signing", None)
        for operation, names_of in (("readMetadata", "<fullNames>Signing</fullNames>"), ("describeValueType", "")):
            with pytest.raises(FaultError, match="not supported"):
                call(org, f"<{operation}><type>Certificate</type>{names_of}</{operation}>")

    @pytest.mark.fact("6l", "8.4d")
    def test_certificates_are_listed_from_version_36_on(self, org: Org) -> None:
        text = "<listMetadata><queries><type>Certificate</type></queries></listMetadata>"
        assert len(call(org, text, version="36.0")) == 0
        with pytest.raises(FaultError, match="Cannot use: Certificate in this version"):
            call(org, text, version="35.0")
        described = call(org, "<describeMetadata><asOfVersion>35.0</asOfVersion></describeMetadata>", version="35.0")
        assert texts(described, "xmlName") == ["ConnectedApp", "PermissionSet", "SamlSsoConfig", "Settings"]

    @pytest.mark.fact("8.4d")
    def test_a_hidden_type_refuses_the_whole_call(self, org: Org) -> None:
        org.settings = replace(org.settings, hidden_types=("SamlSsoConfig",), hidden_type_code="INSUFFICIENT_ACCESS")
        queries = "".join(f"<queries><type>{name}</type></queries>" for name in ("ConnectedApp", "SamlSsoConfig"))
        with pytest.raises(FaultError, match="not available") as refused:
            call(org, f"<listMetadata>{queries}</listMetadata>")
        assert refused.value.code == "sf:INSUFFICIENT_ACCESS"
        described = call(org, "<describeMetadata><asOfVersion>63.0</asOfVersion></describeMetadata>")
        assert texts(described, "xmlName") == [
            "Certificate",
            "ConnectedApp",
            "PermissionSet",
            *EXTERNAL_TYPES,
            "ProfileSessionSetting",
            "Settings",
        ]

    def test_what_is_not_simulated_says_so_and_blames_nobody(self, org: Org) -> None:
        gone = "<deleteMetadata><type>ExtlClntAppOauthSecuritySettings</type><fullNames>A</fullNames></deleteMetadata>"
        for text, name in ((gone, "Deleting Extl"), (READ.replace("ConnectedApp", "ApexClass"), "ApexClass")):
            with pytest.raises(FaultError, match=name) as refused:
                call(org, text, version="67.0")
            assert refused.value.code == "sf:SIMULATOR_UNSUPPORTED"


class TestOpening:
    @pytest.mark.fact("2.3f", "8.4c")
    def test_a_user_without_the_permission_has_no_access(self, org: Org) -> None:
        request = SoapCall.parse(envelope(READ, session_of(org, "billing@acme.example", "Billing")))
        with pytest.raises(FaultError) as refused:
            MetadataCall.open(org, request, "63.0")
        assert refused.value.code == "sf:INSUFFICIENT_ACCESS"

    @pytest.mark.parametrize("token", ["", "00D000000000001!nobody"])
    @pytest.mark.fact("8.4c")
    def test_a_token_that_was_never_given_is_an_invalid_session(self, org: Org, token: str) -> None:
        with pytest.raises(FaultError, match="Invalid Session ID found in SessionHeader"):
            MetadataCall.open(org, SoapCall.parse(envelope(READ, token)), "63.0")

    def test_the_session_of_a_user_who_is_active_no_more_is_invalid(self, org: Org) -> None:
        request = SoapCall.parse(envelope(READ, session_of(org)))
        org.users["admin@acme.example"].active = False
        with pytest.raises(FaultError, match="Invalid Session ID"):
            MetadataCall.open(org, request, "63.0")

    def test_a_session_ends_when_it_is_unused_for_its_lifetime(self, org: Org, clock: StandingClock) -> None:
        request = SoapCall.parse(envelope(READ, session_of(org)))
        clock.advance(7000)
        MetadataCall.open(org, request, "63.0")
        clock.advance(7000)
        MetadataCall.open(org, request, "63.0")
        clock.advance(7300)
        with pytest.raises(FaultError, match="Invalid Session ID"):
            MetadataCall.open(org, request, "63.0")

    @pytest.mark.fact("2.3e")
    def test_a_token_in_jwt_format_is_an_invalid_session_here(self, org: Org) -> None:
        org.app("Management").component["oauthConfig"]["isNamedUserJwtEnabled"] = "true"
        request = SoapCall.parse(envelope(READ, session_of(org)))
        with pytest.raises(FaultError, match="Invalid Session ID"):
            MetadataCall.open(org, request, "63.0")
        org.settings = replace(org.settings, jwt_tokens_in_soap=True)
        MetadataCall.open(org, request, "63.0")

    @pytest.mark.parametrize("version", ["28.0", "68.0", "latest", "63.5", ""])
    def test_an_api_version_that_is_not_there_is_named(self, org: Org, version: str) -> None:
        request = SoapCall.parse(envelope(READ, session_of(org)))
        with pytest.raises(FaultError, match="Invalid Api version specified on URL"):
            MetadataCall.open(org, request, version)

    def test_a_call_that_is_not_there_is_named(self, org: Org) -> None:
        with pytest.raises(FaultError, match="No operation available for request"):
            call(org, "<launchRocket/>")

    def test_the_type_describes_itself_as_the_api_version_has_it(self, org: Org) -> None:
        body = (
            "<describeValueType><type>{http://soap.sforce.com/2006/04/metadata}ConnectedApp</type></describeValueType>"
        )
        assert "isTokenExchangeEnabled" not in texts(call(org, body, version="59.0"), "name")
        assert "isTokenExchangeEnabled" in texts(call(org, body, version="60.0"), "name")


def test_the_largest_certificate_is_measured_as_pem(org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
    long_names = SubjectName("x" * 64, "u" * 64, "o" * 64, "l" * 64, "s" * 64, "DE")
    certificate = self_signed(key_pairs[1][0], long_names, now=START, lifetime=timedelta(days=1))
    org.settings = replace(org.settings, largest_certificate_bytes=len(certificate.pem) - 1)
    assert texts(call(org, update_of(org, "Billing", {"certificate": certificate.pem})), "success") == ["false"]
    org.settings = replace(org.settings, largest_certificate_bytes=len(certificate.pem))
    assert texts(call(org, update_of(org, "Billing", {"certificate": certificate.pem})), "success") == ["true"]
