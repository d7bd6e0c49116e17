"""What people are told of: the words for what can be wrong with orgs, stores, credentials and channels.

Those for rotations are in `rotation_alerts`, those for certificates in `expiry`. Each function gives an alert for
`rotator.services.alerting.rules`: what is so, what `rotator` does about it by itself, what a person does first. Those
of something that is wrong have a key by which it is solved later (`key(...)`); those of something that happened have
one of their own each time it happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict, Unpack

from rotator.alerts.base import PartlyAccepted
from rotator.core import words
from rotator.core.alert import NewAlert
from rotator.core.credentials import Stage
from rotator.core.lifecycle.states import LOST, URGENCIES, CredentialState
from rotator.core.severity import Severity
from rotator.history.engine.damage import RESTORE_ROW
from rotator.services.alerting.kinds import (
    ATTENTION,
    DELIVERY,
    HEAD,
    HIDDEN,
    HISTORY,
    ORG,
    STORE,
    UNREADABLE,
    UNSTORED,
    key,
    kind_of,
    trouble_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rotator.alerts.base import DeliveryFailed
    from rotator.core.alert import Alert
    from rotator.core.attempts import AttemptRecord
    from rotator.errors import RotatorError
    from rotator.history.records import ChainVerification
    from rotator.history.signing.heads import Head


class _About(TypedDict, total=False):
    meanwhile: str
    to_do: str
    org: str | None
    app: str | None
    type: str | None
    credential: str | None
    store: str | None
    channel: str | None
    fingerprint: str | None
    refused_since: datetime | None
    again_at: datetime | None


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
    *,
    trouble: str = "",
    **about: Unpack[_About],
) -> NewAlert:
    """An alert of that kind about something of that name; what it is about is among its facts, before the others.

    `trouble` is its key, where that is not the kind's own for the name.
    """
    given = {field: str(value) for field, value in about.items() if value is not None}
    shown = {label: given[field] for field, label in _LABELS.items() if field in given}
    return NewAlert(
        key=trouble or key(kind, name),
        kind=kind,
        severity=severity,
        title=title,
        text=text,
        facts={**shown, **(facts or {})},
        **about,
    )


def unreadable_org(attempt: AttemptRecord, error: RotatorError) -> NewAlert:
    """An org cannot be read; `attempt` is the record of its inventories with this failure, and whom that needs."""
    org, is_for_long = attempt.name, attempt.needs_attention
    for_long = f"could not be read {words.times_in_a_row(attempt.failures)} and needs a person"
    how_often = "now and then" if is_for_long else "again by itself"
    return alert(
        ATTENTION if is_for_long else ORG,
        org,
        Severity.WARNING,
        f"The org {org} {for_long if is_for_long else 'cannot be read'}",
        words.sentences(error.message, error.effect),
        moment_fact("Last read", attempt.last_good_at),
        trouble=key(ORG, org),
        meanwhile=f"Nothing there is rotated, and alerts go by what was last seen. It is read {how_often}.",
        again_at=attempt.next_at,
        to_do=words.sentences(error.hint, _WAS_IT) if is_for_long else error.hint or _IF_IT_LASTS,
        org=org,
    )


def unreadable_store(store: str, error: RotatorError, attempt: AttemptRecord) -> NewAlert:
    """A store cannot be read; `attempt` is the record of its readings with this failure."""
    return alert(
        STORE,
        store,
        Severity.WARNING,
        f"The store {store} cannot be read",
        words.sentences(error.message, error.effect),
        moment_fact("Last read", attempt.last_good_at),
        meanwhile="Nothing that is kept there is rotated. It is read again by itself.",
        again_at=attempt.next_at,
        to_do=error.hint or _IF_IT_LASTS,
        store=store,
    )


def unreadable_stored(
    credential: str, org: str, store: str, error: RotatorError, version: tuple[Stage, str] | None = None
) -> NewAlert:
    """A store does not give what it holds of one credential, or one `version` of it; it gives the others."""
    stage, fingerprint = version or (None, None)
    what = f"The {stage} version of {credential}" if stage else f"What is stored of {credential}"
    return alert(
        UNREADABLE,
        f"{stored_name(credential)}{fingerprint or ''}",
        LOST if stage is Stage.CURRENT else Severity.WARNING,
        f"{what} cannot be read from the store {store}",
        words.sentences(error.message, error.effect),
        fingerprint_fact("Version", fingerprint),
        meanwhile=f"No rotation of {credential} begins or goes on. What else is stored there is read and rotated.",
        to_do=error.hint or _IF_IT_LASTS,
        org=org,
        credential=credential,
        store=store,
        fingerprint=fingerprint,
    )


def stored_name(credential: str) -> str:
    """With what the names of all begin that cannot be read of a credential in its store; no org is called so."""
    return f"stored {credential}/"


def unreadable(org: str, kind: str, name: str, error: RotatorError) -> NewAlert:
    """One thing in an org cannot be read; the others can."""
    return alert(
        UNREADABLE,
        f"{org}/{kind}/{name}",
        Severity.WARNING,
        f"{name} in {org} cannot be read",
        words.sentences(error.message, error.effect),
        meanwhile="Alerts of it go by what was last seen.",
        to_do=error.hint or _IF_IT_LASTS,
        org=org,
        type=kind,
        app=name,
    )


def hidden(org: str, kind: str, error: RotatorError) -> NewAlert:
    """An org does not show what it has of one type."""
    return alert(
        HIDDEN,
        f"{org}/{kind}",
        Severity.WARNING,
        f"The org {org} does not show its certificates of the type {kind}",
        words.sentences(error.message, error.effect),
        meanwhile="Alerts of them go by what was last seen.",
        to_do=error.hint or _IF_IT_LASTS,
        org=org,
        type=kind,
    )


def unstored(credential: str, org: str, *, has_secret: bool = False) -> NewAlert:
    """A configured credential has no version in its store; `has_secret`: it is a client secret."""
    first = "takes the consumer key and secret that are in use" if has_secret else "makes the first one"
    adopt = "" if has_secret else f"`rotator adopt {credential} --key FILE` takes the key pair that is in use, "
    return alert(
        UNSTORED,
        credential,
        URGENCIES[CredentialState.UNSTORED],
        f"{credential} is configured and not in its store",
        f"The store of {credential} holds no current version of it.",
        meanwhile="It is not rotated before it is there.",
        to_do=f"{adopt}`rotator enroll {credential}` {first}.",
        org=org,
        credential=credential,
    )


def lost(credential: str, org: str, store: str, stored_at: datetime) -> NewAlert:
    """A credential that was in its store is there no more."""
    return alert(
        UNSTORED,
        credential,
        LOST,
        f"{credential} is gone from the store {store}",
        f"A version was current there on {words.day(stored_at)}, and now there is none: the store was emptied, or is"
        " not the one that it was (a folder that is not mounted, another path). Consumers may find no key.",
        meanwhile="The org was left as it is, and nothing is rotated.",
        to_do="Bring the store back, from a backup if need be;"
        f" `rotator status {credential}` tells whether it is there. Do not enroll it anew before.",
        org=org,
        credential=credential,
        store=store,
    )


def undelivered(channel: str, error: DeliveryFailed) -> NewAlert:
    """A channel does not accept what it is sent, or not for everybody who reads there."""
    does_not = "reach everybody" if isinstance(error, PartlyAccepted) else "accept messages"
    return alert(
        DELIVERY,
        channel,
        Severity.WARNING,
        f"The channel {channel} does not {does_not}",
        error.message,
        meanwhile=error.effect,
        to_do=error.hint or _IF_IT_LASTS,
        channel=channel,
    )


def history_broken(found: ChainVerification) -> NewAlert:
    """The journal is not what was written."""
    return alert(
        HISTORY,
        "",
        Severity.CRITICAL,
        "The history was changed behind the program's back",
        found.finding,
        {"Last good head": found.head},
        trouble=HISTORY,
        meanwhile="Everything goes on, and is written behind the break.",
        to_do=f"{found.hint} `rotator history verify` tells whether it is whole.",
    )


def head_of_history(head: Head) -> NewAlert:
    """The head of the history's chain, for a place where the database's owner cannot write."""
    return alert(
        HEAD,
        f"{head.events}/{head.time:%Y%m%d}",
        Severity.INFO,
        f"The history has {words.count(head.events, 'event')}",
        "Its head proves later what was written until now.",
        {"Head": str(head)},
        meanwhile="The next head follows tomorrow.",
        to_do="Keep this message. `rotator history verify --since HEAD` finds by it whether the history was cut off or"
        " written anew since.",
    )


def unreadable_rows(table: str, rows: Mapping[str, Sequence[str]], *, which: str = "") -> NewAlert:
    """Rows of the history that cannot be read, by their keys, with the columns; `which` is the key of a single one."""
    first = list(rows.items())[:_MOST_NAMED]
    named = words.listed(f"{each} ({', '.join(filter(None, columns)) or 'as a whole'})" for each, columns in first)
    more = f" and {len(rows) - _MOST_NAMED} more" if len(rows) > _MOST_NAMED else ""
    return alert(
        UNREADABLE,
        f"{ROW}{table}/{which}",
        Severity.WARNING,
        f"{which or words.count(len(rows), 'row')} in the table {table} of the history cannot be read",
        f"It holds what rotator did not write there: {named}{more}.",
        meanwhile="Everything else counts, and what of it can be read. What is seen anew is written anew.",
        to_do=RESTORE_ROW,
    )


def usual_ending(ended: Alert, now: datetime) -> str:
    """How an alert ends where nothing more is known: "The org can be read again, after 3 days."."""
    return f"{kind_of(trouble_of(ended)).ending}, after {words.length(now - ended.opened_at)}."


def fingerprint_fact(name: str, fingerprint: str | None) -> dict[str, str]:
    """A fingerprint among the facts, where there is one."""
    return {name: fingerprint} if fingerprint else {}


def moment_fact(name: str, time: datetime | None) -> dict[str, str]:
    """A time among the facts, where there is one."""
    return {name: words.moment(time)} if time else {}


_WAS_IT: Final = "`rotator check` tells whether that was it."
_MOST_NAMED: Final = 10

ROW: Final = "row "
"""With what the names begin of rows that cannot be read; no org is called so."""

_IF_IT_LASTS: Final = "Nothing, unless it lasts; then `rotator check` tells what stands in the way."
