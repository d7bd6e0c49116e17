"""Certificate files, single sign-on settings and settings of features, as the Metadata API reads and writes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from lxml import etree

from rotator.core.crypto.certificates import Certificate, Lenient, PrivateKey
from rotator.simulator.wire.soap import METADATA, FaultError
from tests.unit.simulator.helpers import START, call, texts
from tests.unit.simulator.metadata.files import deployed, manifest, retrieve

if TYPE_CHECKING:
    from rotator.simulator.org.org import Org
    from tests.unit.simulator.helpers import KeyPair

CRT, META = "certs/Signing.crt", "certs/Signing.crt-meta.xml"


def description(label: str = "Signing", **elements: str) -> str:
    given = {"caSigned": "false", "masterLabel": label, **elements}
    inner = "".join(f"<{name}>{given[name]}</{name}>" for name in sorted(given))
    return f'<Certificate xmlns="{METADATA}">{inner}</Certificate>'


def deploy_certificate(org: Org, content: str = "", **elements: str) -> tuple[str | None, list[str | None]]:
    files = {"package.xml": manifest(Certificate="Signing"), CRT: content, META: description(**elements)}
    return deployed(org, files)


def retrieve_certificate(org: Org) -> tuple[str, str]:
    """The certificate file and its description."""
    _, files = retrieve(org, manifest(Certificate="Signing"))
    return files[f"unpackaged/{CRT}"], files[f"unpackaged/{META}"]


def signed(request: str, *, root_too: bool = True) -> str:
    """What an authority makes of a request: the certificate and its own."""
    authority = PrivateKey.generate().signing_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority")])
    asked = x509.load_pem_x509_csr(request.encode())
    chain = []
    for subject, key in (("leaf.acme.example", asked.public_key()), ("Authority", authority.public_key())):
        builder = x509.CertificateBuilder(
            name, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]), key, x509.random_serial_number()
        )
        dated = builder.not_valid_before(START).not_valid_after(START + timedelta(days=200, hours=3))
        chain.append(dated.sign(authority, hashes.SHA256()))
    kept = chain if root_too else chain[:1]
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in kept)


class TestCertificates:
    @pytest.mark.fact("6a", "6b", "6h", "6j")
    def test_a_self_signed_one_ends_at_noon_a_year_later_and_says_that_it_is_from_the_usa(self, org: Org) -> None:
        assert deploy_certificate(org, label="Signing of documents") == ("Succeeded", [])
        content, told = retrieve_certificate(org)
        lines = content.splitlines()
        assert lines[0] == "-----BEGIN CERTIFICATE-----"
        assert {len(line) for line in lines[1:-2]} == {64}
        certificate = Certificate.parse(content)
        assert certificate.subject == (
            f"C=USA,ST=CA,L=San Francisco,O=Salesforce.com,OU={org.id[:15]},CN=Signing of documents"
        )
        assert certificate.not_after == START.replace(year=2027)
        for line in (
            "<caSigned>false</caSigned>",
            "<encryptedWithPlatformEncryption>false</encryptedWithPlatformEncryption>",
            "<expirationDate>2027-11-23T12:00:00.000Z</expirationDate>",
            "<keySize>2048</keySize>",
            "<privateKeyExportable>true</privateKeyExportable>",
        ):
            assert line in told

    def test_another_ones_subject_is_taken_and_not_its_key(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
        assert deploy_certificate(org, key_pairs[0][1].pem, privateKeyExportable="false") == ("Succeeded", [])
        certificate = Certificate.parse(retrieve_certificate(org)[0])
        assert certificate.subject == key_pairs[0][1].subject
        assert certificate.public_fingerprint != key_pairs[0][1].public_fingerprint

    @pytest.mark.fact("6k")
    def test_one_that_an_authority_signs_begins_as_a_request(self, org: Org) -> None:
        assert deploy_certificate(org, caSigned="true") == ("Succeeded", [])
        [made] = org.certificates
        request, told = retrieve_certificate(org)
        assert made.unusable
        assert request.startswith("-----BEGIN CERTIFICATE REQUEST-----")
        assert "expirationDate" not in told
        assert deploy_certificate(org, signed(request, root_too=False), caSigned="true")[1] == ["Invalid certificate"]
        other = PrivateKey.generate().signing_key()
        strange = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(other, hashes.SHA256())
        foreign = signed(strange.public_bytes(serialization.Encoding.PEM).decode())
        assert deploy_certificate(org, foreign, caSigned="true")[1] == ["Invalid certificate"]
        assert made.unusable
        chain = signed(request)
        assert deploy_certificate(org, chain, caSigned="true") == ("Succeeded", [])
        content, told = retrieve_certificate(org)
        assert (content, made.unusable) == (chain, False)
        assert "<expirationDate>2027-06-11T15:00:00.000Z</expirationDate>" in told

    @pytest.mark.fact("6a")
    def test_a_chain_begins_with_the_certificate_itself(self, org: Org) -> None:
        org.add_certificate("Signing", START + timedelta(days=90), ca_signed=True)
        with Lenient():
            leaf, authority = x509.load_pem_x509_certificates(retrieve_certificate(org)[0].encode())
            assert (leaf.issuer, authority.issuer) == (authority.subject, authority.subject)
        assert retrieve_certificate(org) == retrieve_certificate(org)

    @pytest.mark.parametrize(
        ("elements", "problem"),
        [
            ({"keySize": "1024"}, "A key has 2048 or 4096 bits."),
            ({"encryptedWithPlatformEncryption": "true"}, "Platform Encryption is not simulated"),
            ({"content": "no certificate"}, "Invalid certificate"),
            ({"label": ""}, "Required field is missing: masterLabel"),
        ],
    )
    def test_what_cannot_be_made_is_refused(self, org: Org, elements: dict[str, str], problem: str) -> None:
        status, [told] = deploy_certificate(org, **elements)
        assert status == "Failed"
        assert problem in str(told)
        assert org.certificates == []

    def test_its_kind_and_key_stay_and_its_label_may_change(self, org: Org) -> None:
        org.add_certificate("Signing", START + timedelta(days=90))
        content, told = retrieve_certificate(org)
        _, files = retrieve(org, manifest(Certificate="Signing"))
        same = {path.removeprefix("unpackaged/"): text for path, text in files.items()}
        assert deployed(org, same) == ("Succeeded", [])
        assert deploy_certificate(org, content, label="Other", privateKeyExportable="false") == ("Succeeded", [])
        assert (org.certificates[0].label, org.certificates[0].exportable) == ("Other", False)
        assert deploy_certificate(org, content, caSigned="true")[1] == ["caSigned cannot be changed."]
        assert deploy_certificate(org, content, keySize="4096")[1] == ["keySize cannot be changed."]
        another = "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----"
        assert "self-signed" in str(deploy_certificate(org, another)[1])
        assert told != retrieve_certificate(org)[1]

    def test_a_file_without_its_description_is_refused_and_a_check_makes_nothing(self, org: Org) -> None:
        files = {"package.xml": manifest(Certificate="Signing"), CRT: ""}
        assert deployed(org, files) == ("Failed", [f"The file {META} is missing"])
        assert deployed(org, {**files, META: description()}, checkOnly=True) == ("Succeeded", [])
        assert org.certificates == []


SSO = (
    "<fullName>{name}</fullName><identityLocation>SubjectNameId</identityLocation>"
    "<identityMapping>FederationId</identityMapping><issuer>https://acme.example</issuer><name>{name}</name>"
    "<oauthTokenEndpoint>https://elsewhere.example</oauthTokenEndpoint>"
    "<samlEntityId>https://saml.salesforce.com</samlEntityId><samlVersion>SAML2_0</samlVersion>"
    "<validationCert>{certificate}</validationCert>"
)


def write_sso(org: Org, operation: str, certificate: str, name: str = "Login") -> etree._Element:
    inner = SSO.format(name=name, certificate=certificate)
    return call(org, f'<{operation}><metadata xsi:type="SamlSsoConfig">{inner}</metadata></{operation}>')


class TestSingleSignOn:
    READ = "<readMetadata><type>SamlSsoConfig</type><fullNames>Login</fullNames></readMetadata>"

    @pytest.mark.fact("6m")
    def test_it_is_made_changed_renamed_and_deleted(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
        first, second = key_pairs[0][1], key_pairs[1][1]
        assert texts(write_sso(org, "createMetadata", first.pem), "success") == ["true"]
        assert texts(write_sso(org, "createMetadata", first.pem), "statusCode") == ["DUPLICATE_DEVELOPER_NAME"]
        assert texts(call(org, self.READ), "validationCert") == [first.base64]
        assert texts(write_sso(org, "updateMetadata", second.base64), "success") == ["true"]
        assert texts(write_sso(org, "upsertMetadata", second.base64), "created") == ["false"]
        answer = call(org, self.READ)
        assert texts(answer, "validationCert") == [second.base64]
        # The org's own addresses, whatever was written.
        assert [str(text).partition("?")[0] for text in texts(answer, "oauthTokenEndpoint")] == [
            f"{org.url}/services/oauth2/token"
        ]
        rename = "<type>SamlSsoConfig</type><oldFullName>Login</oldFullName><newFullName>Company</newFullName>"
        assert texts(call(org, f"<renameMetadata>{rename}</renameMetadata>"), "success") == ["true"]
        gone = "<deleteMetadata><type>SamlSsoConfig</type><fullNames>Login</fullNames></deleteMetadata>"
        assert texts(call(org, gone), "message") == ["no SamlSsoConfig named Login found"]
        assert texts(call(org, gone.replace("Login", "Company")), "success") == ["true"]
        assert org.identity_providers == {}

    def test_what_is_no_certificate_or_no_word_of_the_type_is_refused(self, org: Org) -> None:
        assert texts(write_sso(org, "createMetadata", "AAAA"), "message") == ["Invalid certificate"]
        assert texts(write_sso(org, "updateMetadata", "AAAA"), "message") == ["no SamlSsoConfig named Login found"]
        with pytest.raises(FaultError, match="'Anything' is not a valid value for the enum 'SamlType'"):
            call(
                org,
                '<createMetadata><metadata xsi:type="SamlSsoConfig"><samlVersion>Anything</samlVersion></metadata>'
                "</createMetadata>",
            )

    @pytest.mark.fact("6o")
    def test_its_name_its_later_field_and_its_address(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
        for name in ("1st", "Two__Bars", "End_", "With space"):
            answer = write_sso(org, "createMetadata", key_pairs[0][1].pem, name)
            assert texts(answer, "message") == [f"'{name}' is no API name"]
        made = org.add_identity_provider("Login", key_pairs[0][1])
        assert texts(call(org, self.READ, version="54.0"), "useSameDigestAlgoForSigning") == []
        assert texts(call(org, self.READ, version="55.0"), "useSameDigestAlgoForSigning") == ["true"]
        assert texts(call(org, self.READ), "salesforceLoginUrl") == [f"{org.url}?so={org.id}"]
        made.component["decryptionCertificate"] = "Signing"
        assert texts(call(org, self.READ), "salesforceLoginUrl") == [f"{org.url}?sc={made.id}"]

    def test_a_file_is_deployed_as_it_was_retrieved_and_rolled_back_with_others(
        self, org: Org, key_pairs: tuple[KeyPair, ...]
    ) -> None:
        org.add_identity_provider("Login", key_pairs[0][1])
        _, files = retrieve(org, manifest(SamlSsoConfig="Login"))
        path = "samlssoconfigs/Login.samlssoconfig"
        text = files[f"unpackaged/{path}"].replace(key_pairs[0][1].base64, key_pairs[1][1].base64)
        package = {"package.xml": manifest(SamlSsoConfig="Login"), path: text}
        assert deployed(org, package, checkOnly=True) == ("Succeeded", [])
        assert texts(call(org, self.READ), "validationCert") == [key_pairs[0][1].base64]
        assert deployed(org, package) == ("Succeeded", [])
        assert texts(call(org, self.READ), "validationCert") == [key_pairs[1][1].base64]


def turn(org: Org, switch: str, value: str = "true", feature: str = "ExternalClientApp") -> etree._Element:
    component = f"<fullName>{feature}</fullName><{switch}>{value}</{switch}>"
    return call(org, f'<updateMetadata><metadata xsi:type="{feature}Settings">{component}</metadata></updateMetadata>')


class TestFeatureSettings:
    @pytest.mark.fact("1.5d", "8.4d")
    def test_they_are_members_of_one_type_in_files_and_types_of_their_own_in_calls(self, org: Org) -> None:
        listed = call(org, "<listMetadata><queries><type>Settings</type></queries></listMetadata>")
        assert texts(listed, "fullName") == ["ConnectedApp", "ExternalClientApp"]
        assert set(texts(listed, "type")) == {"Settings"}
        _, files = retrieve(org, manifest(Settings="*"))
        root = etree.fromstring(files["unpackaged/settings/ExternalClientApp.settings"].encode())
        assert etree.QName(root).localname == "ExternalClientAppSettings"
        read = "<readMetadata><type>ConnectedAppSettings</type><fullNames>ConnectedApp</fullNames></readMetadata>"
        assert texts(call(org, read), "enableAdminApprovedAppsOnly") == ["false"]
        with pytest.raises(FaultError, match="Unknown type:ConnectedAppSettings"):
            call(org, "<listMetadata><queries><type>ConnectedAppSettings</type></queries></listMetadata>")

    @pytest.mark.fact("5.1b")
    def test_their_switches_follow_the_version(self, org: Org) -> None:
        asked = "<type>ExternalClientAppSettings</type><fullNames>ExternalClientApp</fullNames>"
        names = {
            version: [etree.QName(each).localname for each in call(org, read, version=version)[0][0]][1:]
            for version in ("61.0", "62.0")
            for read in [f"<readMetadata>{asked}</readMetadata>"]
        }
        assert names == {
            "61.0": ["enableConsumerSecretApiAccess", "enableExternalClientApps"],
            "62.0": [
                "enableClientSecretInRestApiAccess",
                "enableConsumerSecretApiAccess",
                "enablePackageEcaOauthFromDevOrg",
            ],
        }
        listed = call(org, "<listMetadata><queries><type>Settings</type></queries></listMetadata>", version="57.0")
        assert texts(listed, "fullName") == ["ConnectedApp"]
        with pytest.raises(FaultError, match="Cannot use: ExternalClientAppSettings in this version"):
            call(org, f"<readMetadata>{asked}</readMetadata>", version="57.0")

    def test_secrets_are_read_where_they_say_so(self, org: Org, key_pairs: tuple[KeyPair, ...]) -> None:
        org.add_external_app("Shipping", certificate=key_pairs[0][1])
        read = (
            "<readMetadata><type>ExtlClntAppGlobalOauthSettings</type><fullNames>Shipping_glbloauth</fullNames>"
            "</readMetadata>"
        )
        org.settings = replace(org.settings, external_certificate_returned="with_secret_access")
        assert texts(call(org, read), "consumerSecret") == texts(call(org, read), "certificate") == []
        assert texts(turn(org, "enableConsumerSecretApiAccess"), "success") == ["true"]
        assert len(texts(call(org, read), "consumerSecret")) == len(texts(call(org, read), "certificate")) == 1

    def test_a_file_changes_what_it_names_and_nothing_else(self, org: Org) -> None:
        for switch in ("enableConsumerSecretApiAccess", "enableClientSecretInRestApiAccess"):
            content = f"<{switch}>true</{switch}>"
            path = "settings/ExternalClientApp.settings"
            xml = f'<ExternalClientAppSettings xmlns="{METADATA}">{content}</ExternalClientAppSettings>'
            package = {"package.xml": manifest(Settings="ExternalClientApp"), path: xml}
            assert deployed(org, package, checkOnly=True) == ("Succeeded", [])
            assert org.features.get("ExternalClientAppSettings", {}).get(switch, "false") == "false"
            assert deployed(org, package) == ("Succeeded", [])
        assert set(org.features["ExternalClientAppSettings"].values()) == {"true"}

    @pytest.mark.parametrize(
        ("feature", "switch", "value"),
        [
            ("ConnectedApp", "enableAdminApprovedAppsOnly", "true"),
            ("ExternalClientApp", "enablePackageEcaOauthFromDevOrg", "true"),
        ],
    )
    def test_a_switch_without_an_effect_here_says_so(self, org: Org, feature: str, switch: str, value: str) -> None:
        assert texts(turn(org, switch, "false", feature), "success") == ["true"]
        with pytest.raises(FaultError, match=f"What {switch} of {feature}Settings changes is not simulated"):
            turn(org, switch, value, feature)
        assert texts(turn(org, "enableSkipUserProvisioningWizardWelcomePage", "true", "ConnectedApp"), "success")

    def test_they_are_neither_made_nor_deleted(self, org: Org) -> None:
        made = turn(org, "enableConsumerSecretApiAccess")
        assert texts(made, "fullName") == ["ExternalClientApp"]
        body = "<fullName>ConnectedApp</fullName>"
        answer = call(
            org, f'<createMetadata><metadata xsi:type="ConnectedAppSettings">{body}</metadata></createMetadata>'
        )
        assert texts(answer, "statusCode") == ["DUPLICATE_DEVELOPER_NAME"]
        with pytest.raises(FaultError, match="Deleting ConnectedAppSettings is not simulated"):
            call(
                org,
                "<deleteMetadata><type>ConnectedAppSettings</type><fullNames>ConnectedApp</fullNames></deleteMetadata>",
            )
        with pytest.raises(FaultError, match="Settings is not supported by this operation"):
            call(org, "<readMetadata><type>Settings</type><fullNames>ConnectedApp</fullNames></readMetadata>")
        others = {"package.xml": manifest(Settings="Account"), "settings/Account.settings": "<AccountSettings/>"}
        assert "The settings Account is not simulated" in str(deployed(org, others)[1])
