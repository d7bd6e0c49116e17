"""Facts of components (tests/unit/simulator/facts.py) that no other test here shows."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from lxml import etree

from rotator.core.crypto.certificates import Certificate, PrivateKey
from rotator.simulator.metadata import deploy as deployments
from rotator.simulator.metadata import package
from rotator.simulator.oauth.token_endpoint import answer_login
from rotator.simulator.org.certificates import issue
from rotator.simulator.org.org import Org
from rotator.simulator.serving.scenario import two_orgs
from rotator.simulator.wire.faults import FAILURES, Kind, failure
from rotator.simulator.wire.soap import FaultError
from tests.unit.simulator.helpers import START, StandingClock, call, seeded, texts, update_of
from tests.unit.simulator.metadata.files import app_file, deploy, deployed, manifest, retrieve, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.simulator.helpers import KeyPair

READ = "<readMetadata><type>ConnectedApp</type><fullNames>Billing</fullNames></readMetadata>"
CREATE = (
    '<createMetadata><metadata xsi:type="ConnectedApp"><fullName>{name}</fullName><contactEmail>a@acme.example'
    "</contactEmail><label>A</label><oauthConfig><callbackUrl>https://acme.example</callbackUrl>{more}</oauthConfig>"
    "</metadata></createMetadata>"
)


@pytest.fixture(scope="module")
def from_authority(key_pairs: tuple[KeyPair, ...]) -> Certificate:
    """A certificate over the first key that an authority signed."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("leaf", "authority")]
    key = key_pairs[0][0].signing_key().public_key()
    builder = x509.CertificateBuilder(names[1], names[0], key, 77, START, START + timedelta(days=90))
    signed = builder.sign(key_pairs[1][0].signing_key(), hashes.SHA256())
    return Certificate.parse(signed.public_bytes(serialization.Encoding.DER))


@pytest.mark.fact("1.1b", "4.7b")
def test_a_certificate_of_an_authority_comes_back_alone_and_verifies_logins(
    org: Org, from_authority: Certificate, assertion: Callable[..., dict[str, str]]
) -> None:
    assert texts(call(org, update_of(org, "Billing", {"certificate": from_authority.pem})), "success") == ["true"]
    assert texts(call(org, READ), "certificate") == [from_authority.base64]
    assert answer_login(org, assertion()).status == 200


@pytest.mark.fact("1.1e")
def test_apps_of_one_name_in_two_orgs_differ(key_pairs: tuple[KeyPair, ...]) -> None:
    keys = cycle(key for key, _ in key_pairs)
    production, sandbox = two_orgs(clock=StandingClock(), random=seeded(), new_key=lambda: next(keys))
    one, other = (org.app("Billing") for org in (production, sandbox))
    assert one.client_id != other.client_id
    assert one.live_certificate != other.live_certificate


@pytest.mark.fact("1.1f")
def test_an_expired_certificate_stays_and_comes_back(
    org: Org, clock: StandingClock, key_pairs: tuple[KeyPair, ...]
) -> None:
    clock.advance(timedelta(days=700).total_seconds())
    assert key_pairs[0][1].expired(clock())
    assert texts(call(org, READ), "certificate") == [key_pairs[0][1].base64]


@pytest.mark.fact("1.2b", "1.3j")
def test_white_space_around_a_text_is_cut_off_and_lines_inside_stay(org: Org) -> None:
    two = "\n  https://acme.example/one\nhttps://acme.example/two  "
    call(org, update_of(org, "Billing", {"callbackUrl": two, "label": "  Billing \n"}))
    answer = call(org, READ)
    assert texts(answer, "callbackUrl") == ["https://acme.example/one\nhttps://acme.example/two"]
    assert texts(answer, "label") == ["Billing"]


def created(org: Org, more: str, name: str = "Fresh", version: str = "63.0") -> list[str | None]:
    """The messages of a creation's errors."""
    return texts(call(org, CREATE.format(name=name, more=more), version=version), "message")


