"""What a list of certificates is narrowed to, by the query of its address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlencode

from rotator.services.reporting.overview import Urgency
from rotator.web.paging import number_of
from rotator.web.picture import PERIODS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotator.services.reporting.overview import CertificateLine, Overview

MANAGED: Final = {"managed": True, "unmanaged": False}

NOT_RESTING: Final = "not resting"
"""A state of its own: what somebody has to care for, now or some day."""


@dataclass(frozen=True)
class Search:
    """Every part is optional; what makes no sense finds nothing, or the first page."""

    org: str = ""
    state: str = ""
    """One of Urgency, or NOT_RESTING."""
    within: str = ""
    """Key of one of PERIODS."""
    managed: str = ""
    """`managed` or `unmanaged`."""
    q: str = ""
    """A part of the app's, subject's, issuer's or credential's name, or the beginning of a fingerprint."""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """From the query of a request."""
        return cls(
            org=query.get("org", "").strip(),
            state=query.get("state", "").strip(),
            within=query.get("within", "").strip(),
            managed=query.get("managed", "").strip(),
            q=query.get("q", "").strip(),
            page=number_of(query.get("page", "")),
        )

    def find(self, overview: Overview) -> list[CertificateLine]:
        """The certificates that are sought, the one that expires first first."""
        return [line for line in overview.certificates if self._fits(line, overview)]

    def address(self, page: int) -> str:
        """The query of another page of the same search."""
        parts = vars(replace(self, page=page))
        return "?" + urlencode({name: value for name, value in parts.items() if value})

    def _fits(self, line: CertificateLine, overview: Overview) -> bool:
        period = next((each for each in PERIODS if each.key == self.within), None)
        return (
            self.org in {"", line.org}
            and self._is_in_state(line)
            and (not self.within or (period is not None and period.holds(line, overview.at)))
            and (not self.managed or MANAGED.get(self.managed) is (line.credential is not None))
            and self._names(line)
        )

    def _is_in_state(self, line: CertificateLine) -> bool:
        if self.state == NOT_RESTING:
            return line.urgency is not Urgency.RESTING
        return self.state in {"", line.urgency.value}

    def _names(self, line: CertificateLine) -> bool:
        sought = self.q.casefold()
        names = (line.app, line.credential or "", *line.names)
        return not sought or line.fingerprint.startswith(sought) or any(sought in name.casefold() for name in names)
