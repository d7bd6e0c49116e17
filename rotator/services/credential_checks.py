"""What `rotator check` asks of a key pair and of a client secret: whether what is stored is what the app takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core import words
from rotator.core.credentials import Stage, secret_version
from rotator.core.logins import LoginOutcome
from rotator.errors import OrgError
from rotator.services.inventory.remarks import of_other_consumer_key
from rotator.services.rotation.client_secrets.pair_adoption import its_secrets, pair_in_use, secret_to_adopt
from rotator.services.rotation.own_login import refuse_to_end_own_login
from rotator.stores.base import read_stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rotator.core.credentials import KeyVersion
    from rotator.core.logins import LoginAnswer
    from rotator.salesforce.apps.app import App
    from rotator.services.rotation.observer import CredentialContext


def check_key(name: str, version: KeyVersion, app: App | None, prove: Callable[[KeyVersion], LoginAnswer]) -> str:
    """Compares the current version of credential `name` with its app, None for one that is missing.

    Where the org does not show what the app holds, a login says whether it is the current version. Raises OrgError.
    """
    if app and app.client_id not in {"", version.client_id}:
        remark = of_other_consumer_key(name, version.app, is_hidden=app.hides_certificate)
        raise OrgError(remark.sentence, hint=remark.hint)
    if app and app.hides_certificate:
        return _check_by_login(version, prove)
    if app is None or app.certificate != version.certificate:
        held = f"the certificate {words.short(app.fingerprint)}" if app and app.fingerprint else "no certificate"
        raise OrgError(
            f"The app {version.app} holds {held}, not the current version {words.short(version.fingerprint)}.",
            hint=f"`rotator status` shows more; `rotate restore {name}` puts the current certificate back.",
        )
    return f"The current version's key matches the live certificate of {version.app}."


def _check_by_login(version: KeyVersion, prove: Callable[[KeyVersion], LoginAnswer]) -> str:
    answer = prove(version)
    if answer.outcome is LoginOutcome.ACCEPTED:
        return f"The org does not show the certificate of {version.app}; the current version's key just logged in."
    raise OrgError(
        f"The org does not show the certificate of {version.app}, and a login with the current version's key does"
        f" not succeed: {answer.reason}.",
        hint=answer.hint,
    )


def check_pairs(credential: CredentialContext, now: datetime) -> str:
    """Reads what a rotation reads, and logs in with the pair in use. Raises why it could not begin.

    Of what was revoked it only reads: nobody is to log in.
    """
    if credential.known().login_revoked:
        pair_in_use(credential, its_secrets(credential))
        return f"Consumer key and secret of {' and '.join(credential.settings.app_names)} can be read. It was revoked."
    version = secret_to_adopt(credential, its_secrets(credential), now)
    refuse_to_end_own_login(credential, {version.app: version.client_id})
    [app] = credential.settings.app_names
    return f"Consumer key and secret of {app} can be read and just logged in. Whether it has second ones can be read."


def check_stored(credential: CredentialContext) -> str:
    """Reads every stored version, and compares the current one, which is there, with the pair in use."""
    for _, fingerprint in credential.store.stages(credential.name):
        credential.store.read(credential.name, fingerprint)
    version = read_stage(credential.store, credential.name, Stage.CURRENT)
    if version is None:
        raise ValueError(f"nothing of {credential.name} is current")
    stored, in_use = secret_version(version), pair_in_use(credential, its_secrets(credential))
    if stored.fingerprint != in_use.fingerprint:
        raise OrgError(
            f"The app {stored.app} uses another consumer key and secret than the current version"
            f" {words.short(stored.fingerprint)}.",
            hint=f"`rotator status {credential.name}` shows more; `rotator adopt {credential.name}` takes the pair in"
            " use into the store.",
        )
    return f"The current version is the consumer key and secret that {stored.app} uses."