@pytest.mark.fact("1.3h", "1.3i")
def test_keys_and_secrets_are_given_at_creation_and_have_a_form(org: Org) -> None:
    org.settings = replace(org.settings, creation_restricted=False)
    for element in ("consumerKey", "consumerSecret"):
        for text in ("short", "with a space", "x" * 257):
            [message] = created(org, f"<{element}>{text}</{element}>")
            assert message == f"{element} has 8 to 256 letters and digits"
    given = "<consumerKey>OfMyChoice</consumerKey><consumerSecret>ASecretOfMine</consumerSecret>"
    assert created(org, given) == []
    assert (org.app("Fresh").client_id, org.app("Fresh").secret.reveal()) == ("OfMyChoice", "ASecretOfMine")
    assert created(org, "<consumerSecret>ASecretOfMine</consumerSecret>", "Other") == [
        "The consumer secret is already in use"
    ]
    call(org, update_of(org, "Fresh").replace("<scopes>", "<consumerSecret>AnotherOne1</consumerSecret><scopes>"))
    assert org.app("Fresh").secret.reveal() == "ASecretOfMine"
    with pytest.raises(FaultError, match=r"consumerKey not valid in version 31\.0"):
        created(org, "<consumerKey>OfMyChoice2</consumerKey>", version="31.0")


@pytest.mark.fact("2.1a")
def test_a_consumer_key_is_taken_in_every_org(org: Org, clock: StandingClock) -> None:
    other = Org("other", clock=clock, random=seeded(2), number=2)
    other.add_user("admin@acme.example", may_use_metadata=True)
    key = other.add_app("Billing").client_id
    org.settings = replace(org.settings, creation_restricted=False)
    org.neighbours = (other,)
    assert created(org, f"<consumerKey>{key}</consumerKey>") == ["The consumer key is already taken"]
    own = org.app("Billing").client_id
    assert created(org, f"<consumerKey>{own}</consumerKey>") == ["The consumer key is already taken"]
    assert not other.neighbours
    assert other.takes_key(own)


FIRST_VERSIONS = {
    "idTokenConfig": 43,
    "isAdminApproved": 46,
    "assetTokenConfig": 49,
    "isConsumerSecretOptional": 49,
    "isIntrospectAllTokens": 49,
    "oauthPolicy": 49,
    "sessionPolicy": 49,
    "isSecretRequiredForRefreshToken": 51,
    "isClientCredentialEnabled": 56,
    "oauthClientCredentialUser": 56,
    "isCodeCredentialEnabled": 57,
    "isCodeCredentialPostOnly": 57,
    "isNamedUserJwtEnabled": 59,
    "isPkceRequired": 59,
    "isRefreshTokenRotationEnabled": 60,
    "isSecretRequiredForTokenExchange": 60,
    "isTokenExchangeEnabled": 60,
    "permissionSetName": 46,
    "pluginExecutionUser": 46,
    "profileName": 46,
}


@pytest.mark.fact("1.4a")
@pytest.mark.parametrize(("element", "since"), FIRST_VERSIONS.items())
def test_a_field_comes_with_the_version_that_brought_it(org: Org, element: str, since: int) -> None:
    app = org.app("Billing")
    app.component.update(permissionSetName=["Set"], pluginExecutionUser="billing@acme.example")
    app.component.update(sessionPolicy={"policyAction": "Block"})
    app.oauth.update(idTokenConfig={"idTokenAudience": "a"}, oauthClientCredentialUser="billing@acme.example")
    app.oauth.update(assetTokenConfig={"assetAudiences": "a"})
    found = [[*call(org, READ, version=f"{number}.0").iter(f"{{*}}{element}")] for number in (since - 1, since)]
    assert [bool(each) for each in found] == [False, True]


def described(org: Org, version: str = "67.0") -> dict[str | None, dict[str, str | None]]:
    """What describeMetadata tells, by type."""
    body = f"<describeMetadata><asOfVersion>{version}</asOfVersion></describeMetadata>"
    told = [
        {etree.QName(each).localname: each.text for each in metadata}
        for metadata in call(org, body, version=version).iter("{*}metadataObjects")
    ]
    return {each["xmlName"]: each for each in told}


