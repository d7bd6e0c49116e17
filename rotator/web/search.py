"""Long lists: what they are narrowed to by the query of their address, and a page at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar
from urllib.parse import urlencode

from rotator.core.lifecycle.states import CertificateState
from rotator.core.severity import Severity
from rotator.web.picture import PERIODS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rotator.core.lifecycle.certificate_life import CertificateLife
    from rotator.services.reporting.overview import Overview
    from rotator.web.picture import Period

_T = TypeVar("_T")

LINES: Final = 100
"""On one page."""


@dataclass(frozen=True)
class Page(Generic[_T]):
    """Some lines of a list."""

    lines: Sequence[_T]
    number: int
    """From 1 on."""
    pages: int
    """At least 1."""
    total: int
    """Lines on all pages."""

    @property
    def first(self) -> int:
        """Which of all lines is the first one here, from 1 on; 0 where there is none."""
        return (self.number - 1) * LINES + 1 if self.lines else 0

    @property
    def last(self) -> int:
        """Which of all lines is the last one here."""
        return (self.number - 1) * LINES + len(self.lines)


def page_of(lines: Sequence[_T], number: int) -> Page[_T]:
    """The page of that number; the last one where there are not so many."""
    pages = max(1, -(-len(lines) // LINES))
    number = min(number, pages)
    return Page(lines[(number - 1) * LINES : number * LINES], number, pages, len(lines))


def number_of(text: str) -> int:
    """The number of a page in an address; 1 for what is none."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


MANAGED: Final = {"managed": True, "unmanaged": False}

_DATELESS: Final = {CertificateState.NONE, CertificateState.HIDDEN, CertificateState.VANISHED}

STATES: Final = tuple(state for state in CertificateState if state not in _DATELESS)
"""Those of certificates that are there and have a date."""

NOT_RESTING: Final = "not resting"
"""A state of its own: what somebody has to care for, now or some day."""


@dataclass(frozen=True)
class Search:
    """Every part is optional; what makes no sense finds nothing, or the first page."""

    org: str = ""
    state: str = ""
    """One of STATES, or NOT_RESTING."""
    urgency: str = ""
    """One of Severity."""
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
        state, urgency = _state_and_urgency(query.get("state", "").strip(), query.get("urgency", "").strip())
        return cls(
            org=query.get("org", "").strip(),
            state=state,
            urgency=urgency,
            within=query.get("within", "").strip(),
            managed=query.get("managed", "").strip(),
            q=query.get("q", "").strip(),
            page=number_of(query.get("page", "")),
        )

    def find(self, overview: Overview) -> list[CertificateLife]:
        """The certificates that are sought, the one that expires first first."""
        lines: Sequence[CertificateLife] = overview.certificates
        if self.org:
            lines = [line for line in lines if line.seen.org == self.org]
        if replace(self, org="", page=1) == Search():
            return [*lines]
        period = next((each for each in PERIODS if each.key == self.within), None)
        return [line for line in lines if self._fits(line, period, overview.at)]

    def address(self, page: int) -> str:
        """The query of another page of the same search."""
        parts = vars(replace(self, page=page))
        return "?" + urlencode({name: value for name, value in parts.items() if value})

    def _fits(self, line: CertificateLife, period: Period | None, now: datetime) -> bool:
        return (
            self._is_in_state(line)
            and self.urgency in {"", line.urgency}
            and (not self.within or (period is not None and period.holds(line, now)))
            and (not self.managed or MANAGED.get(self.managed) is (line.seen.credential is not None))
            and self._names(line)
        )

    def _is_in_state(self, line: CertificateLife) -> bool:
        if self.state == NOT_RESTING:
            return line.state is not CertificateState.RESTING
        return self.state in {"", line.state}

    def _names(self, line: CertificateLife) -> bool:
        sought = self.q.casefold()
        seen = line.seen
        names = (seen.app, seen.credential or "", seen.subject, seen.issuer)
        return not sought or seen.fingerprint.startswith(sought) or any(sought in name.casefold() for name in names)


def _state_and_urgency(state: str, urgency: str) -> tuple[str, str]:
    """Also of addresses of the release before, where both were one word; to be removed with the next one."""
    if state in {Severity.CRITICAL, Severity.WARNING}:
        return "", state
    return (str(CertificateState.DUE) if state == "soon" else state), urgency
