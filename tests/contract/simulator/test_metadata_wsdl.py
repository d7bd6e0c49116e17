"""Every answer of the Metadata endpoint against the public WSDL of API 63.0, which simple-salesforce ships.

lxml validates the XML, and zeep, in its strict mode, must be able to read it. 63.0 is the newest version whose WSDL is
public in a package; what the simulated org says at older versions is a part of that, and what it says at newer ones is
that too, but for the elements that are known to be newer.
"""

from __future__ import annotations

import base64
import io
import zipfile
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree
from zeep import Client, Settings
from zeep.transports import Transport

from rotator.core.crypto.certificates import PrivateKey, SubjectName, self_signed
from rotator.simulator.metadata.api import OPERATIONS
from rotator.simulator.org.org import Org
from rotator.simulator.org.settings import OrgSettings
from rotator.simulator.serving.endpoints import understand
from rotator.simulator.serving.server import utc_now
from rotator.simulator.wire.request import Request
from rotator.simulator.wire.soap import ENVELOPE, INSTANCE, METADATA
from tests.tiers import more_in_thorough, of_tier
from tests.wsdl import WSDL, schema_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.core.crypto.certificates import Certificate

VERSIONS = [f"{number}.0" for number in range(45, 64)]
NEWER_VERSIONS = ["64.0", "65.0", "66.0", "67.0"]
NEWER_ELEMENTS = {"numberFiles", "zipSize"}


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return schema_of(etree.parse(WSDL).getroot())


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return self_signed(PrivateKey.generate(), SubjectName("app"), now=utc_now(), lifetime=timedelta(days=9))


@pytest.fixture
def org(certificate: Certificate) -> Org:
    return new_org(certificate)


def new_org(certificate: Certificate) -> Org:
    org = Org("production", clock=utc_now, random=Random(1), settings=OrgSettings(creation_restricted=False))
    org.url = "https://127.0.0.1:8443"
    org.add_user("admin@acme.example", may_use_metadata=True, profile="System Administrator")
    org.add_app("Billing", certificate=certificate, username="admin@acme.example")
    org.add_external_app("Shipping", certificate=certificate, username="admin@acme.example")
    org.add_identity_provider("Login", certificate)
    org.add_certificate("Signing", None, content=certificate.pem)
    return org


def post(org: Org, body: str, version: str) -> etree._Element:
    """The element inside the answer's body."""
    return envelope_of(org, body, version)[0][0]


def envelope_of(org: Org, body: str, version: str) -> etree._Element:
    session = org.start_session(org.users["admin@acme.example"], org.app("Billing")).token
    text = (
        f'<e:Envelope xmlns:e="{ENVELOPE}" xmlns="{METADATA}" xmlns:xsi="{INSTANCE}"><e:Header><SessionHeader>'
        f"<sessionId>{session}</sessionId></SessionHeader></e:Header><e:Body>{body}</e:Body></e:Envelope>"
    )
    request = Request("POST", f"/services/Soap/m/{version}", {}, {}, text.encode())
    answer = understand(org, request).perform(None)
    return etree.fromstring(answer.body)


def metadata(operation: str, version: str, name: str = "Billing") -> str:
    config = "<oauthConfig><callbackUrl>https://acme.example</callbackUrl><scopes>Api</scopes></oauthConfig>"
    component = f"<fullName>{name}</fullName><contactEmail>a@acme.example</contactEmail><label>A</label>{config}"
    del version
    return f'<{operation}><metadata xsi:type="ConnectedApp">{component}</metadata></{operation}>'


def archive(version: str) -> str:
    buffer = io.BytesIO()
    types = "<types><members>Billing</members><members>Nobody</members><name>ConnectedApp</name></types>"
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("package.xml", f'<Package xmlns="{METADATA}">{types}<version>{version}</version></Package>')
        file.writestr(
            "connectedApps/Billing.connectedApp", f'<ConnectedApp xmlns="{METADATA}"><colour/></ConnectedApp>'
        )
    return base64.b64encode(buffer.getvalue()).decode()


def job(org: Org, operation: str, version: str) -> str:
    """Starts a deployment or a retrieve; gives its id."""
    [found] = post(org, BODIES[operation](org, version), version).iter(f"{{{METADATA}}}id")
    return str(found.text)


