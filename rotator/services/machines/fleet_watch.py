"""Who leads looks at the other machines, and at the queue, and has people told of what is wrong with them."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from rotator.services.alerting.kinds import CONFIGURATION, MACHINE, QUEUE, key
from rotator.services.machines.fleet_reader import fleet_of
from rotator.services.machines.machine_alerts import alerts_of

if TYPE_CHECKING:
    from rotator.core.machines.fleet import Fleet
    from rotator.errors import Holder
    from rotator.services.schedule.context import ServiceContext


_LOG: Final = logging.getLogger(__name__)


class FleetWatch:
    """For one thread."""

    def __init__(self, context: ServiceContext) -> None:
        self._context: Final = context
        self._before: tuple[set[str], set[str]] | None = None
        """What was wrong at the last look, by its keys, and who was there; None before the first."""
        self._has_warned = False
        self._twins: frozenset[str] = frozenset()

    def look(self) -> None:
        """Has people told of what is wrong by now, and of what is well again. Raises HistoryError.

        Where all is well, and was, it reads the machines and nothing else.
        """
        fleet = fleet_of(self._context.database)
        if fleet is None:
            return
        self._warn_of_keys(fleet)
        self._warn_of_twins(fleet)
        seen = {each.key for each in alerts_of(fleet, {})}, {each.host for each in fleet.machines}
        if seen == self._before:
            return
        wanted = {each.key: each for each in alerts_of(fleet, self._held(fleet))}
        history, now = self._context.history, self._context.now()
        open_now = {each.key for kind in (MACHINE, QUEUE) for each in history.alerts.open_alerts(kind=kind)}
        for trouble, new in wanted.items():
            if trouble not in open_now:
                history.alerting.problem(new, now)
        for trouble in sorted(open_now - wanted.keys() | self._of_who_is_gone(fleet)):
            history.alerting.solved(trouble, "", now)
        self._before = seen

    def _held(self, fleet: Fleet) -> dict[str, Holder]:
        """Who is rotating what; it is asked where somebody is gone alone."""
        if not any(line.is_gone for line in fleet.lines):
            return {}
        return self._context.database.holders(self._context.settings.credentials)

    def _warn_of_keys(self, fleet: Fleet) -> None:
        """Each would sign the history by a key of its own, and find changed what others have signed."""
        history = self._context.settings.history
        is_shared = history.signing_key is not None or bool(history.trusted_keys)
        if self._has_warned or is_shared or len({each.host for each in fleet.alive}) <= 1:
            return
        self._has_warned = True
        hint = "Name one key for all of them as `history.signing_key`, before the daily check of the history finds it."
        _LOG.warning(
            "each machine signs the history by a key of its own, and believes no other's", extra={"hint": hint}
        )

    def _warn_of_twins(self, fleet: Fleet) -> None:
        """Of two that are called the same, the sessions of the one that is lost are not ended while the other lives."""
        alive = Counter(each.name for each in fleet.alive)
        twins = frozenset(name for name, number in alive.items() if number > 1)
        for name in sorted(twins - self._twins):
            hint = "Give each host, and each container, a name of its own: else the locks of one that hangs stay held."
            _LOG.warning("two machines are called the same: %s", name, extra={"hint": hint})
        self._twins = twins

    def _of_who_is_gone(self, fleet: Fleet) -> set[str]:
        """Keys of what machines have told of themselves that are not there any more, and so cannot end it."""
        here = {key(CONFIGURATION, each.host) for each in fleet.machines}
        told = self._context.history.alerts.open_alerts(kind=CONFIGURATION)
        return {each.key for each in told} - here
