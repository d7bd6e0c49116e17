"""What people are told of rotations: one trouble of a credential is one alert, whatever becomes of it.

A command that fails says what to type next; who reads an alert has typed nothing, perhaps at night. So each says who is
refused and since when, what `rotator` does about it by itself, and what a person does first.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core import words
from rotator.core.decision.actions import HaltReason
from rotator.core.severity import Severity
from rotator.errors import RotationHalted
from rotator.services.alerting.catalog import alert, fingerprint_fact, moment_fact
from rotator.services.alerting.kinds import (
    ACCEPTED,
    ATTENTION,
    DELAYED,
    HALTED,
    REFUSED,
    REVERTED,
    ROTATED,
    ROTATION,
    WINDOW,
    rotation_trouble,
)
from rotator.services.rotation.report import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.alert import Alert, NewAlert
    from rotator.core.attempts import AttemptRecord
    from rotator.errors import RotatorError
    from rotator.services.rotation.report import Report

_MANY_SECONDS: Final = 100
_NEW: Final = "The new key logs in and is current."
_BACK: Final = "Current's certificate is on its app again, and its key logs in."


def rotated(report: Report, org: str) -> NewAlert:
    """A rotation ended well: another version is current, or current's certificate is back on its app."""
    new, name = report.new_fingerprint or "", report.credential
    is_back = report.outcome is Outcome.RESTORED
    grace = f"The version before is kept until {words.day(report.again_at)}." if report.again_at else ""
    return alert(
        ROTATED,
        report.rotation_id or new,
        Severity.INFO,
        f"{name} {'has its certificate back' if is_back else 'was rotated'} in {org}",
        words.sentences(_BACK if is_back else _NEW, _gap(report), *report.warnings),
        fingerprint_fact("Old certificate", report.old_fingerprint) | fingerprint_fact("New certificate", new),
        meanwhile=grace,
        org=org,
        credential=name,
        fingerprint=report.new_fingerprint,
    )


def failed(attempt: AttemptRecord, org: str, error: RotatorError) -> NewAlert:
    """A rotation failed, or could not begin, and is tried again."""
    name = attempt.name
    has_to_wait = error.transient
    return alert(
        DELAYED if has_to_wait else ROTATION,
        name,
        Severity.WARNING,
        f"The rotation of {name} in {org} {'has to wait' if has_to_wait else 'failed'}",
        words.sentences(error.message, error.effect),
        moment_fact("Last success", attempt.last_good_at),
        trouble=rotation_trouble(name),
        meanwhile="It is tried again by itself.",
        again_at=attempt.next_at,
        to_do=error.hint or f"Nothing, unless it lasts; then `rotator check` tells what stands in the way of {name}.",
        org=org,
        credential=name,
    )


def halted(
    attempt: AttemptRecord,
    org: str,
    why: str,
    hint: str,
    reason: HaltReason | None = None,
    *,
    has_secret: bool = False,
    is_half_done: bool = True,
) -> NewAlert:
    """A rotation stopped where only a person can go on, and consumers log in as before.

    `has_secret`: it is one of a client secret; `is_half_done`: the schedule goes on with it.
    """
    name = attempt.name
    return alert(
        HALTED,
        name,
        Severity.CRITICAL,
        f"The rotation of {name} in {org} needs a person",
        why,
        moment_fact("Last success", attempt.last_good_at),
        trouble=rotation_trouble(name),
        meanwhile=f"It looks by itself whether that was seen to, and then goes on{_later(attempt, org)}."
        if is_half_done
        else "The next one begins when it is due, and looks first whether that was seen to.",
        again_at=attempt.next_at,
        to_do=_to_do(name, hint, reason, has_secret=has_secret),
        org=org,
        credential=name,
    )


def refused(
    attempt: AttemptRecord,
    org: str,
    since: datetime,
    why: str,
    hint: str,
    reason: HaltReason | None = None,
    *,
    has_secret: bool = False,
    is_away: bool = False,
) -> NewAlert:
    """A rotation stopped half-way, and consumers of `current` are refused since then.

    `is_away`: it waits for something that is away, and for no person.
    """
    name = attempt.name
    return alert(
        REFUSED,
        name,
        Severity.CRITICAL,
        f"Consumers of {name} in {org} are refused: its rotation stopped half-way",
        why,
        trouble=rotation_trouble(name),
        meanwhile="No key is thrown away, and the rotation goes on by itself from where it stopped"
        f"{_later(attempt, org)}.",
        again_at=attempt.next_at,
        to_do=hint or "Nothing, unless it lasts: it goes on by itself."
        if is_away
        else words.sentences(
            _to_do(name, hint, reason, has_secret=has_secret), "" if has_secret else _way_back(name, reason)
        ),
        refused_since=since,
        org=org,
        credential=name,
    )


