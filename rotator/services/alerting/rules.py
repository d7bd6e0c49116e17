"""What people should know of, from when it begins until it ends, and who is told: decided here, sent by `delivery`.

Every decision is made in one transaction and may be made again: it changes nothing the second time.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.thresholds import label
from rotator.history.alerts.alerts import ALWAYS_TOLD, AlertBook
from rotator.history.alerts.outbox import OPENED, Outbox, reminder
from rotator.history.engine.transactions import Within
from rotator.services.alerting.catalog import DELIVERY, ORG, STORE, usual_ending
from rotator.services.alerting.expiry import (
    EXPIRY,
    WEAK,
    Thresholds,
    ending,
    expires,
    is_anybodys_business,
    is_weak,
    place_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.history.alerts.alerts import Alert, NewAlert
    from rotator.history.engine.transactions import Transactions
    from rotator.services.inventory.seen import ObservedCertificate

HICCUP: Final = timedelta(minutes=30)
"""What cannot be read is told of when it has been so for this long,"""
HICCUPS: Final = 3
"""or so often in a row: one look that failed is no news."""

_MAY_HICCUP: Final = frozenset({ORG, STORE})

_Owed = tuple[str, str, str]
"""Alert, step, channel."""


class AlertRules:
    """Opens and closes matters, and owes notices of them. Every method raises HistoryError or HistoryUnavailable."""

    def __init__(self, settings: Settings, database: Transactions) -> None:
        self._configured: Final = settings
        self._settings: Final = settings.alerts
        self._database: Final = database
        self._thresholds: Final = Thresholds(settings.alerts)
        self._rotate_before: Final = {name: each.rotate_before for name, each in settings.credentials.items()}

    def certificates(
        self,
        seen: Sequence[ObservedCertificate],
        now: datetime,
        *,
        whole: Collection[tuple[str, str]] = (),
        unsettled: Collection[str] = (),
    ) -> None:
        """What was seen, in one org or in several: who is told that it expires, or is weak, and what is over.

        `whole` are those (org, kind) of which `seen` is all that there is; only there something can be gone. What is
        remembered of an org that cannot be read may be given again: its thresholds are told all the same. Nothing is
        over for the `unsettled` credentials: a certificate that is on its trial may be taken back.
        """
        orgs = {place.org for place in seen} | {org for org, _ in whole}
        with self._one_transaction() as (matters, ledger):
            known = {each.key: each for kind in (EXPIRY, WEAK) for each in matters.open_matters(kind=kind, orgs=orgs)}
            settled = {key: each for key, each in known.items() if each.credential not in unsettled}
            for key in self._end(matters, settled, seen, whole, now):
                del known[key]
            owed: list[_Owed] = []
            for place in filter(is_anybodys_business, seen):
                owed += self._of_place(matters, known, place, now)
            ledger.owe_all(owed, now)

    def problem(self, new: NewAlert, now: datetime, *, failures: int = 0) -> Alert:
        """Something is wrong: call it for as long as it is, each time with what is known of it.

        Of an org or a store that cannot be read people hear after HICCUP, or when `failures` in a row reach HICCUPS.
        """
        with self._one_transaction() as (matters, ledger):
            matter, _ = matters.open(new, now)
            if failures >= HICCUPS or self._is_news(matter, now):
                ledger.owe_all(self._opened(matter, now), now)
        return matter

    def solved(self, key: str, why: str, now: datetime) -> Alert | None:
        """What was wrong is not any more; who was told of it is told so. None where nothing of that key is open.

        Without a `why` it is the usual one, with how long it lasted.
        """
        with self._one_transaction() as (matters, _):
            matter = matters.opened(key)
            return matters.close(key, why or usual_ending(matter, now), now) if matter else None

    def happened(self, new: NewAlert, now: datetime) -> Alert | None:
        """Something happened, and is over: it is told once. None when it was noted before, under the same key."""
        with self._one_transaction() as (matters, ledger):
            matter = matters.add_closed(new, now)
            if matter:
                ledger.owe_all([(matter.id, OPENED, channel) for channel in self._audience(matter)], now)
            return matter

    def evaluate(self, now: datetime) -> None:
        """Everything that is open, without a look: thresholds, snoozes that have ended, channels that are new.

        What is about something that is not configured any more is over.
        """
        with self._one_transaction() as (matters, ledger):
            known = {each.key: each for each in matters.open_matters()}
            owed: list[_Owed] = []
            for matter in list(known.values()):
                if self._is_of_the_past(matter):
                    matters.close(matter.key, "It is not configured any more.", now)
                    continue
                if matter.kind == EXPIRY:
                    place = place_of(matter, self._rotate_before)
                    owed += self._expiry(matters, known, place, now)
                elif self._is_news(matter, now):
                    owed += self._opened(matter, now)
            ledger.owe_all(owed, now)

    def next_at(self, matter: Alert, now: datetime) -> datetime | None:
        """When the next threshold of a matter is crossed; None where none is left, or it has none."""
        if matter.kind != EXPIRY or not matter.is_open:
            return None
        return self._thresholds.next_for(place_of(matter, self._rotate_before), now)

    @contextmanager
    def _one_transaction(self) -> Iterator[tuple[AlertBook, Outbox]]:
        with self._database.writing() as connection:
            here = Within(connection)
            yield AlertBook(here), Outbox(here)

    def _end(
        self,
        matters: AlertBook,
        known: dict[str, Alert],
        seen: Sequence[ObservedCertificate],
        whole: Collection[tuple[str, str]],
        now: datetime,
    ) -> list[str]:
        ended = []
        places: dict[tuple[str, str, str], list[ObservedCertificate]] = {}
        for place in seen:
            places.setdefault((place.org, place.kind, place.name), []).append(place)
        for matter in known.values():
            was = place_of(matter, {})
            there = places.get((was.org, was.kind, was.name), [])
            if not there and (was.org, was.kind) not in whole:
                continue
            why = ending(matter, there)
            if why:
                matters.close(matter.key, why, now)
                ended.append(matter.key)
        return ended

    def _of_place(
        self, matters: AlertBook, known: dict[str, Alert], place: ObservedCertificate, now: datetime
    ) -> Iterator[_Owed]:
        yield from self._expiry(matters, known, place, now)
        weakness = is_weak(place, self._settings.longest_lifetime)
        if weakness:
            yield from self._opened(_up_to_date(matters, known, weakness, now), now)

    def _expiry(
        self, matters: AlertBook, known: dict[str, Alert], place: ObservedCertificate, now: datetime
    ) -> Iterator[_Owed]:
        crossed = self._thresholds.crossed(place, now)
        if not crossed:
            return
        matter = _up_to_date(matters, known, expires(place, crossed[-1]), now)
        is_quiet = _is_quiet(matter, now)
        for name, channel in self._settings.channels.items():
            if channel.orgs is not None and place.org not in channel.orgs:
                continue
            steps = map(label, self._thresholds.crossed_for(channel, place, now))
            yield from ((matter.id, step, name) for step in steps if not is_quiet or step in ALWAYS_TOLD)

    def _opened(self, matter: Alert, now: datetime) -> list[_Owed]:
        if _is_quiet(matter, now):
            return []
        # It was told before it was snoozed, and is told again: to be reminded is what a snooze is for.
        steps = [OPENED, reminder(matter.snoozed_until)] if matter.snoozed_until else [OPENED]
        return [(matter.id, step, channel) for step in steps for channel in self._audience(matter)]

    def _audience(self, matter: NewAlert) -> list[str]:
        """The channels that hear of a matter that is no expiry; not the one that it is about."""
        return [
            name
            for name, channel in self._settings.channels.items()
            if matter.severity.reaches(channel.least)
            and (channel.orgs is None or matter.org is None or matter.org in channel.orgs)
            and matter.key != f"{DELIVERY}:{name}"
        ]

    def _is_of_the_past(self, matter: Alert) -> bool:
        named: dict[str, Collection[str]] = {ORG: self._configured.orgs, STORE: self._configured.stores}
        if matter.kind in named:
            return matter.key.partition(":")[2] not in named[matter.kind]
        if matter.org is not None and matter.org not in self._configured.orgs:
            return True
        # A certificate may be live still, whoever managed it.
        is_live = matter.kind in {EXPIRY, WEAK}
        return not is_live and matter.credential is not None and matter.credential not in self._configured.credentials

    def _is_news(self, matter: Alert, now: datetime) -> bool:
        return matter.kind not in _MAY_HICCUP or now - matter.opened_at >= HICCUP


def _up_to_date(matters: AlertBook, known: dict[str, Alert], new: NewAlert, now: datetime) -> Alert:
    """The open matter with what is known of it now, written only where that is something new."""
    matter = known.get(new.key)
    if matter is None or not matter.says(new):
        matter, _ = matters.open(new, now)
        known[new.key] = matter
    return matter


def _is_quiet(matter: Alert, now: datetime) -> bool:
    """Whether nothing but what is always told is told of it now."""
    return matter.is_acknowledged or matter.is_snoozed(now)
