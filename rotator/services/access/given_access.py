"""What was taken from a credential's user, written down before it is taken, and given back as it was written down."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from rotator.core import words
from rotator.core.credentials import KeyVersion
from rotator.core.lifecycle.revocation import RevocationStep, how_to_end, revived, sharers, to_give_back
from rotator.errors import (
    NOTHING_CHANGED,
    HistoryError,
    LoginRefused,
    OrgError,
    OrgUnavailable,
    RotationHalted,
    RotatorError,
)
from rotator.history.journal.projection import ACCESS_SEEN, GIVEN_BACK, WITHDRAWAL_BEGINS
from rotator.services.access.ended_keys import end_key, holding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from rotator.core.credentials import Version
    from rotator.core.crypto.certificates import Certificate
    from rotator.core.lifecycle.revocation import AccessGrant, Revocation
    from rotator.history.journal.journal import Journal
    from rotator.salesforce.access.org_access import OrgAccess
    from rotator.salesforce.apps.app import App
    from rotator.services.access.ended_keys import RevokedCredential


def withdraw(
    access: OrgAccess, journal: Journal, credential: str, grant: AccessGrant, now: Callable[[], datetime]
) -> None:
    """Takes a grant away. Raises OrgError, OrgUnavailable, LoginRefused and HistoryError."""
    journal.record(WITHDRAWAL_BEGINS, now=now(), credential=credential, grant=asdict(grant))
    access.withdraw(grant)
    journal.record("withdraw", now=now(), credential=credential, grant=asdict(grant))


def refuse_to_return(journal: Journal, credential: str, now: datetime, *, is_let_in: Callable[[], bool]) -> None:
    """Raises RotationHalted where access that comes back would let the key of another revoked credential in again.

    And where it was given for a time that has passed, unless people have given the user another since (`is_let_in`).
    """
    revoked = journal.revocations()
    over = [grant for _, grant in to_give_back(revoked, credential) if grant.is_over(now)]
    if over and not is_let_in():
        raise RotationHalted(
            f"The user of {credential} had {over[0]} until {over[0].expires}, which has passed.",
            effect=NOTHING_CHANGED,
            hint=f"Let the user in to {over[0].app} in Setup, for as long as is meant; then bring {credential} back.",
        )
    for other, grant in revived(revoked, credential):
        raise RotationHalted(
            f"{other} is revoked as well, and {grant} lets its user in, too: its key would log in again.",
            effect=NOTHING_CHANGED,
            hint=f"{how_to_end(other, [RevocationStep.CERTIFICATE])} ends that key; then bring {credential} back.",
        )


def is_let_in(credential: RevokedCredential, access: OrgAccess) -> bool:
    """Whether something lets a credential's user in through each of its apps."""
    username = credential.settings.username
    return all(access.grants(app, username) for app in credential.read_apps() if app)


def note_who_is_let_in(
    credential: RevokedCredential, access: OrgAccess, journal: Journal, revoked: Revocation, now: Callable[[], datetime]
) -> bool:
    """Writes down what lets the user of a revoked credential in again, or that nothing does any more, if it is news.

    Whether it is. Raises OrgError, and kinds of it, where the org does not show that, and HistoryError.
    """
    username = credential.settings.username
    given = [grant for app in credential.read_apps() if app for grant in access.grants(app, username)]
    by = str(given[0]) if given else ""
    if by == revoked.let_in_by:
        return False
    journal.record(ACCESS_SEEN, now=now(), credential=credential.name, let_in_by=by)
    return True


def give_back(
    credential: RevokedCredential, access: OrgAccess, journal: Journal, now: Callable[[], datetime]
) -> tuple[str, ...]:
    """Gives back what the history says was taken, the last first, and tells what people have to know of it.

    Each may have been given back already, by a process that died before it wrote that down. Other revoked credentials
    that it lets in are known to be revoked by their certificates alone from then on. What cannot come back as it was
    (a set that was deleted, an app that was made anew, no right to assign it) holds up none of the rest, and is done
    with where the user is let in by something else. Raises RotationHalted where he is not, else as `withdraw` does.
    """
    revoked, name = journal.revocations(), credential.name
    refused: dict[tuple[str, AccessGrant], OrgError] = {}
    for owner, grant in to_give_back(revoked, name):
        try:
            if not grant.is_over(now()):
                access.give_back(grant)
        except (OrgUnavailable, LoginRefused):
            raise
        except OrgError as error:
            refused[owner, grant] = error
            continue
        _note_given_back(journal, revoked, name, owner, grant, now)
    found = {app.full_name: access.grants(app, credential.settings.username) for app in credential.read_apps() if app}
    told: list[str] = []
    for (owner, grant), refusal in refused.items():
        told.append(_let_in_otherwise(credential, grant, refusal, found))
        _note_given_back(journal, revoked, name, owner, grant, now, why=refusal.message)
    return tuple(filter(None, told))