@pytest.mark.fact("1.5a", "5.1a", "6n")
@pytest.mark.parametrize(
    ("name", "folder", "suffix"),
    [
        ("Certificate", "certs", "crt"),
        ("ConnectedApp", "connectedApps", "connectedApp"),
        ("ExternalClientApplication", "externalClientApps", "eca"),
        ("ExtlClntAppGlobalOauthSettings", "extlClntAppGlobalOauthSets", "ecaGlblOauth"),
        ("ExtlClntAppOauthSettings", "extlClntAppOauthSettings", "ecaOauth"),
        ("ExtlClntAppOauthConfigurablePolicies", "extlClntAppOauthPolicies", "ecaOauthPlcy"),
        ("ExtlClntAppConfigurablePolicies", "extlClntAppPolicies", "ecaPlcy"),
        ("ExtlClntAppOauthSecuritySettings", "extlClntAppOauthSecuritySettings", "ecaOauthSecurity"),
        ("SamlSsoConfig", "samlssoconfigs", "samlssoconfig"),
        ("Settings", "settings", "settings"),
    ],
)
def test_a_type_tells_its_folder_and_suffix(org: Org, name: str, folder: str, suffix: str) -> None:
    assert described(org)[name] == {
        "directoryName": folder,
        "inFolder": "false",
        "metaFile": "true" if name == "Certificate" else "false",
        "suffix": suffix,
        "xmlName": name,
    }
    assert ("ExtlClntAppOauthSecuritySettings" in described(org, "66.0")) is False


@pytest.mark.fact("2.1e", "4.3m", "4.3o", "8.4e")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("already_in_process", "temporarily lock your organization's administration setup"),
        ("unknown_exception", "UNKNOWN_EXCEPTION: "),
        ("request_limit_exceeded", "REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded."),
        ("concurrent_requests", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
        ("server_unavailable", "SERVER_UNAVAILABLE"),
        ("unknown_error", "retry your request"),
        ("http_420", "ERROR_HTTP_420"),
        ("http_502", "upstream connect error or disconnect/reset before headers"),
        ("http_503", "no healthy upstream"),
    ],
)
def test_passing_trouble_has_its_words(name: str, words: str) -> None:
    assert name in FAILURES
    answer = failure(name, Kind.SOAP_UPDATE)
    assert words in answer.body.decode()
    status = int(name[-3:]) if name.startswith("http") else 400 if name == "unknown_error" else 500
    assert answer.status == status


