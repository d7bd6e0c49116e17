"""Retrieves and deployments as jobs that are asked for, and over REST (facts 2.1, 2.2, 8.3)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rotator.simulator.metadata.deploy_request import answer_deploy_request
from rotator.simulator.serving.endpoints import understand
from rotator.simulator.wire.request import Request
from rotator.simulator.wire.soap import FaultError
from tests.unit.simulator.helpers import call, session_of, texts
from tests.unit.simulator.metadata.files import VERSION, app_file, deploy, manifest, status_of, zipped

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair, StandingClock


def tool(org: Org, text: str) -> Any:
    """The answer of the Tooling API to a query."""
    headers = {"authorization": f"Bearer {session_of(org)}"}
    request = Request("GET", "/services/data/v67.0/tooling/query", {"q": text}, headers)
    return json.loads(understand(org, request).perform(None).body)


class TestJobs:
    @pytest.fixture
    def files(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> dict[str, str]:
        text = app_file(org, certificate=key_pairs[1][1].pem)
        return {"package.xml": manifest(ConnectedApp="*"), "connectedApps/Billing.connectedApp": text}

    @pytest.mark.fact("2.3b")
    def test_a_slow_deployment_takes_effect_when_it_is_due(
        self, org: Org, clock: StandingClock, files: dict[str, str], key_pairs: tuple[KeyPair, ...]
    ) -> None:
        org.settings = replace(org.settings, deploy_seconds=30)
        job = deploy(org, files)
        assert texts(status_of(org, job), "status") == ["Pending"]
        clock.advance(40)
        org.jobs.settle(clock())
        assert texts(status_of(org, job), "status") == ["Succeeded"]
        assert org.app("Billing").live_certificate == key_pairs[1][1]
        assert (clock() - org.app("Billing").modified_at).total_seconds() == 10

    @pytest.mark.fact("8.2b")
    def test_one_that_has_not_begun_can_be_canceled(
        self, org: Org, clock: StandingClock, files: dict[str, str], key_pairs: tuple[KeyPair, ...]
    ) -> None:
        org.settings = replace(org.settings, deploy_seconds=30)
        job = deploy(org, files)
        assert texts(call(org, f"<cancelDeploy><String>{job}</String></cancelDeploy>"), "done") == ["true"]
        clock.advance(40)
        org.jobs.settle(clock())
        answer = status_of(org, job)
        assert (texts(answer, "status"), texts(answer, "canceledByName")) == (["Canceled"], ["Admin"])
        assert org.app("Billing").live_certificate == key_pairs[0][1]
        for job_id, problem in ((job, "Deployment already completed"), ("0Af000000000000", "Invalid deploy ID")):
            with pytest.raises(FaultError, match=problem):
                call(org, f"<cancelDeploy><String>{job_id}</String></cancelDeploy>")

    @pytest.mark.fact("2.3m")
    def test_one_that_is_at_work_goes_on_when_it_is_canceled(
        self, org: Org, clock: StandingClock, files: dict[str, str], key_pairs: tuple[KeyPair, ...]
    ) -> None:
        org.settings = replace(org.settings, deploy_seconds=30, deploy_work_seconds=10)
        job = deploy(org, files)
        clock.advance(35)
        org.jobs.settle(clock())
        assert texts(status_of(org, job), "status") == ["InProgress"]
        assert texts(call(org, f"<cancelDeploy><String>{job}</String></cancelDeploy>"), "done") == ["false"]
        assert org.app("Billing").live_certificate == key_pairs[0][1]
        clock.advance(10)
        org.jobs.settle(clock())
        assert texts(status_of(org, job), "status") == ["Succeeded"]
        assert org.app("Billing").live_certificate == key_pairs[1][1]

    @pytest.mark.fact("2.3n")
    def test_deployments_are_rows_of_the_tooling_api(
        self, org: Org, clock: StandingClock, files: dict[str, str]
    ) -> None:
        org.settings = replace(org.settings, deploy_seconds=30)
        first, second = deploy(org, files, checkOnly=True), deploy(org, files)
        query = "SELECT Id, CheckOnly, CreatedById FROM DeployRequest WHERE Status IN ('Pending', 'InProgress')"
        rows = tool(org, query)["records"]
        assert [(row["Id"], row["CheckOnly"]) for row in rows] == [(first, True), (second, False)]
        assert {row["CreatedById"] for row in rows} == {org.users["admin@acme.example"].id}
        clock.advance(30)
        org.jobs.settle(clock())
        assert tool(org, query)["records"] == []

    @pytest.mark.fact("2.3l")
    def test_an_org_may_refuse_to_be_told_that_no_tests_run(self, org: Org, files: dict[str, str]) -> None:
        org.settings = replace(org.settings, deploy_without_tests="refuse")
        data = base64.b64encode(zipped(files)).decode()
        options = "<DeployOptions><singlePackage>true</singlePackage><testLevel>NoTestRun</testLevel></DeployOptions>"
        with pytest.raises(FaultError, match="testLevel of NoTestRun cannot be used in production organizations"):
            call(org, f"<deploy><ZipFile>{data}</ZipFile>{options}</deploy>", version=VERSION)
        assert texts(status_of(org, deploy(org, files)), "status") == ["Succeeded"]

    @pytest.mark.fact("2.3d")
    def test_a_recent_validation_can_be_deployed_as_it_is(
        self, org: Org, clock: StandingClock, files: dict[str, str], key_pairs: tuple[KeyPair, ...]
    ) -> None:
        body = "<deployRecentValidation><validationId>{}</validationId></deployRecentValidation>"
        validated, real = deploy(org, files, checkOnly=True), deploy(org, {"package.xml": manifest()})
        [job] = texts(call(org, body.format(validated)), "result")
        assert texts(status_of(org, str(job)), "status") == ["Succeeded"]
        assert org.app("Billing").live_certificate == key_pairs[1][1]
        with pytest.raises(FaultError, match="no recent and successful validation"):
            call(org, body.format(real))
        clock.advance(11 * 24 * 3600)
        with pytest.raises(FaultError, match="no recent and successful validation"):
            call(org, body.format(validated))

    def test_a_fault_may_lose_the_certificate_here_too(self, org: Org, files: dict[str, str]) -> None:
        data = base64.b64encode(zipped(files)).decode()
        options = "<DeployOptions><singlePackage>true</singlePackage></DeployOptions>"
        call(org, f"<deploy><ZipFile>{data}</ZipFile>{options}</deploy>", version=VERSION, lose=True)
        assert org.app("Billing").live_certificate is None


class TestOverRest:
    def ask(
        self, org: Org, method: str, rest: list[str], body: bytes = b"", kind: str = "application/json"
    ) -> tuple[int, Any]:
        request = Request(method, "", {"includeDetails": "true"}, {"content-type": kind}, body)
        answer = answer_deploy_request(org, org.users["admin@acme.example"], request, 66, rest)
        return answer.status, json.loads(answer.body)

    def multipart(self, archive: bytes, **options: bool) -> bytes:
        head = b'--B\r\nContent-Disposition: form-data; name="json"\r\nContent-Type: application/json\r\n\r\n'
        told = json.dumps({"deployOptions": {"singlePackage": True, "rollbackOnError": True, **options}}).encode()
        file = b'\r\n--B\r\nContent-Disposition: form-data; name="file"; filename="x.zip"\r\n\r\n'
        return head + told + file + archive + b"\r\n--B--\r\n"

    @pytest.mark.fact("8.3d")
    def test_an_archive_is_sent_asked_about_and_deployed_after_its_validation(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        files = {
            "package.xml": manifest(ConnectedApp="*"),
            "connectedApps/Billing.connectedApp": app_file(org, certificate=key_pairs[1][1].pem),
        }
        kind = "multipart/form-data; boundary=B"
        status, told = self.ask(org, "POST", [], self.multipart(zipped(files), checkOnly=True), kind)
        assert (status, told["deployResult"]["status"]) == (201, "Pending")
        status, shown = self.ask(org, "GET", [told["id"]])
        result = shown["deployResult"]
        assert (status, result["status"], result["zipSize"]) == (200, "Succeeded", len(zipped(files)))
        [_, success] = result["details"]["componentSuccesses"]
        assert (success["fullName"], success["changed"]) == ("Billing", True)
        quick = json.dumps({"validatedDeployRequestId": told["id"]}).encode()
        assert self.ask(org, "POST", [], quick)[0] == 201
        assert org.app("Billing").live_certificate == key_pairs[1][1]

    def test_what_is_wrong_is_a_json_error(self, org: Org) -> None:
        assert self.ask(org, "POST", [], b"nothing", "text/plain")[0] == 400
        assert self.ask(org, "GET", ["0Af000000000000"])[1][0]["errorCode"] == "INVALID_CROSS_REFERENCE_KEY"
        assert self.ask(org, "DELETE", ["0Af000000000000"])[0] == 404
        answer = answer_deploy_request(org, org.users["billing@acme.example"], Request("POST", ""), 66, [])
        assert answer.status == 403

    def test_one_can_be_canceled(self, org: Org) -> None:
        org.settings = replace(org.settings, deploy_seconds=30)
        body = self.multipart(zipped({"package.xml": manifest()}))
        _, told = self.ask(org, "POST", [], body, "multipart/form-data; boundary=B")
        status, shown = self.ask(org, "PATCH", [told["id"]], b'{"deployResult":{"status":"Canceling"}}')
        assert (status, shown["deployResult"]["status"]) == (202, "Canceled")