def _let_in_otherwise(
    credential: RevokedCredential, grant: AccessGrant, refusal: OrgError, found: Mapping[str, Sequence[AccessGrant]]
) -> str:
    """What people have to know of what was not given back; empty where the user has it all the same.

    `found` is what lets the user in to each app. Raises RotationHalted where nothing does.
    """
    its_app = [each for app, each in found.items() if app.casefold() == grant.app.casefold()]
    lets_in = its_app[0] if its_app else [each for every in found.values() for each in every]
    if not lets_in or (not its_app and not all(found.values())):
        raise RotationHalted(
            f"Not given back: {grant}, which the user of {credential.name} had. {refusal.message}",
            effect="Nothing else of it is in use yet.",
            hint=words.sentences(
                f"Let {credential.settings.username} in to {grant.app} in Setup, by a permission set or profile;"
                f" then `rotator revoke --undo {credential.name}` goes on.",
                refusal.hint,
            ),
        )
    if any((each.given_by, each.holder_id) == (grant.given_by, grant.holder_id) for each in lets_in):
        return ""
    return f"Not given back, as it cannot be: {grant}. {refusal.message} The user is let in by {lets_in[0]} now."


def _note_given_back(
    journal: Journal,
    revoked: Mapping[str, Revocation],
    credential: str,
    owner: str,
    grant: AccessGrant,
    now: Callable[[], datetime],
    why: str | None = None,
) -> None:
    """`why`: it could not be, and something else lets the user in."""
    told = asdict(grant)
    for name in sharers(credential, owner, grant):
        if name in revoked:
            journal.record(GIVEN_BACK, now=now(), credential=name, grant=told, brought_back=credential, why=why)
    if owner == credential:
        journal.record(GIVEN_BACK, now=now(), credential=credential, grant=told, why=why)


def return_access(
    credential: RevokedCredential,
    access: OrgAccess,
    journal: Journal,
    adopted: Version | None,
    now: Callable[[], datetime],
) -> tuple[str, ...]:
    """Gives a revoked credential's user back what was taken, once no app holds a certificate of before.

    One that still does, as access alone was revoked, gets another whose key nobody has first: else the old key would
    log in until the rotation has come to its app. `adopted` is the version that is put in use, if people have made it.
    Gives and raises what `give_back` does.
    """
    revoked = journal.credential_record(credential.name).revoked
    if revoked is None or not to_give_back(journal.revocations(), credential.name):
        return ()
    for app in holding([app for app in credential.read_apps() if app], revoked.ended_by):
        if adopted is None or not _holds(app, adopted):
            sent = _certificate_of(adopted, app)
            end_key(credential, journal, app, now, why="it comes back with another key", by=sent)
    return give_back(credential, access, journal, now)


def _holds(app: App, adopted: Version) -> bool:
    """Of an app that hides its certificate nobody knows, and no login tells: its user has no access yet."""
    return not app.hides_certificate and app.fingerprint == adopted.fingerprint


def _certificate_of(adopted: Version | None, app: App) -> Certificate | None:
    """What is sent to an app that hides what it holds, and is said to hold the adopted certificate: then it does."""
    if not isinstance(adopted, KeyVersion) or not app.hides_certificate or app.full_name != adopted.app:
        return None
    return adopted.certificate


@contextmanager
def says_what_is_back(journal: Journal, credential: str) -> Iterator[None]:
    """Has an error say what of a user's access was given back before it, beside what it says itself."""
    before = _standing(journal, credential)
    try:
        yield
    except RotatorError as error:
        with suppress(HistoryError):
            effect = _effect(before, _standing(journal, credential))
            if effect:
                error.effect = f"{effect} Beside that: {error.effect}" if error.effect else effect
        raise


def _standing(journal: Journal, credential: str) -> tuple[int, Mapping[str, str]]:
    """How much is still to be given back, and what has ended its keys."""
    revoked = journal.revocations()
    known = revoked.get(credential)
    return len(to_give_back(revoked, credential)), known.ended_by if known else {}


def _effect(before: tuple[int, Mapping[str, str]], after: tuple[int, Mapping[str, str]]) -> str:
    """Empty where nothing was given back, or begun."""
    if after[0] < before[0]:
        return "Its user has access again, in part or whole; no app holds the certificate of the revoked key."
    if before[0] and after[1] != before[1]:
        return "Apps of it were given a certificate whose key nobody has; its user has no access yet."
    return ""
