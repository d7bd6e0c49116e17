"""Telling the program's own logins from those of consumers.

Before each login that it makes, the program writes down as whom, through which app and when. So of the rows of a login
history as many are its own as it made logins, at those times: they are taken out one by one, and whatever else was
refused at the same moment is a consumer. A new key is refused on purpose before its certificate is there, and what it
is refused with is that very signature; neither the address (consumers often are on the same machine) nor the time alone
(consumers are refused in the same minute) would do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from rotator.core.usage.login_rows import RowMeaning

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from rotator.core.usage.login_rows import LoginRow

CLOCKS: Final = timedelta(minutes=3)
"""How far the org's clock and the program's may be apart, with the way between them: as long as an assertion is good
for, as with clocks further apart nobody logs in."""


@dataclass(frozen=True)
class OwnLogin:
    """One login of the program's own, written down before it was made."""

    username: str
    app: str
    """Full name of the app."""
    at: datetime
    """By the program's clock."""
    is_accepted: bool | None
    """None while nobody knows, as of a process that was killed meanwhile."""


def without_own(
    rows: Iterable[LoginRow],
    own: Iterable[OwnLogin],
    names: Collection[str],
    *,
    addresses: Collection[str] = (),
) -> tuple[list[LoginRow], list[LoginRow]]:
    """The rows of one user that are consumers', and those that are the program's own, both in the order of time.

    `own` are the logins as that user; `names` what rows have as the application of these apps; `addresses` those that
    the program is known to come from: where a login may be one of several rows, it is one from there.
    """
    left = sorted(rows, key=lambda row: (row.at, row.id))
    mine: list[LoginRow] = []
    known = {name.casefold() for name in names}
    for login in sorted(own, key=lambda each: each.at):
        fitting = [
            row
            for row in left
            if abs(row.at - login.at) <= CLOCKS
            and (not row.application or not known or row.application.casefold() in known)
            and _may_be(row, login)
        ]
        if fitting:
            found = min(fitting, key=lambda row: (row.address not in addresses, abs(row.at - login.at), row.at))
            left.remove(found)
            mine.append(found)
    return left, mine


def learnt_names(rows: Sequence[LoginRow], own: Iterable[OwnLogin]) -> frozenset[str]:
    """What rows have as the application of an app, by the program's own logins through it that were accepted.

    Nobody documents that it is the app's label, and a label may be anything. So that application counts which has
    a row for each of most of these logins; none where two have equally many.
    """
    accepted = sorted(login.at for login in own if login.is_accepted)
    times: dict[str, list[datetime]] = {}
    for row in rows:
        if row.application and row.meaning() is RowMeaning.ACCEPTED:
            times.setdefault(row.application, []).append(row.at)
    met = Counter({name: _pairs(accepted, sorted(seen)) for name, seen in times.items()})
    first = met.most_common(2)
    if not first or 2 * first[0][1] <= len(accepted) or (len(first) > 1 and first[1][1] == first[0][1]):
        return frozenset()
    return frozenset({first[0][0]})


def _pairs(logins: Sequence[datetime], seen: Sequence[datetime]) -> int:
    """How many logins have a row each, within reach of two clocks; both in order."""
    number = at = 0
    for login in logins:
        while at < len(seen) and seen[at] < login - CLOCKS:
            at += 1
        if at < len(seen) and seen[at] <= login + CLOCKS:
            number, at = number + 1, at + 1
    return number


def _may_be(row: LoginRow, login: OwnLogin) -> bool:
    is_accepted = row.meaning() is RowMeaning.ACCEPTED
    return login.is_accepted is None or login.is_accepted is is_accepted
