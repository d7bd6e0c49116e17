"""The version of a key pair that people made, to be taken into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.credentials import KeyVersion
from rotator.core.crypto.keys import RSA
from rotator.core.logins import LoginOutcome
from rotator.errors import CertificateError, LoginRefused
from rotator.services.rotation.observer import no_consumer_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rotator.core.crypto.certificates import Certificate
    from rotator.core.crypto.keys import PrivateKey
    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.observer import CredentialContext

_UNCHANGED = "Nothing was stored or changed."


def version_to_adopt(
    credential: CredentialContext, key: PrivateKey, now: datetime, certificate: Certificate | None = None
) -> KeyVersion:
    """The version of the app whose live certificate is over the key, which must log in.

    `certificate` is needed where the org hides that of the app: there, the login says whether it is live. Raises
    CertificateError when no app of the credential holds the key's certificate, LoginRefused when the org refuses a
    login with it, OrgError and OrgUnavailable when the apps cannot be read.
    """
    if certificate is not None and not key.matches(certificate):
        raise CertificateError(
            "The key does not match the certificate that is given with it.",
            effect=_UNCHANGED,
            hint="Give the certificate that was uploaded for this key.",
        )
    found = dict(zip(credential.settings.app_names, credential.read_apps(), strict=True))
    apps = {name: app for name, app in found.items() if app}
    credential.refuse_generic_host(apps.values())
    for name, app in apps.items():
        if app.certificate is not None and key.matches(app.certificate):
            return _logging_in(credential, _version(credential, name, app, app.certificate, key, now))
    if len(apps) < len(found):
        raise credential.apps.absent(*(name for name in found if name not in apps))
    hiding = [name for name, app in apps.items() if app.hides_certificate]
    if not hiding:
        raise _no_match(credential, apps)
    if certificate is None:
        raise _certificate_needed(credential, hiding)
    return _logging_in(credential, *(_version(credential, name, apps[name], certificate, key, now) for name in hiding))


def _version(
    credential: CredentialContext, name: str, app: App, certificate: Certificate, key: PrivateKey, now: datetime
) -> KeyVersion:
    if not app.client_id:
        raise no_consumer_key(credential.settings.org, name)
    return KeyVersion(
        credential=credential.name,
        org=credential.settings.org,
        app=name,
        client_id=app.client_id,
        username=credential.settings.username,
        login_url=credential.org.login_url,
        audience=credential.settings.audience or credential.org.audience,
        certificate=certificate,
        private_key=key,
        created_at=now,
        rotation_id="",
    )


def _logging_in(credential: CredentialContext, *versions: KeyVersion) -> KeyVersion:
    """The first of them that logs in. Raises LoginRefused with what was said of the last."""
    for version in versions:
        answer = credential.prove(version)
        if answer.outcome is LoginOutcome.ACCEPTED:
            return version
    raise LoginRefused(
        f"The key matches the certificate of {' or '.join(each.app for each in versions)}, but a login with it as "
        f"{version.username} does not succeed: {answer.reason}.",
        effect=_UNCHANGED,
        hint=answer.hint,
    )


def _certificate_needed(credential: CredentialContext, hiding: Sequence[str]) -> CertificateError:
    return CertificateError(
        f"The org {credential.settings.org} does not show the certificate of {' and '.join(hiding)}, and the key alone"
        " does not say which it is.",
        effect=_UNCHANGED,
        hint=f"Give the certificate that was uploaded for this key as well: `rotator adopt {credential.name} --key FILE"
        " --certificate FILE`.",
    )


def _no_match(credential: CredentialContext, apps: Mapping[str, App]) -> CertificateError:
    others = [
        f"{name} holds a certificate whose key is {app.certificate.key_algorithm}"
        for name, app in apps.items()
        if app.certificate is not None and app.certificate.key_algorithm != RSA
    ]
    if others:
        return CertificateError(
            f"{' and '.join(others)} in the org {credential.settings.org}: no login by JWT succeeds with it (RS256).",
            effect=_UNCHANGED,
            hint=f"`rotator enroll {credential.name}` gives the app a new RSA key pair.",
        )
    return CertificateError(
        f"The key does not match the live certificate of {' or '.join(credential.settings.app_names)} "
        f"in the org {credential.settings.org}.",
        effect=_UNCHANGED,
        hint="Give the key whose certificate is uploaded there; `rotator inventory` shows which it is.",
    )
