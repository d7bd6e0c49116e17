"""The Metadata API's calls for ConnectedApp, without a server between."""

from __future__ import annotations

import base64
import textwrap
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from rotator.core.crypto.certificates import SubjectName, self_signed
from rotator.simulator.metadata.call import MetadataCall
from rotator.simulator.wire.soap import INSTANCE, FaultError, SoapCall, is_nil
from tests.unit.simulator.helpers import START, call, envelope, session_of, texts, update_of

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair, StandingClock

READ = "<readMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></readMetadata>"


def errors(answer: etree._Element) -> list[tuple[str | None, str | None]]:
    return list(zip(texts(answer, "statusCode"), texts(answer, "message"), strict=True))


def names(element: etree._Element) -> list[str]:
    return [child.tag.rpartition("}")[2] for child in element]


EXTERNAL_TYPES = [
    "ExternalClientApplication",
    "ExtlClntAppOauthSettings",
    "ExtlClntAppGlobalOauthSettings",
    "ExtlClntAppOauthConfigurablePolicies",
    "ExtlClntAppConfigurablePolicies",
]


class TestReading:
    def test_the_certificate_comes_back_as_one_line_of_base64(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
        assert texts(call(org, READ), "certificate") == [base64.b64encode(key_pairs[0][1].der).decode()]

    def test_the_consumer_key_comes_back_and_the_secret_never_does(self, org: Org) -> None:
        org.app("Billing").component["oauthConfig"]["consumerSecret"] = "0123456789"
        answer = call(org, READ)
        assert texts(answer, "consumerKey") == [org.app("Billing").client_id]
        assert texts(answer, "consumerSecret") == []

    def test_an_app_without_a_certificate_has_no_such_element(self, org: Org) -> None:
        org.put_certificate("Billing", None)
        assert texts(call(org, READ), "certificate") == []

    def test_what_is_missing_is_nil_in_its_place(self, org: Org) -> None:
        body = READ.replace("<fullNames>Billing", "<fullNames>Nobody</fullNames><fullNames>Billing")
        records = call(org, body)[0]
        assert [record.get(f"{{{INSTANCE}}}nil") for record in records] == ["true", None]
        assert texts(records[1], "fullName") == ["Billing"]

    def test_ten_components_may_be_read_and_not_eleven(self, org: Org) -> None:
        ten = "<fullNames>Billing</fullNames>" * 10
        assert len(call(org, f"<readMetadata><type>ConnectedApp</type>{ten}</readMetadata>")[0]) == 10
        with pytest.raises(FaultError):
            call(org, f"<readMetadata><type>ConnectedApp</type>{ten}<fullNames>A</fullNames></readMetadata>")

    def test_flags_are_always_there_as_the_api_version_has_them(self, org: Org) -> None:
        oauth = {version: texts_of_oauth(call(org, READ, version=f"{version}.0")) for version in (47, 51, 60)}
        assert oauth[47] == ["callbackUrl", "certificate", "consumerKey", "isAdminApproved", *["scopes"] * 3]
        assert "isSecretRequiredForRefreshToken" in oauth[51]
        assert "isNamedUserJwtEnabled" not in oauth[51]
        assert "isTokenExchangeEnabled" in oauth[60]

    def test_the_oauth_policy_is_there_from_version_49_on(self, org: Org) -> None:
        assert texts(call(org, READ, version="48.0"), "oauthPolicy") == []
        assert texts(call(org, READ, version="49.0"), "ipRelaxation") == ["ENFORCE"]

    def test_lists_and_descriptions_name_every_app(self, org: Org) -> None:
        listed = call(org, "<listMetadata><queries><type>ConnectedApp</type></queries></listMetadata>")
        assert texts(listed, "fullName") == ["Management", "Billing"]
        assert texts(listed, "fileName")[1] == "connectedApps/Billing.connectedApp"
        assert names(listed[0]) == sorted(names(listed[0]))
        described = call(org, "<describeMetadata><asOfVersion>63.0</asOfVersion></describeMetadata>")
        assert texts(described, "xmlName") == ["Certificate", "ConnectedApp", *EXTERNAL_TYPES, "SamlSsoConfig"]

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

    def test_the_content_of_a_certificate_is_a_file_and_no_component(self, org: Org) -> None:
        org.add_certificate("Signing", None)
        for operation, names_of in (("readMetadata", "<fullNames>Signing</fullNames>"), ("describeValueType", "")):
            with pytest.raises(FaultError, match="not supported"):
                call(org, f"<{operation}><type>Certificate</type>{names_of}</{operation}>")

    def test_certificates_are_listed_from_version_36_on(self, org: Org) -> None:
        text = "<listMetadata><queries><type>Certificate</type></queries></listMetadata>"
        assert len(call(org, text, version="36.0")) == 0
        with pytest.raises(FaultError, match="Cannot use: Certificate in this version"):
            call(org, text, version="35.0")
        described = call(org, "<describeMetadata><asOfVersion>35.0</asOfVersion></describeMetadata>", version="35.0")
        assert texts(described, "xmlName") == ["ConnectedApp", "SamlSsoConfig"]

    def test_a_hidden_type_refuses_the_whole_call(self, org: Org) -> None:
        org.settings = replace(org.settings, hidden_types=("SamlSsoConfig",), hidden_type_code="INSUFFICIENT_ACCESS")
        queries = "".join(f"<queries><type>{name}</type></queries>" for name in ("ConnectedApp", "SamlSsoConfig"))
        with pytest.raises(FaultError, match="not available") as refused:
            call(org, f"<listMetadata>{queries}</listMetadata>")
        assert refused.value.code == "sf:INSUFFICIENT_ACCESS"
        described = call(org, "<describeMetadata><asOfVersion>63.0</asOfVersion></describeMetadata>")
        assert texts(described, "xmlName") == ["Certificate", "ConnectedApp", *EXTERNAL_TYPES]

    def test_what_is_not_simulated_says_so_and_blames_nobody(self, org: Org) -> None:
        body = (
            '<updateMetadata><metadata xsi:type="SamlSsoConfig"><fullName>Login</fullName></metadata></updateMetadata>'
        )
        for text, name in ((body, "Writing SamlSsoConfig"), (READ.replace("ConnectedApp", "ApexClass"), "ApexClass")):
            with pytest.raises(FaultError, match=name) as refused:
                call(org, text)
            assert refused.value.code == "sf:SIMULATOR_UNSUPPORTED"


def texts_of_oauth(answer: etree._Element) -> list[str]:
    [oauth] = [element for element in answer.iter() if str(element.tag).endswith("}oauthConfig")]
    return names(oauth)


class TestWriting:
    def test_what_was_read_can_be_written_back_and_changes_nothing(self, org: Org) -> None:
        before = etree.tostring(call(org, READ))
        answer = call(org, update_of(org, "Billing"))
        assert texts(answer, "success") == ["true"]
        assert etree.tostring(call(org, READ)) == before

    @pytest.mark.parametrize("form", ["pem", "broken lines", "one line", "surrounded by space"])
    def test_a_certificate_is_taken_in_every_form_that_people_send(
        self, org: Org, key_pairs: tuple[KeyPair, ...], form: str
    ) -> None:
        certificate = key_pairs[1][1]
        forms = {
            "pem": certificate.pem,
            "broken lines": "\n".join(textwrap.wrap(certificate.base64, 64)),
            "one line": certificate.base64,
            "surrounded by space": f"\n  {certificate.base64}  \n",
        }
        call(org, update_of(org, "Billing", {"certificate": forms[form]}))
        assert org.app("Billing").live_certificate == certificate

    def test_the_change_is_dated_and_signed(self, org: Org, clock: StandingClock) -> None:
        clock.advance(60)
        call(org, update_of(org, "Billing"))
        app = org.app("Billing")
        assert (app.modified_at, app.modified_by) == (clock(), "admin@acme.example")

    def test_several_certificates_nonsense_small_keys_and_big_files_are_rejected(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        before = org.app("Billing").live_certificate
        first, second = key_pairs[0][1].pem, key_pairs[1][1].pem
        for text in (first + second, "no certificate", "AAAA"):
            answer = call(org, update_of(org, "Billing", {"certificate": text}))
            assert errors(answer) == [("FIELD_INTEGRITY_EXCEPTION", "Invalid certificate")]
        for settings in ({"smallest_key_bits": 3072}, {"largest_certificate_bytes": 100}):
            org.settings = replace(org.settings, **settings)  # type: ignore[arg-type] # two settings of one type
            assert texts(call(org, update_of(org, "Billing", {"certificate": second})), "success") == ["false"]
        assert org.app("Billing").live_certificate == before

    def test_a_consumer_key_may_not_be_provided(self, org: Org) -> None:
        answer = call(org, update_of(org, "Billing", {"consumerKey": org.app("Billing").client_id}))
        assert [message for _, message in errors(answer)] == ["You cannot provide a Consumer Key"]

    def test_a_certificate_that_is_left_out_or_empty_is_cleared(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
        for text in (None, ""):
            org.put_certificate("Billing", key_pairs[0][1])
            call(org, update_of(org, "Billing", {"certificate": text}))
            assert org.app("Billing").live_certificate is None

    def test_orgs_that_keep_what_is_left_out_are_a_setting(self, org: Org) -> None:
        before = org.app("Billing").live_certificate
        org.settings = replace(org.settings, omitted_elements="keep", empty_certificate="keep")
        for text in (None, ""):
            call(org, update_of(org, "Billing", {"certificate": text}))
            assert org.app("Billing").live_certificate == before

    def test_flags_that_are_left_out_fall_back_to_false(self, org: Org) -> None:
        call(org, update_of(org, "Billing", {"isAdminApproved": None}))
        assert not org.app("Billing").has_flag("isAdminApproved")

    def test_what_the_api_version_cannot_name_stays_as_it_was(self, org: Org) -> None:
        org.app("Billing").component["oauthConfig"]["isNamedUserJwtEnabled"] = "true"
        call(org, update_of(org, "Billing", version="51.0"), version="51.0")
        assert org.app("Billing").has_flag("isNamedUserJwtEnabled")

    def test_assigned_profiles_stay_when_left_out_and_go_when_empty(self, org: Org) -> None:
        call(org, update_of(org, "Billing", {"profileName": None}))
        assert org.app("Billing").component["profileName"] == ["Standard User"]
        call(org, update_of(org, "Billing", {"profileName": ""}))
        assert "profileName" not in org.app("Billing").component

    @pytest.mark.parametrize("name", ["label", "contactEmail", "callbackUrl", "ipRelaxation", "oauthConfig"])
    def test_required_fields_are_required(self, org: Org, name: str) -> None:
        answer = call(org, update_of(org, "Billing", {name: None}))
        missing = "callbackUrl" if name == "oauthConfig" else name
        assert errors(answer) == [("REQUIRED_FIELD_MISSING", f"Required field is missing: {missing}")]

    def test_a_component_without_a_name_is_refused(self, org: Org) -> None:
        for operation in ("updateMetadata", "createMetadata"):
            nameless = update_of(org, "Billing", {"fullName": None}).replace("updateMetadata", operation)
            assert errors(call(org, nameless)) == [("REQUIRED_FIELD_MISSING", "Required field is missing: fullName")]

    def test_an_element_that_the_type_has_not_refuses_the_whole_call(self, org: Org) -> None:
        wrong = update_of(org, "Billing").replace("</oauthConfig>", "<colour>red</colour></oauthConfig>")
        with pytest.raises(FaultError, match="invalid at this location in type ConnectedAppOauthConfig"):
            call(org, wrong)

    def test_an_element_of_a_later_version_refuses_the_whole_call(self, org: Org) -> None:
        with pytest.raises(FaultError, match=r"not valid in version 51\.0"):
            call(org, update_of(org, "Billing", version="63.0"), version="51.0")

    def test_a_second_certificate_refuses_the_whole_call(self, org: Org) -> None:
        doubled = update_of(org, "Billing").replace("</certificate>", "</certificate><certificate>AAAA</certificate>")
        with pytest.raises(FaultError, match="invalid at this location"):
            call(org, doubled)

    def test_elements_out_of_order_are_dropped_without_a_word(self, org: Org) -> None:
        late = update_of(org, "Billing", {"isAdminApproved": None}).replace(
            "</oauthConfig>", "<isAdminApproved>true</isAdminApproved></oauthConfig>"
        )
        assert texts(call(org, late), "success") == ["true"]
        assert not org.app("Billing").has_flag("isAdminApproved")
        org.settings = replace(org.settings, out_of_order_elements="accept")
        call(org, late)
        assert org.app("Billing").has_flag("isAdminApproved")

    def test_scopes_come_back_in_the_enumerations_order_without_synonyms(self, org: Org) -> None:
        scopes = "".join(f"<scopes>{scope}</scopes>" for scope in ("OfflineAccess", "Email", "Api", "Profile"))
        changed = update_of(org, "Billing", {"scopes": None}).replace("</oauthConfig>", scopes + "</oauthConfig>")
        call(org, changed)
        assert texts(call(org, READ), "scopes") == ["Basic", "Api", "RefreshToken"]

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("isAdminApproved", "maybe", "xsd:boolean"),
            ("scopes", "Everything", "ConnectedAppOauthAccessScope"),
        ],
    )
    def test_values_of_the_wrong_kind_refuse_the_whole_call(self, org: Org, name: str, text: str, words: str) -> None:
        with pytest.raises(FaultError, match=words):
            call(org, update_of(org, "Billing", {name: text}))

    def test_one_bad_component_does_not_stop_the_others_unless_all_or_none_was_asked_for(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        good = update_of(org, "Billing", {"certificate": key_pairs[1][1].pem}).removesuffix("</updateMetadata>")
        bad = '<metadata xsi:type="ConnectedApp"><fullName>Nobody</fullName></metadata></updateMetadata>'
        all_or_none = "<AllOrNoneHeader><allOrNone>true</allOrNone></AllOrNoneHeader>"
        answer = call(org, good + bad, headers=all_or_none)
        assert texts(answer, "statusCode") == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_CROSS_REFERENCE_KEY"]
        assert org.app("Billing").live_certificate == key_pairs[0][1]
        assert texts(call(org, good + bad), "success") == ["true", "false"]
        assert org.app("Billing").live_certificate == key_pairs[1][1]

    def test_deleting_takes_the_app_away_and_what_is_not_there_is_an_error(self, org: Org) -> None:
        delete = "<deleteMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></deleteMetadata>"
        assert texts(call(org, delete), "success") == ["true"]
        assert errors(call(org, delete)) == [("INVALID_CROSS_REFERENCE_KEY", "no ConnectedApp named Billing found")]

    def test_new_apps_are_refused_since_spring_26_unless_the_org_allows_them(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        create = update_of(org, "Billing", {"fullName": "Fresh", "certificate": key_pairs[1][1].pem})
        create = create.replace("updateMetadata", "createMetadata")
        assert texts(call(org, create), "success") == ["false"]
        org.settings = replace(org.settings, creation_restricted=False)
        assert texts(call(org, create), "success") == ["true"]
        assert org.app("Fresh").live_certificate == key_pairs[1][1]
        assert org.app("Fresh").client_id != org.app("Billing").client_id
        taken = create.replace("Fresh", "Other").replace(
            "</certificate>", f"</certificate><consumerKey>{org.app('Billing').client_id}</consumerKey>"
        )
        assert [message for _, message in errors(call(org, taken))] == ["The consumer key is already taken"]

    def test_a_plug_in_user_that_the_org_does_not_have_is_dropped(self, org: Org) -> None:
        for user in ("nobody@acme.example", "billing@acme.example"):
            named = f"<pluginExecutionUser>{user}</pluginExecutionUser><profileName>"
            call(org, update_of(org, "Billing").replace("<profileName>", named))
        assert texts(call(org, READ), "pluginExecutionUser") == ["billing@acme.example"]
        call(org, update_of(org, "Billing", {"pluginExecutionUser": "nobody@acme.example"}))
        assert texts(call(org, READ), "pluginExecutionUser") == []

    def test_too_many_components_are_one_fault_or_an_error_each(self, org: Org) -> None:
        eleven = '<metadata xsi:type="ConnectedApp"><fullName>Billing</fullName></metadata>' * 11
        with pytest.raises(FaultError, match="more than 10"):
            call(org, f"<updateMetadata>{eleven}</updateMetadata>")
        org.settings = replace(org.settings, limit_answer="errors")
        answer = call(org, f"<updateMetadata>{eleven}</updateMetadata>")
        assert texts(answer, "statusCode") == ["EXCEEDED_ID_LIMIT"] * 11

    def test_sessions_outlive_a_change_of_their_app_unless_the_org_ends_them(
        self, org: Org, clock: StandingClock
    ) -> None:
        token = session_of(org, "billing@acme.example", "Billing")
        call(org, update_of(org, "Billing"))
        assert org.sessions.find(token, clock()) is not None
        org.settings = replace(org.settings, sessions_end_with_change=True)
        call(org, update_of(org, "Billing"))
        assert org.sessions.find(token, clock()) is None

    def test_a_write_may_lose_the_certificate_without_a_word(self, org: Org) -> None:
        answer = call(org, update_of(org, "Billing"), lose=True)
        assert texts(answer, "success") == ["true"]
        assert org.app("Billing").live_certificate is None

    def test_every_change_is_announced_to_whoever_keeps_the_state(self, org: Org) -> None:
        changes: list[bool] = []
        org.on_change = lambda: changes.append(True)
        call(org, READ)
        assert not changes
        call(org, update_of(org, "Billing"))
        assert len(changes) == 1


class TestOpening:
    def test_a_user_without_the_permission_has_no_access(self, org: Org) -> None:
        request = SoapCall.parse(envelope(READ, session_of(org, "billing@acme.example", "Billing")))
        with pytest.raises(FaultError) as refused:
            MetadataCall.open(org, request, "63.0")
        assert refused.value.code == "sf:INSUFFICIENT_ACCESS"

    @pytest.mark.parametrize("token", ["", "00D000000000001!nobody"])
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
