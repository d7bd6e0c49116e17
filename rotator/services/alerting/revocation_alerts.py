"""What people are told of credentials that were revoked: a person did it on purpose, and others meet the refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotator.core import words
from rotator.core.lifecycle.revocation import how_to_end, how_to_end_again, in_words, what_is_undone
from rotator.core.lifecycle.states import HALF_REVOKED, URGENCIES, CredentialState
from rotator.services.alerting.catalog import alert
from rotator.services.alerting.kinds import DRIFT, REVOKED

if TYPE_CHECKING:
    from rotator.core.alert import NewAlert
    from rotator.core.lifecycle.revocation import Revocation


def revoked(credential: str, org: str, known: Revocation, *, is_coming_back: bool = False) -> NewAlert:
    """A credential was revoked, or was to be and that was interrupted, or it was to come back and that was."""
    so = f"{known.by} revoked it on {words.moment(known.since)}: {known.reason}."
    if known.left and is_coming_back:
        return alert(
            REVOKED,
            credential,
            HALF_REVOKED,
            f"{credential} in {org} is revoked, and half way back",
            f"{so} What was to bring it back stopped; meanwhile {in_words(known.left)} may be as before.",
            meanwhile="Its consumers are refused still. The service goes on with it, unless a person is needed.",
            to_do=f"`rotator revoke --undo {credential}` goes on with it as well;"
            f" {how_to_end(credential, known.left)} ends that again.",
            org=org,
            credential=credential,
        )
    if known.left:
        return alert(
            REVOKED,
            credential,
            HALF_REVOKED,
            f"The revocation of {credential} in {org} was interrupted",
            f"{so} Whether {in_words(known.left)} ended is not known.",
            meanwhile="Nothing of it is rotated, and nothing goes on by itself.",
            to_do=f"{how_to_end(credential, known.left)} goes on from what is there.",
            org=org,
            credential=credential,
        )
    return alert(
        REVOKED,
        credential,
        URGENCIES[CredentialState.REVOKED],
        f"{credential} in {org} was revoked",
        so,
        meanwhile="Its consumers may log in again, which another alert tells; nothing of it is rotated."
        if known.logs_in_again
        else "Its consumers are refused on purpose, and nothing of it is rotated.",
        to_do=f"Nothing, until it is wanted back: `rotator revoke --undo {credential}`.",
        org=org,
        credential=credential,
    )


def undone(
    credential: str, org: str, app: str, fingerprint: str, known: Revocation, *, has_secret: bool = False
) -> NewAlert:
    """Somebody has undone a revocation: given an app another certificate, or pair, or let its user in again.

    `fingerprint` is that of what the app holds, where that is another; else it is empty.
    """
    is_changed = bool(fingerprint)
    found = what_is_undone(known, is_app_changed=is_changed, has_secret=has_secret).rstrip(".")
    return alert(
        DRIFT,
        credential,
        URGENCIES[CredentialState.DRIFT],
        f"Somebody changed an app in {org}: {credential} is revoked, and may log in again"
        if is_changed
        else f"{credential} in {org} is revoked, and may log in again",
        f"{found} ({app})." if is_changed else f"{found}.",
        meanwhile="Nothing of it is rotated, and what was found there is left as it is.",
        to_do=f"Ask who changed the {'app' if is_changed else 'access'}."
        f" {how_to_end_again(credential, known, is_app_changed=is_changed)} ends that, too.",
        org=org,
        app=app,
        credential=credential,
        fingerprint=fingerprint,
    )
