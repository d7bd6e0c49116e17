"""What a look at the login history of an org comes to: who was left behind is an alert, for as long as that is so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.thresholds import earlier, has_come, later
from rotator.services.alerting.kinds import LEFT_BEHIND, UNMOVED, key
from rotator.services.alerting.usage_alerts import left_behind, unmoved
from rotator.services.usage.going_back import going_back
from rotator.services.usage.graces import has_grace, in_grace
from rotator.services.usage.shown import unconfirmed_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from rotator.core.alert import NewAlert
    from rotator.core.usage.usage import Usage
    from rotator.services.alerting.rules import AlertRules
    from rotator.services.inventory.schedules import Schedules
    from rotator.services.inventory.status import CredentialStatus

KINDS_OF_USE: Final = (LEFT_BEHIND, UNMOVED)
"""The kinds of alerts that follow from who logs in."""

_OVER: Final = "The grace of its previous version is over."
_NOT_KEPT: Final = "No previous version is kept any more."

NOTICE: Final = timedelta(days=2)
"""So long before the end of a grace, or for half of a shorter one, people are told who has not moved."""


def tell(
    alerting: AlertRules,
    statuses: Iterable[CredentialStatus],
    usages: Mapping[str, Usage],
    schedules: Schedules,
    now: datetime,
    *,
    opened: Collection[str],
) -> list[str]:
    """Opens and closes the alerts of credentials, by what is known of their use. Raises HistoryError.

    `opened` are the keys of those that are open. Gives those whose previous version is to be made current again.
    """
    tells = _Tells(alerting, opened, schedules, now)
    begins = []
    for status in statuses:
        seen, name = status.life.seen, status.credential
        if seen is None or not status.life.is_in_sight:
            continue
        usage = usages.get(name)
        if usage and usage.promoted_at != seen.promoted_at:
            # Of the promotion before: this one was not looked at yet.
            usage = None
        if not has_grace(status, now):
            over = _OVER if seen.previous else _NOT_KEPT
            tells.solved(key(LEFT_BEHIND, name), over)
            tells.solved(key(UNMOVED, name), over)
            continue
        is_seen = usage is not None and usage.looked_at is not None and not usage.problem
        if usage and is_seen and in_grace(status, now) and _tell_left_behind(tells, status, usage):
            begins.append(name)
        _tell_unmoved(tells, status, usage if is_seen else None)
    return begins


class _Tells:
    """Opens alerts, and closes those that are open: most looks have nothing to write."""

    def __init__(self, alerting: AlertRules, opened: Collection[str], schedules: Schedules, now: datetime) -> None:
        self._alerting: Final = alerting
        self._opened: Final = opened
        self.schedules: Final = schedules
        self.now: Final = now

    def problem(self, new: NewAlert) -> None:
        self._alerting.problem(new, self.now)

    def solved(self, which: str, why: str) -> None:
        if which in self._opened:
            self._alerting.solved(which, why, self.now)


def _tell_left_behind(tells: _Tells, status: CredentialStatus, usage: Usage) -> bool:
    """Whether the previous version is to be made current again."""
    settings, name = status.settings, status.credential
    found = usage.left_behind(tells.now, settings.left_behind_after)
    if found:
        schedule = tells.schedules.of(name)
        back = going_back(settings, status.life.seen, usage, status.last_rotation, schedule, tells.now)
        about = (name, settings.org, settings.username, found)
        held_by, until = back.held_by, status.life.previous_until
        tells.problem(left_behind(*about, goes_back=back.begins, held_by=held_by, previous_until=until, now=tells.now))
        return back.begins
    tells.solved(key(LEFT_BEHIND, name), "")
    return False


def _tell_unmoved(tells: _Tells, status: CredentialStatus, usage: Usage | None) -> None:
    """Before the usual end of a grace, whether or not it is kept for longer until consumers have said something."""
    settings, name, promoted_at = status.settings, status.credential, status.life.seen and status.life.seen.promoted_at
    found = usage.not_moved(tells.now) if usage else []
    silent = unconfirmed_of(status)
    if not promoted_at or not (found or silent):
        # Where logins cannot be seen just now, nobody is known to have moved.
        if usage or status.settings.consumers:
            tells.solved(key(UNMOVED, name), "")
        return
    until = status.life.previous_until
    if has_come(until, tells.now):
        tells.solved(key(UNMOVED, name), _OVER)
        return
    usual = until or later(promoted_at, settings.grace)
    if has_come(earlier(usual, min(NOTICE, settings.grace / 2)), tells.now):
        tells.problem(unmoved(name, settings.org, settings.username, found, silent, until))