@pytest.mark.fact("2.1f")
def test_a_deployment_that_is_too_large_is_refused_by_its_size(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    assert deployments.LARGEST_REQUEST == 52_428_800
    monkeypatch.setattr(deployments, "LARGEST_REQUEST", 100)
    with pytest.raises(FaultError, match=r"Maximum size of request reached\. Maximum size of request is 100 bytes\."):
        deploy(org, {"package.xml": manifest()})


@pytest.mark.fact("1.3k")
@pytest.mark.parametrize("app_name", ["Billing", "Shipping"])
def test_a_policy_that_becomes_to_block_ends_sessions(org: Org, app_name: str) -> None:
    org.add_external_app("Shipping", username="billing@acme.example")
    app = next(app for app in org.client_apps if app.name == app_name)
    token = org.start_session(org.users["billing@acme.example"], app).token
    if app_name == "Billing":
        policy = "<sessionPolicy><policyAction>Block</policyAction></sessionPolicy></metadata>"
        text = update_of(org, "Billing").replace("</metadata>", policy)
    else:
        elements = "<externalClientApplication>Shipping</externalClientApplication><policyAction>Block</policyAction>"
        kind = 'xsi:type="ExtlClntAppOauthConfigurablePolicies"'
        name = "<fullName>Shipping_oauthPlcy</fullName>"
        text = f"<updateMetadata><metadata {kind}>{name}{elements}</metadata></updateMetadata>"
    assert org.visitor(token)
    assert texts(call(org, text), "success") == ["true"]
    assert org.visitor(token) is None
    token = org.start_session(org.users["billing@acme.example"], app).token
    assert texts(call(org, text), "success") == ["true"]
    assert org.visitor(token), "it blocked before"


@pytest.mark.fact("2.3j")
def test_the_components_of_one_call_are_of_one_type(org: Org) -> None:
    mixed = "".join(
        f'<metadata xsi:type="{name}"><fullName>A</fullName></metadata>' for name in ("ConnectedApp", "SamlSsoConfig")
    )
    with pytest.raises(FaultError, match="must be of the same type"):
        call(org, f"<upsertMetadata>{mixed}</upsertMetadata>")


@pytest.mark.fact("2.3k")
def test_an_archive_has_so_many_files_and_no_more(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    assert package.MOST_FILES == 10_000
    monkeypatch.setattr(package, "MOST_FILES", 1)
    files = {"package.xml": manifest(ConnectedApp="Billing"), "connectedApps/Billing.connectedApp": app_file(org)}
    answer = status_of(org, deploy(org, files))
    assert texts(answer, "errorMessage") == ["Too many files in the archive: it may hold 1."]


@pytest.mark.fact("3b")
def test_the_consumer_key_stays_when_the_certificate_changes(org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
    before = org.app("Billing").client_id
    call(org, update_of(org, "Billing", {"certificate": key_pairs[1][1].pem}))
    assert texts(call(org, READ), "consumerKey") == [before]
    assert org.app("Billing").live_certificate == key_pairs[1][1]


@pytest.mark.fact("6f")
def test_a_connected_app_has_its_service_providers_certificate(org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
    saml = (
        "<samlConfig><acsUrl>https://sp.example</acsUrl>"
        f"<certificate>{key_pairs[2][1].base64}</certificate><encryptionCertificate>Signing</encryptionCertificate>"
        "<entityUrl>https://sp.example</entityUrl><samlSubjectType>Username</samlSubjectType></samlConfig>"
    )
    text = update_of(org, "Billing").replace("</profileName>", f"</profileName>{saml}")
    assert texts(call(org, text), "success") == ["true"]
    answer = call(org, READ)
    assert texts(answer, "encryptionCertificate") == ["Signing"]
    assert key_pairs[2][1].base64 in texts(answer, "certificate")


@pytest.mark.fact("6h", "6i")
def test_certificates_end_as_their_making_has_it(
    org: Org, key_pairs: tuple[KeyPair, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PrivateKey, "generate", lambda _bits=2048: key_pairs[0][0])
    made = issue(org, "Big", "Big", key_bits=4096, ca_signed=False, exportable=True)
    assert made.expires_at == (START + timedelta(days=730)).replace(hour=12, minute=0)
    org.add_certificate("Imported", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), ca_signed=True)
    _, files = retrieve(org, manifest(Certificate="Imported"))
    told = files["unpackaged/certs/Imported.crt-meta.xml"]
    assert "<expirationDate>9999-12-31T23:59:59.000Z</expirationDate>" in told
    leaf = re.split("(?<=-----END CERTIFICATE-----)", files["unpackaged/certs/Imported.crt"])[0]
    assert Certificate.parse(leaf).not_after.year == 9999


@pytest.mark.fact("8.3c")
def test_package_xml_is_a_success_of_its_own_and_what_did_not_change_says_so(org: Org) -> None:
    files = {"package.xml": manifest(ConnectedApp="Billing"), "connectedApps/Billing.connectedApp": app_file(org)}
    answer = status_of(org, deploy(org, files))
    told = [
        {etree.QName(each).localname: each.text for each in message} for message in answer.iter("{*}componentSuccesses")
    ]
    assert [(each["fullName"], each["componentType"], each["changed"]) for each in told] == [
        ("package.xml", "", "true"),
        ("Billing", "ConnectedApp", "false"),
    ]
    assert deployed(org, files) == ("Succeeded", [])
