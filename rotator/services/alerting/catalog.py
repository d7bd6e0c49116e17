"""What people are told of: the words for everything that can be wrong or has happened, save certificates that expire.

Each function gives an alert for `rotator.services.alerting.rules`. Those of something that is wrong have a key
by which it is solved later (`key(...)`); those of something that happened have one of their own each time it happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rotator.core import words
from rotator.core.alert import NewAlert
from rotator.core.severity import Severity
from rotator.errors import RotationHalted
from rotator.services.rotation.report import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from rotator.core.alert import Alert
    from rotator.core.attempts import AttemptRecord
    from rotator.errors import RotatorError
    from rotator.history.records import ChainVerification
    from rotator.services.rotation.report import Report

ORG: Final = "org"
"""An org cannot be read."""
STORE: Final = "store"
"""A store cannot be read."""
HIDDEN: Final = "hidden"
"""An org can be read, but not all of it."""
ROTATION: Final = "rotation"
"""A rotation failed, or needs a person; the next success solves it."""
DRIFT: Final = "drift"
UNSTORED: Final = "unstored"
WINDOW: Final = "window"
"""A maintenance window was overridden."""
ATTENTION: Final = "attention"
"""What cannot succeed before a person does something is left alone."""
DELIVERY: Final = "delivery"
"""A channel does not accept what it is sent."""
HISTORY: Final = "history"
"""The chain of events is broken."""
ROTATED: Final = "rotated"
REVERTED: Final = "reverted"
VANISHED: Final = "vanished"

_NEW: Final = "The new key logs in and is current."
_BACK: Final = "Current's certificate is on its app again, and its key logs in."
_TRIED: Final = {"look": "Looking at the org", "rotate": "Rotating"}
"""Kinds of trials, for people."""
_ENDINGS: Final = {
    ORG: "The org can be read again",
    STORE: "The store can be read again",
    HIDDEN: "The org shows it again",
    DELIVERY: "The channel accepts messages again",
    DRIFT: "The app holds a certificate that is known again",
    ROTATION: "The credential was rotated, or needs no rotation any more",
    ATTENTION: "It succeeded again",
    UNSTORED: "The credential is in its store",
}


def key(kind: str, name: str) -> str:
    """Key of the alert of that kind about an org, a store, a credential or a channel."""
    return f"{kind}:{name}"


def unreadable_org(org: str, error: RotatorError, since: datetime | None = None) -> NewAlert:
    """An org cannot be read; `since` is when it was last read."""
    return NewAlert(
        key=key(ORG, org),
        kind=ORG,
        severity=Severity.WARNING,
        title=f"The org {org} cannot be read",
        text=f"{sentences(error)} Nothing there is rotated meanwhile, and alerts go by what was last seen.",
        org=org,
        facts={"Org": org} | _moment("Last read", since),
    )


def unreadable_store(store: str, error: RotatorError, since: datetime | None = None) -> NewAlert:
    """A store cannot be read; `since` is when it was last read."""
    return NewAlert(
        key=key(STORE, store),
        kind=STORE,
        severity=Severity.WARNING,
        title=f"The store {store} cannot be read",
        text=sentences(error) + " Nothing that is kept there can be rotated meanwhile.",
        store=store,
        facts={"Store": store} | _moment("Last read", since),
    )


def hidden(org: str, kind: str, error: RotatorError) -> NewAlert:
    """An org does not show what it has of one type."""
    return NewAlert(
        key=key(HIDDEN, f"{org}/{kind}"),
        kind=HIDDEN,
        severity=Severity.WARNING,
        title=f"The org {org} does not show its certificates of the type {kind}",
        text=f"{sentences(error)} Alerts of them go by what was last seen.",
        org=org,
        type=kind,
        facts={"Org": org, "Type": kind},
    )


def rotated(report: Report, org: str) -> NewAlert:
    """A rotation ended well: another version is current, or current's certificate is back on its app."""
    new = report.new_fingerprint or ""
    is_back = report.outcome is Outcome.RESTORED
    grace = f" The version before is kept until {words.day(report.again_at)}." if report.again_at else ""
    return NewAlert(
        key=key(ROTATED, report.rotation_id or new),
        kind=ROTATED,
        severity=Severity.INFO,
        title=f"{report.credential} {'has its certificate back' if is_back else 'was rotated'} in {org}",
        text=" ".join([f"{_BACK if is_back else _NEW} {_gap(report)}{grace}", *report.warnings]),
        org=org,
        credential=report.credential,
        fingerprint=report.new_fingerprint,
        facts=_of_credential(report.credential, org)
        | _fingerprint("Old certificate", report.old_fingerprint)
        | _fingerprint("New certificate", report.new_fingerprint),
    )


