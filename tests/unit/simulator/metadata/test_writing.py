"""The Metadata API's writes for ConnectedApp, without a server between."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from rotator.simulator.wire.soap import FaultError
from tests.unit.simulator.helpers import call, session_of, texts, update_of

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair, StandingClock


READ = "<readMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></readMetadata>"


def errors(answer: etree._Element) -> list[tuple[str | None, str | None]]:
    return list(zip(texts(answer, "statusCode"), texts(answer, "message"), strict=True))


class TestWriting:
    def test_what_was_read_can_be_written_back_and_changes_nothing(self, org: Org) -> None:
        before = etree.tostring(call(org, READ))
        answer = call(org, update_of(org, "Billing"))
        assert texts(answer, "success") == ["true"]
        assert etree.tostring(call(org, READ)) == before

    @pytest.mark.parametrize("form", ["pem", "broken lines", "one line", "surrounded by space"])
    @pytest.mark.fact("1.2a")
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

    @pytest.mark.fact("2.1b")
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

    @pytest.mark.fact("1.3f")
    def test_assigned_profiles_stay_when_left_out_and_go_when_empty(self, org: Org) -> None:
        call(org, update_of(org, "Billing", {"profileName": None}))
        assert org.app("Billing").component["profileName"] == ["Standard User"]
        call(org, update_of(org, "Billing", {"profileName": ""}))
        assert "profileName" not in org.app("Billing").component

    @pytest.mark.parametrize("name", ["label", "contactEmail", "callbackUrl", "ipRelaxation", "oauthConfig"])
    @pytest.mark.fact("2.2a")
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

    @pytest.mark.fact("1.3b")
    def test_a_second_certificate_refuses_the_whole_call(self, org: Org) -> None:
        doubled = update_of(org, "Billing").replace("</certificate>", "</certificate><certificate>AAAA</certificate>")
        with pytest.raises(FaultError, match="invalid at this location"):
            call(org, doubled)

    @pytest.mark.fact("2.2b")
    def test_elements_out_of_order_are_dropped_without_a_word(self, org: Org) -> None:
        late = update_of(org, "Billing", {"isAdminApproved": None}).replace(
            "</oauthConfig>", "<isAdminApproved>true</isAdminApproved></oauthConfig>"
        )
        assert texts(call(org, late), "success") == ["true"]
        assert not org.app("Billing").has_flag("isAdminApproved")
        org.settings = replace(org.settings, out_of_order_elements="accept")
        call(org, late)
        assert org.app("Billing").has_flag("isAdminApproved")

    @pytest.mark.fact("1.3c")
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

    @pytest.mark.fact("2.3c")
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

    @pytest.mark.fact("2.1d")
    def test_deleting_takes_the_app_away_and_what_is_not_there_is_an_error(self, org: Org) -> None:
        delete = "<deleteMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></deleteMetadata>"
        assert texts(call(org, delete), "success") == ["true"]
        assert errors(call(org, delete)) == [("INVALID_CROSS_REFERENCE_KEY", "no ConnectedApp named Billing found")]

    @pytest.mark.fact("2.4a", "2.3i")
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

    @pytest.mark.fact("1.3g")
    def test_a_plug_in_user_that_the_org_does_not_have_is_dropped(self, org: Org) -> None:
        for user in ("nobody@acme.example", "billing@acme.example"):
            named = f"<pluginExecutionUser>{user}</pluginExecutionUser><profileName>"
            call(org, update_of(org, "Billing").replace("<profileName>", named))
        assert texts(call(org, READ), "pluginExecutionUser") == ["billing@acme.example"]
        call(org, update_of(org, "Billing", {"pluginExecutionUser": "nobody@acme.example"}))
        assert texts(call(org, READ), "pluginExecutionUser") == []

    @pytest.mark.fact("2.3a")
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
