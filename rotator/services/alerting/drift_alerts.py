"""What people are told of an app whose certificate, consumer key or client secret somebody has changed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rotator.core import words
from rotator.core.credentials import Stage
from rotator.core.lifecycle.states import URGENCIES, CredentialState
from rotator.services.alerting.catalog import alert, fingerprint_fact
from rotator.services.alerting.kinds import DRIFT

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.alert import NewAlert
    from rotator.services.inventory.remarks import Remark

_LEFT_AS_IT_IS: Final = "Nothing of it is rotated, and what was found there is left as it is."


class Changed(NamedTuple):
    """Who changed an app last, and when, as far as the org tells."""

    by: str | None
    at: datetime | None
    is_undated: bool = False
    """It was changed after that, and the org has no date of it."""


def drift(
    credential: str,
    org: str,
    app: str,
    fingerprint: str | None,
    changed: Changed | None = None,
    *,
    stage: Stage | None = None,
    is_hidden: bool = False,
) -> NewAlert:
    """An app holds a certificate that is not ours to expect there, or none; `stage` is that of its stored version.

    `is_hidden`: it does not show what it holds, and refuses the key of every stored version.
    """
    known = f"that of the {stage} version" if stage else "which nobody here knows"
    held = f"the certificate {words.short(fingerprint)}, {known}" if fingerprint else "no certificate"
    return alert(
        DRIFT,
        credential,
        URGENCIES[CredentialState.DRIFT],
        f"Somebody changed {app} in {org}: consumers of {credential} are refused",
        _REFUSES_STORED if is_hidden else f"The app holds {held}.",
        {"App": app} | fingerprint_fact("Found", fingerprint) | _changed(changed),
        meanwhile=_LEFT_AS_IT_IS,
        to_do=f"Ask who changed the app. If it was a mistake, `rotate restore {credential}` puts our certificate back;"
        f" {_if_not(credential, stage, is_hidden=is_hidden)}.",
        org=org,
        app=app,
        credential=credential,
        fingerprint=fingerprint,
    )


def other_consumer_key(credential: str, org: str, app: str, remark: Remark) -> NewAlert:
    """An app has another consumer key by now than is stored with the current version."""
    return alert(
        DRIFT,
        credential,
        URGENCIES[CredentialState.DRIFT],
        f"{app} in {org} has another consumer key: consumers of {credential} are refused, or will be",
        remark.sentence,
        {"App": app},
        meanwhile="It is rotated when it is due, and not before.",
        to_do=remark.hint,
        org=org,
        app=app,
        credential=credential,
    )


def secret_drift(credential: str, org: str, app: str, *, is_current_taken: bool) -> NewAlert:
    """Somebody has put a pair in use that is not stored, or deleted that of `current`."""
    refused = "is taken for a while still" if is_current_taken else "is not taken any more"
    return alert(
        DRIFT,
        credential,
        URGENCIES[CredentialState.DRIFT],
        f"Somebody changed the client secret of {app} in {org} by hand",
        f"The consumer key and secret that consumers of {credential} read {refused}.",
        meanwhile=_LEFT_AS_IT_IS,
        to_do=f"Ask who changed it. `rotator adopt {credential}` takes the pair in use into the store, where consumers"
        " find it.",
        org=org,
        app=app,
        credential=credential,
    )


_REFUSES_STORED: Final = "The app does not show its certificate, and refuses the key of every stored version."


def _if_not(credential: str, stage: Stage | None, *, is_hidden: bool) -> str:
    """What else to do with the certificate that was found."""
    if stage is Stage.PREVIOUS:
        return f"if that version is to stay, `rotate back {credential}`"
    if stage:
        return f"if neither is to stay, `rotate now {credential} --replace-unknown`"
    certificate = " --certificate FILE" if is_hidden else ""
    return f"if that key pair is to stay, `rotator adopt {credential} --key FILE{certificate}`"


def _changed(changed: Changed | None) -> dict[str, str]:
    if changed is None or changed.at is None:
        return {}
    later = "; its certificate later, of which the org has no date" if changed.is_undated else ""
    return {"App last changed": words.moment(changed.at) + (f", by {changed.by}" if changed.by else "") + later}
