"""The version of a key pair that people made, to be taken into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.credentials import KeyVersion
from rotator.core.crypto.keys import RSA
from rotator.core.logins import LoginOutcome
from rotator.errors import CertificateError, LoginRefused, OrgError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotator.core.crypto.keys import PrivateKey
    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.observer import CredentialContext

_UNCHANGED = "Nothing was stored or changed."


def version_to_adopt(credential: CredentialContext, key: PrivateKey, now: datetime) -> KeyVersion:
    """The version of the app whose live certificate is over the key, which must log in.

    Raises CertificateError when no app of the credential holds the key's certificate, LoginRefused when the org refuses
    a login with it, OrgError and OrgUnavailable when the apps cannot be read.
    """
    app = _matching_app(credential, key)
    if app.certificate is None:
        raise _no_match(credential)
    version = KeyVersion(
        credential=credential.name,
        org=credential.settings.org,
        app=app.full_name,
        client_id=app.client_id,
        username=credential.settings.username,
        login_url=credential.org.login_url,
        audience=credential.settings.audience or credential.org.audience,
        certificate=app.certificate,
        private_key=key,
        created_at=now,
        rotation_id="",
    )
    answer = credential.prove(version)
    if answer.outcome is not LoginOutcome.ACCEPTED:
        raise LoginRefused(
            f"The key matches the live certificate of {app.full_name}, but a login with it as {version.username} "
            f"does not succeed: {answer.reason}.",
            effect=_UNCHANGED,
            hint=answer.hint,
        )
    return version


def _matching_app(credential: CredentialContext, key: PrivateKey) -> App:
    others = []
    for name in credential.settings.app_names:
        app = credential.apps.read(name)
        if app is None:
            raise OrgError(
                f"The org {credential.settings.org} shows no connected app {name}.",
                effect=_UNCHANGED,
                hint="Check `apps` in config.yaml, and the permissions of the management user.",
            )
        if app.certificate is not None and key.matches(app.certificate):
            return app
        if app.certificate is not None and app.certificate.key_algorithm != RSA:
            others.append(f"{name} holds a certificate whose key is {app.certificate.key_algorithm}")
    raise _no_match(credential, others)


def _no_match(credential: CredentialContext, others: Sequence[str] = ()) -> CertificateError:
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