def reverted(report: Report, org: str) -> NewAlert:
    """A new key never logged in, and the old certificate is back."""
    return NewAlert(
        key=key(REVERTED, report.rotation_id or report.credential),
        kind=REVERTED,
        severity=Severity.WARNING,
        title=f"The new key of {report.credential} in {org} never logged in; the old certificate is back",
        text=" ".join(filter(None, [report.why, _gap(report), report.hint])),
        org=org,
        credential=report.credential,
        facts=_of_credential(report.credential, org) | _fingerprint("Certificate", report.old_fingerprint),
    )


def halted(report: Report, org: str) -> NewAlert:
    """A rotation stopped where only a person can go on."""
    return NewAlert(
        key=key(ROTATION, report.credential),
        kind=ROTATION,
        severity=Severity.CRITICAL,
        title=f"The rotation of {report.credential} in {org} needs a person",
        text=f"{report.why} {report.hint}".strip(),
        org=org,
        credential=report.credential,
        facts=_of_credential(report.credential, org),
    )


def failed(credential: str, org: str, error: RotatorError, *, again_at: datetime | None = None) -> NewAlert:
    """A rotation failed, or could not begin; it is tried again then."""
    needs_person = isinstance(error, RotationHalted)
    again = f" It is tried again from {words.moment(again_at)} on." if again_at else ""
    return NewAlert(
        key=key(ROTATION, credential),
        kind=ROTATION,
        severity=Severity.CRITICAL if needs_person else Severity.WARNING,
        title=f"The rotation of {credential} in {org} {'needs a person' if needs_person else 'failed'}",
        text=sentences(error) + again,
        org=org,
        credential=credential,
        facts=_of_credential(credential, org),
    )


class Changed(NamedTuple):
    """Who changed an app last, and when, as far as the org tells."""

    by: str | None
    at: datetime | None


def drift(credential: str, org: str, app: str, fingerprint: str | None, changed: Changed | None = None) -> NewAlert:
    """An app holds a certificate that nobody here knows, or none."""
    held = f"the certificate {words.short(fingerprint)}, which nobody here knows" if fingerprint else "no certificate"
    return NewAlert(
        key=key(DRIFT, credential),
        kind=DRIFT,
        severity=Severity.CRITICAL,
        title=f"Somebody changed {app} in {org}: consumers of {credential} are refused",
        text=f"The app holds {held}. Nothing is rotated meanwhile. If it was a mistake, `rotate restore {credential}`"
        f" puts ours back; if that key pair is to stay, `rotator adopt {credential} --key FILE`.",
        org=org,
        app=app,
        credential=credential,
        fingerprint=fingerprint,
        facts=_of_credential(credential, org) | {"App": app} | _fingerprint("Found", fingerprint) | _changed(changed),
    )


def unstored(credential: str, org: str) -> NewAlert:
    """A configured credential has no version in its store."""
    return NewAlert(
        key=key(UNSTORED, credential),
        kind=UNSTORED,
        severity=Severity.INFO,
        title=f"{credential} is configured and not in its store",
        text=f"It is not rotated before it is there: `rotator adopt {credential} --key FILE` takes the key pair that is"
        f" in use, `rotator enroll {credential}` makes the first one.",
        org=org,
        credential=credential,
        facts=_of_credential(credential, org),
    )


def lost(credential: str, org: str, store: str, promoted_at: datetime) -> NewAlert:
    """A credential that was in its store is there no more."""
    return NewAlert(
        key=key(UNSTORED, credential),
        kind=UNSTORED,
        severity=Severity.CRITICAL,
        title=f"{credential} is gone from the store {store}",
        text=f"A version was made current there on {words.day(promoted_at)}, and now there is none: the store was"
        " emptied, or is not the one that it was (a folder that is not mounted, another path). Consumers may find"
        " no key. The org was left as it is, and nothing is rotated meanwhile. Bring the store back, from a backup if"
        " need be;"
        f" `rotator status {credential}` tells whether it is there. Do not enroll it anew before.",
        org=org,
        credential=credential,
        store=store,
        facts=_of_credential(credential, org) | {"Store": store},
    )