def accepted_again(known: Alert, *, has_ended: bool) -> NewAlert:
    """Consumers log in again; `has_ended`: and somebody has ended the rotation that had refused them."""
    name = known.credential
    title, text = (
        f"Consumers of {name} in {known.org} log in again",
        "A key was proven since: what `current` names in the store logs in.",
    )
    same = replace(known, kind=ACCEPTED, severity=Severity.WARNING, refused_since=None)
    if has_ended:
        return replace(
            same,
            title=title,
            text=f"{text} The rotation that had refused them has ended.",
            meanwhile="No rotation of it is under way.",
            again_at=None,
            to_do=f"Nothing for the consumers. `rotator status {name}` says when it is to be rotated.",
        )
    return replace(
        same,
        title=f"{title}; its rotation has not ended",
        text=text,
        to_do=f"Nothing for the consumers. See how the rotation ends: `rotator history {name}`.",
    )


def reverted(attempt: AttemptRecord, org: str, report: Report) -> NewAlert:
    """A new key never logged in, and the old certificate is back."""
    name = report.credential
    again = f"To have it tried at once: `rotate now {name}`."
    return alert(
        REVERTED,
        name,
        Severity.WARNING,
        f"The new key of {name} in {org} never logged in; the old certificate is back",
        words.sentences(report.why, _gap(report)),
        fingerprint_fact("Certificate", report.old_fingerprint),
        trouble=rotation_trouble(name),
        meanwhile=_left_alone(name) if attempt.needs_attention else "It is tried again by itself.",
        again_at=None if attempt.needs_attention else attempt.next_at,
        to_do=words.sentences(report.hint, again),
        org=org,
        credential=name,
    )


def given_up(attempt: AttemptRecord, org: str, *, is_half_done: bool) -> NewAlert:
    """A rotation failed so often that it is left to a person; what is half done is tried now and then all the same."""
    name = attempt.name
    return alert(
        ATTENTION,
        name,
        Severity.WARNING,
        f"Rotating {name} failed {words.times_in_a_row(attempt.failures)} and needs a person",
        attempt.problem,
        moment_fact("Last success", attempt.last_good_at),
        trouble=rotation_trouble(name),
        meanwhile="It is half done, and is tried now and then." if is_half_done else _left_alone(name),
        again_at=attempt.next_at if is_half_done else None,
        to_do=words.sentences(
            attempt.hint or f"Find out with `rotator check` what stands in the way of {name}.",
            f"Then `rotate now {name}` begins at once.",
        ),
        org=org,
        credential=name,
    )


def window_overridden(credential: str, org: str, fingerprint: str, why: str) -> NewAlert:
    """A rotation of this certificate began outside its maintenance windows, as waiting for one would be too late."""
    return alert(
        WINDOW,
        f"{credential}/{words.short(fingerprint)}",
        Severity.WARNING,
        f"{credential} in {org} is rotated outside its maintenance windows",
        why,
        meanwhile="The rotation is under way.",
        to_do="Let `windows` open more often, or `rotate_before` be longer.",
        org=org,
        credential=credential,
    )


def is_halt(error: RotatorError) -> bool:
    """Whether an error that ended a rotation leaves it to a person."""
    return isinstance(error, RotationHalted)


def _to_do(name: str, hint: str, reason: HaltReason | None, *, has_secret: bool) -> str:
    match reason:
        case HaltReason.STANDBY_UNKNOWN:
            return (
                "Find out whether a consumer logs in through that app."
                f" If its key pair is yours, `rotator adopt {name} --key FILE` takes it,"
                " with `--certificate FILE` where the org does not show the certificate;"
                f" if nobody needs it, `rotate now {name} --replace-unknown`."
            )
        case HaltReason.NOTHING_STORED if has_secret:
            return f"`rotator enroll {name}` takes the consumer key and secret that are in use."
        case HaltReason.NOTHING_STORED:
            return (
                f"`rotator enroll {name}` makes the first version,"
                f" `rotator adopt {name} --key FILE` takes the one that is in use."
            )
        case HaltReason.SECOND_PAIR_UNKNOWN:
            return (
                "Find out who needs the second consumer key and secret;"
                f" if nobody does, `rotate now {name} --replace-unknown` deletes it."
            )
        case HaltReason.NOT_KEPT:
            return f"`rotate now {name}` makes a new version."
        case _:
            return hint or "See in Setup, Login History, what the org says of the logins of its user."


def _way_back(name: str, reason: HaltReason | None) -> str:
    """What ends the refusals without the new key; nothing where the store has nothing that could come back."""
    if reason in {HaltReason.LOST, HaltReason.NOTHING_STORED}:
        return ""
    if reason is HaltReason.REVERT_UNPROVEN:
        return f"Then `rotate restore {name}` proves the key of `current`, and ends the rotation."
    return f"If consumers cannot wait for that, `rotate restore {name}` puts the certificate of `current` back."


def _later(attempt: AttemptRecord, org: str) -> str:
    """When it goes on, where a command began it: whoever typed that comes first."""
    return "" if attempt.failures else f" when it next takes the inventory of {org}"


def _left_alone(name: str) -> str:
    return f"No new rotation of {name} begins before something in its store, its apps or config.yaml has changed."


def _gap(report: Report) -> str:
    if not report.gap_seconds:
        return "No consumer can have been refused."
    seconds = report.gap_seconds
    lasted = f"{seconds:.1f} seconds" if seconds < _MANY_SECONDS else words.length(timedelta(seconds=seconds))
    return f"Consumers that know only `current` may have been refused for {lasted}."