def deploy(_org: Org, version: str, check_only: str = "false") -> str:
    names = (
        "allowMissingFiles",
        "autoUpdatePackage",
        "checkOnly",
        "ignoreWarnings",
        "performRetrieve",
        "purgeOnDelete",
    )
    flags = "".join(f"<{name}>{check_only if name == 'checkOnly' else 'false'}</{name}>" for name in names)
    rest = "<rollbackOnError>true</rollbackOnError><singlePackage>true</singlePackage><testLevel>NoTestRun</testLevel>"
    return f"<deploy><ZipFile>{archive(version)}</ZipFile><DeployOptions>{flags}{rest}</DeployOptions></deploy>"


def waiting(org: Org, version: str) -> str:
    org.settings = replace(org.settings, deploy_seconds=60)
    return job(org, "deploy", version)


def validated(org: Org, version: str) -> str:
    done = org.jobs.find(job(org, "deploy", version))
    assert done is not None
    done.status, options = "Succeeded", done.result.options
    object.__setattr__(options, "checkOnly", True)
    return done.id


BODIES: dict[str, Callable[[Org, str], str]] = {
    "describeMetadata": lambda _, version: f"<describeMetadata><asOfVersion>{version}</asOfVersion></describeMetadata>",
    "describeValueType": lambda _, __: (
        f"<describeValueType><type>{{{METADATA}}}ConnectedApp</type></describeValueType>"
    ),
    "listMetadata": lambda _, __: (
        "<listMetadata><queries><type>ConnectedApp</type></queries><queries><type>Certificate</type></queries>"
        "<queries><type>Settings</type></queries></listMetadata>"
    ),
    "readMetadata": lambda _, __: (
        # Of components that are there: a nil one in the place of any other is recorded, and against the schema.
        "<readMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></readMetadata>"
    ),
    "updateMetadata": lambda _, version: metadata("updateMetadata", version),
    "createMetadata": lambda _, version: metadata("createMetadata", version, "Fresh"),
    "upsertMetadata": lambda _, version: metadata("upsertMetadata", version, "Fresh"),
    "deleteMetadata": lambda _, __: (
        "<deleteMetadata><type>ConnectedApp</type><fullNames>X</fullNames><fullNames>Billing</fullNames></deleteMetadata>"
    ),
    "renameMetadata": lambda _, __: (
        "<renameMetadata><type>ConnectedApp</type><oldFullName>Billing</oldFullName>"
        "<newFullName>Invoices</newFullName></renameMetadata>"
    ),
    "retrieve": lambda _, version: (
        f"<retrieve><retrieveRequest><apiVersion>{version}</apiVersion><singlePackage>true</singlePackage><unpackaged>"
        "<types><members>*</members><members>X</members><name>ConnectedApp</name></types>"
        "<types><members>*</members><name>Certificate</name></types>"
        "<types><members>*</members><name>Settings</name></types>"
        f"<version>{version}</version></unpackaged></retrieveRequest></retrieve>"
    ),
    "checkRetrieveStatus": lambda org, version: (
        f"<checkRetrieveStatus><asyncProcessId>{job(org, 'retrieve', version)}</asyncProcessId>"
        "<includeZip>true</includeZip></checkRetrieveStatus>"
    ),
    "checkStatus": lambda org, version: (
        f"<checkStatus><asyncProcessId>{job(org, 'deploy', version)}</asyncProcessId></checkStatus>"
    ),
    "deploy": deploy,
    "checkDeployStatus": lambda org, version: (
        f"<checkDeployStatus><asyncProcessId>{job(org, 'deploy', version)}</asyncProcessId>"
        "<includeDetails>true</includeDetails></checkDeployStatus>"
    ),
    "cancelDeploy": lambda org, version: f"<cancelDeploy><String>{waiting(org, version)}</String></cancelDeploy>",
    "deployRecentValidation": lambda org, version: (
        f"<deployRecentValidation><validationId>{validated(org, version)}</validationId></deployRecentValidation>"
    ),
}


def test_every_operation_of_the_wsdl_is_simulated_and_tried_here() -> None:
    root = etree.parse(WSDL).getroot()
    names = {str(each.get("name")) for each in root.iter("{http://schemas.xmlsoap.org/wsdl/}operation")}
    # checkStatus is older than this WSDL, which has its result but not the call.
    assert names | {"checkStatus"} == set(OPERATIONS) == set(BODIES)
    assert len(BODIES) == 16


