"""What people are told of: the words for everything that can be wrong or has happened, save certificates that expire.

Each function gives an alert for `rotator.services.alerting.rules`. Those of something that is wrong have a key
by which it is solved later (`key(...)`); those of something that happened have one of their own each time it happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict, Unpack

from rotator.alerts.base import PartlyAccepted
from rotator.core import words
from rotator.core.alert import NewAlert
from rotator.core.attempts import INVENTORY, ROTATE
from rotator.core.credentials import Stage
from rotator.core.lifecycle.states import LOST, URGENCIES, CredentialState
from rotator.core.severity import Severity
from rotator.errors import RotationHalted
from rotator.services.rotation.report import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rotator.alerts.base import DeliveryFailed
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
_TRIED: Final = {INVENTORY: "The inventory of the org", ROTATE: "Rotating"}
"""Kinds of attempts, for people."""
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


class _About(TypedDict, total=False):
    org: str | None
    app: str | None
    type: str | None
    credential: str | None
    store: str | None
    channel: str | None
    fingerprint: str | None


_LABELS: Final = {
    "credential": "Credential",
    "org": "Org",
    "type": "Type",
    "store": "Store",
    "channel": "Channel",
}
"""What of that people are shown as well, and how it is called."""


def alert(
    kind: str,
    name: str,
    severity: Severity,
    title: str,
    text: str,
    facts: Mapping[str, str] | None = None,
    **about: Unpack[_About],
) -> NewAlert:
    """An alert of that kind about something of that name; what it is about is among its facts, before the others."""
    given = {field: str(value) for field, value in about.items() if value is not None}
    shown = {label: given[field] for field, label in _LABELS.items() if field in given}
    rest = {**shown, **(facts or {})}
    return NewAlert(key=key(kind, name), kind=kind, severity=severity, title=title, text=text, facts=rest, **about)


def unreadable_org(org: str, error: RotatorError, since: datetime | None = None) -> NewAlert:
    """An org cannot be read; `since` is when it was last read."""
    text = f"{error} Nothing there is rotated meanwhile, and alerts go by what was last seen."
    return alert(
        ORG, org, Severity.WARNING, f"The org {org} cannot be read", text, _moment("Last read", since), org=org
    )


def unreadable_store(store: str, error: RotatorError, since: datetime | None = None) -> NewAlert:
    """A store cannot be read; `since` is when it was last read."""
    text = f"{error} Nothing that is kept there can be rotated meanwhile."
    title = f"The store {store} cannot be read"
    return alert(STORE, store, Severity.WARNING, title, text, _moment("Last read", since), store=store)


def hidden(org: str, kind: str, error: RotatorError) -> NewAlert:
    """An org does not show what it has of one type."""
    title = f"The org {org} does not show its certificates of the type {kind}"
    text = f"{error} Alerts of them go by what was last seen."
    return alert(HIDDEN, f"{org}/{kind}", Severity.WARNING, title, text, org=org, type=kind)


def rotated(report: Report, org: str) -> NewAlert:
    """A rotation ended well: another version is current, or current's certificate is back on its app."""
    new, name = report.new_fingerprint or "", report.credential
    is_back = report.outcome is Outcome.RESTORED
    grace = f" The version before is kept until {words.day(report.again_at)}." if report.again_at else ""
    return alert(
        ROTATED,
        report.rotation_id or new,
        Severity.INFO,
        f"{name} {'has its certificate back' if is_back else 'was rotated'} in {org}",
        " ".join([f"{_BACK if is_back else _NEW} {_gap(report)}{grace}", *report.warnings]),
        _fingerprint("Old certificate", report.old_fingerprint) | _fingerprint("New certificate", new),
        org=org,
        credential=name,
        fingerprint=report.new_fingerprint,
    )


def reverted(report: Report, org: str) -> NewAlert:
    """A new key never logged in, and the old certificate is back."""
    name = report.credential
    title = f"The new key of {name} in {org} never logged in; the old certificate is back"
    text = " ".join(filter(None, [report.why, _gap(report), report.hint]))
    facts = _fingerprint("Certificate", report.old_fingerprint)
    return alert(REVERTED, report.rotation_id or name, Severity.WARNING, title, text, facts, org=org, credential=name)


def halted(report: Report, org: str) -> NewAlert:
    """A rotation stopped where only a person can go on."""
    return _rotation(report.credential, org, f"{report.why} {report.hint}".strip(), needs_person=True)


def failed(credential: str, org: str, error: RotatorError, *, again_at: datetime | None = None) -> NewAlert:
    """A rotation failed, or could not begin; it is tried again then."""
    again = f" It is tried again from {words.moment(again_at)} on." if again_at else ""
    return _rotation(credential, org, f"{error}{again}", needs_person=isinstance(error, RotationHalted))


