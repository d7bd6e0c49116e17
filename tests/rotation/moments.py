"""The world at one moment, kept to go back to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from rotator.simulator.org.propagation import Change


@dataclass(frozen=True)
class Moment:
    """The world as a process leaves it that dies now."""

    key: tuple[object, ...]
    files: Path
    slots: dict[str, list[Change]]
    time: datetime
    ever: frozenset[str]
