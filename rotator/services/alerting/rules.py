"""Deciding: what people should know of, from when it begins until it ends, and which channels hear of it.

Nothing here sends. What was seen, and what failed, becomes alerts that are opened, kept up to date and closed; a step
of one (a threshold that it crosses, its beginning, its end) goes into the outbox for every channel that is to hear of
it. `rotator.services.alerting.delivery` sends from there, and decides nothing.

Each decision is one transaction over alerts and outbox, takes the time as a parameter, and may be made again at will:
it changes nothing the second time. So nothing has to be remembered of when something was last asked, a crash at any
point costs a repetition, and what was missed (a daemon that stood still, a clock that jumped) is told late and once.

One trouble is one alert. Its key names the trouble, and what becomes of it (`kinds`) is told in its thread: a rotation
that failed and then needs a person; thresholds that the certificate crosses meanwhile; that consumers are refused, and
log in again; how it ended.

Two things may go wrong with such rules, and are kept off here:

- an alert that ends too early, because something could not be read: only what was seen whole can be gone, and nothing
  ends by memory;
- an alert for what mends itself: of an org or store that cannot be read, and of a rotation that has to wait for one,
  people hear after HICCUP, or HICCUPS failures.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from rotator.core.lifecycle.revocation import nobody_logs_in
from rotator.core.thresholds import label, severity_at
from rotator.history.alerts.alerts import ALWAYS_TOLD, AlertRecords
from rotator.history.alerts.outbox import OPENED, Outbox, reminder
from rotator.history.engine.transactions import Within
from rotator.history.journal.journal import Journal
from rotator.services.alerting.catalog import stored_name, usual_ending
from rotator.services.alerting.expiry import (
    certificate_of,
    crossed_for,
    ending,
    expires,
    is_left_to_rotation,
    weakness_of,
)
from rotator.services.alerting.kinds import (
    ATTENTION,
    DELIVERY,
    EXPIRY,
    HEAD,
    HOOK,
    ORG,
    STORE,
    UNREADABLE,
    WEAK,
    key,
    kind_of,
    rotation_trouble,
    trouble_of,
)
from rotator.services.alerting.rotation_alerts import accepted_again
from rotator.services.inventory.ownership import certificates_known

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.alert import Alert, NewAlert
    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.history.engine.transactions import Transactions
    from rotator.services.inventory.ownership import Certificates

HICCUP: Final = timedelta(minutes=30)
"""What cannot be read is told of when it has been so for this long,"""
HICCUPS: Final = 3
"""or so often in a row: one inventory that failed is no news."""

OWNER: Final = "Owner"
"""Name of the fact who sees to what an alert is about."""

ACCEPTED_AGAIN: Final = "accepted again"
"""Beginning of the step of an alert that tells that consumers log in again."""

_New = tuple[str, str, str]
"""Alert, step, channel."""


class AlertRules:
    """Opens and closes alerts, and says which channels hear of them.

    Every method raises HistoryError or HistoryUnavailable.
    """

    def __init__(self, settings: Settings, database: Transactions) -> None:
        self._configured: Final = settings
        self._settings: Final = settings.alerts
        self._database: Final = database

    def certificates(
        self,
        lives: Sequence[CertificateLife],
        now: datetime,
        *,
        whole: Collection[tuple[str, str]] = (),
        unsettled: Collection[str] = (),
    ) -> None:
        """What was seen, in one org or in several: who is told that it expires, or is weak, and what is over.

        `whole` are those (org, type) of which it is all that there is; only there something can be gone. What was last
        seen of an org that cannot be read may be given again: its thresholds are told all the same. Nothing is over for
        the `unsettled` credentials: a certificate whose key is being proven may be taken back.
        """
        with self._one_transaction() as (alerts, outbox, certificates, _):
            anew = certificates(now, orgs={life.seen.org for life in lives}).life
            # What a credential's certificate is follows from what the history knows in this transaction.
            there = (anew(life.seen) if life.seen.credential else life for life in lives if life.seen.app)
            here = [life for life in there if life.is_in_use]
            orgs = {life.seen.org for life in here} | {org for org, _ in whole}
            known = {each.key: each for kind in (EXPIRY, WEAK) for each in alerts.open_alerts(kind=kind, orgs=orgs)}
            settled = {key: each for key, each in known.items() if each.credential not in unsettled}
            for key in self._end(alerts, settled, here, whole, now):
                del known[key]
            new: list[_New] = []
            for life in here:
                if life.is_anybodys_business:
                    new += self._of_certificate(alerts, known, life, now)
            outbox.add_all(new, now)

    def problem(self, new: NewAlert, now: datetime, *, failures: int = 0) -> Alert:
        """Something is wrong: call it for as long as it is, each time with what is known of it.

        Of what may mend itself people hear after HICCUP, or when `failures` in a row reach HICCUPS.
        """
        with self._one_transaction() as (alerts, outbox, certificates, _):
            before = alerts.opened(new.key)
            orgs = {each.org for each in (new, before) if each and each.org}
            if new.credential in self._configured.credentials:
                orgs.add(self._configured.credentials[new.credential].org)
            lives = certificates(now, orgs=orgs)
            if before is None:
                before = self._turned_into(new, alerts, lives)
            if before and before.not_after and new.not_after is None:
                new = _with_expiry(new, before, lives, now)
            alert, _ = alerts.open(self._owned(new), now, instead_of=before.key if before else "")
            if failures >= HICCUPS or self._is_news(alert, now):
                outbox.add_all(self._opened(alert, now), now)
                outbox.add_all(self._goes_on(before, alert, now), now)
        return alert

    def solved(self, key: str, why: str, now: datetime) -> Alert | None:
        """What was wrong is not any more; who was told of it is told so. None where nothing of that key is open.

        Without a `why` it is the usual one, with how long it lasted. What a revocation has ended it has ended, whatever
        else is so since.
        """
        with self._one_transaction() as (alerts, _, _, journal):
            alert = alerts.opened(key)
            if alert is None:
                return None
            return alerts.close(key, _ended_by_revocation(alert, journal) or why or usual_ending(alert, now), now)

    def mended(self, keys: Iterable[str], new: NewAlert, now: datetime) -> None:
        """What was wrong, under any of these keys, has ended by what `new` tells of.

        It is told as the end of that, or by itself where nobody had heard of anything.
        """
        with self._one_transaction() as (alerts, outbox, _, _):
            ended = [alerts.close(each, new.text, now) for each in keys]
            if not any(outbox.notifications(each.id) for each in ended if each):
                self._tell_once(alerts, outbox, new, now)

    def happened(self, new: NewAlert, now: datetime) -> Alert | None:
        """Something happened, and is over: it is told once. None when it was noted before, under the same key."""
        with self._one_transaction() as (alerts, outbox, _, _):
            return self._tell_once(alerts, outbox, new, now)

    def _tell_once(self, alerts: AlertRecords, outbox: Outbox, new: NewAlert, now: datetime) -> Alert | None:
        alert = alerts.add_closed(self._owned(new), now)
        if alert:
            outbox.add_all([(alert.id, OPENED, channel) for channel in self._audience(alert)], now)
        return alert

    def evaluate(self, now: datetime) -> None:
        """Everything that is open, without an inventory: thresholds, snoozes that have ended, channels that are new.

        What is about something that is not configured any more is over.
        """
        with self._one_transaction() as (alerts, outbox, certificates, journal):
            known = {each.key: each for each in alerts.open_alerts()}
            new: list[_New] = []
            lives = certificates(now)
            for alert in list(known.values()):
                if not is_configured(alert, self._configured):
                    alerts.close(alert.key, "It is not configured any more.", now)
                elif alert.key.startswith(key(ATTENTION, "")):
                    # Of a release that told of it as a second alert beside that of the trouble.
                    alerts.close(alert.key, "It is told in the alert of what fails.", now)
                elif _has_ended(alert, journal):
                    has_ended = journal.open_rotation(alert.credential or "") is None
                    changed, _ = alerts.open(accepted_again(alert, has_ended=has_ended), now)
                    new += self._goes_on(alert, changed, now)
                elif alert.kind == EXPIRY:
                    life = lives.life(certificate_of(alert))
                    new += self._expiry(alerts, known, life, now) if life.is_anybodys_business else ()
                elif self._is_news(alert, now):
                    new += self._opened(alert, now)
            outbox.add_all(new, now)

    def next_at(self, alert: Alert, now: datetime) -> datetime | None:
        """When the next threshold of an alert is crossed; None where none is left, or it has none."""
        if alert.not_after is None or not alert.is_open:
            return None
        was = certificate_of(alert)
        life = certificates_known(self._configured, self._database, now, {was.org}).life(was)
        return life.expiry.next_crossing(now) if life.expiry else None

    @contextmanager
    def _one_transaction(self) -> Iterator[tuple[AlertRecords, Outbox, Callable[..., Certificates], Journal]]:
        with self._database.writing() as connection:
            here = Within(connection)
            yield AlertRecords(here), Outbox(here), partial(certificates_known, self._configured, here), Journal(here)

    def _end(
        self,
        alerts: AlertRecords,
        known: dict[str, Alert],
        here: Sequence[CertificateLife],
        whole: Collection[tuple[str, str]],
        now: datetime,
    ) -> list[str]:
        if not known:
            return []
        ended = []
        places: dict[tuple[str, str, str], list[CertificateLife]] = {}
        for life in here:
            places.setdefault((life.seen.org, life.seen.type, life.seen.app), []).append(life)
        for alert in known.values():
            was = certificate_of(alert)
            there = places.get((was.org, was.type, was.app), [])
            if not there and (was.org, was.type) not in whole:
                continue
            why = ending(alert, there, now, self._settings.longest_lifetime)
            if why:
                alerts.close(alert.key, why, now)
                ended.append(alert.key)
        return ended

    def _of_certificate(
        self, alerts: AlertRecords, known: dict[str, Alert], life: CertificateLife, now: datetime
    ) -> Iterator[_New]:
        yield from self._expiry(alerts, known, life, now)
        weakness = weakness_of(life, self._settings.longest_lifetime)
        if weakness:
            yield from self._opened(_up_to_date(alerts, known, self._owned(weakness), now), now)

    def _expiry(
        self, alerts: AlertRecords, known: dict[str, Alert], life: CertificateLife, now: datetime
    ) -> Iterator[_New]:
        if not (life.expiry and (crossed := life.expiry.crossed(now))):
            return
        alert = _up_to_date(alerts, known, self._owned(_of_trouble(life, expires(life, crossed[-1]), alerts)), now)
        is_quiet = _is_quiet(alert, now)
        for name, channel in self._configured.channels_for(life.seen.credential, life.seen.org).items():
            steps = map(label, crossed_for(channel, self._settings, life.expiry, now))
            yield from ((alert.id, step, name) for step in steps if not is_quiet or step in ALWAYS_TOLD)

    def _opened(self, alert: Alert, now: datetime) -> list[_New]:
        if _is_quiet(alert, now):
            return []
        # It was told before it was snoozed, and is told again: to be reminded is what a snooze is for.
        steps = [OPENED, reminder(alert.snoozed_until)] if alert.snoozed_until else [OPENED]
        return [(alert.id, step, channel) for step in steps for channel in self._audience(alert)]

    def _turned_into(self, new: NewAlert, alerts: AlertRecords, lives: Certificates) -> Alert | None:
        """The alert that its certificate expires, where that is the trouble that now shows why it was not replaced."""
        if new.credential is None or new.key != rotation_trouble(new.credential):
            return None
        known = (each for each in alerts.open_alerts(kind=EXPIRY) if each.credential == new.credential)
        return next((each for each in known if is_left_to_rotation(lives.life(certificate_of(each)))), None)

    def _goes_on(self, before: Alert | None, alert: Alert, now: datetime) -> list[_New]:
        """What people are told of a trouble that has become another: once of each that it comes to."""
        if before is None:
            return []
        steps = []
        if before.refused_since and not alert.refused_since:
            steps.append(f"{ACCEPTED_AGAIN} {now:%Y-%m-%d %H:%M}")
        elif alert.refused_since and not before.refused_since:
            steps.append(f"{alert.kind} since {alert.refused_since:%Y-%m-%d %H:%M}")
        elif before.kind != alert.kind:
            steps.append(alert.kind)
        if _is_quiet(alert, now) and not kind_of(alert.kind).is_urgent:
            return []
        return [(alert.id, step, channel) for step in steps for channel in self._audience(alert)]

    def _owned(self, new: NewAlert) -> NewAlert:
        """The alert, with who sees to what it is about among its facts."""
        owner = self._configured.owner_of(new.credential, new.org)
        return replace(new, facts={**new.facts, OWNER: owner}) if owner else new

    def _audience(self, alert: NewAlert) -> list[str]:
        """The channels that hear of an alert that is no expiry; not the one that it is about.

        The head of the history is for those that ask for it, whatever else they want.
        """
        channels = self._configured.channels_for(alert.credential, alert.org)
        if alert.kind == HEAD:
            return [name for name, each in channels.items() if each.heads]
        return [name for name, each in channels.items() if alert.severity.reaches(each.least) and alert.channel != name]

    def _is_news(self, alert: Alert, now: datetime) -> bool:
        return not kind_of(alert.kind).may_pass or now - alert.opened_at >= HICCUP


def open_alerts(database: Transactions, settings: Settings) -> list[Alert]:
    """What people should know of now, the oldest first. Raises HistoryError or HistoryUnavailable.

    What the configuration has no more is nobody's trouble from then on, not only once the service has closed it.
    """
    return [alert for alert in AlertRecords(database).open_alerts() if is_configured(alert, settings)]


def is_told_of_versions(alerts: AlertRecords, credential: str) -> bool:
    """Whether people were told that its store does not give what it holds of a credential. Raises HistoryError."""
    beginning = key(UNREADABLE, stored_name(credential))
    return any(alert.key.startswith(beginning) for alert in alerts.open_alerts(kind=UNREADABLE))


def is_configured(alert: Alert, settings: Settings) -> bool:
    """Whether the configuration still has what an alert is about."""
    named: dict[str, Collection[str]] = {
        ORG: settings.orgs,
        # One that no credential is kept in is not read any more.
        STORE: {credential.store for credential in settings.credentials.values()},
        DELIVERY: settings.alerts.channels,
        HOOK: {calls.name for calls in settings.hook_calls},
    }
    trouble = trouble_of(alert)
    if trouble in named:
        return alert.key.removeprefix(key(trouble, "")) in named[trouble]
    if alert.org is not None and alert.org not in settings.orgs:
        return False
    # A certificate may be live still, whoever managed it.
    is_live = alert.kind in {EXPIRY, WEAK}
    return is_live or alert.credential is None or alert.credential in settings.credentials


def _up_to_date(alerts: AlertRecords, known: dict[str, Alert], new: NewAlert, now: datetime) -> Alert:
    """The open alert with what is known of it now, written only where that is something new."""
    alert = known.get(new.key)
    if alert is None or not alert.says(new):
        alert, _ = alerts.open(new, now)
        known[new.key] = alert
    return alert


def _has_ended(alert: Alert, journal: Journal) -> bool:
    """Whether a key was proven since it was told that consumers are refused."""
    if alert.refused_since is None or alert.credential is None:
        return False
    return journal.credential_record(alert.credential).refused_since is None


def _ended_by_revocation(alert: Alert, journal: Journal) -> str:
    """That its credential was revoked since it began, where it is about logins with that; empty where not."""
    if alert.credential is None or not kind_of(trouble_of(alert)).ends_with_access:
        return ""
    revoked = journal.credential_record(alert.credential).login_revoked
    return nobody_logs_in(alert.credential) if revoked and alert.opened_at <= revoked.since else ""


def _of_trouble(life: CertificateLife, expiry: NewAlert, alerts: AlertRecords) -> NewAlert:
    """That a certificate expires; where there is an alert for why it was not replaced, that one with its date."""
    trouble = alerts.opened(rotation_trouble(life.seen.credential)) if life.seen.credential else None
    if trouble is None or not is_left_to_rotation(life):
        return expiry
    severity = trouble.severity if trouble.severity.reaches(expiry.severity) else expiry.severity
    about = {name: getattr(expiry, name) for name in ("app", "type", "fingerprint", "not_after")}
    return replace(trouble, severity=severity, **about)


def _with_expiry(new: NewAlert, before: Alert, lives: Certificates, now: datetime) -> NewAlert:
    """The same, with the certificate that expires meanwhile."""
    life = lives.life(certificate_of(before))
    crossed = life.expiry.crossed(now) if life.expiry else ()
    severity = severity_at(crossed[-1]) if crossed else new.severity
    return replace(
        new,
        not_after=before.not_after,
        fingerprint=before.fingerprint,
        app=new.app or before.app,
        type=new.type or before.type,
        severity=new.severity if new.severity.reaches(severity) else severity,
    )


def _is_quiet(alert: Alert, now: datetime) -> bool:
    """Whether nothing but what is always told is told of it now."""
    return alert.is_acknowledged or alert.is_snoozed(now)