def _rotation(credential: str, org: str, text: str, *, needs_person: bool) -> NewAlert:
    severity = Severity.CRITICAL if needs_person else Severity.WARNING
    title = f"The rotation of {credential} in {org} {'needs a person' if needs_person else 'failed'}"
    return alert(ROTATION, credential, severity, title, text, org=org, credential=credential)


class Changed(NamedTuple):
    """Who changed an app last, and when, as far as the org tells."""

    by: str | None
    at: datetime | None


def drift(
    credential: str,
    org: str,
    app: str,
    fingerprint: str | None,
    changed: Changed | None = None,
    *,
    stage: Stage | None = None,
) -> NewAlert:
    """An app holds a certificate that is not ours to expect there, or none; `stage` is that of its stored version."""
    known = f"that of the {stage} version" if stage else "which nobody here knows"
    held = f"the certificate {words.short(fingerprint)}, {known}" if fingerprint else "no certificate"
    return NewAlert(
        key=key(DRIFT, credential),
        kind=DRIFT,
        severity=URGENCIES[CredentialState.DRIFT],
        title=f"Somebody changed {app} in {org}: consumers of {credential} are refused",
        text=f"The app holds {held}. Nothing is rotated meanwhile. If it was a mistake, `rotate restore {credential}`"
        f" puts ours back; {_if_not(credential, stage)}.",
        org=org,
        app=app,
        credential=credential,
        fingerprint=fingerprint,
        facts=_of_credential(credential, org) | {"App": app} | _fingerprint("Found", fingerprint) | _changed(changed),
    )


def _if_not(credential: str, stage: Stage | None) -> str:
    """What else to do with the certificate that was found."""
    if stage is Stage.PREVIOUS:
        return f"if that version is to stay, `rotate back {credential}`"
    if stage:
        return f"if neither is to stay, `rotate now {credential} --replace-unknown`"
    return f"if that key pair is to stay, `rotator adopt {credential} --key FILE`"


def unstored(credential: str, org: str) -> NewAlert:
    """A configured credential has no version in its store."""
    return NewAlert(
        key=key(UNSTORED, credential),
        kind=UNSTORED,
        severity=URGENCIES[CredentialState.UNSTORED],
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
        severity=LOST,
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
    return alert(
        VANISHED,
        f"{org}/{kind}/{name}/{last_seen:%Y-%m-%dT%H:%M:%SZ}",
        Severity.CRITICAL if credential else Severity.INFO,
        f"{name} is gone from {org}",
        f"It was last seen on {words.day(last_seen)}: {why}.{loss}{hint}",
        {"Name": name} | _moment("Last seen", last_seen),
        org=org,
        app=name,
        type=kind,
        credential=credential,
    )


def window_overridden(credential: str, org: str, fingerprint: str, why: str) -> NewAlert:
    """A rotation of this certificate began outside its maintenance windows, as waiting for one would be too late."""
    title = f"{credential} in {org} is rotated outside its maintenance windows"
    text = f"{why} Let `windows` open more often, or `rotate_before` be longer."
    name = f"{credential}/{words.short(fingerprint)}"
    return alert(WINDOW, name, Severity.WARNING, title, text, org=org, credential=credential)


def attention(attempt: AttemptRecord, *, org: str | None = None, credential: str | None = None) -> NewAlert:
    """What cannot succeed before a person does something: it is left alone."""
    what = f"{_TRIED.get(attempt.kind, attempt.kind)} {attempt.name}"
    return alert(
        ATTENTION,
        f"{attempt.kind}/{attempt.name}",
        Severity.WARNING,
        f"{what} failed {_times(attempt.failures)} and needs a person",
        " ".join(filter(None, [attempt.problem, attempt.hint, _left_alone(attempt, credential)])),
        _moment("Last success", attempt.last_good_at),
        org=org,
        credential=credential,
    )


def undelivered(channel: str, error: DeliveryFailed) -> NewAlert:
    """A channel does not accept what it is sent, or not for everybody who reads there."""
    does_not = "reach everybody" if isinstance(error, PartlyAccepted) else "accept messages"
    title = f"The channel {channel} does not {does_not}"
    return alert(DELIVERY, channel, Severity.WARNING, title, str(error), channel=channel)


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
        text=f"{found.finding} {found.hint} `rotator history verify` tells whether it is whole again.",
        facts={"Last good head": found.head},
    )


def usual_ending(ended: Alert, now: datetime) -> str:
    """How an alert ends where nothing more is known: "The org can be read again, after 3 days."."""
    return f"{_ENDINGS.get(ended.kind, 'It is settled')}, after {words.length(now - ended.opened_at)}."


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