@more_in_thorough
@pytest.mark.parametrize("operation", sorted(BODIES))
@pytest.mark.fact("1.3a", "8.3a")
def test_an_answer_is_valid_at_every_version(
    certificate: Certificate, schema: etree.XMLSchema, client: Client, operation: str
) -> None:
    for version in [*VERSIONS, *NEWER_VERSIONS][:: of_tier(4, thorough=1)]:
        org = new_org(certificate)
        envelope = envelope_of(org, BODIES[operation](org, version), version)
        answer = envelope[0][0]
        assert etree.QName(answer).localname == f"{operation}Response", etree.tostring(answer)
        if operation == "checkStatus":
            # The same result as this call has, whose answer the WSDL knows.
            answer.tag = f"{{{METADATA}}}deployResponse"
        if version in NEWER_VERSIONS:
            for element in [each for each in answer.iter() if etree.QName(each).localname in NEWER_ELEMENTS]:
                answer[0].remove(element)
        schema.assertValid(answer)
        binding: Any = client.service._binding
        read = binding.get(etree.QName(answer).localname.removesuffix("Response")).process_reply(envelope)
        assert (read is None) == (len(answer) == 0), version


@pytest.mark.parametrize(
    ("type_name", "name"),
    [
        ("SamlSsoConfig", "Login"),
        ("ConnectedAppSettings", "ConnectedApp"),
        ("ExternalClientAppSettings", "ExternalClientApp"),
        ("ExternalClientApplication", "Shipping"),
        ("ExtlClntAppOauthSettings", "Shipping_oauth"),
        ("ExtlClntAppGlobalOauthSettings", "Shipping_glbloauth"),
        ("ExtlClntAppOauthConfigurablePolicies", "Shipping_oauthPlcy"),
        ("ExtlClntAppConfigurablePolicies", "Shipping_plcy"),
    ],
)
@pytest.mark.fact("5.2a", "5.2i", "6g")
def test_a_component_of_every_type_is_valid(org: Org, schema: etree.XMLSchema, type_name: str, name: str) -> None:
    body = f"<readMetadata><type>{type_name}</type><fullNames>{name}</fullNames></readMetadata>"
    answer = post(org, body, "63.0")
    assert answer[0][0].get(f"{{{INSTANCE}}}type") == type_name
    schema.assertValid(answer)
    described = post(org, f"<describeValueType><type>{{{METADATA}}}{type_name}</type></describeValueType>", "63.0")
    schema.assertValid(described)


class _InProcess(Transport):
    """Hands what zeep sends to the org."""

    def __init__(self, org: Org) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # zeep has no types
        self.org = org

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> Any:  # noqa: ARG002
        answer = understand(self.org, Request("POST", "/services/Soap/m/63.0", {}, {}, message)).perform(None)

        class Response:
            status_code, content, encoding = answer.status, answer.body, "utf-8"
            headers = {"Content-Type": answer.content_type}  # noqa: RUF012

        return Response()


@pytest.fixture(scope="module")
def client() -> Client:
    return Client(str(WSDL), settings=Settings(strict=True))  # type: ignore[no-untyped-call] # zeep has no types


def test_zeep_reads_deployments_retrieves_and_components(org: Org, client: Client) -> None:
    client.transport = _InProcess(org)
    bind: Any = client.create_service
    service = bind(f"{{{METADATA}}}MetadataBinding", "https://127.0.0.1/services/Soap/m/63.0")
    token = org.start_session(org.users["admin@acme.example"], org.app("Billing")).token
    session = {"_soapheaders": {"SessionHeader": {"sessionId": token}}}
    [component] = service.readMetadata("ExtlClntAppGlobalOauthSettings", ["Shipping_glbloauth"], **session)
    assert component.externalClientApplication == "Shipping"
    options = {
        **dict.fromkeys(("allowMissingFiles", "autoUpdatePackage", "checkOnly", "ignoreWarnings"), False),
        **dict.fromkeys(("performRetrieve", "purgeOnDelete"), False),
        "rollbackOnError": True,
        "singlePackage": True,
        "testLevel": "NoTestRun",
    }
    queued = service.deploy(base64.b64decode(archive("63.0")), options, **session)
    result = service.checkDeployStatus(queued.id, True, **session).body.result
    assert (result.status, len(result.details.componentFailures)) == ("Failed", 2)
    package = {"types": [{"members": ["*"], "name": "ConnectedApp"}], "version": "63.0"}
    wanted = {"apiVersion": 63.0, "singlePackage": True, "unpackaged": package}
    queued = service.retrieve(wanted, **session)
    retrieved = service.checkRetrieveStatus(queued.id, True, **session)
    assert [each.fullName for each in retrieved.fileProperties] == ["Billing", "package.xml"]
