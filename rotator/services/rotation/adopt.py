"""The version of a key pair that people made, to be taken into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.crypto.names import RSA
from rotator.core.logins import LoginOutcome
from rotator.errors import CertificateError, LoginRefused, RotationHalted
from rotator.services.rotation.executor import version_over
from rotator.services.rotation.observer import no_consumer_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rotator.core.credentials import KeyVersion, Version
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.crypto.keys import PrivateKey
    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.observer import CredentialContext

_UNCHANGED = "Nothing was stored or changed."
_SAID_OF_A_USER = (
    "orgs need not say that they know none of a name. A certificate that was uploaded just now may take ten minutes."
)


def version_to_adopt(
    credential: CredentialContext,
    key: PrivateKey,
    now: datetime,
    certificate: Certificate | None = None,
    *,
    is_shut_out: bool = False,
) -> KeyVersion:
    """The version of the app whose live certificate is over the key, which must log in.

    `certificate` is needed where the org hides that of the app: there, the login says whether it is live.
    `is_shut_out`: a revocation took its user's access, which the run that adopts it gives back first: no login can
    succeed before, so the test logins of that run are the proof. Raises CertificateError when no app of the credential
    holds the key's certificate, LoginRefused when the org refuses a login with it, OrgError and OrgUnavailable when the
    apps cannot be read.
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
            version = _version(credential, name, app, app.certificate, key, now)
            return version if is_shut_out else _logging_in(credential, version, is_shown=True)
    if len(apps) < len(found):
        raise credential.apps.absent(*(name for name in found if name not in apps))
    hiding = [name for name, app in apps.items() if app.hides_certificate]
    if not hiding:
        raise _no_match(credential, apps)
    if certificate is None:
        raise _certificate_needed(credential, hiding)
    if is_shut_out and len(hiding) > 1:
        raise _unknown_app(credential, hiding)
    versions = [_version(credential, name, apps[name], certificate, key, now) for name in hiding]
    if is_shut_out:
        return versions[0]
    return _logging_in(credential, *versions, is_shown=False)


def refuse_revoked_key(credential: CredentialContext, version: Version, last_promoted: str | None) -> None:
    """Raises RotationHalted where people would bring a revoked credential back with a key that was its own then.

    `last_promoted` is the version that was current last by the history, as the store may hold nothing any more.
    """
    store, name = credential.store, credential.name
    kept = [store.read(name, fingerprint) for fingerprint in store.stages(name).fingerprints]
    of_then = {each.public_fingerprint for each in kept}
    if version.public_fingerprint in of_then or version.fingerprint == last_promoted:
        raise RotationHalted(
            f"{name} was revoked, and this is a key that it had then.",
            effect=_UNCHANGED,
            hint=f"`rotate now {name}` brings it back with another."
            if credential.secrets
            else "Make another key pair, upload its certificate to the app in Setup, and adopt that; or"
            f" `rotate now {name}`.",
        )


def _version(
    credential: CredentialContext, name: str, app: App, certificate: Certificate, key: PrivateKey, now: datetime
) -> KeyVersion:
    if not app.client_id:
        raise no_consumer_key(credential.settings.org, name)
    return version_over(credential, name, app.client_id, certificate, key, now)


def _logging_in(credential: CredentialContext, *versions: KeyVersion, is_shown: bool) -> KeyVersion:
    """The first of them that logs in. Raises LoginRefused with what was said of the last.

    `is_shown`: the org says that the certificate is live.
    """
    for version in versions:
        answer = credential.prove(version)
        if answer.outcome is LoginOutcome.ACCEPTED:
            return version
    apps = " or ".join(each.app for each in versions)
    matches = f"the certificate of {apps}" if is_shown else f"the certificate that is given, which {apps} may hold"
    speaks_of_user = is_shown and answer.outcome is LoginOutcome.MISMATCH
    raise LoginRefused(
        f"The key matches {matches}, but a login with it as {version.username} does not succeed: {answer.reason}.",
        effect=_UNCHANGED,
        hint=f"See whether {version.username} is a user of {credential.settings.org}: {_SAID_OF_A_USER}"
        if speaks_of_user
        else answer.hint,
    )


def _unknown_app(credential: CredentialContext, hiding: Sequence[str]) -> CertificateError:
    return CertificateError(
        f"{' and '.join(hiding)} do not show their certificates, and which of them holds this one only a login would"
        f" tell, for which the user of {credential.name} has no access.",
        effect=_UNCHANGED,
        hint=f"`rotator revoke --undo {credential.name}` brings it back with another key; after that, this one can be"
        " uploaded and adopted.",
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
    if all(app.certificate is None for app in apps.values()):
        return CertificateError(
            f"No certificate is on {' or '.join(apps)} in the org {credential.settings.org}, so no key logs in there.",
            effect=_UNCHANGED,
            hint=f"`rotator enroll {credential.name}` makes the first key pair; or upload this key's certificate to the"
            " app in Setup first.",
        )
    return CertificateError(
        f"The key does not match the live certificate of {' or '.join(credential.settings.app_names)} "
        f"in the org {credential.settings.org}.",
        effect=_UNCHANGED,
        hint="Give the key whose certificate is uploaded there; `rotator inventory` shows which it is.",
    )
