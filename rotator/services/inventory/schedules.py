"""When rotations of each credential may begin by themselves: what the configuration says, and what people paused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from rotator.core.schedule import Schedule, Why
from rotator.history.journal.queries import events_of_several
from rotator.history.journal.standstill_rows import EVENTS
from rotator.history.standstills import Standstills

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rotator.config.settings import Settings
    from rotator.core.schedule import Standstill
    from rotator.history.engine.transactions import Transactions
    from rotator.history.records import Event
    from rotator.services.inventory.status import CredentialStatus


ALL: Final = "all"
"""Scope of a pause of every credential."""


def of_org(name: str) -> str:
    """Scope of a pause of an org."""
    return f"org {name}"


def of_credential(name: str) -> str:
    """Scope of a pause of one credential."""
    return f"credential {name}"


def scopes_of(settings: Settings, name: str) -> tuple[str, str, str]:
    """The scopes whose pauses hold a credential up."""
    return ALL, of_org(settings.credentials[name].org), of_credential(name)


def all_scopes(settings: Settings) -> set[str]:
    """Whatever may be paused."""
    return {ALL, *map(of_org, settings.orgs), *map(of_credential, settings.credentials)}


class Schedules:
    """The schedule of each credential, by the configuration and by what the history knows."""

    def __init__(self, settings: Settings, noted: Iterable[Standstill] = ()) -> None:
        """`noted`: the pauses, and the first start of the service."""
        self._settings: Final = settings
        self._noted: Final = tuple(noted)

    @cached_property
    def first_start(self) -> Standstill | None:
        """The time after the first start in which nothing begins; None before it, and where nothing is held up."""
        known = next((each for each in self._noted if each.why is Why.FIRST_START and each.until is None), None)
        return replace(known, until=known.since + self._settings.daemon.first_rotations_after) if known else None

    def of(self, name: str) -> Schedule:
        """That of one credential."""
        mine, scopes = self._settings.credentials[name], scopes_of(self._settings, name)
        pauses = [each for each in self._noted if each.why is Why.PAUSE and each.scope in scopes]
        return Schedule(
            mode=mine.mode,
            windows=[window.rules() for window in mine.windows],
            standstills=[
                *(freeze.rules() for freeze in mine.freezes),
                *pauses,
                *([self.first_start] if self.first_start else []),
            ],
            # A key that never logs in is tried for twice the time-out, and taken back.
            lasts=3 * mine.verification.timeout,
        )

    def freezes(self) -> dict[Standstill, list[str]]:
        """Every freeze of the configuration, with the credentials that it is for."""
        found: dict[Standstill, list[str]] = {}
        for name, each in self._settings.credentials.items():
            for freeze in each.freezes:
                found.setdefault(freeze.rules(), []).append(name)
        return found


def schedules(settings: Settings, database: Transactions) -> Schedules:
    """The schedules as they are now. Raises HistoryError or HistoryUnavailable."""
    return Schedules(settings, Standstills(database).all())


def standstill_events(settings: Settings, database: Transactions, name: str | None) -> list[Event]:
    """Pauses of several credentials, freezes and the first start: those that a credential has part in, or all.

    Raises HistoryError or HistoryUnavailable.
    """
    found = events_of_several(database, EVENTS)
    if name is None:
        return found
    scopes = scopes_of(settings, name) if name in settings.credentials else (ALL,)
    return [each for each in found if each.details.get("scope") in scopes or name in _names(each)]


def _names(event: Event) -> Sequence[str]:
    """The credentials that a freeze is for."""
    names = event.details.get("credentials")
    return [*map(str, names)] if isinstance(names, list) else []


@dataclass(frozen=True)
class HeldUp:
    """One pause or freeze, and what it holds up."""

    standstill: Standstill
    credentials: tuple[str, ...]


def held_up(lines: Iterable[CredentialStatus], now: datetime) -> list[HeldUp]:
    """What holds credentials up now, or delays the next rotation of one, each once with their names."""
    names: dict[Standstill, list[str]] = {}
    for line in lines:
        life = line.life
        for each in dict.fromkeys((*life.schedule.in_force(now), *(life.begins.held_by if life.begins else ()))):
            names.setdefault(each, []).append(line.credential)
    return [HeldUp(standstill, tuple(these)) for standstill, these in names.items()]
