"""Where logins with one credential come from, and whether each of them has moved to the current key.

A source is an address and what the client there calls itself: all that a login history tells of a consumer. With one
app the old key is refused from the promotion on, and a source that is refused was left behind. With two the old key
goes on logging in through the app before: such a source was not left behind yet, and will be when the grace ends.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rotator.core.thresholds import has_come, later
from rotator.core.usage.login_rows import RowMeaning

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from rotator.core.usage.login_rows import LoginRow

MOST_SOURCES: Final = 200
"""Kept of one credential; of more those that have logged in, and of these the last ones."""

BY_TURNS: Final = 2
"""A source that is refused again so often after it was accepted is several consumers behind one address, one of which
was left behind; a consumer that was refused once, read the store anew and was accepted is not."""

QUIET: Final = timedelta(days=1)
"""After so long without a refusal that is over."""

_LEAST_MARGIN: Final = timedelta(minutes=1)


class Standing(StrEnum):
    """Whether a source has moved to the current key."""

    MOVED = "moved"
    REFUSED = "refused"
    """Its logins are refused: it was left behind."""
    OLD = "old"
    """It logs in with the previous key, through the app before."""
    SILENT = "silent"
    """It logged in before the promotion, and was not seen since."""


@dataclass(frozen=True)
class Source:
    """The logins from one address by one client."""

    address: str
    client: str
    before_at: datetime | None = None
    """The last one before the promotion."""
    accepted_at: datetime | None = None
    """The last one with the current key."""
    old_at: datetime | None = None
    """The last one through the app of the previous key, since the promotion."""
    refused_at: datetime | None = None
    """The last one that was refused for its key, since the promotion."""
    accepted: int = 0
    """With the current key."""
    refused: int = 0
    turns: int = 0
    """How often it was refused again after it was accepted."""
    is_of_app: bool = True
    """False: rows of its refusals do not tell through which app it logged in."""

    @property
    def last_at(self) -> datetime | None:
        """When it last logged in, or tried to."""
        return max(filter(None, (self.before_at, self.accepted_at, self.old_at, self.refused_at)), default=None)

    @property
    def has_logged_in(self) -> bool:
        """Whether any login of it was accepted."""
        return any((self.before_at, self.accepted_at, self.old_at))

    @property
    def was_accepted(self) -> bool:
        """Whether it had a key of the credential before it was refused: an address alone anybody has."""
        return self.before_at is not None or self.turns > 0

    @property
    def name(self) -> str:
        """For people, such as `192.0.2.7 (billing/4.1)`."""
        address = self.address or "an address that is not told"
        return f"{address} ({self.client})" if self.client else address

    def standing(self, now: datetime) -> Standing:
        """Whether it has moved."""
        if self.refused_at and self.turns >= BY_TURNS and not has_come(later(self.refused_at, QUIET), now):
            return Standing.REFUSED
        since = {Standing.MOVED: self.accepted_at, Standing.OLD: self.old_at, Standing.REFUSED: self.refused_at}
        seen = {standing: at for standing, at in since.items() if at}
        # Of times in the same second the better one counts: a refusal is followed by another attempt.
        return max(seen, key=lambda standing: (seen[standing], standing is Standing.MOVED), default=Standing.SILENT)


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """What must be known of a promotion to tell old logins from new ones."""

    at: datetime
    current: Collection[str]
    """What rows have as the application of the current version's app."""
    previous: Collection[str] = ()
    """Of the previous version's app; the same where it is that one."""
    settles: timedelta = timedelta(minutes=10)
    """So long after it the org's servers may refuse the current key still."""

    @property
    def counted_from(self) -> datetime:
        """Refusals of the gap before the promotion do not count, by whichever of two clocks."""
        return later(self.at, min(_LEAST_MARGIN, self.settles))

    @property
    def judged_from(self) -> datetime:
        """Before that nobody is said to be left behind: whoever was refused may read the store anew."""
        return later(self.at, self.settles)


def sources_of(rows: Iterable[LoginRow], promotion: Promotion, refusals: Collection[str] = ()) -> list[Source]:
    """The sources of rows of one user, without the program's own; the one that logged in last first."""
    current = {name.casefold() for name in promotion.current}
    previous = {name.casefold() for name in promotion.previous}
    found: dict[tuple[str, str], _Counted] = {}
    for row in sorted(rows, key=lambda each: (each.at, each.id)):
        name, meaning = row.application.casefold(), row.meaning(refusals)
        is_told = bool(name)
        if meaning is RowMeaning.OTHER or (is_told and name not in current | previous):
            continue
        if not is_told and meaning is RowMeaning.ACCEPTED:
            continue
        key = row.address, row.client
        counted = found.setdefault(key, _Counted(Source(*key)))
        if has_come(promotion.at, row.at):
            counted.since(row.at, meaning, is_old=name in previous and name not in current, promotion=promotion)
            if not is_told:
                counted.source = replace(counted.source, is_of_app=False)
        elif meaning is RowMeaning.ACCEPTED:
            counted.source = replace(counted.source, before_at=row.at)
    return newest([each.source for each in found.values() if each.source.last_at])


def newest(sources: Iterable[Source]) -> list[Source]:
    """So many as are kept, the one that logged in last first.

    Those that only were refused give way: anybody can make as many of them as he likes.
    """
    ordered = sorted(sources, key=lambda each: (each.last_at is not None, each.last_at, each.name), reverse=True)
    kept = {id(each) for each in sorted(ordered, key=lambda each: not each.has_logged_in)[:MOST_SOURCES]}
    return [each for each in ordered if id(each) in kept]


@dataclass
class _Counted:
    source: Source
    is_accepted: bool = False
    """With the current key, since it was last refused."""

    def since(self, at: datetime, meaning: RowMeaning, *, is_old: bool, promotion: Promotion) -> None:
        before = self.source
        if meaning is RowMeaning.ACCEPTED and is_old:
            self.source = replace(before, old_at=at)
        elif meaning is RowMeaning.ACCEPTED:
            self.source = replace(before, accepted_at=at, accepted=before.accepted + 1)
            self.is_accepted = True
        elif has_come(promotion.counted_from, at):
            is_turn = self.is_accepted and has_come(promotion.judged_from, at)
            self.source = replace(before, refused_at=at, refused=before.refused + 1, turns=before.turns + is_turn)
            self.is_accepted = False


def with_those_before(
    now_seen: Iterable[Source], known: Mapping[tuple[str, str], Source], *, is_cut: bool = False
) -> list[Source]:
    """The sources that were just read, with what was known of each before the rows that were read begin.

    Of one that is not among them nothing has happened since the promotion, unless there were more rows than were read
    (`is_cut`).
    """
    found = {(each.address, each.client): each for each in now_seen}
    merged = [_joined(each, known.get(key)) for key, each in found.items()]
    others = [each for key, each in known.items() if key not in found]
    if not is_cut:
        others = [Source(each.address, each.client, before_at=each.before_at) for each in others if each.before_at]
    return newest([*merged, *others])


def _joined(seen: Source, known: Source | None) -> Source:
    if known is None or seen.before_at or not known.before_at:
        return seen
    return replace(seen, before_at=known.before_at)
