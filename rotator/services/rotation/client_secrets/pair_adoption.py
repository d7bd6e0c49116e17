"""The pair of consumer key and secret in use, to be taken into the store: the org shows it, so nobody types it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.credentials import SecretVersion
from rotator.core.logins import LoginOutcome
from rotator.core.thresholds import later
from rotator.errors import LoginRefused

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.salesforce.client_secrets import ClientSecrets, Pair
    from rotator.services.rotation.observer import CredentialContext

_UNCHANGED = "Nothing was stored or changed."


def version_of(credential: CredentialContext, pair: Pair, now: datetime, rotation_id: str = "") -> SecretVersion:
    """The version that a pair of the credential's app makes: as old as it is known here."""
    settings = credential.settings
    return SecretVersion(
        credential=credential.name,
        org=settings.org,
        app=settings.app_names[0],
        client_id=pair.client_id,
        username=settings.username,
        login_url=credential.org.login_url,
        client_secret=pair.client_secret,
        valid_until=later(now, settings.max_age),
        created_at=now,
        rotation_id=rotation_id,
    )


def its_secrets(credential: CredentialContext) -> ClientSecrets:
    """The adapter of a credential that is a client secret. Raises ValueError for a key pair."""
    if credential.secrets is None:
        raise ValueError(f"{credential.name} is no client secret")
    return credential.secrets


def pair_in_use(credential: CredentialContext, secrets: ClientSecrets) -> Pair:
    """What consumers use. Raises OrgError when the org does not show it."""
    [app] = credential.settings.app_names
    pairs = secrets.read(app)
    if pairs is None:
        raise secrets.absent(app)
    return pairs.in_use


def secret_to_adopt(credential: CredentialContext, secrets: ClientSecrets, now: datetime) -> SecretVersion:
    """The version of the pair in use, which must log in.

    Raises LoginRefused when the org refuses a login with it, OrgError and OrgUnavailable when it cannot be read.
    """
    credential.refuse_generic_host()
    version = version_of(credential, pair_in_use(credential, secrets), now)
    answer = credential.prove(version)
    if answer.outcome is not LoginOutcome.ACCEPTED:
        raise LoginRefused(
            f"The consumer key and secret of {version.app} are in use, but a login with them as {version.username} does"
            f" not succeed: {answer.reason}.",
            effect=_UNCHANGED,
            hint=answer.hint,
        )
    return version
