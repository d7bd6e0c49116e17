"""Each check passes on an org that is as it should be, and finds what is wrong in one that is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rotator.core.crypto.certificates import Certificate
from rotator.core.crypto.keys import PrivateKey
from rotator.core.posture.checks import CHECK_NAMES
from rotator.core.posture.judgements import Verdict
from rotator.history.journal.journal import Journal
from rotator.simulator.org.schema.external_client_app import OAUTH_SETTINGS
from rotator.simulator.org.users import Profile
from rotator.testing.versions import make_secret_version, spare_key
from tests.tiers import longer, more_in_thorough, of_tier
from tests.unit.services.posture.sound_org import (
    API_ONLY,
    API_ONLY_PROFILE,
    BILLING,
    ROBOT,
    SHIPPING,
    SoundOrg,
    of_profile,
    one,
    told,
    unused,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rotator.history.engine.database import Database

pytestmark = longer


@pytest.fixture
def sound(database: Database, tmp_path: Path) -> SoundOrg:
    return SoundOrg(database, tmp_path)


def test_every_check_passes_where_all_is_as_it_should_be(sound: SoundOrg) -> None:
    sound.add_app("Legacy", BILLING, sound.certificate(spare_key(5)))
    found = sound.audit()
    assert told(found, Verdict.FINDING) == []
    assert told(found, Verdict.HIDDEN) == []
    assert {each.check.name for each in found.results if each.verdict is Verdict.OK} == set(CHECK_NAMES)
    assert found.problems == ()


def _kept_in_files(sound: SoundOrg) -> None:
    sound.files.current["billing"] = sound.vault.current.pop("billing")
    sound.say("billing: {org: production, store: team-vault", "billing: {org: production, store: old-files")


def _copied(sound: SoundOrg) -> None:
    sound.files.current["billing"] = sound.vault.current["billing"]


def _weak_key(*, bits: int = 1024, exponent: int = 65537) -> PrivateKey:
    return PrivateKey(rsa.generate_private_key(exponent, bits))


def _elliptic(sound: SoundOrg) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "elliptic")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, sound.time, sound.time + timedelta(days=9))
    return Certificate.parse(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _with_key(sound: SoundOrg, key: PrivateKey, **dates: int) -> None:
    certificate = sound.certificate(key, **dates)
    sound.org.put_certificate("Billing_A", certificate)
    sound.keep("billing", "Billing_A", BILLING, key, certificate)


def _one_app(sound: SoundOrg) -> None:
    sound.say("apps: [Billing_A, Billing_B]", "apps: [Billing_A]")
    sound.org.put_certificate("Billing_B", None)


def _generic_host(sound: SoundOrg) -> None:
    sound.say("apps: [Billing_A, Billing_B]", "apps: [Billing_A, Billing_B], audience: https://login.salesforce.com")


def _without_api_only(sound: SoundOrg) -> None:
    sound.org.profiles["Billing"] = Profile(frozenset({"ApiEnabled"}), "Salesforce Integration")
    sound.org.users[BILLING].profile = "Billing"


def _connected_app(sound: SoundOrg) -> None:
    del sound.org.external_apps["Billing_B"]
    sound.add_connected_app("Billing_B", BILLING, sound.certificate(spare_key(3)))


def _secret_that_is_old(sound: SoundOrg) -> None:
    version = make_secret_version("shipping", "Shipping", now=sound.time - timedelta(days=61))
    sound.vault.current["shipping"] = version


def _scopes(app: str, scopes: str) -> Callable[[SoundOrg], None]:
    def change(sound: SoundOrg) -> None:
        sound.org.external_app(app).part(OAUTH_SETTINGS.name)["commaSeparatedOauthScopes"] = scopes

    return change


def _policy(app: str, name: str, value: str) -> Callable[[SoundOrg], None]:
    return lambda sound: sound.policies(app).update({name: value})


def _own_key(sound: SoundOrg) -> None:
    client_id = sound.org.external_app("Management_A").client_id
    sound.say(
        "login: {credential: management}",
        f"login: {{client_id: {client_id}, username: {ROBOT}, private_key: {{file: key.pem}}}}",
    )


def _open_management_app(sound: SoundOrg) -> None:
    sound.org.approve(sound.org.external_app("Management_A"), sound.org.users[ROBOT])
    sound.policies("Management_A")["permittedUsersPolicyType"] = "AllSelfAuthorized"


def _own_user_with(sound: SoundOrg, permission: str) -> None:
    profile = sound.org.profiles["Rotator"]
    sound.org.profiles["Rotator"] = Profile(profile.permissions | {permission}, profile.licence)


def _set_of_permissions(sound: SoundOrg) -> None:
    sound.org.profiles["Export"] = Profile(frozenset({"ApiEnabled", "ApiUserOnly", "DataExport"}), "Salesforce")
    sound.org.users[SHIPPING].profile = "Export"


WRONG: Final[dict[str, tuple[Callable[[SoundOrg], object], str, str, str]]] = {
    "a key in files": (_kept_in_files, "key-in-files", "billing", "the vault team-vault is configured"),
    "a copy in another store": (_copied, "key-copies", "billing", "in the store old-files"),
    "a short key": (lambda s: _with_key(s, _weak_key()), "key-size", "billing", "1024 bits"),
    "a small exponent": (lambda s: _with_key(s, _weak_key(bits=2048, exponent=3)), "key-exponent", "billing", "3"),
    "a long life": (lambda s: _with_key(s, spare_key(2), days=900), "key-lifetime", "billing", "900 days"),
    "an old key": (lambda s: _with_key(s, spare_key(2), age=336), "key-age", "billing", "336 days old"),
    "an old secret": (_secret_that_is_old, "key-age", "shipping", "61 days old"),
    "a key of another credential": (
        lambda s: _with_key(s, spare_key(0)),
        "key-shared",
        "billing",
        "also that of the credential management",
    ),
    "a key of another app": (
        lambda s: s.add_app("Legacy", BILLING, s.certificate(spare_key(2))),
        "key-shared",
        "billing",
        "also that of the app Legacy",
    ),
    "one app": (_one_app, "second-app", "billing", "Billing_A is its only app"),
    "an audience of all orgs": (_generic_host, "assertion-audience", "billing", "`audience` is"),
    "a user of two credentials": (
        lambda s: s.say(f"username: {SHIPPING}", f"username: {BILLING}"),
        "user-shared",
        "billing",
        "the credential shipping",
    ),
    "a user of another app": (
        lambda s: s.org.approve(s.add_app("Mobile", BILLING, None), s.org.users[BILLING]),
        "user-shared",
        "billing",
        "the app Mobile",
    ),
    "a person's user": (
        lambda s: s.org.record_login("Browser", BILLING, "Success", "Application"),
        "user-person",
        "billing",
        "in a browser",
    ),
    "a user of the user interface": (_without_api_only, "user-api-only", "billing", "no `API Only User`"),
    "a user with all data": (lambda s: of_profile(s, "ModifyAllData"), "user-administrator", "billing", "Modify All"),
    "an administrator": (
        lambda s: setattr(s.org.users[BILLING], "profile", "System Administrator"),
        "user-administrator",
        "billing",
        "the profile System Administrator",
    ),
    "a user who deploys code": (lambda s: of_profile(s, "AuthorApex"), "user-permissions", "billing", "Author Apex"),
    "a user of a secret who exports": (_set_of_permissions, "user-permissions", "shipping", "Weekly Data Export"),
    "a full licence": (lambda s: of_profile(s, licence="Salesforce"), "user-licence", "billing", "left"),
    "a second factor": (lambda s: of_profile(s, "TwoFactorApi"), "user-mfa", "billing", "Multi-Factor"),
    "a profile of high assurance": (
        lambda s: s.org.profiles.update({API_ONLY: replace(API_ONLY_PROFILE, session_level="HIGH_ASSURANCE")}),
        "user-mfa",
        "billing",
        "asks for sessions of high assurance at login",
    ),
    "high assurance": (
        _policy("Billing_B", "requiredSessionLevel", "HIGH_ASSURANCE"),
        "app-sessions",
        "billing",
        "Billing_B asks for sessions of high assurance",
    ),
    "an app for all": (
        _policy("Billing_B", "permittedUsersPolicyType", "AllSelfAuthorized"),
        "app-open",
        "billing",
        "Every user of the org may approve Billing_B",
    ),
    "endless refresh tokens": (
        _policy("Billing_A", "refreshTokenPolicyType", "Infinite"),
        "app-refresh-tokens",
        "billing",
        "infinite",
    ),
    "relaxed addresses": (
        _policy("Shipping", "ipRelaxationPolicyType", "Bypass"),
        "app-addresses",
        "shipping",
        "BYPASS",
    ),
    "a scope too many": (_scopes("Billing_A", "Api, Full, RefreshToken"), "app-scopes", "billing", "has Full as well"),
    "a connected app": (_connected_app, "app-kind", "billing", "Billing_B is a Connected App"),
    "disuse": (unused, "unused", "billing", "It was not used in the last 90 days"),
    "a manager of users": (
        lambda s: _own_user_with(s, "ManageUsers"),
        "management-rights",
        "org production",
        "Manage Users",
    ),
    "a wide management app": (
        _scopes("Management_A", "Api, RefreshToken, Web"),
        "management-app",
        "org production",
        "Management_A has Web as well",
    ),
    "a management app for all": (
        _open_management_app,
        "management-app",
        "org production",
        "Every user of the org may approve Management_A",
    ),
    "a key of its own": (_own_key, "management-key", "org production", "key.pem, and no credential"),
    "a short key of nobody's": (
        lambda s: s.add_app("Legacy", BILLING, s.certificate(_weak_key())),
        "key-size",
        "org production",
        "Legacy: The key has 1024 bits",
    ),
    "an elliptic key of nobody's": (
        lambda s: s.add_app("Legacy", BILLING, _elliptic(s)),
        "key-algorithm",
        "org production",
        "Legacy: The key is EC",
    ),
    "a key that two apps of nobody's share": (
        lambda s: [s.add_app(name, BILLING, s.certificate(spare_key(5))) for name in ("Legacy", "Legacy_2")],
        "key-shared",
        "org production",
        "Legacy has the key of Legacy_2",
    ),
    "a connected app of nobody's": (
        lambda s: s.add_connected_app("Legacy", BILLING, s.certificate(spare_key(5))),
        "app-kind",
        "org production",
        "Legacy is a Connected App",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_check_finds_what_is_wrong(sound: SoundOrg, case: str) -> None:
    change, check, subject, seen = WRONG[case]
    change(sound)
    result = one(sound.audit(), check, subject)
    assert result.verdict is Verdict.FINDING
    assert seen in result.seen


def test_each_check_is_made_wrong_in_some_way() -> None:
    missing = {name for name in CHECK_NAMES if name not in {check for _, check, _, _ in WRONG.values()}}
    assert missing == {"assertion-lifetime"}  # The program's own: tests/unit/core/posture/test_rules.py


def _fleet(sound: SoundOrg, apps: int) -> None:
    """So many credentials, each with an app and a user of its own, of either kind in turns."""
    certificate = sound.certificate(spare_key(5))
    lines = []
    for number in range(apps):
        name, username = f"App_{number}", f"user-{number}@rotator.example"
        sound.org.add_user(username, profile=API_ONLY)
        if number % 2:
            sound.add_connected_app(name, username, certificate)
        else:
            sound.add_app(name, username, certificate)
        sound.org.record_login(name, username, "Success")
        sound.keep(f"app-{number}", name, username, spare_key(5), certificate)
        lines.append(f"  app-{number}: {{org: production, store: team-vault, username: {username}, apps: [{name}]}}")
    sound.text += "\n".join(lines)


@more_in_thorough
def test_an_org_with_many_apps_is_audited_in_less_than_sixty_calls(sound: SoundOrg) -> None:
    apps = of_tier(100, thorough=500)
    _fleet(sound, apps)
    sound.org.calls.clear()
    found = sound.audit()
    assert sum(sound.org.calls.values()) < 60, dict(sound.org.calls)
    assert found.problems == ()
    assert told(found, Verdict.HIDDEN) == []
    assert one(found, "unused", f"app-{apps - 1}").verdict is Verdict.OK
    assert {subject for check, subject in told(found, Verdict.FINDING) if check == "app-kind"} == {
        f"app-{number}" for number in range(1, apps, 2)
    }


def test_a_keystore_that_the_current_version_was_exported_to_is_a_copy(sound: SoundOrg) -> None:
    current = sound.vault.current["billing"]
    journal = Journal(sound.database)
    for fingerprint, path in ((current.fingerprint, "/srv/billing.p12"), ("f" * 64, "/srv/before.p12")):
        journal.record("export", now=sound.time, credential="billing", fingerprint=fingerprint, path=path)
    result = one(sound.audit("billing"), "key-copies", "billing")
    assert (result.verdict, result.seen) == (Verdict.FINDING, "It is also in the keystore /srv/billing.p12.")


def test_one_credential_is_audited_without_its_org(sound: SoundOrg) -> None:
    assert {each.subject for each in sound.audit("billing").results} == {"billing"}
