"""Retrieves and deployments: components as files (facts 1.1, 1.5, 2.1, 2.2, 8.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from rotator.simulator.wire.soap import METADATA, FaultError
from tests.unit.simulator.helpers import call, texts
from tests.unit.simulator.metadata.files import (
    VERSION,
    app_file,
    deploy,
    deployed,
    manifest,
    retrieve,
    status_of,
)

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair


class TestRetrieving:
    @pytest.mark.fact("1.1a", "1.5c", "8.3b")
    def test_a_file_holds_what_a_read_returns_without_the_name(self, org: Org) -> None:
        answer, files = retrieve(org, manifest(ConnectedApp="Billing"))
        root = etree.fromstring(files["unpackaged/connectedApps/Billing.connectedApp"].encode())
        read = call(
            org, "<readMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></readMetadata>", version=VERSION
        )
        assert [child.tag for child in root] == [child.tag for child in read[0][0]][1:]
        live = org.app("Billing").live_certificate
        assert live is not None
        assert f"<certificate>{live.base64}</certificate>" in files["unpackaged/connectedApps/Billing.connectedApp"]
        assert texts(answer, "status") == ["Succeeded"]
        assert texts(answer, "type") == ["ConnectedApp", "Package"]
        assert set(files) == {"unpackaged/connectedApps/Billing.connectedApp", "unpackaged/package.xml"}

    @pytest.mark.fact("1.5b")
    def test_a_wildcard_brings_every_component_of_its_type(self, org: Org) -> None:
        org.add_external_app("Shipping")
        _, files = retrieve(org, manifest(ConnectedApp="*", ExtlClntAppGlobalOauthSettings="*"))
        assert "unpackaged/extlClntAppGlobalOauthSets/Shipping_glbloauth.ecaGlblOauth" in files
        assert len(files) == 4

    @pytest.mark.fact("8.3b")
    def test_one_package_has_no_folder_of_its_own(self, org: Org) -> None:
        _, files = retrieve(org, manifest(ConnectedApp="Billing"), more="<singlePackage>true</singlePackage>")
        assert "connectedApps/Billing.connectedApp" in files

    @pytest.mark.fact("2.1c")
    def test_what_is_missing_is_a_message_and_the_retrieve_succeeds(self, org: Org) -> None:
        answer, files = retrieve(org, manifest(ConnectedApp="Billing Nobody", ApexClass="*"))
        problems = texts(answer, "problem")
        assert problems[0] == "Entity of type 'ConnectedApp' named 'Nobody' cannot be found"
        assert str(problems[1]).startswith("SIMULATOR_UNSUPPORTED: The metadata type ApexClass")
        assert texts(answer, "success") == ["true"]
        assert len(files) == 2

    def test_a_package_without_a_version_has_that_of_the_request(self, org: Org) -> None:
        _, files = retrieve(org, manifest(ConnectedApp="*").replace(f"<version>{VERSION}</version>", ""))
        assert f"<version>{VERSION}</version>" in files["unpackaged/package.xml"]

    @pytest.mark.parametrize("version", ["latest", "99.0"])
    def test_a_version_that_is_none_fails_the_job(self, org: Org, version: str) -> None:
        request = f"<unpackaged><version>{version}</version></unpackaged>"
        [job] = texts(call(org, f"<retrieve><retrieveRequest>{request}</retrieveRequest></retrieve>"), "id")
        status = f"<checkRetrieveStatus><asyncProcessId>{job}</asyncProcessId></checkRetrieveStatus>"
        answer = call(org, status)
        assert (texts(answer, "status"), texts(answer, "errorMessage")) == (
            ["Failed"],
            [f"Invalid version specified:{version}"],
        )
        with pytest.raises(FaultError, match="invalid cross reference id"):
            call(org, status.replace(str(job), "09S000000000000"))

    @pytest.mark.fact("2.3o")
    def test_an_archive_is_sent_once(self, org: Org) -> None:
        request = "<unpackaged><version>67.0</version></unpackaged>"
        [job] = texts(call(org, f"<retrieve><retrieveRequest>{request}</retrieveRequest></retrieve>"), "id")
        status = f"<checkRetrieveStatus><asyncProcessId>{job}</asyncProcessId>%s</checkRetrieveStatus>"
        for _ in range(2):
            assert texts(call(org, status % "<includeZip>false</includeZip>"), "zipFile") == [""]
        assert texts(call(org, status % ""), "zipFile") != [""]
        with pytest.raises(FaultError, match="Retrieve result has been deleted"):
            call(org, status % "")

    def test_packages_are_not_simulated(self, org: Org) -> None:
        request = "<packageNames>Sales</packageNames><unpackaged><version>67.0</version></unpackaged>"
        with pytest.raises(FaultError, match="is not simulated"):
            call(org, f"<retrieve><retrieveRequest>{request}</retrieveRequest></retrieve>")


class TestDeploying:
    def test_a_retrieved_app_deploys_without_its_key_and_nothing_changes(self, org: Org) -> None:
        before = app_file(org)
        files = {"package.xml": manifest(ConnectedApp="Billing"), "connectedApps/Billing.connectedApp": before}
        answer = status_of(org, deploy(org, files))
        assert texts(answer, "changed") == ["true", "false"]
        assert texts(answer, "componentType") == ["", "ConnectedApp"]
        assert app_file(org) == before

    def test_the_certificate_of_the_file_takes_the_place_of_the_old_one(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        files = {
            "package.xml": manifest(ConnectedApp="*"),
            "connectedApps/Billing.connectedApp": app_file(org, certificate=key_pairs[1][1].pem),
        }
        assert deployed(org, files, checkOnly=True) == ("Succeeded", [])
        assert org.app("Billing").live_certificate == key_pairs[0][1]
        assert deployed(org, files) == ("Succeeded", [])
        assert org.app("Billing").live_certificate == key_pairs[1][1]

    @pytest.mark.fact("2.1b")
    def test_a_file_with_the_key_is_refused(self, org: Org) -> None:
        _, files = retrieve(org, manifest(ConnectedApp="Billing"))
        bare = {name.removeprefix("unpackaged/"): text for name, text in files.items()}
        assert deployed(org, bare) == ("Failed", ["You cannot provide a Consumer Key"])
        assert deployed(org, files, singlePackage=False) == ("Failed", ["You cannot provide a Consumer Key"])

    def test_one_bad_file_takes_all_back_unless_the_others_may_stay(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        files = {
            "package.xml": manifest(ConnectedApp="Billing Management"),
            "connectedApps/Billing.connectedApp": app_file(org, certificate=key_pairs[1][1].pem),
            "connectedApps/Management.connectedApp": app_file(org, "Management", certificate="none"),
        }
        assert deployed(org, files) == ("Failed", ["Invalid certificate"])
        assert org.app("Billing").live_certificate == key_pairs[0][1]
        assert deployed(org, files, rollbackOnError=False) == ("SucceededPartial", ["Invalid certificate"])
        assert org.app("Billing").live_certificate == key_pairs[1][1]

    @pytest.mark.fact("5.2d")
    def test_an_external_client_app_is_deployed_whole_in_any_order_of_its_files(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        def part(kind: str, inner: str) -> str:
            return f'<{kind} xmlns="{METADATA}">{inner}</{kind}>'

        of = "<externalClientApplication>Fresh</externalClientApplication>"
        files = {
            "extlClntAppGlobalOauthSets/X.ecaGlblOauth": part(
                "ExtlClntAppGlobalOauthSettings", f"<certificate>{key_pairs[1][1].pem}</certificate>{of}"
            ),
            "extlClntAppOauthPolicies/Y.ecaOauthPlcy": part("ExtlClntAppOauthConfigurablePolicies", of),
            "extlClntAppOauthSettings/Z.ecaOauth": part(
                "ExtlClntAppOauthSettings", f"<commaSeparatedOauthScopes>Api</commaSeparatedOauthScopes>{of}"
            ),
            "externalClientApps/Fresh.eca": part("ExternalClientApplication", "<label>Fresh</label>"),
            "package.xml": manifest(
                ExtlClntAppGlobalOauthSettings="*",
                ExtlClntAppOauthConfigurablePolicies="*",
                ExtlClntAppOauthSettings="*",
                ExternalClientApplication="*",
            ),
        }
        assert deployed(org, files, checkOnly=True) == ("Succeeded", [])
        assert "Fresh" not in org.external_apps
        assert deployed(org, files) == ("Succeeded", [])
        app = org.external_app("Fresh")
        assert app.live_certificate == key_pairs[1][1]
        key = app.client_id
        only = {name: text for name, text in files.items() if "Global" in name}
        only["package.xml"] = manifest(ExtlClntAppGlobalOauthSettings="X")
        only["extlClntAppGlobalOauthSets/X.ecaGlblOauth"] = part("ExtlClntAppGlobalOauthSettings", of)
        assert deployed(org, only) == ("Succeeded", [])
        assert (app.client_id, app.scopes) == (key, ["Api"])
        assert not app.live_certificate

    @pytest.mark.fact("5.2g")
    def test_rotating_keys_needs_warnings_to_be_ignored(self, org: Org) -> None:
        app = org.add_external_app("Shipping")
        key = app.client_id
        inner = (
            "<externalClientApplication>Shipping</externalClientApplication>"
            "<shouldRotateConsumerKey>true</shouldRotateConsumerKey>"
        )
        kind, path = "ExtlClntAppGlobalOauthSettings", "extlClntAppGlobalOauthSets/Shipping_glbloauth.ecaGlblOauth"
        files = {"package.xml": manifest(**{kind: "*"}), path: f'<{kind} xmlns="{METADATA}">{inner}</{kind}>'}
        answer = status_of(org, deploy(org, files))
        assert (texts(answer, "problemType"), app.client_id) == (["Warning"], key)
        assert deployed(org, files, ignoreWarnings=True) == ("Succeeded", [])
        assert app.client_id != key

    def test_files_and_manifest_must_agree(self, org: Org) -> None:
        named = manifest(ConnectedApp="Nobody")
        [problem] = deployed(org, {"package.xml": named})[1]
        assert (
            problem
            == "An object 'Nobody' of type ConnectedApp was named in package.xml, but was not found in zipped directory"
        )
        assert deployed(org, {"package.xml": named}, allowMissingFiles=True)[0] == "Succeeded"
        files = {"package.xml": manifest(), "connectedApps/Billing.connectedApp": app_file(org)}
        assert deployed(org, files) == ("Failed", ["Not in package.xml"])
        assert deployed(org, files, autoUpdatePackage=True)[0] == "Succeeded"

    @pytest.mark.parametrize(
        ("files", "error"),
        [
            ({}, "No package.xml found"),
            ({"package.xml": "<"}, "Error parsing file package.xml"),
            ({"package.xml": manifest("99.0")}, "Invalid version specified:99.0"),
        ],
    )
    def test_an_archive_that_cannot_be_used_fails_with_a_reason(
        self, org: Org, files: dict[str, str], error: str
    ) -> None:
        answer = status_of(org, deploy(org, files))
        assert texts(answer, "status") == ["Failed"]
        assert str(texts(answer, "errorMessage")[0]).startswith(error)

    def test_elements_that_a_type_or_version_has_not_are_named(self, org: Org) -> None:
        wrong = app_file(org).replace("</oauthConfig>", "<colour>red</colour></oauthConfig>")
        files = {"package.xml": manifest(ConnectedApp="*"), "connectedApps/Billing.connectedApp": wrong}
        [problem] = deployed(org, files)[1]
        assert "invalid at this location in type ConnectedAppOauthConfig" in str(problem)
        old = {"package.xml": manifest("51.0", ConnectedApp="*"), "connectedApps/Billing.connectedApp": app_file(org)}
        [problem] = deployed(org, old)[1]
        assert "not valid in version 51.0" in str(problem)

    def test_files_out_of_order_are_taken_dropped_or_refused(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
        certificate = f"<certificate>{key_pairs[1][1].pem}</certificate>"
        text = app_file(org, certificate=key_pairs[0][1].pem)
        start, end = text.index("<certificate>"), text.index("</certificate>") + len("</certificate>")
        text = (text[:start] + text[end:]).replace("</oauthConfig>", f"{certificate}</oauthConfig>")
        files = {"package.xml": manifest(ConnectedApp="*"), "connectedApps/Billing.connectedApp": text}
        assert deployed(org, files) == ("Succeeded", [])
        assert org.app("Billing").live_certificate == key_pairs[1][1]
        org.settings = replace(org.settings, out_of_order_in_files="ignore")
        assert deployed(org, files) == ("Succeeded", [])
        assert org.app("Billing").live_certificate is None
        org.settings = replace(org.settings, out_of_order_in_files="refuse")
        assert "invalid at this location" in str(deployed(org, files)[1])

    def test_deletions_are_manifests_of_their_own(self, org: Org) -> None:
        files = {"package.xml": manifest(), "destructiveChanges.xml": manifest(ConnectedApp="Billing Nobody")}
        assert deployed(org, files, rollbackOnError=False) == (
            "SucceededPartial",
            ["no ConnectedApp named Nobody found"],
        )
        assert set(org.apps) == {"Management"}

    def test_types_that_are_not_simulated_say_so(self, org: Org) -> None:
        [problem] = deployed(org, {"package.xml": manifest(ApexClass="Sum")})[1]
        assert str(problem).startswith("SIMULATOR_UNSUPPORTED")
        with pytest.raises(FaultError, match="is not simulated"):
            deploy(org, {"package.xml": manifest()}, performRetrieve=True)
