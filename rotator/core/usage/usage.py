"""Who uses one credential since its last promotion, as far as it can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rotator.core.thresholds import has_come, later
from rotator.core.usage.sources import Standing

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rotator.core.usage.sources import Source


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What the looks at a login history have shown since one promotion."""

    credential: str
    promoted_at: datetime
    looked_at: datetime | None = None
    """When it was last seen; None if it never was."""
    user_id: str = ""
    """Of the user that consumers log in as; empty while it is not known."""
    applications: tuple[str, ...] = ()
    """What the org was seen to call the app of its own test logins."""
    sources: tuple[Source, ...] = ()
    """The one that logged in last first."""
    is_cut: bool = False
    """There were more logins than one look reads: what is counted is the least that there was."""
    problem: str = ""
    """Why it cannot be seen, or not all of it; empty where it can."""
    hint: str = ""
    """What to do about that."""

    def standing(self, *which: Standing, now: datetime) -> list[Source]:
        """Of all sources those for which one of these holds at `now`."""
        return [each for each in self.sources if each.standing(now) in which]

    @property
    def is_hidden(self) -> bool:
        """The last look was shown nothing, which is not that there were too many logins to see those of the user."""
        return bool(self.problem) and not self.is_cut

    def may_still_be_used(self, confirmed_at: datetime | None) -> bool:
        """Whether somebody may use the old key still: he was seen, or nobody has looked since all had said they do not.

        Where logins are not shown, what consumers say and what was seen before is all that there is.
        """
        is_seen = self.looked_at is not None and (confirmed_at is None or has_come(confirmed_at, self.looked_at))
        if not is_seen and not self.is_hidden:
            return True
        return self.looked_at is not None and bool(self.standing(Standing.REFUSED, Standing.OLD, now=self.looked_at))

    def left_behind(self, now: datetime, settles: timedelta) -> list[Source]:
        """The sources whose logins are refused, once a change of certificate has had its time to spread."""
        if not has_come(later(self.promoted_at, settles), now):
            return []
        return self.standing(Standing.REFUSED, now=now)

    def not_moved(self, now: datetime) -> list[Source]:
        """The sources of which no login with the current key is the last that was seen."""
        return self.standing(Standing.REFUSED, Standing.OLD, Standing.SILENT, now=now)


REFUSALS_TO_ACT_ON: Final = 2
"""One refused login, of which nobody knows what it was, moves nothing."""


def plainly_left_behind(usage: Usage, now: datetime, settles: timedelta) -> list[Source]:
    """The sources that are refused again and again, by rows that name the app: enough to act on without a person.

    Whoever knows a client id and a username can have logins refused, and neither is secret: only a source that was
    accepted before moves anything.
    """
    behind = usage.left_behind(now, settles)
    return [each for each in behind if each.is_of_app and each.refused >= REFUSALS_TO_ACT_ON and each.was_accepted]