def vanished(org: str, kind: str, name: str, last_seen: datetime, credential: str | None = None) -> NewAlert:
    """Something that held a certificate is not in its org any more."""
    loss = f" Consumers of {credential} are refused, and it cannot be rotated." if credential else ""
    why = "deleted, renamed, or hidden from the program's user"
    hint = " If nobody meant that, Setup, View Setup Audit Trail, tells who did it."
    return NewAlert(
        key=key(VANISHED, f"{org}/{kind}/{name}/{last_seen:%Y-%m-%dT%H:%M:%SZ}"),
        kind=VANISHED,
        severity=Severity.CRITICAL if credential else Severity.INFO,
        title=f"{name} is gone from {org}",
        text=f"It was last seen on {words.day(last_seen)}: {why}.{loss}{hint}",
        org=org,
        app=name,
        type=kind,
        credential=credential,
        facts={"Org": org, "Type": kind, "Name": name} | _moment("Last seen", last_seen),
    )


def window_overridden(credential: str, org: str, fingerprint: str, why: str) -> NewAlert:
    """A rotation of this certificate began outside its maintenance windows, as waiting for one would be too late."""
    return NewAlert(
        key=key(WINDOW, f"{credential}/{words.short(fingerprint)}"),
        kind=WINDOW,
        severity=Severity.WARNING,
        title=f"{credential} in {org} is rotated outside its maintenance windows",
        text=f"{why} Let `windows` open more often, or `rotate_before` be longer.",
        org=org,
        credential=credential,
        facts=_of_credential(credential, org),
    )


def attention(attempt: AttemptRecord, *, org: str | None = None, credential: str | None = None) -> NewAlert:
    """What cannot succeed before a person does something: it is left alone."""
    return NewAlert(
        key=key(ATTENTION, f"{attempt.kind}/{attempt.name}"),
        kind=ATTENTION,
        severity=Severity.WARNING,
        title=f"{_TRIED.get(attempt.kind, attempt.kind)} {attempt.name} failed {_times(attempt.failures)}"
        " and needs a person",
        text=" ".join(filter(None, [attempt.problem, attempt.hint, _left_alone(attempt, credential)])),
        org=org,
        credential=credential,
        facts=_moment("Last success", attempt.last_good_at),
    )


def _left_alone(attempt: AttemptRecord, credential: str | None) -> str:
    if credential is None:
        return "It is tried now and then only, until a person has seen to it; `rotator check` tells whether that is so."
    return (
        "`rotator run` begins no new rotation of it before something in its store, its apps or config.yaml has changed;"
        f" `rotate now {attempt.name}` does at once."
    )


def history_broken(found: ChainVerification) -> NewAlert:
    """The journal is not what was written."""
    return NewAlert(
        key=HISTORY,
        kind=HISTORY,
        severity=Severity.CRITICAL,
        title="The history was changed behind the program's back",
        text=f"{found.why} The {found.events} events before it are as they were written. Put the history back from a"
        " backup, and find out who writes to its database; `rotator history verify` tells whether it is whole again.",
        facts={"Last good head": found.head},
    )


def usual_ending(alert: Alert, now: datetime) -> str:
    """How an alert ends where nothing more is known: "The org can be read again, after 3 days."."""
    return f"{_ENDINGS.get(alert.kind, 'It is settled')}, after {words.length(now - alert.opened_at)}."


def sentences(error: RotatorError) -> str:
    """What an error says: what happened, what was left as it was, what to do now."""
    return " ".join(part for part in (error.message, error.effect, error.hint) if part)


def _times(failures: int) -> str:
    return f"{failures} times in a row" if failures > 1 else "once"


def _of_credential(credential: str, org: str) -> dict[str, str]:
    return {"Credential": credential, "Org": org}


def _fingerprint(name: str, fingerprint: str | None) -> dict[str, str]:
    return {name: fingerprint} if fingerprint else {}


def _moment(name: str, time: datetime | None) -> dict[str, str]:
    return {name: words.moment(time)} if time else {}


def _changed(changed: Changed | None) -> dict[str, str]:
    if changed is None or changed.at is None:
        return {}
    return {"App last changed": words.moment(changed.at) + (f", by {changed.by}" if changed.by else "")}


def _gap(report: Report) -> str:
    if not report.gap_seconds:
        return "No consumer can have been refused."
    return f"Consumers that know only `current` may have been refused for {report.gap_seconds:.1f} seconds."
