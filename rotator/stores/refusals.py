"""How a store says no, in the same words whatever it is made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rotator.core.credentials import CredentialKind, Stage, Version
from rotator.core.words import short
from rotator.errors import NOTHING_CHANGED, StoredDamaged, StoreError

if TYPE_CHECKING:
    from rotator.core.credentials import Fingerprint, Stages
    from rotator.core.secret import Secret

STAGES_WHOLE: Final = "Every stage holds a whole version, the one before or the one after."
"""What is left of a credential by a call that failed at any point."""

_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_USUAL_HINT: Final = "See what is stored with `rotator status`."
_RERUN: Final = "Run the command again: it goes on from there."


def refused(where: str, reason: str, hint: str = "") -> StoreError:
    """The error for what a store does not do; `where` names the store, such as `The store 'keys' (/srv/keys)`."""
    rerun = "" if hint else _RERUN
    what = f"{where} says no: {reason}."
    return StoreError(what, effect=NOTHING_CHANGED, hint=hint or _USUAL_HINT, rerun=rerun)


def stored_version(where: str, place: str, document: Secret, credential: str, fingerprint: Fingerprint) -> Version:
    """The version that the document at a place holds. Raises StoredDamaged where it is another, or none."""
    at = f"{short(fingerprint)} {place}"
    version = Version.from_document(document, where=at)
    if version.fingerprint != fingerprint or version.credential != credential:
        raise StoredDamaged(
            f"{where}: the stored version {at} is {short(version.fingerprint)} of {version.credential}.",
            effect=NOTHING_CHANGED,
            hint="Put the version back from a backup, and find out who wrote there.",
        )
    return version


def refuse_unfit(where: str, version: Version) -> None:
    """Raises StoreError for a version that is no whole one."""
    if version.is_whole:
        return
    if version.kind is CredentialKind.KEY_PAIR:
        raise refused(where, f"the key of {version.credential}'s new version is not its certificate's")
    raise refused(
        where,
        f"the consumer secret of {version.credential}'s new version is so short that it could be guessed from its"
        " fingerprint",
        f"Stage new credentials of the app {version.app} in Setup, and rotate to them there.",
    )


def refuse_name(where: str, credential: str) -> None:
    """Raises StoreError for what leads out of a store, or could be more to it than a name."""
    if not _CREDENTIAL.fullmatch(credential):
        hint = "Use letters, digits, `.`, `_` and `-`, beginning with a letter, a digit or `_`."
        raise refused(where, f"{credential!r} cannot be the name of a credential", hint)


def refuse_stored(where: str, credential: str, stages: Stages, fingerprint: Fingerprint) -> None:
    """Raises StoreError for a version that is `current` or `previous` already."""
    for stage, held in stages:
        if held == fingerprint and stage is not Stage.PENDING:
            raise refused(where, f"version {short(fingerprint)} of {credential} is {stage} already")


def refuse_other_pending(where: str, credential: str, pending: Fingerprint | None, fingerprint: Fingerprint) -> None:
    """Raises StoreError when another version than this one is `pending` already."""
    if pending not in {None, fingerprint}:
        raise refused(where, f"{credential} has a pending version already, {_short(pending)}")


def refuse_other_current(
    where: str, credential: str, current: Fingerprint | None, expected: Fingerprint | None
) -> None:
    """Raises StoreError when `current` is not the version that a promotion is to replace."""
    if current != expected:
        raise refused(
            where,
            f"another program promoted meanwhile: the current version of {credential} is {_short(current)},"
            f" not {_short(expected)}",
        )


def _short(fingerprint: Fingerprint | None) -> str:
    return short(fingerprint) if fingerprint else "none"
