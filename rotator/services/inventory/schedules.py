"""When rotations of each credential may begin by themselves: what the configuration says, and what people paused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotator.core.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotator.config.settings import CredentialSettings
    from rotator.core.schedule import Standstill
    from rotator.services.inventory.status import CredentialStatus


def schedule_of(settings: CredentialSettings) -> Schedule:
    """When rotations of a credential may begin by themselves, as the configuration has it."""
    return Schedule(
        mode=settings.mode,
        windows=[window.rules() for window in settings.windows],
        standstills=[freeze.rules() for freeze in settings.freezes],
        # A key that never logs in is tried for twice the time-out, and taken back.
        lasts=3 * settings.verification.timeout,
    )


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
