"""How much something matters to people."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """Ordered: `Severity.WARNING.reaches(Severity.INFO)`."""

    INFO = "info"
    """Good to know: a rotation succeeded, a certificate expires in two months."""
    WARNING = "warning"
    """Somebody should plan to look at it."""
    CRITICAL = "critical"
    """Logins fail now, or will within days."""

    def reaches(self, least: Severity) -> bool:
        """Whether it matters at least as much as `least`."""
        return _ORDER.index(self) >= _ORDER.index(least)


_ORDER: Final = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)


def most_severe(*severities: Severity | None) -> Severity | None:
    """The most severe of them; None where there is none."""
    return max((each for each in severities if each), key=_ORDER.index, default=None)
