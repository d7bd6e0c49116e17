"""The alerts about credentials that are client secrets, where those of key pairs would say what is not so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core.lifecycle.states import URGENCIES, CredentialState
from rotator.services.alerting.catalog import alert
from rotator.services.alerting.kinds import DRIFT, UNSTORED

if TYPE_CHECKING:
    from rotator.core.alert import NewAlert


def secret_drift(credential: str, org: str, app: str, *, is_current_taken: bool) -> NewAlert:
    """Somebody has put a pair in use that is not stored, or deleted that of `current`."""
    refused = "is taken for a while still" if is_current_taken else "is not taken any more"
    return alert(
        DRIFT,
        credential,
        URGENCIES[CredentialState.DRIFT],
        f"Somebody changed the client secret of {app} in {org} by hand",
        f"The consumer key and secret that consumers of {credential} read {refused}.",
        meanwhile="Nothing of it is rotated, and what was found there is left as it is.",
        to_do=f"Ask who changed it. `rotator adopt {credential}` takes the pair in use into the store, where consumers"
        " find it.",
        org=org,
        app=app,
        credential=credential,
    )


def secret_unstored(credential: str, org: str) -> NewAlert:
    """A configured client secret is not in its store."""
    return alert(
        UNSTORED,
        credential,
        URGENCIES[CredentialState.UNSTORED],
        f"{credential} is configured and not in its store",
        f"The store of {credential} holds no current version of it.",
        meanwhile="It is not rotated before it is there.",
        to_do=f"`rotator enroll {credential}` takes the consumer key and secret that are in use.",
        org=org,
        credential=credential,
    )
